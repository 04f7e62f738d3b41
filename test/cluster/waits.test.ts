import { expect, test } from "bun:test";
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
