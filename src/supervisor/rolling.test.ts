import { describe, expect, test } from "bun:test";
import type { Instance } from "../domain/instance.ts";
import { restartOf } from "../domain/instance.ts";
import { instanceOf } from "../store/test-support.ts";
import { mayStop, planStandin, type SeenRolling, type SeenStandin } from "./rolling.ts";
import { replyOf, seenWorker } from "./test-seen.ts";
import { TestBranch, type BranchSettings } from "./test-support.ts";

const SECOND_MS = 1000;
const NOW_MS = 1_000_000;
const LIMITS = { stopTimeoutMs: 60_000, unresponsiveAfterMs: 60_000 };
const STATUS_1 = { code: 1, signal: null } as const;

describe("planStandin()", () => {
  const web = instanceOf("shop", "web", { queues: ["a"], restartSeq: 3, hasStandin: true });
  const inLine = replyOf(["dq.web", "a"], 1, 1);
  const outdated = seenWorker(2, inLine);
  const standin: SeenStandin = { hasAnswered: true, termSentAtMs: null, stoppingMs: 0, reply: inLine, silentMs: 0 };
  const silent: SeenStandin = { ...standin, reply: null, silentMs: 60_000 };
  const seen = (fields: Partial<SeenRolling> = {}): SeenRolling => ({
    nowMs: NOW_MS,
    worker: outdated,
    hasStandin: fields.standin !== undefined && fields.standin !== null,
    standin: null,
    hasTurn: true,
    standinNotBeforeMs: 0,
    isBrokerUp: true,
    startNotBeforeMs: 0,
    retryInMs: null,
    isItsTurn: false,
    refusedQueues: new Set(),
    ...fields,
  });
  const back = { ...outdated, restartSeq: 3 };
  const soon = { do: "look again", inMs: 150 };

  test.each<[string, Partial<Instance>, Partial<SeenRolling>, object[]]>([
    ["starts one for a worker that is to be replaced", {}, {}, [{ do: "start" }]],
    ["starts none where the restart is no rolling one", { hasStandin: false }, {}, []],
    ["starts none before it is the turn of the instance", {}, { hasTurn: false }, []],
    ["starts none while the broker is away", {}, { isBrokerUp: false }, []],
    ["starts none for a worker that is as wanted", {}, { worker: back }, []],
    ["starts none for one that never consumed", {}, { worker: { ...outdated, hasAnswered: false } }, []],
    ["starts none for one that is ending", {}, { worker: { ...outdated, termSentAtMs: 5 } }, []],
    ["starts none where no worker is", {}, { worker: null }, []],
    ["starts none for a disabled instance", { isEnabled: false }, {}, []],
    ["puts a start off after a death", {}, { standinNotBeforeMs: NOW_MS + 7 }, [{ do: "look again", inMs: 7 }]],
    ["looks soon again at one that does not answer yet", {}, { standin: { ...silent, silentMs: 0 } }, [soon]],
    [
      "has it consume what the instance does",
      {},
      { standin: { ...standin, reply: { ...inLine, queues: ["dq.web"] } } },
      [{ do: "consume", queue: "a" }],
    ],
    ["leaves one that consumes until the worker is back", {}, { standin, worker: null }, []],
    [
      "stops it once the worker consumes again",
      {},
      { standin, worker: back },
      [{ do: "stop", why: "the worker consumes again" }],
    ],
    ["leaves it while the worker is back but does not answer", {}, { standin, worker: { ...back, reply: null } }, []],
    [
      "leaves it while the worker is back but does not consume",
      {},
      { standin, worker: { ...back, reply: { ...inLine, queues: ["dq.web"] } } },
      [],
    ],
    [
      "stops it where the instance is not to run",
      { isEnabled: false },
      { standin },
      [{ do: "stop", why: "its instance is not to run" }],
    ],
    [
      "waits for one that was sent its TERM",
      {},
      { standin: { ...standin, termSentAtMs: NOW_MS - 1000, stoppingMs: 56_000 } },
      [{ do: "look again", inMs: 4000 }],
    ],
    [
      "looks at it each five seconds meanwhile",
      {},
      { standin: { ...standin, termSentAtMs: NOW_MS - 1000, stoppingMs: 1000 } },
      [{ do: "look again", inMs: 5000 }],
    ],
    [
      "and kills it after that",
      {},
      { standin: { ...standin, termSentAtMs: NOW_MS - 1000, stoppingMs: 60_000 } },
      [{ do: "kill" }, soon],
    ],
    [
      "gives the restart up where it does not answer",
      {},
      { standin: silent },
      [{ do: "give up", why: "the stand-in did not answer for 60 s" }],
    ],
    ["waits for one that has not been silent for so long", {}, { standin: { ...silent, silentMs: 59_999 } }, [soon]],
    ["gives nothing up once the worker was stopped", {}, { standin: silent, worker: null }, [soon]],
    ["asks nothing while the broker is away", {}, { standin: { ...silent, silentMs: 0 }, isBrokerUp: false }, []],
  ])("%s", (_, fields, what, actions) => {
    expect(planStandin({ ...web, ...fields }, seen(what), LIMITS) as object[]).toEqual(actions);
  });

  test.each<[boolean, string, Partial<Instance>, Partial<SeenRolling>]>([
    [true, "the stand-in consumes all that the worker does", {}, { standin }],
    [false, "there is no stand-in", {}, {}],
    [false, "it does not answer", {}, { standin: silent }],
    [false, "it does not consume all", {}, { standin: { ...standin, reply: { ...inLine, queues: ["dq.web"] } } }],
    [false, "it is not the turn of the instance", {}, { standin, hasTurn: false }],
    [true, "the restart is no rolling one", { hasStandin: false }, {}],
    [true, "the worker never consumed", {}, { worker: { ...outdated, hasAnswered: false } }],
  ])("mayStop() is %p where %s", (may, _, fields, what) => {
    expect(mayStop({ ...web, ...fields }, seen(what))).toBe(may);
  });
});

