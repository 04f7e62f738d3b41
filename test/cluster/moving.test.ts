import { describe, expect, test } from "bun:test";
import { MemoryCluster } from "./memory.ts";

const moved = (cluster: MemoryCluster) => ["a", "b", "c"].map((id) => cluster.branch(id).running);

/** Three branches, of which b has the instance web. */
async function setup(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.of("a", "b", "c");
  await cluster.ask("a", "POST /shop/instances/web/?branch=b", { max_concurrency: 3, env: { COLOUR: "red" } });
  return cluster;
}

describe("instances.move", () => {
  test("gives the instance to another branch as it is, asked through any", async () => {
    await using cluster = await setup();
    expect(await cluster.ask("a", "POST /shop/instances/web/move/?branch=c")).toMatchObject({
      status: 200,
      body: { ok: "ok" },
    });
    expect(moved(cluster)).toEqual([[], [], ["web"]]);
    for (const id of ["a", "b", "c"]) {
      expect(await cluster.ask(id, "GET /shop/instances/web/")).toMatchObject({
        body: { branch: "c", state: "running", max_concurrency: 3, env: { COLOUR: "red" } },
      });
    }
  });

  test("starts the worker there before it stops the one here", async () => {
    await using cluster = await setup();
    const [b, c] = [cluster.branch("b").test, cluster.branch("c").test];
    let wasRunning = false;
    const spawn = c.processes.spawn.bind(c.processes);
    c.processes.spawn = (options) => {
      wasRunning = b.processes.workers.some(({ isAlive }) => isAlive);
      return spawn(options);
    };
    await cluster.ask("a", "POST /shop/instances/web/move/?branch=c");
    expect([wasRunning, moved(cluster)]).toEqual([true, [[], [], ["web"]]]);
  });

  test("leaves the direct queue to the worker that uses it now", async () => {
    await using cluster = await setup();
    await cluster.ask("a", "POST /shop/instances/web/move/?branch=c");
    await cluster.clock.advance(20_000);
    const did = ["b", "c"].flatMap((id) => cluster.branch(id).test.broker.did);
    expect(did.filter((words) => words.startsWith("delete"))).toEqual([]);
  });

  test("leaves everything as it was where the worker does not come up there", async () => {
    await using cluster = await setup();
    const c = cluster.branch("c").test;
    c.processes.next = { error: "no such program" };
    const refused = await cluster.ask("a", "POST /shop/instances/web/move/?branch=c");
    expect(refused).toMatchObject({ status: 502, body: { error: "worker-failed", instance: "web", stored: false } });
    await cluster.clock.advance(20_000);
    expect(moved(cluster)).toEqual([[], ["web"], []]);
    expect(await cluster.ask("c", "GET /shop/instances/web/")).toMatchObject({
      body: { branch: "b", state: "running" },
    });
    expect(c.store.instances.get("web")).toBeUndefined();
    expect(c.broker.did.filter((words) => words.startsWith("delete"))).toEqual([]);
  });

  test("to where it is does nothing", async () => {
    await using cluster = await setup();
    expect((await cluster.ask("a", "POST /shop/instances/web/move/?branch=b")).status).toBe(200);
    expect(cluster.branch("b").test.processes.starts("web")).toBe(1);
  });

  test("wants a branch that is known and up", async () => {
    await using cluster = await setup();
    const move = (query: string) => cluster.ask("a", `POST /shop/instances/web/move/${query}`);
    expect(await move("")).toMatchObject({ status: 400, body: { error: "invalid", parameter: "branch" } });
    expect(await move("?branch=none")).toMatchObject({ status: 404, body: { branch: "none" } });
    cluster.branch("c").kill();
    await cluster.clock.advance(10_000);
    expect(await move("?branch=c")).toMatchObject({ status: 503, body: { branch: "c" } });
    expect(moved(cluster)).toEqual([[], ["web"], []]);
  });

  test("that is interrupted by the death of the new branch leaves the instance where it was", async () => {
    await using cluster = await setup();
    cluster.branch("c").test.processes.next = { isMute: true };
    const moving = cluster.branch("a").ask("POST /shop/instances/web/move/?branch=c");
    await cluster.clock.advance(1_000);
    cluster.branch("c").kill();
    await cluster.clock.advance(10_000);
    expect((await moving).status).toBe(503);
    cluster.branch("c").start();
    await cluster.clock.advance(30_000);
    expect(moved(cluster)).toEqual([[], ["web"], []]);
  });

  test("of a disabled instance starts nothing", async () => {
    await using cluster = await setup();
    await cluster.ask("a", "POST /shop/instances/web/disable/");
    expect((await cluster.ask("a", "POST /shop/instances/web/move/?branch=c")).status).toBe(200);
    expect(moved(cluster)).toEqual([[], [], []]);
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({
      body: { branch: "c", state: "disabled" },
    });
  });
});
