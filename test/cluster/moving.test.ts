import { describe, expect, test } from "bun:test";
import { newInstance } from "../../src/domain/instance.ts";
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
    expect(await moving).toMatchObject({ status: 503, body: { stored: false } });
    await cluster.branch("c").restart();
    await cluster.clock.advance(30_000);
    expect(moved(cluster)).toEqual([[], ["web"], []]);
    expect(cluster.branch("c").test.store.instances.get("web")).toBeUndefined();
  });

  test("to a branch that has an instance of that name from before clusters leaves both as they are", async () => {
    await using cluster = await setup();
    const { store } = cluster.branch("c").test;
    const early = newInstance({ name: "web", app: "shop", nowMs: 1 }, { isEnabled: false, maxConcurrency: 7 });
    store.write(() => store.instances.put(early));
    expect(await cluster.ask("a", "POST /shop/instances/web/move/?branch=c")).toMatchObject({
      status: 409,
      body: { branch: "c", stored: false },
    });
    expect(moved(cluster)).toEqual([[], ["web"], []]);
    expect(store.instances.get("web")?.maxConcurrency).toBe(7);
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

/** A move of web to c, whose worker there has not answered yet, and what it is answered. */
async function begun(cluster: MemoryCluster, timeoutS = 60) {
  const c = cluster.branch("c").test;
  c.processes.next = { isMute: true };
  const moving = cluster.branch("a").ask(`POST /shop/instances/web/move/?branch=c&timeout=${timeoutS}`);
  await cluster.clock.advance(2_000);
  c.processes.next = {};
  return {
    moving,
    /** Lets the worker on c answer. */
    async finish() {
      for (const worker of c.processes.workers) worker.isMute = false;
      await cluster.clock.advance(30_000);
      return moving;
    },
  };
}

describe("an instance that is being moved", () => {
  test("is neither deleted nor changed, since that would be lost, and is the other branch's then", async () => {
    await using cluster = await setup();
    await cluster.ask("a", "PUT /shop/queues/orders/");
    const { finish } = await begun(cluster);
    const lines = [
      "DELETE /shop/instances/web/",
      "DELETE /shop/instances/!/web/",
      "POST /shop/instances/web/disable/",
      "POST /shop/instances/web/restart/",
      "POST /shop/instances/web/autoscale/?max=9",
      "PUT /shop/instances/web/?max_concurrency=7",
      "PUT /shop/instances/web/queues/orders/",
      "POST /shop/instances/web/move/?branch=a",
    ];
    for (const line of lines) {
      const refused = { error: "conflict", instance: "web", branch: "c", stored: false };
      expect([line, await cluster.ask("a", line)]).toMatchObject([line, { status: 409, body: refused }]);
    }
    expect(await finish()).toMatchObject({ status: 200 });
    expect(moved(cluster)).toEqual([[], [], ["web"]]);
    expect(await cluster.ask("b", "GET /shop/instances/web/")).toMatchObject({
      body: { branch: "c", is_enabled: true, max_concurrency: 3, queues: [] },
    });
    expect((await cluster.ask("a", "PUT /shop/instances/web/", { max_concurrency: 7 })).status).toBe(200);
    expect((await cluster.ask("a", "DELETE /shop/instances/web/")).status).toBe(200);
    expect(moved(cluster)).toEqual([[], [], []]);
  });

  test("stays where somebody changed it all the same, as commands with -L do", async () => {
    await using cluster = await setup();
    const { finish } = await begun(cluster);
    const { store } = cluster.branch("b").test;
    store.write(() => store.instances.set("web", { isHeld: true }));
    const answer = await finish();
    expect(answer).toMatchObject({ status: 409, body: { error: "conflict", instance: "web", stored: false } });
    expect((answer.body as { nok: string }).nok).toContain("was changed");
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({ body: { branch: "b" } });
    expect(cluster.branch("c").test.store.instances.get("web")).toBeUndefined();
  });

  test("and is deleted all the same is not taken for free by the other branch", async () => {
    await using cluster = await setup();
    const { finish } = await begun(cluster);
    const { store, supervisor } = cluster.branch("b").test;
    store.write(() => store.instances.set("web", { isDeleted: true }));
    supervisor.wake("web");
    await cluster.clock.advance(10_000);
    expect(["a", "b", "c"].map((id) => cluster.branch(id).test.store.owners.get("web")?.isDeleted)).toEqual([
      true,
      true,
      true,
    ]);
    expect(await finish()).toMatchObject({ status: 409, body: { stored: false } });
    expect(moved(cluster)).toEqual([[], [], []]);
    expect((await cluster.ask("a", "GET /shop/instances/web/")).status).toBe(404);
  });

  for (const how of ["cut", "freeze"] as const) {
    test(`to a branch that is lost (${how}) stays, and is not moved later`, async () => {
      await using cluster = await setup();
      const c = cluster.branch("c");
      const { moving, finish } = await begun(cluster, 20);
      cluster.network[how](c.bus);
      await finish();
      expect((await moving).body).toMatchObject({ instance: "web", branch: "c", stored: false });
      if (how === "cut") cluster.network.mend(c.bus);
      else cluster.network.thaw(c.bus);
      await cluster.clock.advance(60_000);
      expect(moved(cluster)).toEqual([[], ["web"], []]);
      expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({
        body: { branch: "b", state: "running", is_enabled: true, disabled_reason: null },
      });
      expect(c.test.store.instances.get("web")).toBeUndefined();
    });
  }

  test("from a branch that is lost stays there", async () => {
    await using cluster = await setup();
    const b = cluster.branch("b");
    const { moving, finish } = await begun(cluster, 20);
    cluster.network.cut(b.bus);
    await finish();
    expect((await moving).status).toBe(503);
    expect(moved(cluster)).toEqual([[], ["web"], []]);
    cluster.network.mend(b.bus);
    await cluster.clock.advance(60_000);
    expect(moved(cluster)).toEqual([[], ["web"], []]);
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({
      body: { branch: "b", state: "running" },
    });
  });

  test("and was let go when its new branch was lost goes when that is heard of again, without a leftover", async () => {
    await using cluster = await setup();
    const c = cluster.branch("c");
    const { owners } = c.test.store;
    const put = owners.put.bind(owners);
    owners.put = (owner) => {
      put(owner);
      if (owner.name === "web" && owner.branch === "c") cluster.network.cut(c.bus);
    };
    const { finish } = await begun(cluster, 20);
    expect(await finish()).toMatchObject({ status: 503, body: { instance: "web", branch: "c", stored: null } });
    expect(moved(cluster)).toEqual([[], ["web"], ["web"]]);
    cluster.network.mend(c.bus);
    await cluster.clock.advance(30_000);
    expect(moved(cluster)).toEqual([[], [], ["web"]]);
    expect(cluster.branch("b").test.store.instances.get("web")).toBeUndefined();
  });
});
