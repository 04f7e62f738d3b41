import { describe, expect, spyOn, test } from "bun:test";
import { Cluster } from "../../src/cluster/cluster.ts";
import { MemoryCluster } from "./memory.ts";

/** By then a branch has its id, and has heard nothing yet. */
const CLAIMED_MS = 300;

describe("a branch that never heard of another and has no answer of the broker yet", () => {
  test("takes its instances for all there are when the broker says nothing for long", async () => {
    await using cluster = await connecting();
    const startMs = cluster.clock.now();
    expect(await cluster.ask("a", "POST /shop/instances/!/web/")).toMatchObject({ status: 202, body: { name: "web" } });
    expect(cluster.clock.now() - startMs).toBeLessThanOrEqual(5_000);
    expect(cluster.branch("a").test.instance("web").name).toBe("web");
  });

  test("waits for others no longer than the caller, and stores nothing then", async () => {
    await using cluster = await connecting();
    const startMs = cluster.clock.now();
    for (const [line, body] of [
      ["POST /shop/instances/web/?timeout=1", undefined],
      ["PUT /shop/", { timeout: 0, stop_timeout: 9 }],
      ["DELETE /shop/?timeout=0", undefined],
      ["PUT /shop/queues/q/?timeout=0", undefined],
    ] as const) {
      const answer = await cluster.ask("a", line, body);
      expect(answer).toMatchObject({ status: 503, body: { error: "unavailable", stored: false } });
    }
    expect(cluster.clock.now() - startMs).toBeLessThanOrEqual(1_200);
    expect(cluster.branch("a").test.store.instances.get("web")).toBeUndefined();
  });

  test("answers at once what is about itself, and what it has", async () => {
    await using cluster = await connecting();
    const startMs = cluster.clock.now();
    await cluster.branch("a").test.add("own");
    expect((await cluster.ask("a", "GET /ping/")).status).toBe(200);
    expect((await cluster.ask("a", "GET /health/")).status).toBe(200);
    expect((await cluster.ask("a", "POST /shop/instances/!/own/restart/")).status).toBe(202);
    expect(cluster.clock.now()).toBe(startMs);
  });
});

describe("a branch that is the only one", () => {
  test("asks nobody, and waits no more once it has its place on the bus", async () => {
    await using cluster = await MemoryCluster.of();
    const calls = spyOn(Cluster.prototype, "call");
    cluster.begin("a");
    await cluster.clock.advance(CLAIMED_MS);
    const startMs = cluster.clock.now();
    expect((await cluster.ask("a", "PUT /shop/?timeout=0", { stop_timeout: 9 })).status).toBe(200);
    expect((await cluster.ask("a", "POST /shop/instances/!/web/?timeout=0")).status).toBe(202);
    expect(cluster.clock.now()).toBe(startMs);
    expect(calls).not.toHaveBeenCalled();
    calls.mockRestore();
  });
});

