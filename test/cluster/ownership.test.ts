import { describe, expect, spyOn, test } from "bun:test";
import { Cluster } from "../../src/cluster/cluster.ts";
import { versionOfHearsay } from "../../src/domain/version.ts";
import { MemoryCluster } from "./memory.ts";

const statusOf = ({ status, body }: { status: number; body: unknown }) => [status, body];

describe("an instance on another branch", () => {
  test("is added there with branch=, and everything is done to it through any other", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const added = await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    expect(added).toMatchObject({ status: 201, body: { name: "web", branch: "b", state: "running" } });
    expect(cluster.branch("b").running).toEqual(["web"]);
    expect(await cluster.ask("c", "GET /shop/instances/web/")).toMatchObject({ status: 200, body: { branch: "b" } });
    expect(await cluster.ask("a", "GET /instances/web/")).toMatchObject({ status: 200, body: { app: "shop" } });
    expect(statusOf(await cluster.ask("a", "POST /shop/instances/web/autoscale/", { max: 3 }))).toEqual([
      200,
      { max: 3, min: 1 },
    ]);
    expect(await cluster.ask("c", "PUT /shop/instances/web/", { max_concurrency: 4 })).toMatchObject({
      status: 200,
      body: { max_concurrency: 4, branch: "b" },
    });
    expect(statusOf(await cluster.ask("c", "POST /shop/instances/web/restart/"))).toEqual([200, { ok: "ok" }]);
    expect(statusOf(await cluster.ask("a", "POST /shop/instances/!/web/disable/"))).toEqual([
      202,
      { ok: "operation scheduled" },
    ]);
    expect(statusOf(await cluster.ask("c", "DELETE /shop/instances/web/"))).toEqual([200, { ok: "ok" }]);
    expect(cluster.branch("b").running).toEqual([]);
    expect((await cluster.ask("a", "GET /shop/instances/web/")).status).toBe(404);
  });

  test("keeps the code and the facts of its errors", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    const wrong = await cluster.ask("a", "POST /shop/instances/web/autoscale/", { max: "many" });
    expect(wrong).toMatchObject({ status: 400, body: { error: "invalid", parameter: "max" } });
    expect(await cluster.ask("a", "POST /shop/instances/web/")).toMatchObject({
      status: 409,
      body: { error: "conflict", instance: "web" },
    });
    expect(await cluster.ask("a", "GET /shop/instances/web/queues/none/")).toMatchObject({ status: 404 });
    expect(await cluster.ask("a", "PUT /shop/instances/web/?branch=a")).toMatchObject({
      status: 409,
      body: { branch: "b" },
    });
  });

  test("answers HEAD without a body", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    expect(await cluster.ask("a", "HEAD /shop/instances/web/")).toEqual({ status: 200, body: "", silent: [] });
  });

  test("is looked for among few, however many branches are away", async () => {
    const away = Array.from({ length: 50 }, (_, at) => `away${at}`);
    await using cluster = await MemoryCluster.of("a", "b");
    const { store } = cluster.branch("a").test;
    for (const id of away) {
      store.knownBranches.put({
        id,
        url: null,
        lastSeenAtMs: null,
        isForgotten: false,
        version: versionOfHearsay("a"),
      });
    }
    await cluster.branch("a").restart();
    await cluster.clock.advance(2_000);
    const looks = spyOn(Cluster.prototype, "members");
    expect(await cluster.ask("a", "GET /shop/instances/none/")).toMatchObject({ status: 404, silent: away.toSorted() });
    expect(looks.mock.calls.length).toBeLessThan(away.length / 2);
    looks.mockRestore();
  });

  test("is found at once, before its branch has told of it", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.branch("b").test.add("web");
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({ body: { branch: "b" } });
  });
});

