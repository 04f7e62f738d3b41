import { describe, expect, test } from "bun:test";
import { appId } from "../domain/definition.ts";
import { appOf } from "../store/test-support.ts";
import { TestCluster, type ClusterBranch } from "./test-cluster.ts";
import { NOWAIT, PATIENT, answerOf } from "./test-support.ts";

const S = 1000;
const DAY_MS = 24 * 3600 * S;

/** Two branches that know each other; the clock of the second is `skewMs` ahead. */
async function pair(skewMs = 0): Promise<{ cluster: TestCluster; a: ClusterBranch; b: ClusterBranch }> {
  const cluster = new TestCluster();
  const [a, b] = [await cluster.add("a"), await cluster.add("b", skewMs)];
  await cluster.calm();
  return { cluster, a, b };
}

/** The two, and the app `mail` with the queue `letters` on both, and its worker `web` on the second, which consumes from it. */
async function pairWithWorker(): Promise<{ cluster: TestCluster; a: ClusterBranch; b: ClusterBranch }> {
  const { cluster, a, b } = await pair();
  await a.life.apps.put("mail", {}, NOWAIT);
  await a.life.queues.put("mail", "letters", {}, NOWAIT);
  await cluster.clock.advance(0);
  await b.test.add("web", { queues: ["letters"] }, "mail");
  await cluster.clock.advance(S);
  b.test.processes.did.length = 0;
  return { cluster, a, b };
}

/** An app that a branch which is not up was given by a command. */
function makeAlone({ test: { store } }: ClusterBranch, app: string, nowMs: number): void {
  store.write(() => {
    store.apps.put(appOf(app));
    store.noteChanged(appId(app), nowMs);
  });
}

describe("a change on one branch", () => {
  test("is there on the others", async () => {
    const { cluster, a, b } = await pair();
    await using _ = cluster;
    await a.life.apps.put("mail", { arguments: "-A mail", broker: "amqp://me:hush@h/v", env: { A: "1" } }, NOWAIT);
    await a.life.queues.put("mail", "letters", { routing_key: "post", options: { durable: false } }, NOWAIT);
    await cluster.clock.advance(0);
    expect(b.test.store.apps.get("mail")?.arguments).toBe("-A mail");
    expect(b.seen).toEqual(a.seen);
  });

  test("of an app restarts workers on the others before it is answered", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    const silent = new Set<string>();
    const call = a.life.apps.put("mail", { env: { A: "2" } }, { ...PATIENT, silent });
    expect(await answerOf(a.test, call)).toEqual({ ok: "ok" });
    expect(b.test.processes.did).toEqual(["TERM web", "start web"]);
    expect([...silent]).toEqual([]);
  });

  test("of an app that their workers need not see restarts none", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    expect(await answerOf(a.test, a.life.apps.put("mail", { stop_timeout: 5 }, PATIENT))).toEqual({ ok: "ok" });
    expect(b.test.store.apps.get("mail")?.stopTimeoutS).toBe(5);
    expect(b.test.processes.did).toEqual([]);
  });

  test("of a queue restarts workers on the others that consume from it", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    const call = a.life.queues.put("mail", "letters", { options: { durable: false } }, PATIENT);
    expect(await answerOf(a.test, call)).toEqual({ ok: "ok" });
    expect(b.test.processes.did).toEqual(["TERM web", "start web"]);
  });

  test("that makes a worker of another branch fail says which branch that was", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.test.processes.next = { dies: { code: 1, signal: null } };
    const answer = await answerOf(a.test, a.life.apps.put("mail", { env: { A: "2" } }, PATIENT));
    expect(answer).toMatchObject({ error: "worker-failed", instance: "web", branch: "b", stored: true });
  });

  test("names the branches that are away, which do it when they come back", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.kill();
    await cluster.calm();
    const silent = new Set<string>();
    const call = a.life.apps.put("mail", { env: { A: "2" } }, { ...PATIENT, silent });
    expect(await answerOf(a.test, call)).toEqual({ ok: "ok" });
    expect([...silent]).toEqual(["b"]);
    expect(b.test.processes.did).toEqual([]);
    b.start();
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
    expect(b.test.processes.did).toEqual(["TERM web", "start web"]);
  });

  test("names a branch that is frozen, in the caller's time, and the branch does it when it wakes", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    cluster.network.freeze(b.life.bus);
    const silent = new Set<string>();
    const call = a.life.apps.put("mail", { env: { A: "2" } }, { nowait: false, timeoutMs: S, silent });
    expect(await answerOf(a.test, call)).toEqual({ ok: "ok" });
    expect([...silent]).toEqual(["b"]);
    cluster.network.thaw(b.life.bus);
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
  });

  test("is found by those whose message was lost", async () => {
    const { cluster, a, b } = await pair();
    await using _ = cluster;
    cluster.network.lose(b.life.bus, true);
    await a.life.apps.put("mail", {}, NOWAIT);
    await cluster.clock.advance(0);
    expect(b.test.store.apps.get("mail")).toBeUndefined();
    cluster.network.lose(b.life.bus, false);
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
  });
});

