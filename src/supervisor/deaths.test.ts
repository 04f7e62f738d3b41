import { describe, expect, test } from "bun:test";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const STATUS_1 = { code: 1, signal: null } as const;

/** A branch that found this instance in its store, so that no person asked for the worker. */
async function branchWith(name: string, settings: ConstructorParameters<typeof TestBranch>[0]) {
  const branch = new TestBranch(settings);
  await branch.add(name);
  await branch.restart(() => {
    branch.processes.end(branch.processes.worker(name), STATUS_1);
    branch.processes.next = { dies: STATUS_1 };
  });
  return branch;
}

describe("restart_max_rate of an instance", () => {
  test("counts for it alone, and in place of the branch's", async () => {
    await using branch = new TestBranch({ restartMaxRate: "1/m" });
    await branch.add("web", { restartMaxRate: "2/h" });
    await branch.add("other");
    for (const name of ["web", "other", "web", "other"]) await branch.die(name);
    expect([branch.instance("web").isEnabled, branch.instance("other").isEnabled]).toEqual([true, false]);
    await branch.clock.advance(59 * MINUTE_MS);
    await branch.die("web");
    expect(branch.instance("web")).toMatchObject({
      isEnabled: false,
      disabledReason: "more deaths than restart_max_rate 2/h allows: the worker was killed by SIGKILL",
    });
  });

  test("is read at each death, so that a change needs no restart", async () => {
    await using branch = new TestBranch({ restartMaxRate: "1/m" });
    await branch.add("web");
    await branch.wish("web", { restartMaxRate: "5/m" });
    for (let deaths = 0; deaths < 5; deaths++) await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(true);
    expect(branch.processes.starts("web")).toBe(6);
  });
});

