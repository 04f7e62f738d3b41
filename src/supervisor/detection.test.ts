import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { restartOf } from "../domain/instance.ts";
import type { FakeWorker } from "./test-support.ts";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/** A branch whose instances have been running for a while. */
async function running(...names: string[]): Promise<TestBranch> {
  const branch = new TestBranch();
  for (const name of names) await branch.add(name);
  await branch.clock.advance(2 * MINUTE_MS);
  return branch;
}

const mute = (branch: TestBranch, ...names: string[]) => {
  for (const name of names) branch.processes.worker(name).isMute = true;
};
const started = (branch: TestBranch) => branch.processes.did.filter((what) => what.startsWith("start"));
const latest = (branch: TestBranch, name: string, did: string) =>
  branch.store.history.of(name).find((entry) => entry.did === did);

describe("a worker that is silent", () => {
  test("while another one answers is restarted, and it is written down how that is known", async () => {
    await using branch = await running("a", "b");
    mute(branch, "b");
    await branch.clock.advance(2 * MINUTE_MS);
    expect(started(branch)).toEqual(["start a", "start b", "start b"]);
    expect(latest(branch, "b", "stopping")).toMatchObject({
      why: expect.stringMatching(/^no answer for 6\d s$/),
      evidence: { unanswered: 12, heard: "another worker", process: "do_epoll_wait" },
    });
  });

  test("and the only one is restarted where a message of ours comes back", async () => {
    await using branch = await running("a");
    mute(branch, "a");
    await branch.clock.advance(2 * MINUTE_MS);
    expect(latest(branch, "a", "stopping")).toMatchObject({ evidence: { heard: "echo" } });
  });

  test("is left alone while no message of ours comes back: the broker is stuck", async () => {
    await using branch = await running("a");
    mute(branch, "a");
    branch.broker.isDeaf = true;
    await branch.clock.advance(20 * MINUTE_MS);
    expect(started(branch)).toEqual(["start a"]);
    branch.broker.isDeaf = false;
    await branch.clock.advance(2 * MINUTE_MS);
    expect(started(branch)).toEqual(["start a", "start a"]);
  });

  test("being one of several that all are is left alone; then the first is tried, and speaks for the others", async () => {
    await using branch = await running("a", "b");
    mute(branch, "a", "b");
    await branch.clock.advance(4.5 * MINUTE_MS);
    expect(started(branch)).toEqual(["start a", "start b"]);
    await branch.clock.advance(MINUTE_MS);
    expect(started(branch)).toEqual(["start a", "start b", "start a"]);
    expect(latest(branch, "a", "stopping")?.why).toMatch(/^no worker of this broker has answered for 30\d s: this one/);
    await branch.clock.advance(2 * MINUTE_MS);
    expect(started(branch)).toEqual(["start a", "start b", "start a", "start b"]);
  });
});

describe("a worker that lists its queues and consumes from none", () => {
  /** Its worker is deaf until it is told to consume again, or for ever. */
  async function deafened(isForEver: boolean): Promise<{ branch: TestBranch; worker: FakeWorker }> {
    const branch = await running("web", "other");
    const worker = branch.processes.worker("web");
    worker.isDeafToQueues = true;
    if (!isForEver) worker.hearsWhenTold = true;
    branch.broker.did.length = 0;
    return { branch, worker };
  }

  test("is told to consume again, and left alone where that helps", async () => {
    const { branch, worker } = await deafened(false);
    await using _ = branch;
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.processes.worker("web")).toBe(worker);
    expect(branch.history("web")).toEqual(["started", "mended"]);
    const told = branch.broker.did.filter((what) => /^(cancel|add)_consumer/.test(what));
    expect(told).toEqual(["cancel_consumer web@b1", "add_consumer web@b1"]);
  });

  test("is restarted where that does not help; the next one is not accused at once", async () => {
    const { branch } = await deafened(true);
    await using _ = branch;
    await branch.clock.advance(2 * MINUTE_MS);
    expect(branch.history("web")).toEqual(["started", "mended", "stopping", "died", "started"]);
    expect(latest(branch, "web", "stopping")).toMatchObject({
      evidence: { queue: "dq.web", consumers: 0, listed_by: 1 },
    });
    expect(latest(branch, "web", "died")?.why).toBe(
      "the worker did not consume and was stopped (the worker ended with status 0)",
    );
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.history("web")).toHaveLength(5);
    expect(branch.history("other")).toEqual(["started"]);
  });

  test("is left alone while its broker is away", async () => {
    const { branch } = await deafened(true);
    await using _ = branch;
    branch.broker.goAway();
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.history("web")).toEqual(["started"]);
  });
});

test("of two workers one of which never consumes that one is restarted; their histories say little", async () => {
  await using branch = new TestBranch();
  branch.declare("q");
  await branch.add("deaf", { queues: ["q"] });
  await branch.add("well", { queues: ["q"] });
  await branch.clock.advance(MINUTE_MS);
  branch.broker.counts.set("q", { messages: 50, consumers: 1 });
  for (let seconds = 0; seconds < 240; seconds += 5) {
    branch.processes.worker("well").begunTasks++;
    await branch.clock.advance(5 * SECOND_MS);
    if (branch.processes.starts("deaf") > 1) branch.broker.counts.delete("q");
  }
  expect(branch.history("deaf")).toEqual(["started", "mended", "stopping", "died", "started", "mended"]);
  expect(branch.history("well")).toEqual(["started", "mended", "mended"]);
  expect(latest(branch, "well", "mended")?.why).toStartWith("consuming again: ");
});

