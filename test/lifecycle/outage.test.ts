import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startBranch, type Answer, type Branch } from "../harness/branch.ts";
import { celeries, anyCelery, sendTask } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { PROJECT, consumed, historyOf, instanceOf, pidOf, scaled, untilInstance } from "./work.ts";

const USER = "cy@me";
const PASSWORD = "p@ss/w%rd:1";
/** Far less than the outage lasts, so that whoever counted it as silence would end the workers. */
const UNRESPONSIVE_MS = 3000;
const BACK_MS = 60_000;

const celery = anyCelery();
const newest = celeries().at(-1) ?? celery;

let rabbit: Rabbit;
let broker: string;
let branch: Branch;
/** What the branch answered to calls that failed. */
const refusals: string[] = [];

beforeAll(async () => {
  rabbit = await startRabbit();
  broker = await rabbit.addUser(USER, PASSWORD, "out/age");
  const args = ["--sup-interval", "1", "--unresponsive-after", String(UNRESPONSIVE_MS / 1000)];
  branch = await startBranch({ broker, celery, args });
  await call("POST", "/shop/", { json: PROJECT }, 201);
  await call("POST", "/new/", { json: { ...PROJECT, command: newest.command } }, 201);
  for (const app of ["shop", "new"]) {
    await call("POST", `/${app}/queues/orders/`, {}, 201);
    await call("POST", `/${app}/queues/late/`, {}, 201);
  }
  await Promise.all([
    call("POST", "/shop/instances/steady/", { json: { queues: ["orders"], max_concurrency: 2 } }, 201),
    call("POST", "/new/instances/newer/", { json: { queues: ["orders"], pool: "threads" } }, 201),
    call("POST", "/shop/instances/victim/", { json: { pool: "solo" } }, 201),
    call("POST", "/shop/instances/leaving/", { json: { pool: "solo" } }, 201),
  ]);
}, 180_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rabbit[Symbol.asyncDispose]();
}, 60_000);

