import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { PROJECT, asked, consumed, historyOf, instanceOf, must, pidOf, scaled, type Instance } from "./work.ts";

const INTERVAL_MS = 1000;

const celery = anyCelery();
let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, celery, args: ["--sup-interval", String(INTERVAL_MS / 1000)] });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

describe("a change of an app that three workers run", () => {
  const NAMES = ["a", "b", "c"];
  // Mingle takes a second at each start.
  const WORDS = "-A work --without-mingle";

  beforeAll(async () => {
    await must(branch, 201, "POST", "/shop/", { ...PROJECT, arguments: WORDS });
    for (const name of NAMES) await must(branch, 201, "POST", `/shop/instances/${name}/`, { pool: "solo" });
  }, 60_000);

  afterAll(async () => {
    await must(branch, 200, "DELETE", "/shop/");
  }, 60_000);

  const pids = () => Promise.all(NAMES.map((name) => pidOf(branch, name)));

  /** How many of the three were away at the same time, at most, until `done`. */
  async function mostAway(done: Promise<unknown>): Promise<number> {
    let most = 0;
    let isDone = false;
    const watched = done.finally(() => (isDone = true));
    const look = async () => {
      const all = await must<Instance[]>(branch, 200, "GET", "/shop/instances/?detail=1");
      most = Math.max(most, all.filter(({ state }) => state !== "running").length);
      return isDone;
    };
    await until(look, { what: "the change to be answered", timeoutMs: 60_000 });
    await watched;
    return most;
  }

  test("restarts them one by one", async () => {
    const before = await pids();
    const change = must(branch, 200, "PUT", "/shop/", { arguments: `${WORDS} --loglevel DEBUG` });
    expect(await mostAway(change)).toBe(1);
    const after = await pids();
    expect(before.some(alive)).toBe(false);
    expect(new Set([...before, ...after]).size).toBe(6);
    expect(await must(branch, 200, "GET", "/shop/")).toMatchObject({ arguments: `${WORDS} --loglevel DEBUG` });
  }, 60_000);

  test("that changes nothing restarts nobody", async () => {
    const before = await pids();
    await must(branch, 200, "PUT", "/shop/", { arguments: `${WORDS} --loglevel DEBUG` });
    expect(await pids()).toEqual(before);
  });

  test("that no worker can start with stops at the first, and the others go on with what they run", async () => {
    const before = await pids();
    const { status, body } = await branch.api("PUT", "/shop/", { json: { arguments: "-A nowhere" } });
    expect(status).toBe(502);
    expect(body).toMatchObject({ error: "worker-failed", nok: expect.stringContaining("nowhere") });
    const all = await must<Instance[]>(branch, 200, "GET", "/shop/instances/?detail=1");
    const [failed, ...more] = all.filter(({ is_enabled: isEnabled }) => !isEnabled);
    expect(more).toEqual([]);
    expect(failed).toMatchObject({ state: "disabled", disabled_reason: expect.stringContaining("nowhere") });
    for (const [at, { name, state, pid }] of all.entries()) {
      if (name !== failed?.name) expect([name, state, pid]).toEqual([name, "running", before[at] ?? 0]);
    }
    const kept = NAMES.find((name) => name !== failed?.name) ?? "";
    const [last] = await historyOf(branch, kept);
    expect(last).toMatchObject({ did: "kept", evidence: { failed: failed?.name } });
  }, 60_000);

  test("is mended by a better one, and by enabling the one that failed", async () => {
    await must(branch, 200, "PUT", "/shop/", { arguments: WORDS });
    for (const name of NAMES) {
      const { is_enabled: isEnabled } = await instanceOf(branch, name);
      if (!isEnabled) await must(branch, 200, "POST", `/shop/instances/${name}/enable/`);
    }
    for (const name of NAMES) {
      expect(await instanceOf(branch, name)).toMatchObject({ state: "running", disabled_reason: null });
    }
  }, 60_000);
});

describe("a worker that consumes", () => {
  const node = () => `web@${branch.id}`;

  beforeAll(async () => {
    await must(branch, 201, "POST", "/bank/", PROJECT);
    await must(branch, 201, "POST", "/bank/queues/orders/");
    const parameters = { queues: ["orders"], max_concurrency: 3, min_concurrency: 1 };
    await must(branch, 201, "POST", "/bank/instances/web/", parameters);
  }, 60_000);

  /** Celery's own `celery control`, behind the branch's back. */
  async function control(...words: string[]): Promise<void> {
    const argv = [celery.python, "-m", "celery", "-b", vhost.url, "control", ...words, "-d", node()];
    const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(`celery control ${words.join(" ")}: ${out}${errors}`);
  }

  /** How often the branch has told a worker to do that. */
  const told = async (what: string) =>
    (await branch.log()).split("\n").filter((line) => line.includes("told worker") && line.includes(what)).length;

  /** Waits until the branch has told the worker once more to do what `what` says. */
  async function corrected(what: string, before: number): Promise<void> {
    const isTold = async () => (await told(what)) > before;
    await until(isTold, { what: `the branch to say "${what}"` });
  }

  test("consumes again when somebody cancelled it", async () => {
    const line = "do=consume queue=orders";
    const before = await told(line);
    await control("cancel_consumer", "orders");
    await corrected(line, before);
    expect(await consumed(celery, vhost.url, branch, "web")).toEqual(["dq.web", "orders"]);
  }, 30_000);

  test("no longer consumes from what somebody else added", async () => {
    const line = "do=cancel queue=stray";
    const before = await told(line);
    await control("add_consumer", "stray");
    await corrected(line, before);
    expect(await consumed(celery, vhost.url, branch, "web")).toEqual(["dq.web", "orders"]);
  }, 30_000);

  test("has its bounds again when somebody changed them", async () => {
    const before = await told("do=scale");
    await control("autoscale", "5", "2");
    await corrected("do=scale", before);
    expect(await scaled(celery, vhost.url, branch, "web")).toEqual({ max: 3, min: 1 });
  }, 30_000);

  test("is restarted when the declaration of its queue changes, and consumes with the new one; others are left alone", async () => {
    await must(branch, 201, "POST", "/bank/instances/aside/", { pool: "solo" });
    const [web, aside] = [await pidOf(branch, "web"), await pidOf(branch, "aside")];
    await must(branch, 200, "PUT", "/bank/queues/orders/", { routing_key: "orders.new" });
    expect(await pidOf(branch, "web")).not.toBe(web);
    expect(await pidOf(branch, "aside")).toBe(aside);
    const queues = await asked<{ name: string }[]>(celery, vhost.url, branch, "web", "active_queues");
    expect(queues?.find(({ name }) => name === "orders")).toMatchObject({ routing_key: "orders.new" });
    expect(await Bun.file(join(branch.dir, "web/worker.log")).text()).toContain("Warm shutdown");
  }, 60_000);

  test("stops consuming when the queue is deleted, without a restart", async () => {
    const web = await pidOf(branch, "web");
    await must(branch, 200, "DELETE", "/bank/queues/orders/");
    expect(await consumed(celery, vhost.url, branch, "web")).toEqual(["dq.web"]);
    expect(await instanceOf(branch, "web")).toMatchObject({ pid: web, queues: [] });
  }, 30_000);
});
