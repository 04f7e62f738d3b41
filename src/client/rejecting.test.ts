import { expect, test } from "bun:test";
import { Client } from "./client.ts";

const ANSWER = {
  id: "b1",
  name: "web",
  app: "shop",
  broker: { scheme: "amqp", hostname: "h", port: 5672, userid: "me", password: "pw", virtual_host: "/" },
};
const transport = async () => ({ status: 200, headers: new Headers(), text: JSON.stringify(ANSWER) });

/** Nothing that any parameter takes: neither a name nor a setting, and no options that a call can have. */
const BAD = { timeoutS: -1 };
/** What asks nothing, and gives something at once. */
const PLAIN = ["Client.app", "Tasks.get"];

/** One of each class of the client. */
async function things(): Promise<object[]> {
  const client = new Client(undefined, { transport });
  const app = await client.get("shop");
  const web = await app.instances.get("web");
  const { apps, branches, workers, users, tokens } = client;
  const sections = [apps, branches, workers, users, tokens, app.instances, app.queues, app.tasks, web.consumers];
  const models = [app, client.app("shop"), web, await app.queues.get("orders"), await branches.get("b1")];
  return [client, ...sections, ...models, app.tasks.get("1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10")];
}

type Method = (...values: unknown[]) => unknown;

/** The methods of a thing under the names of their classes, such as `Queue.delete`. */
const methodsOf = (thing: object): [name: string, call: () => unknown][] =>
  Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(thing)))
    .filter(([name, { value }]) => typeof value === "function" && name !== "constructor")
    .map(([name, { value }]) => [
      `${thing.constructor.name}.${name}`,
      () => (value as Method).call(thing, BAD, BAD, BAD),
    ]);

/** What became of a call, in one word. */
async function outcomeOf(call: () => unknown): Promise<string> {
  let given: unknown;
  try {
    given = call();
  } catch {
    return "throws";
  }
  if (!(given instanceof Promise)) return "gives no promise";
  return given.then(
    () => "resolves",
    (error: { code?: unknown }) => `rejects with ${error.code}`,
  );
}

test("every method that returns a promise rejects what it cannot use, and none throws", async () => {
  const methods = (await things()).flatMap(methodsOf).filter(([name]) => !PLAIN.includes(name));
  expect(methods.length).toBeGreaterThan(60);
  const outcomes = await Promise.all(methods.map(async ([name, call]) => `${name} ${await outcomeOf(call)}`));
  expect(outcomes.filter((said) => !said.endsWith(" rejects with invalid"))).toEqual([]);
});
