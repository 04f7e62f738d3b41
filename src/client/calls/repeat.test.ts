import { describe, expect, test } from "bun:test";
import { CymeError, unavailable } from "../../domain/errors.ts";
import { ManualClock } from "../../kit/clock.ts";
import { requestLine, testTransport } from "../test-transport.ts";
import type { ClientResponse } from "../transport.ts";
import { Calls } from "./calls.ts";

const lost = () => unavailable("The connection was closed", { reached: true });
const nobody = () => unavailable("Connection refused", { reached: false });
const answer = (status: number, error: string): ClientResponse => ({
  status,
  headers: new Headers(),
  text: JSON.stringify({ nok: "No", error, retry_after: 1 }),
});

/** A client that repeats, whose first requests fail so, in order. */
function failing(...failures: (CymeError | ClientResponse)[]) {
  const clock = new ManualClock();
  const { transport: good, requests } = testTransport();
  const transport: typeof good = async (request) => {
    const response = await good(request);
    const failure = failures.shift();
    if (failure instanceof CymeError) throw failure;
    return failure ?? response;
  };
  return { calls: new Calls(transport, { clock, timeoutS: 20, repeats: true }), clock, requests };
}

type Call = (calls: Calls) => Promise<unknown>;

const SAME: [string, Call][] = [
  ["reading", (c) => c.apps.list()],
  ["asking a worker", (c) => c.instances("shop").stats("web")],
  ["reading a log", (c) => c.instances("shop").log("web")],
  ["adding an app", (c) => c.apps.add("shop")],
  ["deleting an app", (c) => c.apps.delete("shop")],
  ["adding a queue", (c) => c.queues("shop").add("t2")],
  ["deleting a queue", (c) => c.queues("shop").delete("t2")],
  ["adding an instance under a name that nobody else has", (c) => c.instances("shop").put("web")],
  ["deleting an instance", (c) => c.instances("shop").delete("web")],
  ["enabling", (c) => c.instances("shop").enable("web")],
  ["disabling", (c) => c.instances("shop").disable("web")],
  ["setting bounds", (c) => c.instances("shop").autoscale("web", { max: 3 })],
  ["adding a consumer", (c) => c.consumers("shop").add("web", "t2")],
  ["deleting a consumer", (c) => c.consumers("shop").delete("web", "t2")],
  ["forgetting a branch", (c) => c.branches.forget("b2")],
  ["deleting a user", (c) => c.users.delete("ann")],
  ["deleting a token", (c) => c.tokens.delete("ci")],
  ["any GET", (c) => c.request("GET", "/x/", {})],
  ["asking for the health", (c) => c.health()],
];

const ONCE: [string, Call][] = [
  ["adding an instance", (c) => c.instances("shop").add("web")],
  ["restarting", (c) => c.instances("shop").restart("web")],
  ["moving", (c) => c.instances("shop").move("web", "b2")],
  ["restarting all", (c) => c.workers.restart()],
  ["stopping all", (c) => c.workers.shutdown()],
  ["starting all", (c) => c.workers.start()],
  ["shutting a branch down", (c) => c.branches.shutdown("b2")],
  ["adding a user", (c) => c.users.add("ann", { password: "12345678" })],
  ["adding a token", (c) => c.tokens.add("ci")],
  ["any other request", (c) => c.request("POST", "/x/", {})],
];

describe("after a lost connection", () => {
  test.each(SAME)("%s is done again, with what is left of its time, until the branch is back", async (_, call) => {
    const { calls, clock, requests } = failing(lost(), nobody(), nobody());
    const done = call(calls);
    await clock.advance(5000);
    await done;
    expect(requests).toHaveLength(4);
    expect(new Set(requests.map(({ method, path }) => `${method} ${path}`)).size).toBe(1);
    expect(requests.at(0)?.timeoutMs).toBe(22_000);
    expect(requests.at(3)?.timeoutMs).toBeLessThan(22_000);
  });

  test("a task that is sent by a GET of one's own words stays one task", async () => {
    const { calls, clock, requests } = failing(lost(), lost());
    const done = calls.request("GET", "/shop/queue/orders/http%3A%2F%2Fm%2Fpay", {});
    await clock.advance(5000);
    await done;
    const ids = requests.map(({ headers }) => headers?.["X-Cyme-Task"]);
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each(ONCE)("%s is not done again", async (_, call) => {
    const { calls, requests } = failing(lost());
    await expect(call(calls)).rejects.toMatchObject({ code: "unavailable", facts: { reached: true } });
    expect(requests).toHaveLength(1);
  });

  test("the branch is told what is left of the time", async () => {
    const { calls, clock, requests } = failing(lost(), nobody());
    const done = calls.apps.add("shop", { cwd: "/" });
    await clock.advance(5000);
    await done;
    const [first, , third] = requests.map(({ query }) => Number(query?.["timeout"]));
    expect(first).toBe(20);
    expect(third).toBeLessThan(20);
  });

  test("that there is nothing to delete any more is success", async () => {
    const { calls, clock } = failing(lost(), answer(404, "not-found"));
    const done = calls.apps.delete("shop");
    await clock.advance(1000);
    expect(await done).toEqual({ ok: "ok" });
  });

  test("whoever closes every connection is given up soon", async () => {
    const { calls, clock, requests } = failing(lost(), lost(), lost(), lost(), lost());
    const done = calls.apps.list().catch((error: unknown) => error);
    await clock.advance(8000);
    expect(await done).toMatchObject({ code: "unavailable" });
    expect(requests).toHaveLength(5);
  });
});

test("that there is nothing to delete at first is an error", async () => {
  const { calls } = failing(answer(404, "not-found"));
  await expect(calls.apps.delete("shop")).rejects.toMatchObject({ code: "not-found" });
});

test.each([
  ["nobody is there from the start", nobody()],
  ["the branch says that something is away", answer(503, "unavailable")],
  ["the branch is broken", answer(500, "internal")],
])("nothing is repeated where %s", async (_, failure) => {
  const { calls, requests } = failing(failure);
  await expect(calls.apps.list()).rejects.toBeInstanceOf(CymeError);
  expect(requests.map(requestLine)).toEqual(["GET /"]);
});
