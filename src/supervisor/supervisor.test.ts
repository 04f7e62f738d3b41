import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newInstance } from "../domain/instance.ts";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

describe("an enabled instance", () => {
  test("runs, in line with its wish, once it is added", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    await branch.add("web", { queues: ["a"], maxConcurrency: 4, minConcurrency: 2 });
    await branch.clock.advance(SECOND_MS);
    const worker = branch.processes.worker("web");
    expect([...worker.queues]).toEqual(["dq.web", "a"]);
    expect(worker.bounds).toEqual({ max: 4, min: 2 });
    expect(await branch.status("web")).toMatchObject({
      state: "running",
      pid: worker.id.pid,
      isInLine: true,
      restarts: 0,
    });
    expect(branch.history("web")).toEqual(["started"]);
  });

  test("has its pid in its folder", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    expect(readFileSync(join(branch.folder("web"), "worker.pid"), "utf8")).toBe(
      `${branch.processes.worker("web").id.pid}\n`,
    );
  });

  test("is starting until its worker answers", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isMute: true };
    await branch.add("web");
    await branch.clock.advance(3 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "starting", isInLine: false });
    branch.processes.worker("web").isMute = false;
    await branch.clock.advance(SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", isInLine: true });
  });

  test("is started while the broker is away too, and nobody can say more", async () => {
    await using branch = new TestBranch();
    branch.broker.goAway();
    await branch.add("web");
    expect(await branch.status("web")).toMatchObject({ state: "unknown", pid: branch.processes.worker("web").id.pid });
  });
});

describe("a disabled, held or deleted instance", () => {
  test.each([{ isEnabled: false }, { isHeld: true }])("has no worker where it is %j", async (fields) => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.wish("web", fields);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    expect(await branch.status("web")).toMatchObject({ state: fields.isHeld ? "stopped" : "disabled", pid: null });
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    expect(existsSync(join(branch.folder("web"), "worker.pid"))).toBe(false);
    expect(branch.history("web")).toEqual(["started", "stopping", "stopped"]);
  });

  test("runs again once it is wished to, and that end counts as no death", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    for (let times = 0; times < 4; times++) {
      await branch.wish("web", { isHeld: true });
      await branch.wish("web", { isHeld: false });
    }
    expect(branch.processes.starts("web")).toBe(5);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 0 });
  });

  test("held, stays held over a restart of the branch", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.wish("web", { isHeld: true });
    await branch.restart();
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    expect((await branch.status("web")).state).toBe("stopped");
  });
});

describe("a worker that dies", () => {
  test("is replaced at once", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(SECOND_MS);
    await branch.die("web");
    expect(branch.processes.starts("web")).toBe(2);
    await branch.clock.advance(SECOND_MS);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
    expect(branch.history("web")).toEqual(["started", "died", "started"]);
    expect(branch.store.history.of("web")[1]?.why).toBe("the worker was killed by SIGKILL");
  });

  test("a second time within the minute is given up, with the reason, and others go on", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.add("other");
    await branch.die("web");
    await branch.clock.advance(59 * SECOND_MS);
    await branch.die("web");
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
    expect(branch.instance("web")).toMatchObject({
      isEnabled: false,
      disabledReason: "more deaths than restart_max_rate 1/m allows: the worker was killed by SIGKILL",
    });
    expect((await branch.status("web")).state).toBe("disabled");
    expect((await branch.status("other")).state).toBe("running");
  });

  test("once a minute is replaced for ever", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    for (let times = 0; times < 5; times++) {
      await branch.clock.advance(61 * SECOND_MS);
      await branch.die("web");
    }
    expect(branch.processes.starts("web")).toBe(6);
    expect(branch.instance("web").isEnabled).toBe(true);
  });

  test("as often as the rate allows is replaced", async () => {
    await using branch = new TestBranch({ restartMaxRate: "3/h" });
    await branch.add("web");
    for (let times = 0; times < 3; times++) await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(true);
    await branch.clock.advance(59 * MINUTE_MS);
    await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(false);
  });

  test("gets no new budget by a restart of the branch", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.die("web");
    await branch.restart();
    await branch.clock.advance(SECOND_MS);
    await branch.die("web");
    await branch.clock.advance(SECOND_MS);
    expect(branch.instance("web").isEnabled).toBe(false);
  });

  test("says in the reason what its log said last, and no password", async () => {
    await using branch = new TestBranch({ restartMaxRate: "0/m" });
    await branch.add("web");
    await Bun.write(join(branch.folder("web"), "worker.log"), "fine\nImportError: amqp://me:hush@host\nbye\n");
    await branch.die("web");
    expect(branch.instance("web").disabledReason).toEndWith("; its log says: ImportError: amqp://me:**@host");
    expect((await branch.status("web")).failure?.log).toEqual(["fine", "ImportError: amqp://me:**@host", "bye"]);
  });

  test("before it ever answered to who asked for it, is given up at once", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isMute: true };
    await branch.add("web");
    branch.processes.end(branch.processes.worker("web"), { code: 2, signal: null });
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    expect(branch.instance("web").disabledReason).toBe("the worker ended with status 2 before it first answered");
  });

  test("while it was being replaced after a death, is tried again within the rate, and then given up", async () => {
    await using branch = new TestBranch({ restartMaxRate: "3/m" });
    await branch.add("web");
    branch.processes.next = { dies: { code: 1, signal: null } };
    await branch.die("web");
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.starts("web")).toBe(4);
    expect(branch.instance("web").disabledReason).toStartWith("more deaths than restart_max_rate 3/m allows");
  });

  test("runs again when a person enables it", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.die("web");
    await branch.die("web");
    await branch.wish("web", { isEnabled: true, disabledReason: null });
    expect((await branch.status("web")).state).toBe("running");
    expect((await branch.status("web")).failure).toBeNull();
  });
});

