import { describe, expect, spyOn, test } from "bun:test";
import { WORKER_VARIABLE } from "../celery/command-line.ts";
import { AmqpAway } from "../kit/amqp.ts";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const ELSEWHERE = "elsewhere";

/** Asks for a restart of all, one after the other. */
function roll(branch: TestBranch, names: readonly string[]): void {
  for (const name of names) {
    branch.store.instances.put({ ...branch.instance(name), restartSeq: 1, isRolling: true });
    branch.supervisor.wake(name, "people");
  }
}

describe("an answer in a round", () => {
  test("of the worker before says nothing of the one that replaced it meanwhile", async () => {
    await using branch = new TestBranch();
    await branch.add("busy", { pool: "solo" });
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    branch.processes.worker("busy").isMute = true; // So the round waits, with the answer of web in hand.
    await branch.clock.advance(4100);
    branch.processes.next = { isMute: true };
    await branch.wish("web", { restartSeq: 1 });
    await branch.clock.advance(2500);
    expect(branch.store.workers.get("web").answeredAtMs).toBeNull();
    expect(await branch.status("web")).toMatchObject({ state: "starting", reply: null });
  });
});

describe("a rolling restart", () => {
  test("goes no further while the branch is killed and started again, until the first answers", async () => {
    await using branch = new TestBranch();
    const names = ["a", "b", "c"];
    for (const name of names) await branch.add(name);
    await branch.clock.advance(SECOND_MS);
    branch.processes.did.length = 0;
    branch.processes.next = { isMute: true };
    roll(branch, names);
    await branch.clock.advance(3 * SECOND_MS);
    for (let times = 0; times < 2; times++) {
      await branch.restart();
      await branch.clock.advance(3 * SECOND_MS);
    }
    expect(branch.processes.did).toEqual(["TERM a", "start a"]);
    branch.processes.next = {};
    branch.processes.worker("a").isMute = false;
    await branch.clock.advance(10 * SECOND_MS);
    expect(branch.processes.did).toEqual(["TERM a", "start a", "TERM b", "start b", "TERM c", "start c"]);
  });
});

describe("silence", () => {
  test("is nobody's fault while the broker takes no questions, though it is there", async () => {
    await using branch = new TestBranch();
    for (const name of ["a", "b"]) await branch.add(name);
    await branch.clock.advance(SECOND_MS);
    branch.processes.did.length = 0;
    branch.broker.ask = async (_method, _args, _nodes, timeoutMs) => {
      await branch.clock.sleep(timeoutMs);
      throw new AmqpAway("it took no message");
    };
    await branch.clock.advance(200 * SECOND_MS);
    expect(branch.processes.did).toEqual([]);
  });
});

describe("the connection to a broker", () => {
  test("is kept while a worker that is wanted elsewhere still stops there", async () => {
    await using branch = new TestBranch();
    const elsewhere = { ...branch.broker.broker, virtualHost: ELSEWHERE };
    await branch.add("web", { broker: elsewhere });
    await branch.clock.advance(SECOND_MS);
    branch.processes.worker("web").isBusy = true;
    await branch.wish("web", { broker: null, restartSeq: 1 });
    await branch.clock.advance(6 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe("TERM web");
    expect(branch.brokers.kept).toContain(ELSEWHERE);
  });

  test("is kept while a direct queue is still to be deleted there, and no longer", async () => {
    await using branch = new TestBranch();
    const elsewhere = { ...branch.broker.broker, virtualHost: ELSEWHERE };
    branch.store.leftovers.add({ queue: "dq.gone", broker: elsewhere }, branch.clock.now());
    branch.brokers.use(elsewhere).goAway();
    await branch.clock.advance(6 * SECOND_MS);
    expect(branch.brokers.kept).toContain(ELSEWHERE);
    branch.brokers.use(elsewhere).comeBack();
    await branch.clock.advance(12 * SECOND_MS);
    expect(branch.store.leftovers.all()).toEqual([]);
    expect(branch.brokers.kept).not.toContain(ELSEWHERE);
  });
});

describe("a direct queue that is still to be deleted", () => {
  test("is forgotten after a week in which its broker did not come back", async () => {
    await using branch = new TestBranch();
    const elsewhere = { ...branch.broker.broker, virtualHost: ELSEWHERE };
    branch.brokers.use(elsewhere).goAway();
    const almostWeekMs = 7 * 24 * 3_600_000 - 60 * SECOND_MS;
    branch.store.leftovers.add({ queue: "dq.gone", broker: elsewhere }, branch.clock.now() - almostWeekMs);
    await branch.clock.advance(50 * SECOND_MS);
    expect(branch.store.leftovers.all()).toHaveLength(1);
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.store.leftovers.all()).toEqual([]);
  });
});

describe("a place among those that start", () => {
  test("goes to the next where who was called does not want it any more", async () => {
    await using branch = new TestBranch({ maxStarting: 2, intervalMs: 3_600_000 });
    branch.processes.next = { isMute: true };
    for (const name of ["a", "b", "c", "d", "e"]) await branch.add(name);
    for (const name of ["c", "d"]) await branch.wish(name, { isEnabled: false });
    for (const name of ["a", "b"]) branch.processes.worker(name).isMute = false;
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.did).toContain("start e");
  });

  test("is not held for long by one that cannot answer, while the broker is away", async () => {
    await using branch = new TestBranch({ maxStarting: 1 });
    branch.broker.goAway();
    for (const name of ["a", "b", "c"]) await branch.add(name);
    await branch.clock.advance(4 * SECOND_MS);
    expect(branch.processes.did).toEqual(["start a", "start b", "start c"]);
  });
});

describe("a process that bears the mark of an instance", () => {
  test("is no worker where its words are not those of one: a task started it", async () => {
    await using branch = new TestBranch();
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    await branch.wish("web", { isEnabled: false });
    await branch.clock.advance(SECOND_MS);
    const env = { [WORKER_VARIABLE]: branch.folder("web") };
    const argv = ["sleep", "1000"];
    const child = branch.processes.spawn({ argv, cwd: "/", env, logFile: "/dev/null", onExit() {} });
    await branch.restart();
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.isAlive(child)).toBe(true);
    expect(branch.history("web")).not.toContain("adopted");
  });
});

test("what a dead worker left and nothing can end is looked for seldom, and then left", async () => {
  await using branch = new TestBranch();
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  const kill = spyOn(branch.processes, "killSession").mockReturnValue(1);
  await branch.die("web");
  await branch.clock.advance(1.9 * SECOND_MS);
  expect(branch.processes.starts("web")).toBe(1);
  expect(kill.mock.calls.length).toBeGreaterThan(10);
  await branch.clock.advance(0.5 * SECOND_MS);
  expect(branch.processes.starts("web")).toBe(2);
  expect(kill.mock.calls.length).toBeLessThan(50);
});