describe("what somebody changes behind our back is back within one round", () => {
  test.each<[string, (worker: FakeWorker) => unknown]>([
    ["a queue that was left", (worker) => worker.queues.delete("a")],
    ["its own queue that was left", (worker) => worker.queues.delete("dq.web")],
    ["a queue too many", (worker) => worker.queues.add("b")],
    ["other bounds", (worker) => (worker.bounds = { max: 9, min: 9 })],
  ])("%s", async (_what, change) => {
    await using branch = new TestBranch();
    branch.declare("a");
    await branch.add("web", { queues: ["a"], maxConcurrency: 4 });
    await branch.clock.advance(MINUTE_MS);
    const worker = branch.processes.worker("web");
    change(worker);
    await branch.clock.advance(5 * SECOND_MS);
    expect([...worker.queues].toSorted()).toEqual(["a", "dq.web"]);
    expect(worker.bounds).toEqual({ max: 4, min: 1 });
    expect(branch.history("web")).toEqual(["started"]);
  });
});

describe("the pool of a worker", () => {
  test("shrinks at once where min is lowered", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxConcurrency: 8, minConcurrency: 6 });
    await branch.clock.advance(MINUTE_MS);
    const worker = branch.processes.worker("web");
    expect(worker.processes).toBe(6);
    await branch.wish("web", { minConcurrency: 2 });
    await branch.clock.advance(SECOND_MS);
    expect(worker).toMatchObject({ processes: 2, bounds: { max: 8, min: 2 } });
  });

  test("keeps what its tasks need, and what it began for them, until Celery had its time", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxConcurrency: 8, minConcurrency: 6 });
    await branch.clock.advance(MINUTE_MS);
    const worker = branch.processes.worker("web");
    worker.tasks = 4;
    await branch.wish("web", { minConcurrency: 2 });
    await branch.clock.advance(MINUTE_MS);
    expect(worker.processes).toBe(4);
    worker.tasks = 0;
    await branch.clock.advance(MINUTE_MS);
    expect(worker.processes).toBe(4);
    await branch.clock.advance(2 * MINUTE_MS);
    expect(worker).toMatchObject({ processes: 2, bounds: { max: 8, min: 2 } });
  });
});

describe("a worker whose log says that somebody else has told it to end", () => {
  const SAYS_SO = "web@b1 ready.\nworker: Warm shutdown (MainProcess)\n";

  async function saysSo(): Promise<{ branch: TestBranch; worker: FakeWorker }> {
    const branch = await running("other", "web");
    writeFileSync(join(branch.folder("web"), "worker.log"), SAYS_SO);
    branch.processes.did.length = 0;
    return { branch, worker: branch.processes.worker("web") };
  }

  test("gets no second TERM, which would end its tasks on Celery 5.2", async () => {
    const { branch, worker } = await saysSo();
    await using _ = branch;
    worker.isMute = true;
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(MINUTE_MS + 3 * SECOND_MS);
    expect(branch.processes.did).toEqual(["KILL web"]);
  });

  test("gets its TERM where it answers: a task has written the same", async () => {
    const { branch } = await saysSo();
    await using _ = branch;
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.did).toEqual(["TERM web"]);
  });

  test("gets none where it still answered just after it was told", async () => {
    const { branch, worker } = await saysSo();
    await using _ = branch;
    await branch.wish("web", { isEnabled: false });
    worker.isMute = true;
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.did).toEqual([]);
    expect((await branch.status("web")).state).toBe("stopping");
  });

  test("is believed where nobody can ask it", async () => {
    const { branch } = await saysSo();
    await using _ = branch;
    branch.broker.goAway();
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(3 * SECOND_MS);
    expect(branch.processes.did).toEqual([]);
    expect((await branch.status("web")).state).toBe("stopping");
  });

  test("gets its TERM as a stand-in too where it answers", async () => {
    await using branch = await running("web");
    await branch.wish("web", restartOf(branch.instance("web"), { hasStandin: true }));
    mkdirSync(branch.folder("web~standin"), { recursive: true });
    writeFileSync(join(branch.folder("web~standin"), "worker.log"), SAYS_SO.replace("web", "web~standin"));
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe("TERM web~standin");
  });

  test("has stop_timeout from when it was found silent, is started again, and nobody is charged for that", async () => {
    const { branch, worker } = await saysSo();
    await using _ = branch;
    worker.isMute = true;
    await branch.clock.advance(75 * SECOND_MS);
    expect((await branch.status("web")).state).toBe("stopping");
    expect(branch.processes.did).toEqual([]);
    expect(latest(branch, "web", "stopping")?.why).toBe("somebody else has told it to end");
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.did).toEqual(["KILL web", "start web"]);
    expect(latest(branch, "web", "stopped")?.why).toBe("as somebody else told it to");
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
    expect(branch.store.workers.deathsSince("web", 0)).toBe(0);
  });

  test("and that answers is none that is ending", async () => {
    const { branch } = await saysSo();
    await using _ = branch;
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.processes.did).toEqual([]);
    expect((await branch.status("web")).state).toBe("running");
  });
});
