import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

describe("a name whose instance was not added", () => {
  test("is free at once where the branch took no request", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const sent = await cluster.ask("b", "POST /shop/queue/http://127.0.0.1:1/x");
    const { uuid } = sent.body as { uuid: string };
    for (let wait = 0; wait < 2_000; wait++) void cluster.branch("c").ask(`GET /shop/query/${uuid}/wait/?timeout=3`);
    await cluster.clock.advance(500);
    const refused = await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    expect(refused).toMatchObject({ status: 503, body: { branch: "b", stored: false } });
    const sinceMs = cluster.clock.now();
    expect((await cluster.ask("a", "POST /shop/instances/web/?branch=c")).status).toBe(201);
    expect(cluster.clock.now() - sinceMs).toBeLessThan(2_000);
  });

  test("is free at once where the request was given up before it was begun", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const { bus } = cluster.branch("b");
    // Whether it has the name, the word to keep it, and the request: each comes a second after the other.
    cluster.network.delay(bus, 1_000);
    const added = cluster.branch("a").ask("POST /shop/instances/web/?branch=b&timeout=20");
    await cluster.clock.advance(2_500);
    cluster.network.freeze(bus);
    await cluster.clock.advance(20_000);
    expect(await added).toMatchObject({ status: 503, body: { branch: "b", stored: false } });
    cluster.network.thaw(bus);
    cluster.network.delay(bus, 0);
    await cluster.clock.advance(5_000);
    const sinceMs = cluster.clock.now();
    expect((await cluster.ask("a", "POST /shop/instances/web/?branch=c")).status).toBe(201);
    expect(cluster.clock.now() - sinceMs).toBeLessThan(2_000);
  });
});

test("a name is kept while its instance is being added, however long the broker takes", async () => {
  await using cluster = await MemoryCluster.of("a", "b", "c");
  await cluster.ask("a", "PUT /shop/queues/orders/");
  const { broker } = cluster.branch("b").test;
  const slow = Promise.withResolvers<void>();
  const declare = broker.withChannel.bind(broker);
  broker.withChannel = (work) => slow.promise.then(() => declare(work));
  const added = cluster.branch("a").ask("POST /shop/instances/web/?branch=b&queues=orders&timeout=600");
  await cluster.clock.advance(90_000);
  const again = await cluster.ask("a", "POST /shop/instances/web/?branch=c&timeout=2");
  expect(again).toMatchObject({ status: 409, body: { instance: "web", stored: false } });
  slow.resolve();
  await cluster.clock.advance(10_000);
  expect((await added).status).toBe(201);
  expect(["b", "c"].map((id) => cluster.branch(id).running)).toEqual([["web"], []]);
});

test("an instance that nobody named is added elsewhere where the chosen branch does not begin", async () => {
  await using cluster = await MemoryCluster.of("a", "b", "c");
  for (const branch of ["a", "b"]) await cluster.ask("a", `POST /shop/instances/?branch=${branch}`);
  await cluster.clock.advance(4_000);
  cluster.network.freeze(cluster.branch("c").bus);
  const added = await cluster.ask("a", "POST /shop/instances/?timeout=30");
  expect(added).toMatchObject({ status: 201, body: { branch: expect.stringMatching(/^[ab]$/) } });
  cluster.network.thaw(cluster.branch("c").bus);
  await cluster.clock.advance(10_000);
  expect(cluster.branch("c").running).toEqual([]);
});