async function call(
  method: string,
  path: string,
  request: Parameters<Branch["api"]>[2],
  status: number,
): Promise<Answer> {
  const answer = await branch.api(method, path, request);
  if (answer.status >= 400) refusals.push(JSON.stringify(answer.body));
  if (answer.status !== status) {
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer;
}

interface Health {
  readonly state: string;
  readonly brokers: Record<string, { state: string; since: string }>;
}

const health = async () => (await branch.api<Health>("GET", "/health/")).body;

const directQueues = async () =>
  (await rabbit.ctl("-q", "list_queues", "-p", "out/age", "name", "--no-table-headers"))
    .split("\n")
    .filter((name) => name.startsWith("dq."))
    .toSorted();

describe("while the broker is away", () => {
  let steady: number;
  let newer: number;

  beforeAll(async () => {
    steady = await pidOf(branch, "steady");
    newer = await pidOf(branch, "newer");
    await rabbit.stop();
  }, 60_000);

  test("health is degraded and names the broker, and states are unknown", async () => {
    await until(async () => (await health()).state === "degraded", { what: "the outage to be noticed" });
    const answer = await branch.api<Health>("GET", "/health/");
    expect(answer.status).toBe(200);
    expect(Object.values(answer.body.brokers)).toMatchObject([{ state: "away" }]);
    for (const name of ["steady", "newer"]) {
      await untilInstance(branch, name, "unknown", ({ state }) => state === "unknown");
    }
  }, 30_000);

  test("what needs a worker's answer is 503 and says whether it is stored", async () => {
    const stats = await call("GET", "/shop/instances/steady/stats/", { query: { timeout: "1" } }, 503);
    expect(stats.body).toMatchObject({ error: "unavailable" });
    expect(Number(stats.headers.get("retry-after"))).toBeGreaterThan(0);
    const stored = { error: "unavailable", stored: true };
    for (const [app, name] of [
      ["shop", "steady"],
      ["new", "newer"],
    ]) {
      expect((await call("PUT", `/${app}/instances/${name}/queues/late/`, {}, 503)).body).toMatchObject(stored);
      expect((await call("DELETE", `/${app}/instances/${name}/queues/orders/`, {}, 503)).body).toMatchObject(stored);
    }
    const bounds = await call("POST", "/shop/instances/steady/autoscale/", { json: { max: 3, min: 2 } }, 503);
    expect(bounds.body).toMatchObject(stored);
    expect((await call("GET", "/shop/instances/steady/autoscale/", {}, 200)).body).toEqual({ max: 3, min: 2 });
  }, 30_000);

  test("what needs no broker is done", async () => {
    await call("POST", "/meanwhile/", {}, 201);
    await call("POST", "/meanwhile/queues/declared/", {}, 201);
    await call("POST", "/meanwhile/instances/asleep/", { json: { is_enabled: false } }, 201);
    await call("DELETE", "/meanwhile/", {}, 200);
    expect((await call("GET", "/", {}, 200)).body).toEqual(["new", "shop"]);
    expect((await call("GET", "/shop/instances/", {}, 200)).body).toEqual(["leaving", "steady", "victim"]);
  }, 30_000);

  test("a new instance is started and waits for the broker", async () => {
    const added = await call("POST", "/shop/instances/late/", { json: { pool: "solo", queues: ["late"] } }, 503);
    expect(added.body).toMatchObject({ error: "unavailable", stored: true });
    expect(alive(await pidOf(branch, "late"))).toBe(true);
  }, 30_000);

  test("a worker is stopped and deleted", async () => {
    const leaving = await pidOf(branch, "leaving");
    await call("DELETE", "/shop/instances/leaving/", {}, 200);
    expect(alive(leaving)).toBe(false);
  }, 30_000);

  test("a worker that dies is started again, as often as it dies", async () => {
    for (const death of ["first", "second", "third"]) {
      const before = await pidOf(branch, "victim");
      process.kill(before, "SIGKILL");
      const isFollowed = ({ pid }: { pid: number | null }) => pid !== null && pid !== before;
      await untilInstance(branch, "victim", `started again after its ${death} death`, isFollowed);
    }
    expect(await instanceOf(branch, "victim")).toMatchObject({ is_enabled: true, disabled_reason: null });
  }, 60_000);

  test("no worker is restarted for its silence", async () => {
    const { brokers } = await health();
    const [away] = Object.values(brokers);
    const sinceMs = Date.parse(away?.since ?? "");
    const isLong = () => Date.now() - sinceMs > 2 * UNRESPONSIVE_MS;
    await until(isLong, { what: "an outage of twice the time after which silence counts", timeoutMs: 20_000 });
    expect(await instanceOf(branch, "steady")).toMatchObject({ state: "unknown", pid: steady });
    expect(await instanceOf(branch, "newer")).toMatchObject({ state: "unknown", pid: newer });
  }, 30_000);
});

describe("when the broker is back", () => {
  let steady: number;
  let newer: number;

  beforeAll(async () => {
    steady = await pidOf(branch, "steady");
    newer = await pidOf(branch, "newer");
    await rabbit.start();
    const isUp = async () => (await health()).state === "ok";
    await until(isUp, { what: "the branch to be connected again", timeoutMs: BACK_MS });
  }, 120_000);

  test("every worker runs again by itself, none was restarted", async () => {
    for (const name of ["steady", "newer", "victim", "late"]) {
      await untilInstance(branch, name, "running", ({ state }) => state === "running", BACK_MS);
    }
    expect(await pidOf(branch, "steady")).toBe(steady);
    expect(await pidOf(branch, "newer")).toBe(newer);
    for (const name of ["steady", "newer", "late"]) {
      const told = (await historyOf(branch, name)).map(({ did }) => did);
      expect([name, ...told]).toEqual([name, "started"]);
    }
  }, 120_000);

  test("consumers and bounds are as they were wished meanwhile, also by Celery's own inspect", async () => {
    for (const [name, on] of [
      ["steady", celery],
      ["newer", newest],
    ] as const) {
      const isInLine = async () => (await consumed(on, broker, branch, name)).join() === `dq.${name},late`;
      await until(isInLine, { what: `${name} to consume from late alone`, timeoutMs: BACK_MS });
    }
    expect(await scaled(celery, broker, branch, "steady")).toEqual({ max: 3, min: 2 });
    await using sent = await sendTask(celery, broker, { task: "work.add", queue: "late", args: [2, 3] });
    expect(await sent.result).toBe(5);
  }, 120_000);

  test("the direct queue of what was deleted meanwhile is gone, the others' are there", async () => {
    const expected = ["dq.late", "dq.newer", "dq.steady", "dq.victim"].join();
    await until(async () => (await directQueues()).join() === expected, {
      what: `the direct queues ${expected}`,
      timeoutMs: 20_000,
    });
  }, 60_000);
});

describe("the broker's password, with @ / % and :,", () => {
  const spellings = [PASSWORD, encodeURIComponent(PASSWORD)];

  const expectNone = (where: string, text: string) => {
    for (const secret of spellings) expect([where, text.includes(secret)]).toEqual([where, false]);
  };

  test("stands in no command line, though workers log in with it", async () => {
    const pids = [branch.pid, ...(await branch.workers()).map(({ pid }) => pid)];
    expect(pids.length).toBeGreaterThan(4);
    for (const pid of pids) expectNone(`argv of ${pid}`, readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  });

  test("stands in no log, not even after an outage", async () => {
    const log = await branch.log();
    expect(log).toContain("away");
    expectNone("branch log", log);
    for (const name of ["steady", "newer", "victim", "late"]) {
      const text = await Bun.file(join(branch.dir, name, "worker.log")).text();
      expect(text).toContain("Connected to amqp://");
      expectNone(`log of ${name}`, text);
    }
  });

  test("stands in no error, not even where the broker refuses it", async () => {
    const wrong = broker.replace(encodeURIComponent(PASSWORD), encodeURIComponent(`${PASSWORD}?`));
    await call("POST", "/wrong/", { json: { ...PROJECT, broker: wrong } }, 201);
    const refused = await branch.api("POST", "/wrong/instances/locked-out/", { json: { pool: "solo" } });
    expect(refused.status).toBe(503);
    await call("DELETE", "/wrong/", {}, 200);
    const { code, stderr } = await branch.cli("-a", "shop", "instances.add", "x", wrong.replace("amqp:", "amqpx:"));
    expect(code).toBe(2);
    expect(refusals.length).toBeGreaterThan(5);
    for (const text of [JSON.stringify(refused.body), stderr, ...refusals, await branch.log()]) expectNone(text, text);
  }, 60_000);
});
