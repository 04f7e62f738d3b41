import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { untilTogether } from "./three.ts";

let vhost: Vhost;
let proxy: Proxy;
let here: Branch;
let there: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  const broker = new URL(vhost.url);
  proxy = await startProxy(Number(broker.port));
  const through = vhost.url.replace(`:${broker.port}/`, `:${proxy.port}/`);
  [here, there] = await Promise.all([startBranch({ broker: vhost.url }), startBranch({ broker: through })]);
  await untilTogether([here, there]);
});

afterAll(async () => {
  await Promise.all([here, there].map((branch) => branch?.[Symbol.asyncDispose]()));
  await proxy?.[Symbol.asyncDispose]();
  await vhost?.drop();
});

const listOf = async (branch: Branch) => {
  const { status, body, headers } = await branch.api("GET", "/shop/instances/", { query: { timeout: "2" } });
  return { status, body, silent: headers.get("x-cyme-silent") };
};

describe("a branch that the network cuts off in silence", () => {
  test("and the others each say what they know, and become one again", async () => {
    await here.api("PUT", "/shop/");
    for (const [name, { id }] of [
      ["x", here],
      ["y", there],
    ] as const) {
      const added = await here.api("POST", `/shop/instances/${name}/`, { query: { branch: id } });
      expect(added.status).toBe(201);
    }
    proxy.block();
    try {
      expect(await listOf(here)).toEqual({ status: 200, body: ["x"], silent: there.id });
      expect(await listOf(there)).toEqual({ status: 200, body: ["y"], silent: here.id });
      await until(async () => (await here.api<string[]>("GET", "/branches/")).body.length === 1, {
        what: "the branch to be missed",
        timeoutMs: 20_000,
      });
      expect((await here.api("GET", "/shop/instances/y/")).status).toBe(503);
      expect((await here.api("POST", "/shop/instances/y/")).status).toBe(409);
      const added = await there.api<{ stored: boolean }>("POST", "/shop/instances/z/", { query: { timeout: "3" } });
      expect([added.status === 503 || added.status === 408, added.body.stored]).toEqual([true, false]);
      // The later of two changes that do not know each other counts.
      await there.api("PUT", "/!/shop/", { form: { stop_timeout: "20" } });
      await here.api("PUT", "/!/shop/", { form: { stop_timeout: "30" } });
      await here.api("PUT", "/shop/queues/!/orders/");
    } finally {
      proxy.mend();
    }
    await untilTogether([here, there]);
    await until(async () => Bun.deepEquals(await listOf(there), { status: 200, body: ["x", "y"], silent: null }), {
      what: "the lists to be whole",
    });
    for (const branch of [here, there]) {
      await until(async () => (await branch.api<{ stop_timeout: number }>("GET", "/shop/")).body.stop_timeout === 30, {
        what: "the later change to be everywhere",
      });
      await until(async () => (await branch.api("GET", "/shop/queues/orders/")).status === 200, {
        what: "the queue to be everywhere",
      });
    }
    await until(async () => (await there.api<{ state: string }>("GET", "/health/")).body.state === "ok", {
      what: "all connections to be back",
      timeoutMs: 40_000,
    });
    expect((await there.api("DELETE", "/shop/")).status).toBe(200);
    expect((await here.api("GET", "/")).body).toEqual([]);
  });
});