describe("a deletion on one branch", () => {
  test("of an app stops and deletes its instances on the others, then the app, before it is answered", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    expect(await answerOf(a.test, a.life.apps.remove("mail", PATIENT))).toEqual({ ok: "ok" });
    expect(b.test.processes.did).toEqual(["TERM web"]);
    for (const { test: branch } of [a, b]) {
      expect(branch.store.apps.get("mail")).toBeUndefined();
      expect(branch.store.instances.get("web")).toBeUndefined();
    }
  });

  test("of a queue makes the workers of the others stop consuming before it is answered", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    expect(await answerOf(a.test, a.life.queues.remove("mail", "letters", PATIENT))).toEqual({ ok: "ok" });
    expect([...b.test.processes.worker("web").queues]).toEqual(["dq.web"]);
    expect(b.seen).toEqual(a.seen);
  });

  test("reaches a branch that was down meanwhile, and is not undone by it", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.kill();
    await a.life.apps.remove("mail", NOWAIT);
    cluster.jump(DAY_MS);
    b.start();
    await cluster.calm();
    expect(b.test.processes.did).toEqual(["TERM web"]);
    expect([a.seen, b.seen].map((seen) => seen.map(({ app }) => app?.name))).toEqual([["shop"], ["shop"]]);
  });

  test("takes along what was made before it, though the app was made anew, and leaves what was made since", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.kill();
    await a.life.apps.remove("mail", NOWAIT);
    await a.life.apps.put("mail", { arguments: "-A anew" }, NOWAIT);
    await cluster.clock.advance(S);
    await b.test.add("later", {}, "mail");
    b.start();
    await cluster.calm();
    expect(b.test.store.instances.names("mail")).toEqual(["later"]);
    expect(b.test.store.apps.get("mail")).toMatchObject({ arguments: "-A anew", isDeleted: false });
    expect(b.test.store.queues.names("mail")).toEqual([]);
    expect(b.seen).toEqual(a.seen);
  });

  test("is forgotten after 30 days by all", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    await a.life.queues.remove("mail", "letters", NOWAIT);
    await a.life.apps.remove("mail", NOWAIT);
    await cluster.calm();
    const remembered = () => [a, b].map(({ test: { store } }) => store.definitions.all().map(({ key }) => key));
    expect(remembered()).toEqual([["mail"], ["mail"]]);
    for (const branch of [a, b]) branch.kill();
    cluster.jump(32 * DAY_MS);
    for (const branch of [a, b]) branch.start();
    await cluster.calm();
    expect(remembered()).toEqual([[], []]);
  });
});