describe("a name", () => {
  test("is given to one branch when several add it at once", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const line = "POST /shop/instances/web/";
    const answers = await cluster.askAll(["a", line], ["b", line], ["c", line], ["a", line], ["b", line]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409]);
    const running = ["a", "b", "c"].flatMap((id) => cluster.branch(id).running);
    expect(running).toEqual(["web"]);
  });

  test("is given once where several put it at once: the others change what is there", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const put = (id: string) => [id, "PUT /shop/instances/web/", { max_concurrency: 2 }] as const;
    const answers = await cluster.askAll(put("a"), put("b"), put("c"));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 201]);
    expect(["a", "b", "c"].flatMap((id) => cluster.branch(id).running)).toEqual(["web"]);
  });

  test("stays taken while its branch is away", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("a", "POST /shop/instances/web/")).toMatchObject({
      status: 409,
      body: { error: "conflict", branch: "b" },
    });
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({
      status: 503,
      body: { error: "unavailable", branch: "b" },
    });
    expect(await cluster.ask("a", "PUT /shop/instances/web/", { max_concurrency: 2 })).toMatchObject({
      status: 503,
      body: { branch: "b", stored: false },
    });
  });

  test("is known of a branch that was away before this one came", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    await cluster.add("c");
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("c", "POST /shop/instances/web/")).toMatchObject({ status: 409, body: { branch: "b" } });
    expect(await cluster.ask("c", "GET /shop/instances/")).toMatchObject({ body: [], silent: ["b"] });
  });

  test("is taken also for a branch that has just started and heard of nobody yet", async () => {
    await using cluster = await MemoryCluster.of("a");
    await cluster.ask("a", "POST /shop/instances/web/");
    cluster.begin("b");
    expect((await cluster.ask("b", "POST /shop/instances/web/")).status).toBe(409);
    expect(cluster.branch("b").running).toEqual([]);
  });

  test("is given while a branch is silent as soon as that one is missed", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    cluster.network.freeze(cluster.branch("c").bus);
    expect(await cluster.ask("a", "POST /shop/instances/web/?branch=b&timeout=1")).toMatchObject({
      status: 503,
      body: { stored: false, silent: ["c"] },
    });
    expect((await cluster.ask("a", "POST /shop/instances/web/?branch=b")).status).toBe(201);
    cluster.network.thaw(cluster.branch("c").bus);
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("c", "GET /shop/instances/web/")).toMatchObject({ body: { branch: "b" } });
  });

  test("is free again as soon as its app was deleted, on whatever branch it was", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    for (const [to, through] of [
      ["b", "a"],
      ["c", "b"],
      ["a", "c"],
    ] as const) {
      await cluster.ask(through, "PUT /passing/");
      const added = await cluster.ask(through, `POST /passing/instances/web/?branch=${to}`);
      expect(added).toMatchObject({ status: 201, body: { branch: to } });
      expect((await cluster.ask(through, "DELETE /passing/")).status).toBe(200);
    }
  });

  test("is free again as soon as the instance was deleted", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    for (let round = 0; round < 3; round++) {
      expect((await cluster.ask("a", "POST /shop/instances/web/?branch=b")).status).toBe(201);
      expect((await cluster.ask("b", "DELETE /shop/instances/web/")).status).toBe(200);
      expect((await cluster.ask("b", "POST /shop/instances/web/?branch=a")).status).toBe(201);
      expect((await cluster.ask("a", "DELETE /shop/instances/web/")).status).toBe(200);
    }
  });

  test("cannot be added where the others cannot be asked, while everything on own instances works", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/own/?branch=a");
    cluster.network.stopBroker();
    await cluster.clock.advance(1_000);
    expect(await cluster.ask("a", "POST /shop/instances/web/")).toMatchObject({
      status: 503,
      body: { error: "unavailable", stored: false },
    });
    expect((await cluster.ask("a", "POST /shop/instances/own/restart/")).status).toBe(200);
    // Nobody else can have its name.
    const unnamed = await cluster.ask("a", "POST /shop/instances/");
    expect(unnamed).toMatchObject({ status: 201, body: { branch: "a" } });
    expect(cluster.branch("a").running).toHaveLength(2);
    expect(await cluster.ask("a", "GET /health/")).toMatchObject({
      body: { state: "degraded", bus: { state: "away" } },
    });
    cluster.network.startBroker();
    await cluster.clock.advance(10_000);
    expect((await cluster.ask("a", "POST /shop/instances/web/")).status).toBe(201);
  });

  test("without another branch is added with or without the bus", async () => {
    await using cluster = await MemoryCluster.of("a");
    cluster.network.stopBroker();
    await cluster.clock.advance(1_000);
    expect((await cluster.ask("a", "POST /shop/instances/web/")).status).toBe(201);
    expect(await cluster.ask("a", "GET /health/")).toMatchObject({ body: { state: "ok" } });
  });

  test("that two branches gave before they met is left to one, and the other's worker is stopped", async () => {
    await using cluster = await MemoryCluster.of("a");
    await cluster.ask("a", "POST /shop/instances/web/");
    // Whoever comes is in the first group.
    cluster.network.partition([], [cluster.branch("a").bus]);
    await cluster.add("b");
    await cluster.ask("b", "POST /shop/instances/web/");
    cluster.network.partition();
    await cluster.clock.advance(20_000);
    expect([cluster.branch("a").running, cluster.branch("b").running]).toEqual([[], ["web"]]);
    expect(await cluster.ask("a", "GET /shop/instances/web/")).toMatchObject({ body: { branch: "b" } });
    expect(cluster.branch("a").test.instance("web").disabledReason).toBe('its name belongs to branch "b" by now');
  });

  test("that another branch has in another app by now is listed in that one alone", async () => {
    await using cluster = await MemoryCluster.of("a");
    await cluster.ask("a", "POST /shop/instances/web/");
    cluster.network.partition([], [cluster.branch("a").bus]);
    await cluster.add("b");
    await cluster.ask("b", "PUT /post/");
    await cluster.ask("b", "POST /post/instances/web/");
    cluster.network.partition();
    await cluster.clock.advance(20_000);
    for (const id of ["a", "b"]) {
      expect(await cluster.ask(id, "GET /shop/")).toMatchObject({ status: 200, body: { instances: [] } });
      expect(await cluster.ask(id, "GET /post/")).toMatchObject({ status: 200, body: { instances: ["web"] } });
    }
  });
});

