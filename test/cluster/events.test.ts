import { expect, test } from "bun:test";
import { Events } from "../harness/events.ts";
import { MemoryCluster } from "./memory.ts";

/** Two branches with an instance each, and who listens to the first. */
async function listening() {
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(await MemoryCluster.of("a", "b"));
  await cluster.ask("a", "PUT /shop/");
  await cluster.ask("a", "POST /shop/instances/near/?branch=a");
  await cluster.ask("a", "POST /shop/instances/far/?branch=b");
  const events = stack.use(new Events(await cluster.branch("a").open("/api/events/")));
  await cluster.clock.advance(100);
  return { cluster, events, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a reader is told all that there is on all branches, and then that it is ready", async () => {
  await using at = await listening();
  const { events } = at;
  expect(events.text).toStartWith("retry: 2000\n\n");
  expect(events.all.at(-1)?.event).toBe("ready");
  expect(events.last("app")).toMatchObject({ name: "shop", queues: [] });
  expect(events.last("app")).not.toHaveProperty("instances");
  expect(events.last("health")).toMatchObject({ store: { state: "ok" } });
  expect(events.last("silent")).toEqual({ branches: [] });
  for (const [name, branch] of [
    ["near", "a"],
    ["far", "b"],
  ] as const) {
    expect(events.last("instance", { name })).toMatchObject({ branch, app: "shop", state: "running" });
    expect(events.last("branch", { id: branch })).toMatchObject({ is_up: true, instances: 1 });
  }
});

test("it is told what changes, here within a second and elsewhere within three, and nothing else of it", async () => {
  await using at = await listening();
  const { cluster, events } = at;
  await cluster.ask("a", "POST /shop/instances/near/disable/");
  await cluster.ask("a", "POST /shop/instances/far/disable/");
  const before = events.all.length;
  await cluster.clock.advance(3_500);
  expect(events.last("instance", { name: "near" })).toMatchObject({ state: "disabled", is_enabled: false });
  expect(events.last("instance", { name: "far" })).toMatchObject({ state: "disabled", is_enabled: false });
  const told = events.all.slice(before).filter(({ event }) => event === "instance");
  expect(told.filter(({ data }) => data["name"] === "far")).toHaveLength(1);
  const { length } = events.all.filter(({ event }) => event === "instance");
  await cluster.clock.advance(10_000);
  expect(events.all.filter(({ event }) => event === "instance")).toHaveLength(length);
});

test("it is told what is there no more", async () => {
  await using at = await listening();
  const { cluster, events } = at;
  await cluster.ask("a", "PUT /shop/queues/orders/");
  await cluster.clock.advance(1_000);
  expect(events.last("queue")).toMatchObject({ app: "shop", name: "orders", messages: null, consumers: null });
  await cluster.ask("a", "DELETE /shop/queues/orders/");
  await cluster.ask("a", "DELETE /shop/instances/far/");
  await cluster.ask("a", "DELETE /shop/");
  await cluster.clock.advance(4_000);
  expect(events.last("queue-gone")).toEqual({ app: "shop", name: "orders" });
  expect(events.last("instance-gone", { name: "far" })).toBeDefined();
  expect(events.last("instance-gone", { name: "near" })).toBeDefined();
  expect(events.last("app-gone")).toEqual({ name: "shop" });
});

test("an instance that moves is never gone", async () => {
  await using at = await listening();
  const { cluster, events } = at;
  expect((await cluster.ask("a", "POST /shop/instances/near/move/?branch=b")).status).toBe(200);
  await cluster.clock.advance(7_000);
  expect(events.last("instance", { name: "near" })).toMatchObject({ branch: "b", state: "running" });
  expect(events.last("instance-gone")).toBeUndefined();
});

test("of a branch that is away its instances are unknown, until it is back", async () => {
  await using at = await listening();
  const { cluster, events } = at;
  cluster.branch("b").kill();
  await cluster.clock.advance(40_000);
  expect(events.last("silent")).toEqual({ branches: ["b"] });
  expect(events.last("branch", { id: "b" })).toMatchObject({ is_up: false });
  expect(events.last("instance", { name: "far" })).toMatchObject({
    state: "unknown",
    pid: null,
    since: null,
    branch: "b",
  });
  expect(events.last("instance", { name: "near" })).toMatchObject({ state: "running" });
  await cluster.branch("b").restart();
  await cluster.clock.advance(10_000);
  expect(events.last("silent")).toEqual({ branches: [] });
  expect(events.last("instance", { name: "far" })).toMatchObject({ state: "running" });
});

test("who comes while a branch is away hears of its instances too", async () => {
  await using at = await listening();
  const { cluster } = at;
  cluster.branch("b").kill();
  await cluster.clock.advance(40_000);
  await at.events[Symbol.asyncDispose]();
  await using late = new Events(await cluster.branch("a").open("/api/events/"));
  await cluster.clock.advance(1_100);
  expect(late.last("ready")).toBeDefined();
  expect(late.last("instance", { name: "far" })).toMatchObject({ app: "shop", branch: "b", state: "unknown" });
  expect(late.last("silent")).toEqual({ branches: ["b"] });
});

test("a branch that is frozen keeps nobody from seeing the others", async () => {
  await using at = await listening();
  const { cluster } = at;
  await at.events[Symbol.asyncDispose]();
  cluster.network.freeze(cluster.branch("b").bus);
  await using late = new Events(await cluster.branch("a").open("/api/events/"));
  await cluster.clock.advance(1_100);
  expect(late.last("ready")).toBeDefined();
  expect(late.last("instance", { name: "near" })).toMatchObject({ state: "running" });
});

test("tasks are told as they happen, wherever they were sent, and listed together", async () => {
  await using at = await listening();
  const { cluster, events } = at;
  const send = async (branch: string) => {
    const { body } = await cluster.ask(branch, "POST /shop/queue/http://127.0.0.1:1/x");
    return (body as { uuid: string }).uuid;
  };
  const ids = { a: await send("a"), b: await send("b") };
  await cluster.clock.advance(4_000);
  for (const branch of ["a", "b"] as const) {
    expect(events.last("task", { uuid: ids[branch] })).toMatchObject({ branch, app: "shop", state: "PENDING" });
  }
  cluster.branch("b").hear(ids.b, null);
  await cluster.clock.advance(4_000);
  expect(events.last("task", { uuid: ids.b })).toMatchObject({ state: "SUCCESS" });
  expect(events.all.filter(({ event, data }) => event === "task" && data["uuid"] === ids.b)).toHaveLength(2);
  const { body } = await cluster.ask("a", "GET /api/tasks/?limit=1");
  expect(body).toEqual([expect.objectContaining({ uuid: ids.b, branch: "b", state: "SUCCESS" })]);
  const all = (await cluster.ask("b", "GET /api/tasks/?app=shop")).body as { uuid: string }[];
  expect(all.map(({ uuid }) => uuid)).toEqual([ids.b, ids.a]);
});
