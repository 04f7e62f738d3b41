import { expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

test("an instance that could not be added on another branch leaves its name free", async () => {
  await using cluster = await MemoryCluster.of("a", "b");
  const line = "POST /shop/instances/web/?branch=b&queues=orders";
  expect((await cluster.ask("a", line)).status).toBe(404);
  await cluster.ask("a", "PUT /shop/queues/orders/");
  // A name that is kept is waited for, and refused after that.
  expect(await cluster.ask("a", `${line}&timeout=5`)).toMatchObject({ status: 201, body: { branch: "b" } });
});