describe("a branch that has just come", () => {
  test("changes an app as the others have it, and revives none that they deleted", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    await cluster.ask("a", "PUT /shop/", { arguments: "-A proj" });
    await cluster.ask("a", "PUT /gone/", { arguments: "-A old" });
    cluster.branch("c").kill();
    await cluster.clock.advance(8_000);
    await cluster.ask("a", "PUT /shop/", { arguments: "-A proj2", env: { A: "1" } });
    await cluster.ask("a", "PUT /shop/queues/q/", { exchange: "e" });
    await cluster.ask("a", "DELETE /gone/");
    await cluster.branch("c").restart();
    const [changed, made, deleted] = await cluster.askAll(
      ["c", "PUT /shop/", { stop_timeout: 9 }],
      ["c", "PUT /gone/", { stop_timeout: 9 }],
      ["c", "DELETE /shop/queues/q/"],
    );
    expect(changed).toMatchObject({ status: 200, body: { arguments: "-A proj2", env: { A: "1" }, stop_timeout: 9 } });
    expect(made).toMatchObject({ status: 201, body: { arguments: null, stop_timeout: 9 } });
    expect(deleted).toMatchObject({ status: 200 });
    await cluster.clock.advance(20_000);
    for (const id of ["a", "b", "c"]) {
      expect(await cluster.ask(id, "GET /shop/")).toMatchObject({
        body: { arguments: "-A proj2", env: { A: "1" }, stop_timeout: 9, queues: [] },
      });
    }
  });

  test("also with nowait, and as a new one", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "PUT /shop/", { arguments: "-A proj" });
    cluster.begin("d");
    expect((await cluster.ask("d", "PUT /!/shop/", { stop_timeout: 9 })).status).toBe(202);
    await cluster.clock.advance(20_000);
    expect(await cluster.ask("a", "GET /shop/")).toMatchObject({ body: { arguments: "-A proj", stop_timeout: 9 } });
  });

  test("after a cut no less than after a start", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    cluster.network.cut(cluster.branch("b").bus);
    await cluster.clock.advance(8_000);
    await cluster.ask("a", "PUT /shop/", { arguments: "-A proj" });
    cluster.network.mend(cluster.branch("b").bus);
    // Who has its place already is up as soon as it is connected, and hears of the others later.
    cluster.network.delay(cluster.branch("b").bus, 200);
    await cluster.clock.advance(550);
    expect(cluster.branch("b").bus.state.is).toBe("up");
    await cluster.ask("b", "PUT /shop/", { stop_timeout: 9 });
    await cluster.clock.advance(20_000);
    expect(await cluster.ask("a", "GET /shop/")).toMatchObject({ body: { arguments: "-A proj", stop_timeout: 9 } });
  });

  test("shows what the others have", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "PUT /more/");
    await cluster.ask("a", "PUT /more/queues/q/");
    cluster.begin("d");
    const [apps, queue, send] = await cluster.askAll(
      ["d", "GET /"],
      ["d", "GET /more/queues/q/"],
      ["d", "POST /more/queue/q/http://127.0.0.1:1/x"],
    );
    expect(apps).toMatchObject({ status: 200, body: ["more", "shop"], silent: [] });
    expect([queue?.status, send?.status]).toEqual([200, 202]);
  });

  test("and cannot hear the others changes nothing, and names them where it is asked", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    cluster.branch("b").kill();
    await cluster.clock.advance(8_000);
    await cluster.ask("a", "PUT /more/");
    await cluster.branch("b").restart();
    // It speaks, and hears nothing that is said to it alone.
    cluster.network.lose(cluster.branch("a").bus, true);
    await cluster.clock.advance(1_000);
    expect(await cluster.ask("b", "PUT /shop/?timeout=3", { stop_timeout: 9 })).toMatchObject({
      status: 503,
      body: { error: "unavailable", stored: false },
    });
    expect(await cluster.ask("b", "GET /?timeout=2")).toMatchObject({ status: 200, body: ["shop"], silent: ["a"] });
    cluster.network.lose(cluster.branch("a").bus, false);
    expect((await cluster.ask("b", "PUT /shop/?timeout=30", { stop_timeout: 9 })).status).toBe(200);
    expect(await cluster.ask("b", "GET /")).toMatchObject({ body: ["more", "shop"], silent: [] });
  });

  test("gives out no name of a branch that is away, and names that branch where it lists", async () => {
    for (const ms of [0, CLAIMED_MS, 2 * CLAIMED_MS]) {
      await using cluster = await MemoryCluster.of("a", "b", "c");
      await cluster.ask("a", "POST /shop/instances/web/?branch=c");
      cluster.branch("c").kill();
      await cluster.clock.advance(8_000);
      cluster.begin("d");
      await cluster.clock.advance(ms);
      const [added, listed, got, restarted] = await cluster.askAll(
        ["d", "POST /shop/instances/web/?branch=d"],
        ["d", "GET /shop/instances/"],
        ["d", "GET /shop/instances/web/"],
        ["d", "POST /shop/instances/web/restart/"],
      );
      expect(added).toMatchObject({ status: 409, body: { branch: "c" } });
      expect(listed).toMatchObject({ status: 200, body: [], silent: ["c"] });
      expect(got).toMatchObject({ status: 503, body: { branch: "c" } });
      expect(restarted).toMatchObject({ status: 503, body: { branch: "c", stored: false } });
      expect(cluster.branch("d").running).toEqual([]);
    }
  });
});

describe("a name of a branch that is away", () => {
  test("is taken also where only one that is asked was told of it", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    await cluster.ask("a", "POST /shop/instances/web/?branch=c");
    cluster.branch("c").kill();
    await cluster.clock.advance(8_000);
    // As if it had missed it.
    const { store } = cluster.branch("a").test;
    const missed = store.owners.get("web");
    if (missed) store.owners.put({ ...missed, isDeleted: true, version: "000000000000000-000000-c" });
    expect(await cluster.ask("a", "POST /shop/instances/web/?branch=a")).toMatchObject({
      status: 409,
      body: { branch: "c" },
    });
  });
});

async function connecting(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of();
  cluster.network.stopBroker();
  cluster.begin("a");
  return cluster;
}