describe("a worker that cannot be started", () => {
  test("is given up at once where a person asked for it, with the reason", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { error: "There is no program celery" };
    await branch.add("web");
    expect(branch.instance("web")).toMatchObject({ isEnabled: false, disabledReason: "There is no program celery" });
    expect((await branch.status("web")).failure).toEqual({ why: "There is no program celery", log: [] });
  });

  test("after a start of the branch is tried again within the rate, and then given up", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.restart(() => {
      branch.processes.end(branch.processes.worker("web"), { code: 0, signal: null });
      branch.processes.next = { error: "There is no program celery" };
    });
    await branch.clock.advance(MINUTE_MS);
    expect(branch.instance("web").disabledReason).toBe(
      "more deaths than restart_max_rate 1/m allows: There is no program celery",
    );
  });

  test("holds up nobody else", async () => {
    await using branch = new TestBranch({ maxStarting: 1 });
    branch.processes.next = { error: "no" };
    await branch.add("bad");
    branch.processes.next = {};
    await branch.add("web");
    expect((await branch.status("web")).state).toBe("running");
  });
});

describe("while the broker is away", () => {
  test("deaths do not count; the worker is started again, later and later", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    await branch.die("web");
    expect(branch.processes.starts("web")).toBe(2);
    branch.processes.next = { dies: { code: 1, signal: null } };
    await branch.die("web");
    const starts: number[] = [];
    for (let second = 0; second < 300; second++) {
      const before = branch.processes.starts("web");
      await branch.clock.advance(SECOND_MS);
      if (branch.processes.starts("web") > before) starts.push(second);
    }
    const gaps = starts.slice(1).map((at, n) => at - (starts[n] ?? 0));
    expect(branch.instance("web").isEnabled).toBe(true);
    expect(gaps.length).toBeGreaterThan(5);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(34);
    expect(gaps.slice(-3).every((gap) => gap >= 22)).toBe(true);
    // The waits are random: it may just be starting, for a moment.
    for (let tries = 0; tries < 5 && (await branch.status("web")).state === "starting"; tries++) {
      await branch.clock.advance(SECOND_MS);
    }
    expect((await branch.status("web")).state).toBe("backoff");
  });

  test("a login that is refused counts as little", async () => {
    await using branch = new TestBranch();
    branch.broker.goAway(true);
    branch.processes.next = { dies: { code: 1, signal: null } };
    await branch.add("web");
    await branch.clock.advance(MINUTE_MS);
    expect(branch.instance("web").isEnabled).toBe(true);
  });

  test("the next outage begins anew: its first death is followed by a start at once", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    for (let outage = 0; outage < 3; outage++) {
      branch.broker.goAway();
      const before = branch.processes.starts("web");
      await branch.die("web");
      expect(branch.processes.starts("web")).toBe(before + 1);
      await branch.die("web");
      // One that never answered may have been refused by the broker: a moment is waited for news of that.
      await branch.clock.advance(1500);
      expect((await branch.status("web")).state).toBe("backoff");
      branch.broker.comeBack();
      await branch.clock.advance(10 * SECOND_MS);
      expect((await branch.status("web")).state).toBe("running");
    }
  });

  test("those deaths are forgotten once the worker answered again", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    for (let times = 0; times < 4; times++) {
      await branch.die("web");
      await branch.clock.advance(MINUTE_MS);
    }
    branch.broker.comeBack();
    await branch.clock.advance(10 * SECOND_MS);
    expect((await branch.status("web")).state).toBe("running");
    await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(true);
    await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(false);
  });

  test("no worker is restarted for silence, however long, nor within wait_after_broker_revived of its return", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(10 * SECOND_MS);
    branch.broker.goAway();
    branch.processes.worker("web").isMute = true;
    await branch.clock.advance(60 * MINUTE_MS);
    expect((await branch.status("web")).state).toBe("unknown");
    branch.broker.comeBack();
    await branch.clock.advance(35 * SECOND_MS + 55 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    branch.processes.worker("web").isMute = false;
    await branch.clock.advance(60 * MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    expect((await branch.status("web")).state).toBe("running");
  });

  test("what changes is brought in line on its return, at once", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    branch.broker.goAway();
    await branch.wish("web", { queues: ["a"] });
    await branch.clock.advance(MINUTE_MS);
    branch.broker.comeBack();
    await branch.clock.advance(SECOND_MS);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
    expect((await branch.status("web")).isInLine).toBe(true);
  });

  test("a worker is stopped that is not wished any more", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    await branch.wish("web", { isEnabled: false });
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    expect((await branch.status("web")).state).toBe("disabled");
  });
});

