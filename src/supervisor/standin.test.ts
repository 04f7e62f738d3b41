import { describe, expect, test } from "bun:test";
import { restartOf, type Pool } from "../domain/instance.ts";
import { TestBranch } from "./test-support.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const STANDIN = "web~standin";

async function branchWith(pool: Pool, ...names: string[]) {
  const branch = new TestBranch();
  for (const name of names) await branch.add(name, { pool });
  await branch.clock.advance(SECOND_MS);
  branch.processes.did.length = 0;
  return branch;
}

const roll = (branch: TestBranch, name: string) =>
  branch.wish(name, restartOf(branch.instance(name), { isRolling: true, hasStandin: true }));

describe("a stand-in that still has a task when it is stopped", () => {
  /** Until its TERM was sent, which it does not follow yet. */
  async function stoppingStandin() {
    const branch = await branchWith("prefork", "web");
    branch.processes.next = { isBusy: true };
    await roll(branch, "web");
    branch.processes.next = {};
    await branch.clock.advance(2 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe(`TERM ${STANDIN}`);
    return branch;
  }

  test.each([
    ["ahead", HOUR_MS],
    ["back", -HOUR_MS],
  ])("has all of stop_timeout, and no more, where the clock is set %s", async (_, ms) => {
    await using branch = await stoppingStandin();
    branch.clock.set(ms);
    await branch.clock.advance(45 * SECOND_MS);
    expect(branch.processes.did).not.toContain(`KILL ${STANDIN}`);
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.processes.did.at(-1)).toBe(`KILL ${STANDIN}`);
  });

  test("has no more than that after the branch has started again", async () => {
    await using branch = await stoppingStandin();
    await branch.clock.advance(30 * SECOND_MS);
    await branch.restart();
    await branch.clock.advance(20 * SECOND_MS);
    expect(branch.processes.did).not.toContain(`KILL ${STANDIN}`);
    await branch.clock.advance(15 * SECOND_MS);
    expect(branch.processes.did).toContain(`KILL ${STANDIN}`);
  });
});

describe("a stand-in that does not answer", () => {
  test.each<[Pool]>([["prefork"], ["solo"], ["threads"], ["gevent"], ["eventlet"]])(
    "of %s is given up, so that it does not block the other restarts of its app",
    async (pool) => {
      await using branch = await branchWith(pool, "web", "web2");
      branch.processes.next = { isMute: true };
      await roll(branch, "web");
      await roll(branch, "web2");
      await branch.clock.advance(70 * SECOND_MS);
      expect(branch.processes.did).toEqual([`start ${STANDIN}`, `TERM ${STANDIN}`]);
      expect((await branch.status("web")).failedRestart?.failure.why).toMatch(
        /^the stand-in did not answer for 6\d s$/,
      );
      branch.processes.next = {};
      await roll(branch, "web2");
      await branch.clock.advance(5 * SECOND_MS);
      expect(await branch.status("web2")).toMatchObject({ state: "running", restarts: 1, standinPid: null });
    },
  );

  test("is waited for while it computes, as one that loads a large project", async () => {
    await using branch = await branchWith("solo", "web");
    branch.processes.next = { isMute: true };
    await roll(branch, "web");
    branch.processes.next = {};
    await branch.clock.advance(SECOND_MS);
    const standin = branch.processes.worker(STANDIN);
    for (let second = 0; second < 300; second++) {
      standin.vitals = { ...standin.vitals, cpuMs: standin.vitals.cpuMs + 900 };
      await branch.clock.advance(SECOND_MS);
    }
    expect(branch.processes.did).toEqual([`start ${STANDIN}`]);
    standin.isMute = false;
    await branch.clock.advance(5 * SECOND_MS);
    expect(branch.processes.did).toEqual([`start ${STANDIN}`, "TERM web", "start web", `TERM ${STANDIN}`]);
  });

  test("after it had is waited for while it works at a task in the process that would answer", async () => {
    await using branch = await branchWith("solo", "web");
    // The worker has not left its queues yet.
    branch.processes.worker("web").tasks = 1;
    await roll(branch, "web");
    await branch.clock.advance(SECOND_MS);
    const standin = branch.processes.worker(STANDIN);
    standin.isMute = true;
    standin.vitals = { ...standin.vitals, waitsIn: "hrtimer_nanosleep" };
    await branch.clock.advance(5 * MINUTE_MS);
    expect(branch.instance("web").hasStandin).toBe(true);
    standin.vitals = { ...standin.vitals, waitsIn: "do_epoll_wait" };
    await branch.clock.advance(70 * SECOND_MS);
    expect(branch.instance("web").hasStandin).toBe(false);
  });
});
