import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

/** Longer than others are believed to be there without a word. */
const MISSED_MS = 10_000;

describe("a branch without the bus", () => {
  test("does not say of an instance that others may have that there is none", async () => {
    await using cluster = await cutOff("a", "b", "c");
    expect((await cluster.ask("b", "POST /shop/instances/fresh/?branch=b")).status).toBe(201);
    expect(await cluster.ask("a", "GET /shop/instances/fresh/")).toMatchObject({ status: 404, silent: ["b", "c"] });
    for (const line of ["DELETE /shop/instances/fresh/", "PUT /instances/fresh/", "POST /instances/fresh/restart/"]) {
      expect(await cluster.ask("a", line)).toMatchObject({
        status: 503,
        body: { error: "unavailable", instance: "fresh", stored: false },
        silent: ["b", "c"],
      });
    }
  });

  test("lists itself, and says of which others it does not know", async () => {
    await using cluster = await cutOff("a", "b", "c");
    expect(await cluster.ask("a", "GET /branches/")).toMatchObject({ body: ["a"], silent: ["b", "c"] });
    expect(await cluster.ask("b", "GET /branches/")).toMatchObject({ body: ["b", "c"], silent: [] });
  });

  test("is missed by the others, who know all names of it and say what is not there", async () => {
    await using cluster = await cutOff("a", "b", "c");
    expect(await cluster.ask("b", "DELETE /shop/instances/fresh/")).toMatchObject({ status: 404, silent: ["a"] });
  });
});

/** Branches of which the first lost the broker, and has noticed. */
async function cutOff(...ids: [string, ...string[]]): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of(...ids);
  await cluster.ask(ids[0], "PUT /shop/");
  await cluster.clock.advance(MISSED_MS);
  cluster.network.cut(cluster.branch(ids[0]).bus);
  await cluster.clock.advance(MISSED_MS);
  return cluster;
}