describe("a worker that does not answer", () => {
  /** Silent from now on, long after the broker came. */
  async function silenced(branch: TestBranch, settings: Parameters<TestBranch["add"]>[1] = {}) {
    await branch.add("web", settings);
    await branch.clock.advance(MINUTE_MS);
    branch.processes.worker("web").isMute = true;
  }

  test("is asked to end after the time, and replaced", async () => {
    await using branch = new TestBranch();
    await silenced(branch);
    await branch.clock.advance(50 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "start web"]);
    expect(branch.store.history.of("web").find(({ did }) => did === "died")?.why).toBe(
      "the worker did not answer and was stopped (the worker ended with status 0)",
    );
    expect((await branch.status("web")).restarts).toBe(1);
  });

  test("is shown as unresponsive before that", async () => {
    await using branch = new TestBranch();
    await silenced(branch);
    await branch.clock.advance(30 * SECOND_MS);
    expect((await branch.status("web")).state).toBe("unresponsive");
  });

  test("is given the benefit of the doubt after an outage", async () => {
    await using branch = new TestBranch();
    await silenced(branch);
    await branch.clock.advance(30 * SECOND_MS);
    branch.broker.goAway();
    await branch.clock.advance(10 * SECOND_MS);
    branch.broker.comeBack();
    await branch.clock.advance(10 * SECOND_MS);
    expect((await branch.status("web")).state).toBe("unknown");
  });

  test("and does not end either is killed after stop_timeout, with its session, without a second TERM", async () => {
    await using branch = new TestBranch();
    await silenced(branch, { stopTimeoutS: 20 });
    branch.processes.worker("web").isBusy = true;
    await branch.clock.advance(75 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    await branch.clock.advance(15 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "KILL web", "start web"]);
  });

  test("counts as a death", async () => {
    await using branch = new TestBranch({ restartMaxRate: "1/h" });
    await silenced(branch);
    branch.processes.next = { isMute: true };
    await branch.clock.advance(5 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
    expect(branch.instance("web").isEnabled).toBe(false);
  });

  test("but the question of somebody else is left alone", async () => {
    await using branch = new TestBranch();
    await silenced(branch);
    for (let times = 0; times < 20; times++) {
      await branch.clock.advance(10 * SECOND_MS);
      branch.broker.hear("web@b1");
    }
    expect(branch.processes.did).toEqual(["start web"]);
  });

  test("of the pool solo is left alone while it works, since it answers nothing then", async () => {
    await using branch = new TestBranch();
    await silenced(branch, { pool: "solo" });
    const worker = branch.processes.worker("web");
    worker.vitals = { ...worker.vitals, waitsIn: "hrtimer_nanosleep" };
    await branch.clock.advance(60 * MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    expect((await branch.status("web")).state).toBe("running");
    worker.vitals = { ...worker.vitals, waitsIn: "do_epoll_wait" };
    await branch.clock.advance(2 * MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "start web"]);
  });

  test("being stopped is told to end and to go on, whatever its pool", async () => {
    await using branch = new TestBranch();
    await silenced(branch, { pool: "solo" });
    const worker = branch.processes.worker("web");
    worker.isBusy = true;
    worker.vitals = { ...worker.vitals, isStopped: true, isAsleep: false, waitsIn: "do_signal_stop" };
    await branch.clock.advance(2 * MINUTE_MS);
    expect(branch.processes.did.slice(0, 3)).toEqual(["start web", "TERM web", "CONT web"]);
  });
});