describe("placing", () => {
  test("does not need the caller's time", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    cluster.branch("b").test.processes.next = { isMute: true };
    expect(await cluster.ask("a", "POST /shop/instances/web/?branch=b&timeout=0")).toMatchObject({
      status: 408,
      body: { stored: true, instance: "web" },
      silent: [],
    });
    expect(await cluster.ask("a", "POST /shop/instances/!/mail/?branch=b")).toMatchObject({
      status: 202,
      body: { ok: "operation scheduled", name: "mail" },
    });
    const unnamed = await cluster.ask("a", "POST /shop/instances/!/?branch=b");
    expect(unnamed).toMatchObject({ status: 202, body: { name: expect.stringMatching(/^[0-9a-f-]{36}$/) } });
  });

  test("spreads new instances over the branches, also those added at once", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    const line = "POST /shop/instances/";
    await cluster.askAll(["a", line], ["a", line], ["a", line], ["a", line], ["a", line], ["a", line]);
    expect(["a", "b", "c"].map((id) => cluster.branch(id).running.length)).toEqual([2, 2, 2]);
  });

  test("refuses branches that nobody knows, and those that are away", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    expect(await cluster.ask("a", "POST /shop/instances/web/?branch=none")).toMatchObject({
      status: 404,
      body: { branch: "none" },
    });
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("a", "POST /shop/instances/web/?branch=b")).toMatchObject({
      status: 503,
      body: { branch: "b", stored: false },
    });
  });
});