describe("two sides of a partition", () => {
  test("that changed one app agree on the later change, and what was lost is in the log, without secrets", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    cluster.network.partition([a.life.bus], [b.life.bus]);
    await a.life.apps.put(
      "mail",
      { arguments: "-A mine", env: { PASS: "hush" }, broker: "amqp://me:hush@h/v" },
      NOWAIT,
    );
    await cluster.clock.advance(S);
    await b.life.apps.put("mail", { arguments: "-A yours" }, NOWAIT);
    cluster.network.partition();
    await cluster.calm();
    expect(a.test.store.apps.get("mail")).toMatchObject({ arguments: "-A yours", env: null, broker: null });
    expect(b.seen).toEqual(a.seen);
    const lost = { app: "mail", by: "a", later_by: "b", lost: { arguments: '"-A mine"', env: '["PASS"]' } };
    expect([...a.lost, ...b.lost]).toMatchObject([lost]);
    expect(JSON.stringify([a.logged, b.logged])).not.toContain("hush");
  });

  test("say in the log which variables were lost, by what they hold, and none that was not", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    const broker = (password: string) => `amqp://me:${password}@h/v`;
    cluster.network.partition([a.life.bus], [b.life.bus]);
    const mine = { env: { SAME: "1", OTHER: "hush", MORE: "2" }, broker: broker("hush"), cwd: "/same" };
    await a.life.apps.put("mail", mine, NOWAIT);
    await cluster.clock.advance(S);
    await b.life.apps.put("mail", { ...mine, env: { SAME: "1", OTHER: "3" }, broker: broker("sesame") }, NOWAIT);
    cluster.network.partition();
    await cluster.calm();
    const fields = { env: '["MORE","OTHER"]', broker: '"amqp://h:5672/v"' };
    expect([...a.lost, ...b.lost].map(({ lost }) => lost)).toEqual([fields]);
  });

  test("of which one deleted an app and the other went on with it agree that it is gone", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    cluster.network.partition([a.life.bus], [b.life.bus]);
    await a.life.apps.remove("mail", NOWAIT);
    await cluster.clock.advance(S);
    await b.life.queues.put("mail", "parcels", {}, NOWAIT);
    await b.test.add("more", { queues: ["parcels"] }, "mail");
    cluster.network.partition();
    await cluster.calm();
    for (const { test: branch } of [a, b]) {
      expect(branch.store.apps.get("mail")).toBeUndefined();
      expect(branch.store.definitions.all().map(({ key }) => key)).toEqual(["mail"]);
    }
    expect(b.test.processes.did.toSorted()).toEqual(["TERM more", "TERM web", "start more"]);
  });

  test("keep an app that one of them deleted and the other changed later, and the deletion is in the log", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    cluster.network.partition([a.life.bus], [b.life.bus]);
    await a.life.apps.remove("mail", NOWAIT);
    await cluster.clock.advance(S);
    await b.life.apps.put("mail", { arguments: "-A yours" }, NOWAIT);
    cluster.network.partition();
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
    expect(a.test.store.apps.get("mail")?.arguments).toBe("-A yours");
    expect([...a.lost, ...b.lost]).toMatchObject([{ app: "mail", by: "a", lost: { deletion: true } }]);
  });

  test("that both made an app keep the queues of both", async () => {
    const { cluster, a, b } = await pair();
    await using _ = cluster;
    cluster.network.partition([a.life.bus], [b.life.bus]);
    for (const [branch, queue] of [
      [a, "qa"],
      [b, "qb"],
    ] as const) {
      await branch.life.apps.put("mail", {}, NOWAIT);
      await branch.life.queues.put("mail", queue, {}, NOWAIT);
      await cluster.clock.advance(S);
    }
    cluster.network.partition();
    await cluster.calm();
    expect(a.test.store.queues.names("mail")).toEqual(["qa", "qb"]);
    expect(b.seen).toEqual(a.seen);
  });
});