describe("stopping", () => {
  test("waits for running tasks, and kills the session after stop_timeout", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isBusy: true };
    await branch.add("web", { stopTimeoutS: 30 });
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(29 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    expect(await branch.status("web")).toMatchObject({ state: "stopping", pid: branch.processes.worker("web").id.pid });
    await branch.clock.advance(2 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "KILL web"]);
    expect(branch.history("web")).toEqual(["started", "stopping", "killed", "stopped"]);
    expect((await branch.status("web")).state).toBe("disabled");
  });

  test("asks nothing of a worker that is ending", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isBusy: true };
    await branch.add("web");
    await branch.wish("web", { isEnabled: false });
    branch.broker.did.length = 0;
    await branch.wish("web", {});
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.broker.did).toEqual([]);
  });

  test("sends one TERM, whatever is wished meanwhile, and starts again where that is the wish in the end", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isBusy: true };
    await branch.add("web");
    const worker = branch.processes.worker("web");
    await branch.wish("web", { isEnabled: false });
    await branch.wish("web", { isEnabled: true });
    await branch.wish("web", { restartSeq: 5 });
    await branch.clock.advance(30 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    branch.processes.end(worker, { code: 0, signal: null });
    await branch.clock.advance(0);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "start web"]);
  });

  test("sends one TERM over a restart of the branch, which keeps to the time", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { isBusy: true };
    await branch.add("web", { stopTimeoutS: 60 });
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(40 * SECOND_MS);
    await branch.restart();
    await branch.clock.advance(15 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "KILL web"]);
  });
});