describe("lists", () => {
  test("hold the instances of all branches, sorted", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    for (const [name, branch] of [
      ["x", "c"],
      ["y", "a"],
      ["w", "b"],
    ]) {
      await cluster.ask("a", `POST /shop/instances/${name}/?branch=${branch}`);
    }
    for (const id of ["a", "b", "c"]) {
      expect(await cluster.ask(id, "GET /shop/instances/")).toEqual({ status: 200, body: ["w", "x", "y"], silent: [] });
    }
    const { body } = await cluster.ask("a", "GET /shop/instances/?detail=1");
    expect(body).toMatchObject([
      { name: "w", branch: "b" },
      { name: "x", branch: "c" },
      { name: "y", branch: "a" },
    ]);
    expect(await cluster.ask("b", "GET /shop/")).toMatchObject({ body: { instances: ["w", "x", "y"] } });
  });

  test("name the branches that were silent, and say what was heard", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    await cluster.ask("a", "POST /shop/instances/x/?branch=b");
    await cluster.ask("a", "POST /shop/instances/y/?branch=c");
    cluster.network.freeze(cluster.branch("c").bus);
    expect(await cluster.ask("a", "GET /shop/instances/?timeout=2")).toEqual({
      status: 200,
      body: ["x"],
      silent: ["c"],
    });
    expect(await cluster.ask("a", "GET /shop/instances/y/?timeout=2")).toMatchObject({
      status: 408,
      body: { error: "timeout", branch: "c" },
    });
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("a", "GET /shop/instances/")).toEqual({ status: 200, body: ["x"], silent: ["c"] });
    cluster.network.thaw(cluster.branch("c").bus);
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("a", "GET /shop/instances/")).toEqual({ status: 200, body: ["x", "y"], silent: [] });
  });

  test("are whole on a single branch", async () => {
    await using cluster = await MemoryCluster.of("a");
    await cluster.ask("a", "POST /shop/instances/web/");
    expect(await cluster.ask("a", "GET /shop/instances/")).toEqual({ status: 200, body: ["web"], silent: [] });
  });
});

