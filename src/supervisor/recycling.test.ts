import { describe, expect, spyOn, test } from "bun:test";
import { due, type Use } from "./recycling.ts";
import { TestBranch } from "./test-support.ts";

const MIB = 2 ** 20;
const LOOK_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_S = 3600;

describe("due()", () => {
  const limits = { maxMemory: 100 * MIB, maxAgeS: HOUR_S };
  const use = (fields: Partial<Use> = {}): Use => ({ ageMs: 0, overMemory: [], jitter: 0, ...fields });
  const over = [101 * MIB, 102 * MIB, 103 * MIB];

  test.each<[string, typeof limits | { maxMemory: null; maxAgeS: null }, Partial<Use>]>([
    ["uses little and is young", limits, {}],
    ["was over its memory in two looks", limits, { overMemory: over.slice(0, 2) }],
    ["is almost old enough", limits, { ageMs: HOUR_S * 1000 - 1 }],
    ["is old enough, but its share of the spread is not over", limits, { ageMs: HOUR_S * 1000, jitter: 0.5 }],
    ["has no limits", { maxMemory: null, maxAgeS: null }, { ageMs: 1e12, overMemory: over }],
  ])("leaves a worker that %s", (_, given, fields) => expect(due(given, use(fields))).toBeUndefined());

  test("names memory that was too much in three looks", () => {
    expect(due(limits, use({ overMemory: over }))).toMatchObject({ evidence: { max_memory: 100 * MIB, used: over } });
  });

  test("names an age that is over the limit, with its share of the spread", () => {
    expect(due(limits, use({ ageMs: HOUR_S * 1050, jitter: 0.5 }))).toMatchObject({
      evidence: { max_age: HOUR_S, age: 1.05 * HOUR_S },
    });
  });
});

describe("max_memory", () => {
  test("replaces a worker that is above it in three looks, by a stand-in, and counts as no death", async () => {
    await using branch = new TestBranch({ restartMaxRate: "1/h" });
    await branch.add("web", { maxMemory: 100 * MIB });
    const first = branch.processes.worker("web");
    first.memory = 101 * MIB;
    await branch.clock.advance(2 * LOOK_MS + 1000);
    expect(branch.processes.starts("web~standin")).toBe(0);
    await branch.clock.advance(LOOK_MS);
    expect(branch.processes.did.slice(1)).toEqual(["start web~standin", "TERM web", "start web", "TERM web~standin"]);
    expect(branch.store.history.of("web").find(({ did }) => did === "recycling")).toMatchObject({
      evidence: { pid: first.id.pid, max_memory: 100 * MIB, used: [101 * MIB, 101 * MIB, 101 * MIB] },
    });
    expect(branch.store.workers.deathsSince("web", 0)).toBe(0);
    expect((await branch.status("web")).state).toBe("running");
  });

  test("leaves a worker that falls below it in between", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxMemory: 100 * MIB });
    const worker = branch.processes.worker("web");
    for (let times = 0; times < 10; times++) {
      worker.memory = times % 3 === 2 ? 99 * MIB : 200 * MIB;
      await branch.clock.advance(LOOK_MS);
    }
    expect(branch.processes.did).toEqual(["start web"]);
  });

  test("that no worker keeps to replaces one less and less often", async () => {
    await using branch = new TestBranch();
    branch.processes.next = { memory: 200 * MIB };
    await branch.add("web", { maxMemory: 100 * MIB });
    await branch.clock.advance(60 * MINUTE_MS);
    // After 30 s, then at least 1, 2, 4, 8 and 16 minutes after the one before.
    expect(branch.processes.starts("web")).toBe(7);
  });

  test("takes one instance of an app at a time, and apps side by side", async () => {
    await using branch = new TestBranch();
    branch.store.apps.put({ ...branch.app("shop"), name: "other" });
    const limit = { maxMemory: 100 * MIB };
    await branch.add("web", limit);
    await branch.add("web2", limit);
    await branch.add("far", limit, "other");
    for (const { name } of branch.processes.workers) branch.processes.worker(name).memory = 200 * MIB;
    for (const name of ["web", "far"]) branch.processes.worker(name).isBusy = true;
    await branch.clock.advance(50_000);
    expect(branch.processes.starts("web~standin")).toBe(1);
    expect(branch.processes.starts("far~standin")).toBe(1);
    expect(branch.processes.starts("web2~standin")).toBe(0);
    branch.processes.end(branch.processes.worker("web"), { code: 0, signal: null });
    await branch.clock.advance(20_000);
    expect(branch.processes.starts("web2~standin")).toBe(1);
  });

  test("runs no second worker with -B beside the first", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxMemory: 100 * MIB, arguments: "-B" });
    branch.processes.worker("web").memory = 200 * MIB;
    await branch.clock.advance(35_000);
    expect(branch.processes.did).toEqual(["start web", "TERM web", "start web"]);
  });

  test("keeps the worker where the stand-in does not come up", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxMemory: 100 * MIB });
    branch.processes.worker("web").memory = 200 * MIB;
    branch.processes.next = { dies: { code: 1, signal: null } };
    await branch.clock.advance(35_000);
    expect(branch.processes.did).toEqual(["start web", "start web~standin"]);
    expect(branch.history("web").at(-1)).toBe("kept");
    expect((await branch.status("web")).state).toBe("running");
  });
});

describe("max_age", () => {
  test("replaces a worker once it is older, within a tenth of it", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxAgeS: HOUR_S });
    await branch.clock.advance(60 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    await branch.clock.advance(7 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
    expect(branch.history("web")).toContain("recycling");
  });

  test("is no matter of the clock, which somebody may set", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxAgeS: HOUR_S });
    for (const ms of [100 * MINUTE_MS, -300 * MINUTE_MS, 100 * MINUTE_MS]) {
      await branch.clock.advance(10 * MINUTE_MS);
      branch.clock.set(ms);
    }
    await branch.clock.advance(25 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    await branch.clock.advance(15 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
  });

  test("of a worker is not that of the next, which came while memory was being read", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxMemory: 100 * MIB, maxAgeS: HOUR_S });
    await branch.clock.advance(30 * MINUTE_MS);
    const memory = branch.processes.sessionMemory.bind(branch.processes);
    const isRead = Promise.withResolvers<void>();
    spyOn(branch.processes, "sessionMemory").mockImplementation(async (leaders) => {
      const bytes = await memory(leaders);
      await isRead.promise;
      return bytes;
    });
    await branch.clock.advance(2 * MINUTE_MS);
    await branch.die("web");
    await branch.clock.advance(MINUTE_MS);
    isRead.resolve();
    await branch.clock.advance(0);
    expect(branch.store.workers.get("web").ageMs).toBe(0);
  });

  test("goes on counting over restarts of the branch, but not what nobody saw", async () => {
    await using branch = new TestBranch();
    await branch.add("web", { maxAgeS: HOUR_S });
    await branch.clock.advance(40 * MINUTE_MS);
    await branch.supervisor.stop();
    await branch.clock.advance(100 * MINUTE_MS);
    await branch.restart();
    await branch.clock.advance(19 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(1);
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
  });
});