describe("queues and bounds", () => {
  test("that change are brought in line: the queue is declared first, as a worker is refused it would die", async () => {
    await using branch = new TestBranch();
    branch.declare("a", "b");
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(SECOND_MS);
    branch.broker.did.length = 0;
    await branch.wish("web", { queues: ["b"], maxConcurrency: 9 });
    await branch.clock.advance(SECOND_MS);
    const worker = branch.processes.worker("web");
    expect([[...worker.queues], worker.bounds]).toEqual([["dq.web", "b"], { max: 9, min: 1 }]);
    const { did } = branch.broker;
    expect(did.indexOf("declare queue b")).toBeGreaterThan(-1);
    expect(did.indexOf("declare queue b")).toBeLessThan(did.indexOf("add_consumer web@b1"));
    expect((await branch.status("web")).isInLine).toBe(true);
    expect(branch.processes.starts("web")).toBe(1);
  });

  test("that somebody else changed on the worker are set right by the next round", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(SECOND_MS);
    const worker = branch.processes.worker("web");
    worker.queues.delete("a");
    worker.queues.add("stranger");
    worker.bounds = { max: 7, min: 7 };
    await branch.clock.advance(7 * SECOND_MS);
    expect([[...worker.queues], worker.bounds]).toEqual([["dq.web", "a"], { max: 1, min: 1 }]);
  });

  test("that the broker refuses no worker is told of; it is noted once, and tried again later", async () => {
    await using branch = new TestBranch();
    branch.declare("a", "b");
    branch.broker.refuses.set("a", "PRECONDITION_FAILED - inequivalent arg 'durable'");
    await branch.add("web", { queues: ["a", "b"] });
    await branch.clock.advance(20 * SECOND_MS);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "b"]);
    expect([...(await branch.status("web")).refused]).toEqual([
      ["a", "PRECONDITION_FAILED - inequivalent arg 'durable'"],
    ]);
    await branch.clock.advance(5 * MINUTE_MS);
    expect(branch.history("web").filter((did) => did === "refused")).toHaveLength(1);
    expect(branch.processes.did).toEqual(["start web"]);
    branch.broker.refuses.clear();
    await branch.clock.advance(40 * SECOND_MS);
    expect([...branch.processes.worker("web").queues].toSorted()).toEqual(["a", "b", "dq.web"]);
    expect((await branch.status("web")).refused.size).toBe(0);
  });

  test("that a person asks for again are tried at once", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    branch.broker.refuses.set("a", "no");
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(2 * SECOND_MS);
    branch.broker.refuses.clear();
    await branch.wish("web", {});
    await branch.clock.advance(SECOND_MS);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
  });

  test("are asked of all workers of a broker in two broadcasts a round", async () => {
    await using branch = new TestBranch();
    for (const name of ["a", "b", "c"]) await branch.add(name);
    await branch.clock.advance(10 * SECOND_MS);
    branch.broker.did.length = 0;
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.broker.did).toEqual(["active_queues a@b1,b@b1,c@b1", "stats a@b1,b@b1,c@b1"]);
  });
});

describe("a restart of all instances of an app", () => {
  const NAMES = ["a", "b", "c"];

  async function rolling(branch: TestBranch) {
    for (const name of NAMES) await branch.add(name);
    await branch.clock.advance(SECOND_MS);
    branch.processes.did.length = 0;
    for (const name of NAMES) {
      branch.store.instances.put({ ...branch.instance(name), restartSeq: 1, isRolling: true });
    }
  }

  test("takes one after another, the next when the one before runs again", async () => {
    await using branch = new TestBranch();
    await rolling(branch);
    branch.processes.next = { isMute: true };
    for (const name of NAMES) branch.supervisor.wake(name, "people");
    await branch.clock.advance(3 * SECOND_MS);
    expect(branch.processes.did).toEqual(["TERM a", "start a"]);
    for (const [at, name] of NAMES.entries()) {
      expect(branch.processes.did).toHaveLength(2 * (at + 1));
      branch.processes.worker(name).isMute = false;
      await branch.clock.advance(3 * SECOND_MS);
    }
    expect(branch.processes.did).toEqual(NAMES.flatMap((name) => [`TERM ${name}`, `start ${name}`]));
    for (const name of NAMES) {
      expect(await branch.status(name)).toMatchObject({ state: "running", restartSeq: 1, restarts: 1 });
    }
  });

  test("is halted where one does not come back: the others keep what works", async () => {
    await using branch = new TestBranch();
    await rolling(branch);
    branch.processes.next = { dies: { code: 1, signal: null } };
    for (const name of NAMES) branch.supervisor.wake(name, "people");
    await branch.clock.advance(5 * MINUTE_MS);
    expect(branch.processes.did).toEqual(["TERM a", "start a"]);
    expect(branch.instance("a").isEnabled).toBe(false);
    for (const name of ["b", "c"]) {
      expect(branch.history(name)).toContain("kept");
      expect(await branch.status(name)).toMatchObject({ state: "running", isInLine: true, restarts: 0 });
    }
  });

  test("skips one that is disabled meanwhile", async () => {
    await using branch = new TestBranch();
    await rolling(branch);
    branch.processes.next = { isMute: true };
    for (const name of NAMES) branch.supervisor.wake(name, "people");
    await branch.clock.advance(SECOND_MS);
    branch.processes.next = {};
    await branch.wish("a", { isEnabled: false });
    await branch.clock.advance(3 * SECOND_MS);
    expect(await branch.status("b")).toMatchObject({ restartSeq: 1, state: "running" });
    expect(await branch.status("c")).toMatchObject({ restartSeq: 1, state: "running" });
  });

  test("does not wait where a person restarts one alone", async () => {
    await using branch = new TestBranch();
    await rolling(branch);
    branch.processes.next = { isMute: true };
    branch.supervisor.wake("a", "people");
    await branch.clock.advance(SECOND_MS);
    await branch.wish("c", { restartSeq: 2, isRolling: false });
    expect(branch.processes.did).toContain("TERM c");
    expect(branch.processes.did).not.toContain("TERM b");
  });
});