describe("a clock that is wrong", () => {
  test("does not keep a later change of another branch from counting", async () => {
    const { cluster, a, b } = await pair(3600 * S);
    await using _ = cluster;
    await b.life.apps.put("mail", { arguments: "-A first" }, NOWAIT);
    await cluster.clock.advance(0);
    await a.life.apps.put("mail", { arguments: "-A second" }, NOWAIT);
    await cluster.calm();
    expect(b.test.store.apps.get("mail")?.arguments).toBe("-A second");
    expect([...a.lost, ...b.lost]).toEqual([]);
  });

  test("is told of, once", async () => {
    const { cluster, a, b } = await pair(3600 * S);
    await using _ = cluster;
    for (const name of ["mail", "post"]) await b.life.apps.put(name, {}, NOWAIT);
    await cluster.calm();
    const warnings = a.logged.filter(({ message }) => message.startsWith("the clock of a branch is ahead"));
    expect(warnings.map(({ fields }) => fields)).toEqual([{ branch: "b", s: 3600 }]);
  });
});

describe("a branch that noted when it was together with others while its clock was ahead", () => {
  test("notes it again when it agrees with one", async () => {
    const { cluster, b } = await pair();
    await using _ = cluster;
    const { settings } = b.test.store;
    b.kill();
    settings.set("together_at", String(cluster.clock.now() + 60 * DAY_MS));
    b.start();
    await cluster.calm();
    expect(Number(settings.get("together_at"))).toBeLessThanOrEqual(cluster.clock.now());
  });

  test("does not speak for the cluster before that", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    for (const branch of [a, b]) branch.kill();
    makeAlone(a, "own", cluster.clock.now());
    makeAlone(b, "kept", cluster.clock.now());
    a.test.store.settings.set("together_at", String(cluster.clock.now() + 60 * DAY_MS));
    b.test.store.settings.set("together_at", "0");
    for (const branch of [a, b]) branch.start();
    await cluster.calm();
    expect(a.test.store.apps.names()).toEqual(["kept", "mail", "own", "shop"]);
    expect(b.seen).toEqual(a.seen);
  });
});

