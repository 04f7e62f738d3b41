import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { installPackage, type Project } from "./package.ts";

/* The package of the client in an empty project, and branches that are none. */

let project: Project;
beforeAll(async () => {
  project = await installPackage();
}, 60_000);
afterAll(() => project[Symbol.asyncDispose]());

const installed = () => join(project.folder, "node_modules/cyme");

describe("the package", () => {
  test("is all that is installed, and has its code, types, license and description", async () => {
    const modules = (await readdir(join(project.folder, "node_modules"))).filter((name) => !name.startsWith("."));
    expect(modules).toEqual(["cyme"]);
    const files = (await readdir(installed())).toSorted();
    expect(files).toEqual(["LICENSE", "README.md", "index.d.ts", "index.js", "package.json"]);
  });

  test("has the version of Cyme and depends on nothing", async () => {
    const manifest = JSON.parse(await readFile(join(installed(), "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: "cyme", version, type: "module", license: "BSD-3-Clause" });
    expect(Object.keys(manifest).filter((key) => /dependencies|scripts|private/i.test(key))).toEqual([]);
  });

  test("uses nothing that only Bun has", async () => {
    const code = await readFile(join(installed(), "index.js"), "utf8");
    expect(code.match(/\bBun\.|\bbun:\w+|import\.meta\.(?:dir|main)\b/g)).toBeNull();
    expect([...new Set([...code.matchAll(/from "([^"]+)"/g)].map(([, name]) => name))].toSorted()).toEqual([
      "node:crypto",
      "node:http",
      "node:https",
    ]);
  });

  // Node.js of Debian 12 is 18.
  test("uses nothing that Node.js has only since version 20", async () => {
    const code = await readFile(join(installed(), "index.js"), "utf8");
    const newer =
      /\.(?:toSorted|toReversed|toSpliced|findLast|toWellFormed|isWellFormed|canParse|withResolvers|fromAsync|groupBy)\(|AbortSignal\.any|\bcrypto\.randomUUID|\busing /g;
    expect(code.match(newer)).toBeNull();
  });
});

const TYPED = `
import { Client, isConflict, type App, type Instance, type Queue, type Scheduled, type Task } from "cyme";
export async function use(client: Client): Promise<void> {
  const ids: string[] = await client.branches;
  const app: App = await client.add("shop", { stopTimeout: 5, env: { A: "b" } });
  const queue: Queue = await app.queues.add("orders", { exchangeType: "topic" }, { signal: AbortSignal.abort() });
  const web: Instance = await app.instances.add(ids[0], { queues: [queue, "other"], isEnabled: true });
  const later: Scheduled = await app.instances.add("web", {}, { nowait: true });
  const task: Task = await app.tasks.send(queue, "http://m/", { method: "POST", data: "x" });
  const { result, error } = await task.wait({ timeoutS: 5 });
  const bounds: { max: number; min: number } = await web.autoscale({ max: 3 });
  const caught: unknown = [result, error?.type, bounds, later.ok];
  if (isConflict(caught)) caught.code satisfies "conflict";

  // @ts-expect-error There is no such setting.
  await client.add("shop", { stop_timeout: 5 });
  // @ts-expect-error What is only scheduled is not there yet.
  (await client.add("shop", {}, { nowait: true })).broker;
  // @ts-expect-error HTTP has no such verb.
  await app.tasks.send("t2", "http://m/", { method: "BREW" });
  // @ts-expect-error What was answered is not changed.
  app.info.broker = "x";
  // @ts-expect-error Instances come from the branch.
  new Instance();
}
`;

test("its types are whole, and refuse what is wrong: a program needs no others but those of the web", async () => {
  expect(await project.check("typed", TYPED)).toBe("");
}, 30_000);