describe("deleting an instance", () => {
  test("stops its worker, and forgets row, folder, queue and exchange", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.wish("web", {});
    branch.store.instances.set("web", { isDeleted: true });
    branch.supervisor.wake("web");
    await branch.clock.advance(0);
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(existsSync(branch.folder("web"))).toBe(false);
    expect(branch.broker.did.slice(-2)).toEqual(["delete queue dq.web", "delete exchange dq.web"]);
    expect(branch.store.leftovers.all()).toEqual([]);
    expect(await branch.supervisor.status("web")).toBe("gone");
  });

  test("leaves its queue to a later time where the broker is away", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    await branch.wish("web", { isDeleted: true });
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(branch.store.leftovers.all().map(({ queue }) => queue)).toEqual(["dq.web"]);
    await branch.clock.advance(MINUTE_MS);
    expect(branch.broker.did).not.toContain("delete queue dq.web");
    branch.broker.comeBack();
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.broker.did).toContain("delete queue dq.web");
    expect(branch.store.leftovers.all()).toEqual([]);
  });

  test("removes it as soon as its own broker is back, while another is still away", async () => {
    await using branch = new TestBranch();
    const other = branch.brokers.use({ ...branch.broker.broker, virtualHost: "other" });
    await branch.add("a", { broker: other.broker });
    await branch.add("b");
    other.goAway();
    branch.broker.goAway();
    await branch.wish("a", { isDeleted: true });
    await branch.wish("b", { isDeleted: true });
    branch.broker.comeBack();
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.broker.did).toContain("delete queue dq.b");
    expect(branch.store.leftovers.all().map(({ queue }) => queue)).toEqual(["dq.a"]);
  });

  test("removes that queue after a restart of the branch too", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    await branch.wish("web", { isDeleted: true });
    await branch.restart(() => branch.broker.comeBack());
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.broker.did).toContain("delete queue dq.web");
  });

  test("spares that queue where the name is used again by then", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    branch.broker.goAway();
    await branch.wish("web", { isDeleted: true });
    await branch.add("web");
    branch.broker.comeBack();
    await branch.clock.advance(30 * SECOND_MS);
    expect(branch.broker.did).not.toContain("delete queue dq.web");
    expect(branch.store.leftovers.all()).toEqual([]);
  });

  test("of a disabled one needs no process", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { isEnabled: false });
    await branch.wish("web", { isDeleted: true });
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(branch.processes.did).toEqual([]);
  });

  test("is ended by the next branch where the branch was killed in the middle", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.restart(() => branch.store.instances.set("web", { isDeleted: true }));
    await branch.clock.advance(SECOND_MS);
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
  });
});

describe("deleting an app", () => {
  test("ends when its instances are gone, with its queues", async () => {
    await using branch = new TestBranch();
    branch.declare("a");
    branch.processes.next = { isBusy: true };
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(SECOND_MS);
    const shop = branch.store.apps.get("shop");
    if (!shop) throw new Error("no app");
    branch.store.apps.put({ ...shop, isDeleted: true });
    await branch.wish("web", { isDeleted: true });
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.store.apps.get("shop")).toBeDefined();
    branch.processes.end(branch.processes.worker("web"), { code: 0, signal: null });
    await branch.clock.advance(0);
    expect(branch.store.apps.get("shop")).toBeUndefined();
    expect(branch.store.queues.names("shop")).toEqual([]);
  });

  test("ends at the next start where the branch was killed in the middle", async () => {
    await using branch = new TestBranch();
    const shop = branch.store.apps.get("shop");
    if (!shop) throw new Error("no app");
    await branch.restart(() => branch.store.apps.put({ ...shop, isDeleted: true }));
    expect(branch.store.apps.get("shop")).toBeUndefined();
  });
});

