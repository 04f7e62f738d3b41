import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, startRabbit, type Rabbit, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { historyOf, instanceOf, must, pidOf, untilInstance } from "./work.ts";

/* What is asked for, and what goes wrong, while one of two brokers is away. */

/** Celery waits longer after each try to connect: 12 s after half a minute. */
const REVIVED_S = 20;
const UNRESPONSIVE_S = 2;

let rabbit: Rabbit;
let other: Vhost;
let branch: Branch;

/** Names of instances on the broker that goes away, and on the one that stays. */
const NEAR = ["near", "restarted", "disabled", "frozen", "dying"];
const FAR = ["far", "far-frozen"];

beforeAll(async () => {
  [rabbit, other] = await Promise.all([startRabbit(), freshVhost()]);
  const limits = { "--unresponsive-after": UNRESPONSIVE_S, "--wait-after-broker-revived": REVIVED_S };
  const args = ["--sup-interval", "1", "--restart-max-rate", "9/m", ...Object.entries(limits).flat().map(String)];
  branch = await startBranch({ broker: rabbit.url, args });
  await must(branch, 201, "POST", "/shop/", { stop_timeout: 2 });
  await must(branch, 201, "POST", "/else/", { stop_timeout: 2, broker: other.url });
  for (const name of NEAR) await must(branch, 201, "POST", `/shop/instances/${name}/`, { max_concurrency: 1 });
  for (const name of FAR) await must(branch, 201, "POST", `/else/instances/${name}/`, { max_concurrency: 1 });
}, 180_000);

afterAll(async () => {
  for (const name of ["frozen", "far-frozen"]) await thaw(name);
  await branch[Symbol.asyncDispose]();
  await Promise.all([rabbit[Symbol.asyncDispose](), other.drop()]);
}, 60_000);

interface Health {
  readonly state: string;
  readonly brokers: Record<string, { state: string; since: string }>;
}
const health = async () => (await branch.api<Health>("GET", "/health/")).body;

const thaw = (name: string) =>
  pidOf(branch, name)
    .then((pid) => process.kill(pid, "SIGCONT"))
    .catch(() => undefined);
const told = async (name: string) => (await historyOf(branch, name)).map(({ did }) => did);

describe("while the broker is away", () => {
  const before = new Map<string, number>();

  beforeAll(async () => {
    for (const name of [...NEAR, ...FAR]) before.set(name, await pidOf(branch, name));
    process.kill(before.get("frozen") ?? 0, "SIGSTOP");
    await rabbit.stop();
    await until(async () => (await health()).state === "degraded", { what: "the outage to be noticed" });
  }, 60_000);

  test("workers of another broker are looked after as ever: who is well is left alone, who hangs is restarted", async () => {
    process.kill(before.get("far-frozen") ?? 0, "SIGSTOP");
    const isNew = ({ state, pid }: { state: string; pid: number | null }) =>
      state === "running" && pid !== before.get("far-frozen");
    await untilInstance(branch, "far-frozen", "running anew", isNew, 40_000);
    expect(await instanceOf(branch, "far")).toMatchObject({ state: "running", pid: before.get("far") ?? 0 });
    expect(await told("far")).toEqual(["started"]);
    expect(
      Object.values((await health()).brokers)
        .map(({ state }) => state)
        .toSorted(),
    ).toEqual(["away", "up"]);
  }, 60_000);

  test("a restart is done, and answered for with 503", async () => {
    const answer = await branch.api("POST", "/shop/instances/restarted/restart/", { query: { timeout: "10" } });
    expect([answer.status, answer.body]).toEqual([503, expect.objectContaining({ stored: true })]);
    const isNew = ({ pid }: { pid: number | null }) => pid !== null && pid !== before.get("restarted");
    await untilInstance(branch, "restarted", "started anew", isNew);
    expect(alive(before.get("restarted") ?? 0)).toBe(false);
  }, 30_000);

  test("an instance is disabled, and its worker stops", async () => {
    await must(branch, 200, "POST", "/shop/instances/disabled/disable/");
    expect(alive(before.get("disabled") ?? 0)).toBe(false);
  }, 30_000);

  test("a worker that dies is started again", async () => {
    process.kill(before.get("dying") ?? 0, "SIGKILL");
    const isNew = ({ pid }: { pid: number | null }) => pid !== null && pid !== before.get("dying");
    await untilInstance(branch, "dying", "started anew", isNew);
  }, 30_000);

  test("a worker that hangs is not restarted for that", async () => {
    expect(await instanceOf(branch, "frozen")).toMatchObject({ state: "unknown", pid: before.get("frozen") ?? 0 });
    expect(await told("frozen")).toEqual(["started"]);
  });
});

describe("when the broker is back", () => {
  let near: number;

  beforeAll(async () => {
    near = await pidOf(branch, "near");
    await rabbit.start();
    await until(async () => (await health()).state === "ok", { what: "the branch to be connected", timeoutMs: 60_000 });
  }, 120_000);

  test("who hangs is found, though not before workers had their time to connect", async () => {
    const frozen = await pidOf(branch, "frozen");
    const isNew = ({ state, pid }: { state: string; pid: number | null }) => state === "running" && pid !== frozen;
    await untilInstance(branch, "frozen", "running anew", isNew, 80_000);
    const stopped = (
      await branch.api<{ at: string; did: string }[]>("GET", "/instances/frozen/history/")
    ).body.findLast(({ did }) => did !== "started");
    const up = Object.values((await health()).brokers).map(({ since }) => Date.parse(since));
    expect(Date.parse(stopped?.at ?? "") - Math.max(...up)).toBeGreaterThanOrEqual(REVIVED_S * 1000);
  }, 90_000);

  test("all others run, and are those that ran when it came back", async () => {
    for (const name of ["near", "restarted", "dying", "far"]) {
      await untilInstance(branch, name, "running", ({ state }) => state === "running", 60_000);
    }
    expect(await pidOf(branch, "near")).toBe(near);
    expect(await told("near")).toEqual(["started"]);
    expect(await told("far")).toEqual(["started"]);
    expect(await instanceOf(branch, "disabled")).toMatchObject({ state: "disabled", pid: null, is_enabled: false });
  }, 90_000);
});
