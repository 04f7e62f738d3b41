import { expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

test("an app is created and changed without waiting for a branch that is frozen", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  cluster.network.freeze(cluster.branch("b").bus);
  for (const line of ["PUT /!/mail/", "PUT /!/mail/?stop_timeout=5"]) {
    const beforeMs = cluster.clock.now();
    expect(await cluster.ask("a", line)).toMatchObject({ status: 202, body: { ok: "operation scheduled" } });
    expect(cluster.clock.now()).toBe(beforeMs);
  }
});
