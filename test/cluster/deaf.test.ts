import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

/** Longer than others are believed to be there without a word. */
const MISSED_MS = 10_000;

describe("a branch that can speak but hears nothing", () => {
  test("adds no instance, since it would find every name free", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    const { bus } = cluster.branch("b");
    cluster.network.cut(bus);
    await cluster.world.pass(MISSED_MS);
    expect((await cluster.ask("a", "POST /shop/instances/web/?branch=a")).status).toBe(201);
    cluster.network.lose(bus, true);
    cluster.network.mend(bus);
    await cluster.world.pass(MISSED_MS);
    expect((await cluster.ask("b", "GET /branches/")).body).toEqual(["b"]);
    expect(await cluster.ask("b", "POST /shop/instances/web/?timeout=5")).toMatchObject({
      status: 503,
      body: { stored: false },
    });
    cluster.network.lose(bus, false);
    await cluster.world.pass(MISSED_MS);
    expect((await cluster.ask("b", "GET /shop/instances/web/")).body).toMatchObject({ branch: "a", state: "running" });
    expect(cluster.branch("b").running).toEqual([]);
  });
});