describe("branches", () => {
  test("are listed and shown by any of them", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    for (const id of ["a", "b"]) expect((await cluster.ask(id, "GET /branches/")).body).toEqual(["a", "b"]);
    expect(await cluster.ask("a", "GET /branches/b/")).toMatchObject({
      status: 200,
      body: { id: "b", url: "http://b:8000" },
    });
    expect((await cluster.ask("a", "GET /branches/none/")).status).toBe(404);
  });

  test("are shut down through any of them", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    expect(await cluster.ask("a", "DELETE /branches/b/")).toMatchObject({ status: 202 });
    expect([cluster.branch("a").isShutDown, cluster.branch("b").isShutDown]).toEqual([false, true]);
  });

  test("that are away are no longer listed, and say so", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    expect((await cluster.ask("a", "GET /branches/")).body).toEqual(["a"]);
    expect(await cluster.ask("a", "GET /branches/b/")).toMatchObject({ status: 503, body: { branch: "b" } });
  });

  test("are forgotten only when they are away, with all that they own", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    expect(await cluster.ask("a", "DELETE /branches/b/?forget=1")).toMatchObject({ status: 409 });
    expect(await cluster.ask("a", "DELETE /branches/none/?forget=1")).toMatchObject({ status: 404 });
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    const forgotten = await cluster.ask("a", "DELETE /branches/b/?forget=1");
    expect(forgotten).toMatchObject({ status: 200, body: { ok: "ok", instances: ["web"] } });
    expect((await cluster.ask("c", "GET /shop/instances/web/")).status).toBe(404);
    expect(await cluster.ask("c", "GET /shop/instances/")).toEqual({ status: 200, body: [], silent: [] });
    expect((await cluster.ask("c", "POST /shop/instances/web/?branch=a")).status).toBe(201);
  });

  test("that were forgotten come back as new ones: names that were taken meanwhile are lost to them", async () => {
    await using cluster = await MemoryCluster.of("a", "b");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    await cluster.ask("a", "POST /shop/instances/own/?branch=b");
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    await cluster.ask("a", "DELETE /branches/b/?forget=1");
    await cluster.ask("a", "POST /shop/instances/web/");
    cluster.branch("b").start();
    await cluster.clock.advance(20_000);
    expect([cluster.branch("a").running, cluster.branch("b").running]).toEqual([["web"], ["own"]]);
    expect((await cluster.ask("a", "GET /shop/instances/")).body).toEqual(["own", "web"]);
    expect(await cluster.ask("a", "GET /shop/instances/own/")).toMatchObject({ body: { branch: "b" } });
    cluster.branch("b").kill();
    await cluster.clock.advance(10_000);
    expect(await cluster.ask("a", "GET /shop/instances/")).toMatchObject({ silent: ["b"] });
  });

  test("that came back stay what they are, also when somebody comes who heard that they were forgotten and not that they came back", async () => {
    await using cluster = await MemoryCluster.of("a", "m", "z");
    cluster.branch("z").kill();
    await cluster.clock.advance(10_000);
    await cluster.ask("m", "DELETE /branches/z/?forget=1");
    await cluster.clock.advance(5_000);
    cluster.branch("a").kill();
    await cluster.clock.advance(10_000);
    cluster.branch("z").start();
    await cluster.clock.advance(20_000);
    await cluster.ask("m", "PUT /fresh/");
    expect((await cluster.ask("m", "POST /fresh/instances/w/?branch=z")).status).toBe(201);
    cluster.branch("z").test.processes.did.length = 0;
    // It meets nobody else.
    cluster.branch("m").kill();
    await cluster.clock.advance(10_000);
    cluster.branch("a").start();
    await cluster.clock.advance(10_000);
    cluster.branch("m").start();
    await cluster.clock.advance(30_000);
    expect(cluster.branch("z").test.processes.did).toEqual([]);
    for (const id of ["a", "m", "z"]) {
      expect(await cluster.ask(id, "GET /fresh/instances/")).toEqual({ status: 200, body: ["w"], silent: [] });
    }
    expect(cluster.branch("a").test.store.knownBranches.get("z")?.isForgotten).toBe(false);
  });

  test("that were forgotten are so also for one that heard of them for the first time when they came back", async () => {
    await using cluster = await MemoryCluster.of("a", "z");
    await cluster.ask("a", "POST /shop/instances/web/?branch=z");
    cluster.branch("z").kill();
    await cluster.clock.advance(10_000);
    await cluster.ask("a", "DELETE /branches/z/?forget=1");
    expect((await cluster.ask("a", "POST /shop/instances/web/")).status).toBe(201);
    cluster.branch("a").kill();
    await cluster.clock.advance(10_000);
    cluster.branch("z").start();
    await cluster.add("c");
    await cluster.clock.advance(10_000);
    cluster.branch("z").kill();
    await cluster.clock.advance(10_000);
    cluster.branch("a").start();
    await cluster.clock.advance(20_000);
    for (const id of ["a", "c"]) {
      expect(await cluster.ask(id, "GET /shop/instances/")).toEqual({ status: 200, body: ["web"], silent: [] });
    }
    cluster.branch("z").start();
    await cluster.clock.advance(20_000);
    expect([cluster.branch("a").running, cluster.branch("z").running]).toEqual([["web"], []]);
    expect(await cluster.ask("c", "GET /branches/z/")).toMatchObject({ status: 200 });
  });

  test("are forgotten also by those that were away when it was said", async () => {
    await using cluster = await MemoryCluster.of("a", "b", "c");
    await cluster.ask("a", "POST /shop/instances/web/?branch=b");
    cluster.branch("b").kill();
    cluster.branch("c").kill();
    await cluster.clock.advance(10_000);
    await cluster.ask("a", "DELETE /branches/b/?forget=1");
    cluster.branch("c").start();
    await cluster.clock.advance(20_000);
    expect(await cluster.ask("c", "GET /shop/instances/")).toEqual({ status: 200, body: [], silent: [] });
    expect((await cluster.ask("c", "POST /shop/instances/web/?branch=c")).status).toBe(201);
  });
});
