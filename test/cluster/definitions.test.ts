import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { startBranches, untilTogether, type Branches } from "./three.ts";

/** Apps and queues of three real branches, of which the second has a worker, `web` of the app `shop`. */
let vhost: Vhost;
let branches: Branches;

beforeAll(async () => {
  vhost = await freshVhost();
  branches = await startBranches(3, { broker: vhost.url });
});

afterAll(async () => {
  await branches?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

function three(): [Branch, Branch, Branch] {
  const [a, b, c] = branches.all;
  if (!a || !b || !c) throw new Error("three branches were started");
  return [a, b, c];
}

const status = async (branch: Branch, method: string, path: string, query: Record<string, string> = {}) =>
  (await branch.api(method, path, { query })).status;

async function pidOf(branch: Branch): Promise<number | null> {
  return (await branch.api<{ pid: number | null }>("GET", "/shop/instances/web/")).body.pid;
}

async function activeQueues(branch: Branch): Promise<string[]> {
  const { body } = await branch.api<Record<string, unknown>>("GET", "/shop/instances/web/queues/");
  return Object.keys(body).toSorted();
}

test("a change of an app restarts the workers of other branches before it is answered", async () => {
  const [a, b, c] = three();
  expect(await status(a, "PUT", "/shop/")).toBe(201);
  expect(await status(c, "PUT", "/shop/queues/orders/")).toBe(201);
  expect(await status(a, "POST", "/shop/instances/web/", { branch: b.id, queues: "orders" })).toBe(201);
  const before = await pidOf(b);
  const { status: changed, headers } = await c.api("PUT", "/shop/", { json: { env: { GREETING: "hello" } } });
  expect([changed, headers.get("x-cyme-silent")]).toEqual([200, null]);
  const after = await pidOf(b);
  expect(after).not.toBe(before);
  expect(await Bun.file(`/proc/${after}/environ`).text()).toContain("GREETING=hello");
});

test("a queue that is deleted through one branch is consumed on none any more", async () => {
  const [a, b] = three();
  expect(await activeQueues(b)).toEqual(["dq.web", "orders"]);
  expect(await status(a, "DELETE", "/shop/queues/orders/")).toBe(200);
  expect(await activeQueues(b)).toEqual(["dq.web"]);
  expect(await status(b, "GET", "/shop/queues/orders/")).toBe(404);
});

test("an app that is deleted while a branch is down is gone there too, with its worker, when the branch is back", async () => {
  const [a, b, c] = three();
  await b.stop("SIGKILL");
  const deleted = await c.api("DELETE", "/shop/");
  expect([deleted.status, deleted.headers.get("x-cyme-silent")]).toEqual([200, b.id]);
  expect(await status(a, "PUT", "/post/")).toBe(201);
  expect((await b.workers()).length).toBeGreaterThan(0);
  await b.restart();
  await untilTogether([a, b, c]);
  await until(async () => (await b.workers()).length === 0 || undefined, {
    what: "its worker to end",
    timeoutMs: 20_000,
  });
  for (const branch of three()) expect((await branch.api("GET", "/")).body).toEqual(["post"]);
  await b.expectNoLeftovers();
});