describe("a branch that starts again", () => {
  test("takes its workers over as they run", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    const { pid } = branch.processes.worker("web").id;
    await branch.restart();
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    expect(await branch.status("web")).toMatchObject({ state: "running", pid, isInLine: true, restarts: 0 });
    expect(branch.history("web")).toEqual(["started", "adopted"]);
  });

  test("says that they run since they first answered", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    const { sinceMs } = await branch.status("web");
    await branch.clock.advance(MINUTE_MS);
    await branch.restart();
    await branch.clock.advance(MINUTE_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", sinceMs });
  });

  test("sees the death of such a worker within a quarter of a second", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.restart();
    await branch.clock.advance(10 * SECOND_MS);
    await branch.die("web");
    expect(branch.processes.starts("web")).toBe(1);
    await branch.clock.advance(250);
    expect(branch.processes.starts("web")).toBe(2);
  });

  test("starts what died meanwhile, and blames nobody", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    for (let times = 0; times < 3; times++) {
      await branch.restart(() => branch.processes.end(branch.processes.worker("web"), { code: 1, signal: null }));
      await branch.clock.advance(SECOND_MS);
    }
    expect(branch.processes.starts("web")).toBe(4);
    expect(branch.instance("web").isEnabled).toBe(true);
    expect(branch.store.workers.deathsSince("web", 0)).toBe(0);
  });

  test("does not take another process for its worker that has the same pid", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    const old = branch.processes.worker("web");
    await branch.restart(() => {
      branch.processes.end(old, { code: 1, signal: null });
      // The same number, begun later: a stranger's.
      const stranger = branch.startUnnoticed("stranger");
      Object.assign(stranger, { id: { ...old.id, startTicks: old.id.startTicks + 1 } });
    });
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.worker("web")).not.toBe(old);
    expect(branch.processes.worker("stranger").isAlive).toBe(true);
    await branch.wish("web", { isEnabled: false });
    expect(branch.processes.worker("stranger").isAlive).toBe(true);
  });

  test("takes over a worker of which nothing was written down", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { isEnabled: false });
    const found = { pid: 0 };
    await branch.restart(() => {
      branch.store.instances.set("web", { isEnabled: true });
      found.pid = branch.startUnnoticed("web").id.pid;
    });
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.starts("web")).toBe(1);
    expect(await branch.status("web")).toMatchObject({ state: "running", pid: found.pid });
    expect(readFileSync(join(branch.folder("web"), "worker.pid"), "utf8")).toBe(`${found.pid}\n`);
  });

  test("starts at most so many at a time", async () => {
    await using branch = new TestBranch({ maxStarting: 2 });
    for (const name of ["a", "b", "c", "d", "e"]) await branch.add(name, { isEnabled: false });
    branch.processes.next = { isMute: true };
    await branch.restart(() => {
      for (const name of ["a", "b", "c", "d", "e"]) branch.store.instances.set(name, { isEnabled: true });
    });
    await branch.clock.advance(2 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start a", "start b"]);
    branch.processes.worker("a").isMute = false;
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.did).toEqual(["start a", "start b", "start c"]);
    // Two that start slowly hold up the others for 10 s.
    await branch.clock.advance(25 * SECOND_MS);
    expect(branch.processes.did).toHaveLength(5);
  });
});

describe("stopping the branch", () => {
  test("leaves its workers alone, and does nothing more", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.supervisor.stop();
    await branch.die("web");
    branch.supervisor.wake("web", "people");
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web"]);
  });
});

