import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, exists, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, celeries, sendTask, type Celery, type SentTask } from "../harness/celery.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import {
  PROJECT,
  asked,
  historyOf,
  holdTask,
  instanceOf,
  must,
  pidOf,
  untilInstance,
  type HistoryEntry,
} from "./work.ts";

/*
 * Each edge between two states of an instance once, against real workers. The plan alone is shown in src/supervisor/plan.matrix.test.ts.
 */

const UNRESPONSIVE_S = 10;
/** A queue is checked each 30 s, and suspects each 10 s: four times before a restart. */
const NOT_CONSUMING_MS = 120_000;

const celery = anyCelery();
const newest = celeries().at(-1) ?? celery;

let vhost: Vhost;
let pipe: Pipe;
let branch: Branch;
let folder: string;

/** Tasks that wait for a worker which takes one and does nothing with it. */
const hoarded: SentTask[] = [];
const sendAdd = (name: string) =>
  sendTask(celery, vhost.url, { task: "work.add", queue: `dq.${name}`, args: [2, 3] }, { timeoutMs: 400_000 });

const fileOf = (name: string) => join(folder, `${name}.deaf`);
const add = (app: string, name: string, fields: Record<string, unknown> = {}) =>
  must(branch, 201, "POST", `/${app}/instances/${name}/`, fields);

beforeAll(async () => {
  vhost = await freshVhost();
  pipe = await openPipe(vhost.url);
  folder = await mkdtemp(join(tmpdir(), "cyme-edges-"));
  await cp(PROJECT.cwd, join(folder, "project"), { recursive: true });
  const args = ["--sup-interval", "1", "--wait-after-broker-revived", "1", "--restart-max-rate", "100/m"];
  branch = await startBranch({
    broker: pipe.url,
    celery,
    args: [...args, "--unresponsive-after", String(UNRESPONSIVE_S)],
  });
  await must(branch, 201, "POST", "/shop/", PROJECT);
  await must(branch, 201, "POST", "/new/", { ...PROJECT, command: newest.command });
  // Slowest first, since they are looked at last.
  for (const name of ["once", "always", "hoards"]) {
    const deaf = { arguments: "-A deaf", env: { DEAF_WHILE: fileOf(name) }, pool: "solo" };
    await add("shop", name, deaf);
    await writeFile(fileOf(name), name);
  }
  await until(async () => !(await exists(fileOf("hoards"))), { what: "it to be deaf" });
  for (let times = 0; times < 3; times++) hoarded.push(await sendAdd("hoards"));
  await add("shop", "other", { pool: "solo" });
}, 180_000);