describe("a worker that dies before it first answered, though nobody asked for it", () => {
  test("comes back later and later, up to a minute, and each death counts", async () => {
    await using branch = await branchWith("web", { restartMaxRate: "9/h" });
    const waits: number[] = [];
    let lastMs = branch.clock.now();
    for (let starts = branch.processes.starts("web"); branch.instance("web").isEnabled;) {
      await branch.clock.advance(10);
      if (branch.processes.starts("web") === starts) continue;
      starts = branch.processes.starts("web");
      waits.push(branch.clock.now() - lastMs);
      lastMs = branch.clock.now();
    }
    const FULL_S = [1, 2, 4, 8, 16, 32, 60, 60, 60];
    expect(waits).toHaveLength(FULL_S.length);
    for (const [at, waitMs] of waits.entries()) {
      const fullMs = (FULL_S[at] ?? 0) * SECOND_MS;
      expect(waitMs).toBeGreaterThanOrEqual(0.75 * fullMs);
      expect(waitMs).toBeLessThanOrEqual(fullMs + 50);
    }
    expect(branch.instance("web").disabledReason).toContain("more deaths than restart_max_rate 9/h allows");
  });

  test("is in back-off meanwhile, which says how it ended", async () => {
    await using branch = await branchWith("web", { restartMaxRate: "9/h" });
    await branch.clock.advance(SECOND_MS / 2);
    expect(await branch.status("web")).toMatchObject({
      state: "backoff",
      pid: null,
      lastDeath: "the worker ended with status 1 before it first answered",
    });
    branch.processes.next = {};
    await branch.clock.advance(2 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", lastDeath: null });
  });

  test("begins anew with one second once a worker answered", async () => {
    await using branch = await branchWith("web", { restartMaxRate: "9/h" });
    await branch.clock.advance(10 * SECOND_MS);
    branch.processes.next = {};
    await branch.clock.advance(20 * SECOND_MS);
    branch.processes.next = { dies: STATUS_1 };
    await branch.die("web");
    const starts = branch.processes.starts("web");
    await branch.clock.advance(1100);
    expect(branch.processes.starts("web")).toBe(starts + 1);
  });

  test("is not waited for where a person asks for it", async () => {
    await using branch = await branchWith("web", { restartMaxRate: "9/h" });
    await branch.clock.advance(10 * SECOND_MS);
    branch.processes.next = {};
    await branch.wish("web", {});
    await branch.clock.advance(0);
    expect((await branch.status("web")).state).toBe("running");
  });

  test("keeps nobody else from starting", async () => {
    await using branch = new TestBranch({ maxStarting: 1, restartMaxRate: "99/m" });
    await branch.add("web");
    branch.processes.next = { isMute: true };
    // Each of these has a place for as long as it may, and does not come up.
    await branch.add("slow");
    await branch.clock.advance(6 * SECOND_MS);
    await branch.die("slow");
    await branch.clock.advance(10);
    branch.processes.next = {};
    await branch.die("web");
    expect(branch.processes.starts("web")).toBe(2);
    await branch.add("new");
    expect(branch.processes.starts("new")).toBe(1);
  });
});

describe("an instance that was disabled for dying too often", () => {
  async function limited(settings: ConstructorParameters<typeof TestBranch>[0]) {
    const branch = new TestBranch(settings);
    await branch.add("web");
    await branch.die("web");
    await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(false);
    return branch;
  }

  test("stays so for ever where nothing else is said", async () => {
    await using branch = await limited({});
    expect(await branch.status("web")).toMatchObject({ state: "disabled", retryAtMs: null });
    await branch.clock.advance(60 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
  });

  test("is enabled again after the time of the branch, with a fresh budget, and history says why", async () => {
    await using branch = await limited({ retryDisabledMs: 10 * MINUTE_MS, restartMaxRate: "1/h" });
    expect(await branch.status("web")).toMatchObject({ retryAtMs: branch.clock.now() + 10 * MINUTE_MS });
    await branch.clock.advance(10 * MINUTE_MS - 1);
    expect(branch.processes.starts("web")).toBe(2);
    await branch.clock.advance(SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", retryAtMs: null });
    expect(branch.instance("web")).toMatchObject({ isEnabled: true, disabledReason: null, limitedAtMs: null });
    const [, enabled] = branch.store.history.of("web");
    expect(enabled).toMatchObject({ did: "enabled", evidence: { disabled_for: 600 } });
    await branch.die("web");
    expect(branch.instance("web").isEnabled).toBe(true);
  });

  test("that dies again is tried again and again", async () => {
    await using branch = await limited({ retryDisabledMs: 10 * MINUTE_MS });
    branch.processes.next = { dies: STATUS_1 };
    await branch.clock.advance(11 * MINUTE_MS);
    expect(branch.instance("web").isEnabled).toBe(false);
    branch.processes.next = {};
    await branch.clock.advance(10 * MINUTE_MS);
    expect((await branch.status("web")).state).toBe("running");
  });

  test("waits on over a restart of the branch", async () => {
    await using branch = await limited({ retryDisabledMs: 10 * MINUTE_MS });
    await branch.clock.advance(6 * MINUTE_MS);
    await branch.restart();
    await branch.clock.advance(3 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
    await branch.clock.advance(MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(3);
  });

  test.each([
    ["disabled by a person meanwhile", { disabledReason: null, limitedAtMs: null }],
    ["held by shutdown-all", { isHeld: true }],
  ])("stays as it is where it is %s", async (_, fields) => {
    await using branch = await limited({ retryDisabledMs: MINUTE_MS });
    await branch.wish("web", fields);
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.processes.starts("web")).toBe(2);
  });

  test("is no other that is disabled", async () => {
    await using branch = new TestBranch({ retryDisabledMs: MINUTE_MS });
    branch.processes.next = { dies: STATUS_1 };
    // A person asked for it, and it never answered.
    await branch.add("web");
    await branch.clock.advance(10 * MINUTE_MS);
    expect(branch.instance("web").isEnabled).toBe(false);
    expect(branch.processes.starts("web")).toBe(1);
  });
});