describe("a command where no branch runs", () => {
  test("does what it is told, and nothing by itself", async () => {
    await using branch = new TestBranch({ isDaemon: false });
    branch.declare("a");
    branch.store.instances.put(newInstance({ name: "other", app: "shop", nowMs: 0 }, {}));
    await branch.add("web", { queues: ["a"] });
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.did).toEqual(["start web"]);
    expect([...branch.processes.worker("web").queues]).toEqual(["dq.web", "a"]);
  });

  test("looks without doing anything", async () => {
    await using branch = new TestBranch({ isDaemon: false });
    branch.store.instances.put(newInstance({ name: "web", app: "shop", nowMs: 0 }, {}));
    branch.store.instances.put(newInstance({ name: "off", app: "shop", nowMs: 0 }, { isEnabled: false }));
    const seen = [
      await branch.supervisor.status("web"),
      await branch.supervisor.status("off"),
      await branch.supervisor.status("none"),
    ];
    expect(seen.map((status) => (status === "gone" ? status : status.state))).toEqual(["stopped", "disabled", "gone"]);
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.did).toEqual([]);
  });

  test("sees a worker that runs, and what it consumes", async () => {
    await using branch = new TestBranch({ isDaemon: false });
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    const { pid } = branch.processes.worker("web").id;
    expect(await branch.status("web")).toMatchObject({ state: "running", pid, reply: { queues: ["dq.web"] } });
  });

  test("deletes an instance with its worker", async () => {
    await using branch = new TestBranch({ isDaemon: false });
    await branch.add("web");
    await branch.wish("web", { isDeleted: true });
    await branch.clock.advance(SECOND_MS);
    expect(branch.store.instances.get("web")).toBeUndefined();
    expect(branch.processes.did).toEqual(["start web", "TERM web"]);
  });
});

describe("what a caller waits for", () => {
  test("is only what is seen after the change", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    const states: string[] = [];
    const waiting = branch.supervisor.until(
      "web",
      (status) => {
        states.push(status === "gone" ? "gone" : status.state);
        return states.at(-1) === "disabled" ? "done" : undefined;
      },
      MINUTE_MS,
    );
    await branch.wish("web", { isEnabled: false });
    expect(await waiting).toBe("done");
    expect(states.slice(-2)).toEqual(["stopping", "disabled"]);
  });

  test("is not what a look finds that began before the change", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    branch.processes.worker("web").isMute = true;
    branch.supervisor.wake("web");
    await branch.clock.advance(100);
    const states: string[] = [];
    const waiting = branch.supervisor.until(
      "web",
      (status) => {
        states.push(status === "gone" ? "gone" : status.state);
        return states.at(-1) === "disabled" ? "done" : undefined;
      },
      MINUTE_MS,
    );
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(5 * SECOND_MS);
    expect(await waiting).toBe("done");
    expect([...new Set(states)]).toEqual(["stopping", "disabled"]);
  });

  test("is undefined after its time, and what the check throws is thrown", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    const waiting = branch.supervisor.until("web", () => undefined, SECOND_MS);
    await branch.clock.advance(SECOND_MS);
    expect(await waiting).toBeUndefined();
    const failing = branch.supervisor.until(
      "web",
      () => {
        throw new Error("enough");
      },
      SECOND_MS,
    );
    await expect(failing).rejects.toThrow("enough");
  });

  test("of an instance that never was is that it is gone", async () => {
    await using branch = new TestBranch();
    expect(await branch.supervisor.status("none")).toBe("gone");
  });
});

test("an instance whose look fails is looked at again, and the others go on", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.add("other");
  const spawn = branch.processes.spawn.bind(branch.processes);
  let failures = 0;
  branch.processes.spawn = (options) => {
    if (options.cwd.endsWith("web") && failures++ < 2) throw new Error("no memory");
    return spawn(options);
  };
  await branch.die("web");
  await branch.die("other");
  await branch.clock.advance(10 * SECOND_MS);
  expect(failures).toBeGreaterThan(2);
  expect([(await branch.status("web")).state, (await branch.status("other")).state]).toEqual(["running", "running"]);
});

test("the brokers in use are those of the branch, its apps, instances and workers", async () => {
  await using branch = new TestBranch();
  const broker = (virtualHost: string) => ({ ...branch.broker.broker, virtualHost });
  await branch.add("web", { broker: broker("instance") });
  await branch.clock.advance(6 * SECOND_MS);
  expect(branch.brokers.kept).toEqual(["/", "instance"]);
  branch.processes.worker("web").isBusy = true;
  await branch.wish("web", { broker: broker("next"), restartSeq: 1 });
  await branch.clock.advance(6 * SECOND_MS);
  expect(branch.brokers.kept).toContain("next");
});
