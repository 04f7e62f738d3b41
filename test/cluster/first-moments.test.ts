import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../src/kit/clock.ts";
import { MemoryCluster } from "./memory.ts";

describe("a branch that never heard of another and has no answer of the broker yet", () => {
  test("adds an instance at once for those who do not wait", async () => {
    await using cluster = await connecting();
    expect(await cluster.ask("a", "POST /shop/instances/!/web/")).toMatchObject({ status: 202, body: { name: "web" } });
    expect(cluster.clock.now()).toBe(new ManualClock().now());
    expect(cluster.branch("a").test.instance("web").name).toBe("web");
  });

  test("waits for others no longer than the caller", async () => {
    await using cluster = await connecting();
    const answer = await cluster.ask("a", "POST /shop/instances/web/?timeout=1");
    expect(answer).toMatchObject({ status: 201, body: { state: "running" } });
    expect(cluster.clock.now() - new ManualClock().now()).toBeLessThanOrEqual(1_100);
  });

  test("reads a body that says how long the caller waits", async () => {
    await using cluster = await connecting();
    const answer = await cluster.ask("a", "POST /shop/instances/web/", { timeout: 0, max_concurrency: 3 });
    expect(answer).toMatchObject({ status: 201, body: { max_concurrency: 3 } });
    expect(cluster.clock.now()).toBe(new ManualClock().now());
  });
});

async function connecting(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of();
  cluster.network.stopBroker();
  cluster.begin("a");
  return cluster;
}