describe("a branch that joins", () => {
  test("gets what there is, and gives what it has, within a second", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.add("a");
    await a.life.apps.put("mail", {}, NOWAIT);
    const b = await cluster.add("b");
    expect(b.test.store.apps.names()).toEqual(["mail", "shop"]);
    b.kill();
    makeAlone(b, "own", cluster.clock.now());
    b.start();
    await cluster.clock.advance(S);
    expect(a.test.store.apps.names()).toEqual(["mail", "own", "shop"]);
  });

  test("gets more than one message holds", async () => {
    await using cluster = new TestCluster();
    const a = await cluster.add("a");
    for (let n = 0; n < 40; n++) await a.life.apps.put(`app${n}`, { env: { A: "x".repeat(60_000) } }, NOWAIT);
    const b = await cluster.add("b");
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
    expect(b.test.store.apps.names().length).toBe(41);
  });

  test("after more than 30 days takes over what the others have, adds nothing, and disables what it has no app for", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.kill();
    await a.life.apps.remove("mail", NOWAIT);
    await a.life.apps.put("post", {}, NOWAIT);
    // The other lives through it, alone.
    for (let days = 0; days < 32; days += 8) {
      cluster.jump(8 * DAY_MS);
      await cluster.calm();
    }
    b.start();
    await cluster.calm();
    expect(b.seen).toEqual(a.seen);
    expect(a.test.store.apps.names()).toEqual(["post", "shop"]);
    expect(b.test.instance("web")).toMatchObject({
      isEnabled: false,
      disabledReason: "the cluster does not know its app",
      isDeleted: false,
    });
    expect(b.test.processes.did).toEqual(["TERM web"]);
    const dropped = b.logged.filter(({ message }) => message.startsWith("a definition is dropped"));
    expect(dropped.map(({ fields }) => fields["app"] ?? fields["queue"])).toEqual(["mail/letters", "mail"]);
    await b.life.apps.put("mail", {}, NOWAIT);
    await cluster.calm();
    expect(a.test.store.apps.names()).toEqual(["mail", "post", "shop"]);
    expect(b.test.store.instances.names("mail")).toEqual(["web"]);
  });

  test("and is new speaks for nobody: one that was away for long keeps what it has", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    for (const branch of [a, b]) branch.kill();
    cluster.jump(40 * DAY_MS);
    b.start();
    const c = await cluster.add("c", 40 * DAY_MS);
    await cluster.calm();
    expect(b.test.store.apps.names()).toEqual(["mail", "shop"]);
    expect(c.seen).toEqual(b.seen);
  });

  test("among others that were away as long as itself keeps what it has", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    for (const branch of [a, b]) branch.kill();
    cluster.jump(40 * DAY_MS);
    for (const branch of [a, b]) branch.start();
    await cluster.calm();
    expect(a.test.store.apps.names()).toEqual(["mail", "shop"]);
    expect(b.seen).toEqual(a.seen);
    expect(b.test.processes.did).toEqual([]);
  });

  test("as a stranger takes over the state of one that was there, and not of one that has just come too", async () => {
    await using cluster = new TestCluster();
    const [a, b, c] = [await cluster.add("a"), await cluster.add("b"), await cluster.add("c")];
    await cluster.calm();
    a.kill();
    await b.life.apps.put("mail", {}, NOWAIT);
    await cluster.calm();
    await c.test.add("web", {}, "mail");
    await cluster.clock.advance(S);
    c.kill();
    c.test.store.settings.set("together_at", "0");
    c.test.processes.did.length = 0;
    // What a asks of b is still on its way when c comes.
    cluster.network.delay(b.life.bus, 1.5 * S);
    a.start();
    for (let n = 0; n < 50 && !a.life.cluster.isUp("b"); n++) await cluster.clock.advance(100);
    c.start();
    await cluster.calm();
    expect(c.test.processes.did).toEqual([]);
    expect([a.seen, c.seen]).toEqual([b.seen, b.seen]);
  });

  test("and has workers whose app was unknown starts them when the app is known again, but for those that people stopped", async () => {
    const { cluster, a, b } = await pair();
    await using _ = cluster;
    b.kill();
    makeAlone(b, "mail", cluster.clock.now());
    await b.test.add("web", {}, "mail");
    await b.test.add("idle", { isEnabled: false }, "mail");
    b.test.processes.did.length = 0;
    b.test.store.settings.set("together_at", "0");
    b.start();
    await cluster.calm();
    expect(b.test.instance("web").isEnabled).toBe(false);
    await a.life.apps.put("mail", {}, NOWAIT);
    await cluster.calm();
    expect(b.test.instance("web")).toMatchObject({ isEnabled: true, disabledReason: null });
    expect(b.test.instance("idle")).toMatchObject({ isEnabled: false, disabledReason: null });
    expect(b.test.processes.did).toEqual(["TERM web", "start web"]);
  });

  test("after it was forgotten gives nothing before it has taken over what there is", async () => {
    const { cluster, a, b } = await pairWithWorker();
    await using _ = cluster;
    b.kill();
    const { store } = a.test;
    const known = store.knownBranches.get("b");
    if (!known) throw new Error("a does not know b");
    store.knownBranches.put({ ...known, isForgotten: true });
    b.start();
    await cluster.calm();
    await b.life.apps.put("own", {}, NOWAIT);
    await cluster.calm();
    expect(a.test.store.apps.names()).toEqual(["mail", "shop"]);
    b.life.definitions.takeState();
    await cluster.calm();
    expect(a.test.store.apps.names()).toEqual(["mail", "shop"]);
    expect(b.seen).toEqual(a.seen);
  });
});