describe("a rolling restart", () => {
  const STANDIN = "web~standin";

  async function branchWithWeb(settings: BranchSettings = {}) {
    const branch = new TestBranch(settings);
    branch.declare("a");
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(SECOND_MS);
    branch.processes.did.length = 0;
    return branch;
  }

  const roll = (branch: TestBranch, name = "web") =>
    branch.wish(name, restartOf(branch.instance(name), { hasStandin: true }));

  /** Moves on in small steps, in each of which somebody has to consume. */
  async function advanceCovered(branch: TestBranch, ms: number): Promise<void> {
    for (let doneMs = 0; doneMs < ms; doneMs += 10) {
      await branch.clock.advance(10);
      const consuming = branch.processes.workers.filter(
        ({ isAlive, isMute, queues }) => isAlive && !isMute && queues.has("a"),
      );
      expect(consuming.length).toBeGreaterThan(0);
    }
  }

  const isOver = (branch: TestBranch) => {
    expect(branch.processes.workers.filter(({ isAlive }) => isAlive)).toHaveLength(1);
    expect(branch.store.standins.get("web").pid).toBeNull();
  };

  test("starts a stand-in, then stops the worker, starts the new one, and stops the stand-in", async () => {
    await using branch = await branchWithWeb();
    await roll(branch);
    await advanceCovered(branch, 2 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, "TERM web", "start web", `TERM ${STANDIN}`]);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1, standinPid: null });
    isOver(branch);
  });

  test("gives the stand-in files of its own, and the folder of the instance to run in", async () => {
    await using branch = await branchWithWeb();
    await roll(branch);
    const { options } = branch.processes.workers.find(({ name }) => name === STANDIN) ?? {};
    expect(options).toMatchObject({ cwd: branch.folder("web"), logFile: `${branch.folder(STANDIN)}/worker.log` });
    expect(options?.argv).toContain(`--statedb=${branch.folder(STANDIN)}/worker.statedb`);
    expect(options?.argv).toContain(`--hostname=${STANDIN}@b1`);
  });

  test("has the worker leave its queues and finish short tasks before it is stopped", async () => {
    await using branch = await branchWithWeb();
    const first = branch.processes.worker("web");
    first.tasks = 1;
    await roll(branch);
    await advanceCovered(branch, 3 * SECOND_MS);
    expect([...first.queues]).toEqual([]);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    first.tasks = 0;
    await advanceCovered(branch, SECOND_MS);
    expect(branch.processes.did).toContain("TERM web");
  });

  test("waits for long tasks no longer than five seconds: the warm stop lets them finish", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").tasks = 1;
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await advanceCovered(branch, 4 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    await advanceCovered(branch, 2 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, "TERM web"]);
  });

  test("goes on without a stand-in where none stays alive and the worker has left its queues", async () => {
    await using branch = await branchWithWeb();
    const first = branch.processes.worker("web");
    first.tasks = 1;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    expect([...first.queues]).toEqual([]);
    branch.processes.next = { dies: STATUS_1 };
    branch.processes.end(branch.processes.worker(STANDIN), { code: null, signal: "SIGKILL" });
    first.isBusy = true;
    await branch.clock.advance(1500);
    expect(branch.processes.did.at(-1)).toBe("TERM web");
    branch.processes.next = {};
    branch.processes.end(first, { code: 0, signal: null });
    await branch.clock.advance(SECOND_MS);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
    isOver(branch);
  });

  test("keeps the worker where the stand-in does not come up, with what it said", async () => {
    await using branch = await branchWithWeb();
    branch.processes.next = { dies: STATUS_1 };
    const asked = branch.instance("web").restartSeq + 1;
    await roll(branch);
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    expect(await branch.status("web")).toMatchObject({
      state: "running",
      isInLine: true,
      failedRestart: { seq: asked, failure: { why: "the stand-in ended before the worker could be stopped" } },
    });
    expect(branch.instance("web")).toMatchObject({ isEnabled: true, restartSeq: asked - 1, hasStandin: false });
    expect(branch.history("web").at(-1)).toBe("kept");
    branch.processes.next = {};
    await roll(branch);
    await advanceCovered(branch, 2 * SECOND_MS);
    expect(branch.processes.starts("web")).toBe(2);
    isOver(branch);
  });

  test("keeps it where the stand-in cannot even be started", async () => {
    await using branch = await branchWithWeb();
    branch.processes.next = { error: "There is no program celery" };
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.did).toEqual([]);
    expect((await branch.status("web")).failedRestart?.failure.why).toBe("There is no program celery");
  });

  test("keeps it where the stand-in is deaf, which is stopped", async () => {
    await using branch = await branchWithWeb();
    branch.processes.next = { isMute: true };
    await roll(branch);
    await advanceCovered(branch, 70 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, `TERM ${STANDIN}`]);
    expect(branch.instance("web").hasStandin).toBe(false);
    isOver(branch);
  });

  test("waits for a broker that is away, with whoever consumes", async () => {
    await using branch = await branchWithWeb();
    branch.processes.next = { isMute: true };
    await roll(branch);
    branch.processes.next = {};
    branch.broker.goAway();
    for (const worker of branch.processes.workers) worker.isMute = false;
    await branch.clock.advance(10 * 60 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    branch.broker.comeBack();
    await advanceCovered(branch, 5 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, "TERM web", "start web", `TERM ${STANDIN}`]);
    isOver(branch);
  });

  test("does not stop the stand-in for a worker that was stopped while the broker was away", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    branch.broker.goAway();
    branch.processes.end(branch.processes.worker("web"), STATUS_1);
    await branch.clock.advance(60 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe("start web");
    branch.broker.comeBack();
    await advanceCovered(branch, 5 * SECOND_MS);
    isOver(branch);
  });

  test("goes on with another stand-in where that one is killed, a few times", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    for (let times = 0; times < 3; times++) {
      branch.processes.next = { isMute: true };
      if (times === 0) await roll(branch);
      else await branch.clock.advance(5 * SECOND_MS);
      const standin = branch.processes.worker(STANDIN);
      branch.store.standins.set("web", { answeredAtMs: branch.clock.now() });
      branch.processes.end(standin, { code: null, signal: "SIGKILL" });
      await branch.clock.advance(0);
    }
    branch.processes.next = {};
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.did.filter((did) => did === "TERM web")).toHaveLength(1);
    expect(branch.processes.starts(STANDIN)).toBe(4);
  });

  test("does without a stand-in that is killed once the worker was stopped", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    branch.processes.end(branch.processes.worker(STANDIN), { code: null, signal: "SIGKILL" });
    await branch.clock.advance(0);
    branch.processes.end(branch.processes.worker("web"), STATUS_1);
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.starts(STANDIN)).toBe(1);
    expect((await branch.status("web")).state).toBe("running");
    isOver(branch);
  });

  test("is over at once where the worker is killed: the one that follows is the new one", async () => {
    await using branch = await branchWithWeb();
    branch.processes.next = { isMute: true };
    await roll(branch);
    branch.processes.next = {};
    await branch.die("web");
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.starts("web")).toBe(2);
    expect(branch.processes.did.at(-1)).toBe(`TERM ${STANDIN}`);
    isOver(branch);
  });

  test.each<[string, Partial<Instance>, string]>([
    ["disabled", { isEnabled: false }, "disabled"],
    ["held", { isHeld: true }, "stopped"],
  ])("ends where the instance is %s meanwhile, once both have ended", async (_, fields, state) => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    branch.processes.worker(STANDIN).isBusy = true;
    await branch.wish("web", fields);
    branch.processes.end(branch.processes.worker("web"), STATUS_1);
    await branch.clock.advance(SECOND_MS);
    expect((await branch.status("web")).state).toBe("stopping");
    branch.processes.end(branch.processes.worker(STANDIN), { code: 0, signal: null });
    await branch.clock.advance(SECOND_MS);
    expect((await branch.status("web")).state).toBe(state as "disabled");
  });

  test("ends where the instance is deleted meanwhile, whose row goes last", async () => {
    await using branch = await branchWithWeb();
    await roll(branch);
    await branch.clock.advance(0);
    branch.processes.worker(STANDIN).isBusy = true;
    await branch.wish("web", { isDeleted: true });
    await branch.clock.advance(SECOND_MS);
    expect(branch.store.instances.get("web")).toBeDefined();
    await branch.clock.advance(61 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe(`KILL ${STANDIN}`);
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(branch.processes.workers.some(({ isAlive }) => isAlive)).toBe(false);
  });

  test("that is asked for again in the middle replaces the worker once more, and leaves no stand-in", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    await roll(branch);
    branch.processes.end(branch.processes.worker("web"), { code: 0, signal: null });
    await advanceCovered(branch, 5 * SECOND_MS);
    expect(branch.processes.did.filter((did) => did === "TERM web")).toHaveLength(1);
    expect(branch.store.workers.get("web").restartSeq).toBe(branch.instance("web").restartSeq);
    isOver(branch);
  });

  test("goes on where the branch is killed, whatever the step", async () => {
    for (let steps = 0; steps < 30; steps++) {
      await using branch = await branchWithWeb();
      const rolling = roll(branch);
      for (let turn = 0; turn < steps; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      await branch.restart();
      await rolling;
      await advanceCovered(branch, 5 * SECOND_MS);
      expect(branch.store.workers.get("web").restartSeq).toBe(1);
      expect(branch.processes.did.filter((did) => did === "TERM web")).toHaveLength(1);
      isOver(branch);
    }
  });

  test("takes over a stand-in of which nothing was written down, and stops it", async () => {
    await using branch = await branchWithWeb();
    await branch.restart(() => branch.startUnnoticedStandin("web"));
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, `TERM ${STANDIN}`]);
    isOver(branch);
  });

  test("sees the end of a stand-in that is no child", async () => {
    await using branch = await branchWithWeb();
    branch.processes.worker("web").isBusy = true;
    await roll(branch);
    await branch.clock.advance(SECOND_MS);
    await branch.restart();
    branch.processes.end(branch.processes.worker(STANDIN), { code: null, signal: "SIGKILL" });
    await branch.clock.advance(250);
    expect(branch.store.standins.get("web").pid).toBeNull();
  });

  test("of all instances goes one after another in an app, and apps side by side", async () => {
    await using branch = await branchWithWeb();
    branch.store.apps.put({ ...branch.app("shop"), name: "other" });
    await branch.add("web2");
    await branch.add("far", {}, "other");
    await branch.clock.advance(SECOND_MS);
    branch.processes.did.length = 0;
    const way = { isRolling: true, hasStandin: true };
    for (const name of ["web", "web2", "far"]) {
      branch.store.instances.put({ ...branch.instance(name), ...restartOf(branch.instance(name), way) });
    }
    for (const name of ["web", "web2", "far"]) branch.supervisor.wake(name, "people");
    await branch.clock.advance(10 * SECOND_MS);
    const steps = (name: string) => [`start ${name}~standin`, `TERM ${name}`, `start ${name}`, `TERM ${name}~standin`];
    const did = branch.processes.did.filter((one) => !one.includes("far"));
    expect([...steps("web"), ...steps("web2")]).toEqual(did);
    expect(branch.processes.did.slice(0, 2).toSorted()).toEqual(["start far~standin", "start web~standin"]);
  });

  test("of all instances is halted by a stand-in that does not come up: the others keep what they run", async () => {
    await using branch = await branchWithWeb();
    await branch.add("web2");
    branch.processes.did.length = 0;
    branch.processes.next = { dies: STATUS_1 };
    const way = { isRolling: true, hasStandin: true };
    for (const name of ["web", "web2"]) {
      branch.store.instances.put({ ...branch.instance(name), ...restartOf(branch.instance(name), way) });
    }
    for (const name of ["web", "web2"]) branch.supervisor.wake(name, "people");
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    expect(branch.history("web2").at(-1)).toBe("kept");
    expect(await branch.status("web2")).toMatchObject({ state: "running", wishedSeq: 0 });
  });
});