afterAll(async () => {
  for (const sent of hoarded) await sent[Symbol.asyncDispose]();
  await branch[Symbol.asyncDispose]();
  await pipe.close();
  await vhost.drop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** What was done, oldest first. */
const did = async (name: string) => (await historyOf(branch, name)).map((entry) => entry.did).toReversed();

async function untilDid(name: string, is: (entry: HistoryEntry) => boolean, timeoutMs: number): Promise<HistoryEntry> {
  try {
    const look = async () => (await historyOf(branch, name)).find(is);
    return await until(look, { what: `it to be done to ${name}`, timeoutMs, everyMs: 200 });
  } catch (error) {
    throw new Error(`${String(error)}; ${JSON.stringify(await historyOf(branch, name))}`, { cause: error });
  }
}

/** Another process than `before` runs and answers. */
const untilReplaced = (name: string, before: number, timeoutMs = 40_000) =>
  untilInstance(branch, name, "replaced", ({ state, pid }) => state === "running" && pid !== before, timeoutMs);

describe.each<[string, string]>([
  ["prefork", "shop"],
  ["solo", "shop"],
  ["threads", "new"],
])("a worker of the pool %s whose process is stopped", (pool, app) => {
  const name = `frozen-${pool}`;

  test("is unresponsive, then replaced, for that reason; a moment of it does no harm", async () => {
    await add(app, name, { pool });
    const pid = await pidOf(branch, name);
    expect((await instanceOf(branch, name)).state).toBe("running");
    process.kill(pid, "SIGSTOP");
    await untilInstance(branch, name, "unresponsive", ({ state }) => state === "unresponsive");
    process.kill(pid, "SIGCONT");
    await untilInstance(branch, name, "running", ({ state }) => state === "running");
    expect(await pidOf(branch, name)).toBe(pid);
    process.kill(pid, "SIGSTOP");
    await untilReplaced(name, pid);
    const stopping = await untilDid(name, (entry) => entry.did === "stopping", 1000);
    expect(stopping.why).toMatch(/^no answer for \d+ s: its process is stopped \(state T\)$/);
    expect(stopping.evidence).toMatchObject({ pid, process: "stopped" });
    expect(await did(name)).toEqual(["started", "stopping", "died", "started"]);
    await must(branch, 200, "DELETE", `/instances/${name}/`);
  }, 90_000);
});

describe.each(celeries().map((one) => [one.name, one === celery ? "shop" : "new", one] as const))(
  "a solo worker of Celery %s",
  (_, app, one) => {
    test("that works for longer than silence may last is left alone", async () => {
      const name = `busy-${app}`;
      await add(app, name, { pool: "solo" });
      const pid = await pidOf(branch, name);
      await using task = await holdTask(one, vhost.url, `dq.${name}`);
      const beganMs = Date.now();
      const isLong = () => Date.now() - beganMs > 2 * UNRESPONSIVE_S * 1000;
      await until(isLong, { what: "twice the time after which silence counts", timeoutMs: 60_000 });
      expect(await instanceOf(branch, name)).toMatchObject({ state: "running", pid });
      await task.letGo();
      expect(await task.result).toBe("done");
      expect(await task.runs()).toHaveLength(1);
      expect(await did(name)).toEqual(["started"]);
      await must(branch, 200, "DELETE", `/instances/${name}/`);
    }, 90_000);
  },
);

test("a worker that cannot come up is waited for longer and longer, and runs when it can", async () => {
  const cwd = join(folder, "project");
  await add("shop", "broken", { pool: "solo", cwd });
  const pid = await pidOf(branch, "broken");
  const text = await Bun.file(join(cwd, "work.py")).text();
  await writeFile(join(cwd, "work.py"), "raise RuntimeError('no such table')\n");
  process.kill(pid, "SIGKILL");
  await untilInstance(branch, "broken", "backoff", ({ state }) => state === "backoff");
  const died = await untilDid("broken", ({ evidence }) => evidence["answered"] === false, 1000);
  expect(JSON.stringify(died.evidence)).toContain("no such table");
  await writeFile(join(cwd, "work.py"), text);
  await untilReplaced("broken", pid, 60_000);
  await must(branch, 200, "DELETE", "/instances/broken/");
}, 120_000);

test("disabled and enabled, restarted: stopping, disabled, running", async () => {
  const pid = await pidOf(branch, "other");
  await must(branch, 200, "POST", "/shop/instances/other/disable/");
  expect(await instanceOf(branch, "other")).toMatchObject({ state: "disabled", pid: null });
  await must(branch, 200, "POST", "/shop/instances/other/enable/");
  const again = await untilReplaced("other", pid);
  await must(branch, 200, "POST", "/shop/instances/other/restart/");
  await untilReplaced("other", again.pid ?? 0);
  expect(await did("other")).toEqual(["started", "stopping", "stopped", "started", "stopping", "stopped", "started"]);
}, 60_000);

test("nobody can say how they are while the broker is away; on its return they run on", async () => {
  const pid = await pidOf(branch, "other");
  const before = await did("other");
  pipe.cut();
  await untilInstance(branch, "other", "unknown", ({ state }) => state === "unknown");
  const beganMs = Date.now();
  const isLong = () => Date.now() - beganMs > 2 * UNRESPONSIVE_S * 1000;
  await until(isLong, { what: "an outage longer than silence may be", timeoutMs: 60_000 });
  pipe.mend();
  await untilInstance(branch, "other", "running", ({ state }) => state === "running", 60_000);
  expect(await pidOf(branch, "other")).toBe(pid);
  expect(await did("other")).toEqual(before);
}, 120_000);

describe.each(celeries().map((one): [string, string, Celery] => [one.name, one === celery ? "shop" : "new", one]))(
  "the pool of a worker of Celery %s",
  (_, app, one) => {
    const name = `wide-${app}`;
    const processes = async () => {
      const stats = await asked<{ pool: { processes: number[] } }>(one, vhost.url, branch, name, "stats");
      return stats?.pool.processes.length;
    };
    const scaled = (max: number, min: number) =>
      must(branch, 200, "POST", `/${app}/instances/${name}/autoscale/`, { max, min });

    test("shrinks where min is lowered, and no task in it is hurt", async () => {
      await add(app, name, { max_concurrency: 5, min_concurrency: 4 });
      await until(async () => (await processes()) === 4, { what: "four processes", timeoutMs: 20_000 });
      await using task = await holdTask(one, vhost.url, `dq.${name}`);
      await scaled(5, 1);
      await until(async () => (await processes()) === 1, { what: "one process", timeoutMs: 20_000 });
      await task.letGo();
      expect(await task.result).toBe("done");
      expect(await task.runs()).toHaveLength(1);
      await using sent = await sendTask(one, vhost.url, { task: "work.add", queue: `dq.${name}`, args: [2, 3] });
      expect(await sent.result).toBe(5);
      expect(await asked(one, vhost.url, branch, name, "stats")).toMatchObject({ autoscaler: { max: 5, min: 1 } });
      await must(branch, 200, "DELETE", `/instances/${name}/`);
    }, 90_000);
  },
);

describe("a worker that lists its queues and consumes from none", () => {
  test("consumes again, told so by remote control, and is not restarted", async () => {
    const mended = await untilDid("once", (entry) => entry.did === "mended", NOT_CONSUMING_MS);
    expect(mended.why).toBe("not consuming: 1 of our workers list dq.once, for which the broker counts 0 consumers");
    await using sent = await sendAdd("once");
    expect(await sent.result).toBe(5);
    expect(await did("once")).not.toContain("stopping");
  }, 180_000);

  test("is restarted where that does not help, and told why", async () => {
    const stopping = await untilDid("always", (entry) => entry.did === "stopping", NOT_CONSUMING_MS);
    await rm(fileOf("always"));
    expect(stopping.why).toMatch(/^not consuming: .* counts 0 consumers, also with new consumers$/);
    expect(stopping.evidence).toMatchObject({ pid: expect.any(Number), consumers: 0 });
    await untilReplaced("always", Number(stopping.evidence["pid"]));
    const done = await did("always");
    const first = done.indexOf("stopping");
    expect(done.slice(first - 1, first + 3)).toEqual(["mended", "stopping", "died", "started"]);
    await using sent = await sendAdd("always");
    expect(await sent.result).toBe(5);
  }, 180_000);
});

test("a worker that has a consumer, and messages waiting, and begins nothing, consumes again", async () => {
  const mended = await untilDid("hoards", (entry) => entry.did === "mended", NOT_CONSUMING_MS);
  expect(mended.why).toMatch(/^not consuming: 2 messages have waited in dq.hoards for \d+ s while nothing runs$/);
  expect(mended.evidence).toMatchObject({ queue: "dq.hoards", consumers: 1, messages: 2, listed_by: 1 });
  const [, second, third] = hoarded;
  expect([await second?.result, await third?.result]).toEqual([5, 5]);
  expect(await did("hoards")).not.toContain("stopping");
}, 180_000);

test("stopped with all others, until they are started", async () => {
  const { stderr, code } = await branch.cli("shutdown-all", "-D", branch.dir);
  expect([stderr, code]).toEqual(["", 0]);
  await untilInstance(branch, "other", "stopped", ({ state }) => state === "stopped");
  expect((await branch.cli("start-all", "-D", branch.dir)).code).toBe(0);
  await untilInstance(branch, "other", "running", ({ state }) => state === "running");
}, 90_000);
