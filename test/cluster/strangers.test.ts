import { describe, expect, test } from "bun:test";
import { Events } from "../harness/events.ts";
import { MemoryCluster } from "./memory.ts";

const ADMIN = { role: "admin" };
const UNHEARD = { status: 503, body: { error: "unavailable", stored: false } };
const CLOSED = { status: 401, body: { error: "unauthorized" } };

/** Two branches, of which `a` is to be asked by an address from now on. */
async function setup(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of("a", "b");
  cluster.branch("a").isTrusted = false;
  return cluster;
}

const addAnn = (cluster: MemoryCluster) => cluster.ask("b", "POST /api/tokens/ann/", ADMIN);

describe("whoever asks a branch that knows no user", () => {
  test("makes none while the bus is away, however long that takes", async () => {
    await using cluster = await MemoryCluster.of();
    cluster.network.stopBroker();
    cluster.begin("a").isTrusted = false;
    await cluster.clock.advance(60_000);
    for (const line of ["POST /api/users/mallory/", "PUT /api/users/mallory/"])
      expect(await cluster.ask("a", line, { ...ADMIN, password: "correct horse" })).toMatchObject(UNHEARD);
    expect(await cluster.ask("a", "POST /api/tokens/mallory/", ADMIN)).toMatchObject(UNHEARD);
    cluster.network.startBroker();
    await cluster.clock.advance(60_000);
    expect(await cluster.ask("a", "POST /api/tokens/ann/", ADMIN)).toMatchObject({ status: 201 });
  });

  test("makes some by the socket all the same", async () => {
    await using cluster = await MemoryCluster.of();
    cluster.network.stopBroker();
    cluster.begin("a");
    await cluster.clock.advance(60_000);
    expect(await cluster.ask("a", "POST /api/tokens/ann/", ADMIN)).toMatchObject({ status: 201 });
  });

  test.each([
    "/api/status/",
    "/api/events/",
    "/api/audit/",
    "/api/tasks/",
    "/branches/",
    "/branches/b/",
    "/health/",
    "/",
  ])("sees nothing at %s while others may know somebody, in however little time", async (path) => {
    await using cluster = await setup();
    cluster.branch("a").kill();
    await addAnn(cluster);
    cluster.begin("a").isTrusted = false;
    cluster.network.delay(cluster.branch("a").bus, 200);
    while (cluster.branch("a").bus.state.is !== "up") await cluster.clock.advance(10);
    expect(cluster.branch("a").test.store.tokens.all()).toEqual([]);
    expect(await cluster.ask("a", `GET ${path}?timeout=0`)).toMatchObject(CLOSED);
  });

  test("is told nothing of what others have once the bus is back, nor after the first user", async () => {
    await using cluster = await setup();
    const read = async () => new Events(await cluster.branch("a").open("/api/events/"));
    const before = await read();
    await cluster.clock.advance(3_000);
    expect(before.isOver).toBe(false);
    cluster.network.cut(cluster.branch("a").bus);
    await addAnn(cluster);
    await cluster.ask("b", "PUT /hidden/");
    await cluster.clock.advance(8_000);
    const between = await read();
    cluster.network.mend(cluster.branch("a").bus);
    await cluster.clock.advance(8_000);
    for (const events of [before, between]) {
      expect(events.isOver).toBe(true);
      expect(events.text).not.toContain("hidden");
    }
  });
});
