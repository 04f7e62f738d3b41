import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

test("a branch that many wait at, through another, answers all else at once", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  const sent = await cluster.ask("b", "POST /shop/queue/http://127.0.0.1:1/x");
  const { uuid } = sent.body as { uuid: string };
  const waits = Array.from({ length: 300 }, () => cluster.branch("a").ask(`GET /shop/query/${uuid}/wait/?timeout=60`));
  await cluster.clock.advance(1_000);
  expect(await cluster.ask("a", "GET /shop/instances/?timeout=2")).toMatchObject({ status: 200, silent: [] });
  expect((await cluster.ask("a", "POST /shop/instances/web/?branch=b&timeout=5")).status).toBe(201);
  await cluster.clock.advance(60_000);
  expect(new Set((await Promise.all(waits)).map(({ status }) => status))).toEqual(new Set([408]));
});

test("waits whose callers have left leave their place on the other branch", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  const sent = await cluster.ask("b", "POST /shop/queue/http://127.0.0.1:1/x");
  const { uuid } = sent.body as { uuid: string };
  const leaving = new AbortController();
  for (let wait = 0; wait < 2_000; wait++) {
    void cluster.branch("a").ask(`GET /shop/query/${uuid}/wait/?timeout=3600`, undefined, {}, leaving.signal);
  }
  await cluster.clock.advance(1_000);
  expect(await cluster.ask("a", "GET /shop/instances/")).toMatchObject({ status: 200, silent: ["b"] });
  leaving.abort();
  await cluster.clock.advance(100);
  expect(await cluster.ask("a", "GET /shop/instances/")).toMatchObject({ status: 200, silent: [] });
  expect(await cluster.ask("a", `GET /shop/query/${uuid}/state/`)).toMatchObject({ status: 200 });
}, 60_000);

test("a wait that begins while the branch of the task is away goes on there when it is back", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  const sent = await cluster.ask("b", "POST /shop/queue/http://127.0.0.1:1/x");
  const { uuid } = sent.body as { uuid: string };
  cluster.branch("b").kill();
  await cluster.clock.advance(10_000);
  const wait = cluster.branch("a").ask(`GET /shop/query/${uuid}/wait/?timeout=60`);
  await cluster.clock.advance(1_000);
  cluster.branch("b").start();
  await cluster.clock.advance(10_000);
  cluster.branch("b").hear(uuid, { status_code: 200 });
  await cluster.clock.advance(1_000);
  expect(await wait).toMatchObject({ status: 200, body: { result: { status_code: 200 } }, silent: [] });
});

test("a wait for a task that nobody answers for names who was silent", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  cluster.branch("b").kill();
  await cluster.clock.advance(10_000);
  const wait = cluster.branch("a").ask(`GET /shop/query/${crypto.randomUUID()}/wait/?timeout=20`);
  await cluster.clock.advance(30_000);
  expect(await wait).toMatchObject({ status: 408, silent: ["b"] });
});

describe("the caller's time", () => {
  test("is for finding out whether a name is free, and for the worker", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    cluster.branch("b").test.processes.next = { isMute: true };
    cluster.network.freeze(cluster.branch("c").bus);
    const sinceMs = cluster.clock.now();
    const added = await cluster.ask("a", "POST /shop/instances/web/?branch=b&timeout=10");
    expect(added).toMatchObject({ status: 408, body: { instance: "web", stored: true } });
    expect(cluster.clock.now() - sinceMs).toBeLessThan(10_500);
  });

  test("is over though nobody could say whether the name is free", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    cluster.network.freeze(cluster.branch("c").bus);
    const sinceMs = cluster.clock.now();
    const added = await cluster.ask("a", "POST /shop/instances/web/?timeout=4");
    expect(added).toMatchObject({ status: 503, body: { stored: false } });
    expect(cluster.clock.now() - sinceMs).toBeLessThan(4_500);
  });

  test("is for both, also where it is given in the body and the instance comes to be here", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    for (const branch of ["a", "b"]) cluster.branch(branch).test.processes.next = { isMute: true };
    for (const branch of ["a", "b"]) {
      cluster.network.freeze(cluster.branch("c").bus);
      const sinceMs = cluster.clock.now();
      const added = await cluster.ask("a", `POST /shop/instances/on-${branch}/`, { branch, timeout: 10 });
      expect(added).toMatchObject({ status: 408, body: { stored: true } });
      expect(cluster.clock.now() - sinceMs).toBeLessThan(10_500);
      cluster.network.thaw(cluster.branch("c").bus);
      await cluster.clock.advance(5_000);
    }
  });

  test("is for finding who sent a task, which is known as soon as one says so, and for its result", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const sent = await cluster.ask("b", "POST /shop/queue/http://127.0.0.1:1/x");
    const { uuid } = sent.body as { uuid: string };
    cluster.network.freeze(cluster.branch("c").bus);
    let sinceMs = cluster.clock.now();
    expect((await cluster.ask("a", `GET /shop/query/${uuid}/state/`)).status).toBe(200);
    expect(cluster.clock.now() - sinceMs).toBeLessThan(500);
    sinceMs = cluster.clock.now();
    const waited = await cluster.ask("a", `GET /shop/query/${uuid}/wait/?timeout=3&timeout=`);
    expect(waited.status).toBe(400);
    expect((await cluster.ask("a", `GET /shop/query/${uuid}/wait/?timeout=3`)).status).toBe(408);
    const passedMs = cluster.clock.now() - sinceMs;
    expect([passedMs >= 3_000, passedMs < 3_500]).toEqual([true, true]);
    sinceMs = cluster.clock.now();
    const unknown = crypto.randomUUID();
    expect((await cluster.ask("a", `GET /shop/query/${unknown}/wait/?timeout=3`)).status).toBe(408);
    expect(cluster.clock.now() - sinceMs).toBeLessThan(3_500);
  });
});
