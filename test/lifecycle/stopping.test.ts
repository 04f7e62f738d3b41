import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AmqpLink, AmqpRefused } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, celeries } from "../harness/celery.ts";
import { alive, processes } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { PROJECT, historyOf, holdTask, instanceOf, must, pidOf, untilInstance } from "./work.ts";

let vhost: Vhost;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, celery: anyCelery(), args: ["--sup-interval", "1"] });
  await must(branch, 201, "POST", "/shop/", PROJECT);
  await must(branch, 201, "POST", "/shop/queues/orders/");
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const isRunning = ({ state }: { state: string }) => state === "running";

/** `cyme` on the instance directory itself. */
async function local(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await branch.cli("-L", "-D", branch.dir, "-F", "json", ...args);
  if (code !== 0) throw new Error(`cyme ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

interface BranchStatus {
  readonly held: number;
  readonly branch: { readonly running: boolean };
  readonly instances: readonly {
    name: string;
    state: string;
    is_enabled: boolean;
    is_held: boolean;
    pid: number | null;
  }[];
}

const status = async () => JSON.parse(await local("status")) as BranchStatus;

/** Whether the broker has that queue, and that exchange. */
async function onBroker(name: string): Promise<{ queue: boolean; exchange: boolean }> {
  const options = { url: vhost.url, label: "the test's broker", connectionName: "cyme test" };
  const link = new AmqpLink({ ...options, clock: systemClock, log: silentLog });
  link.start();
  const has = (work: Promise<unknown>) =>
    work.then(
      () => true,
      (error: unknown) => {
        if (error instanceof AmqpRefused && error.replyCode === 404) return false;
        throw error;
      },
    );
  try {
    await link.whenUp(5000);
    return {
      queue: await has(link.withChannel((channel) => channel.queueDeclare(name, { passive: true }))),
      exchange: await has(link.withChannel((channel) => channel.exchangeDeclare(name, "direct", { passive: true }))),
    };
  } finally {
    await link.stop(Date.now() + 5000);
  }
}

describe("workers of pool threads", () => {
  // Now and then a worker of Celery's with threads does not end by TERM: the branch kills it then, and the rest must hold.
  const THREADS = { pool: "threads", queues: ["orders"], stop_timeout: 10 };

  beforeAll(async () => {
    await must(branch, 201, "POST", "/shop/instances/one/", THREADS);
    await must(branch, 201, "POST", "/shop/instances/two/", THREADS);
  }, 60_000);

  const pids = async () => [await pidOf(branch, "one"), await pidOf(branch, "two")];

  test("stay when the branch is told to stop, and are taken over when it starts again", async () => {
    const before = await pids();
    expect(await branch.stop("SIGTERM")).toBe(0);
    expect(before.every(alive)).toBe(true);
    await branch.restart();
    await untilInstance(branch, "two", "running", isRunning);
    expect(await pids()).toEqual(before);
  }, 60_000);

  test("are stopped by shutdown-all without a daemon, and not started by the next one", async () => {
    await branch.stop();
    expect(JSON.parse(await local("shutdown-all"))).toMatchObject({ instances: ["one", "two"] });
    await branch.expectNoLeftovers();
    expect(await status()).toMatchObject({
      held: 2,
      branch: { running: false },
      instances: [
        { name: "one", state: "stopped", is_enabled: true, is_held: true, pid: null },
        { name: "two", state: "stopped", is_enabled: true, is_held: true, pid: null },
      ],
    });
    await branch.restart();
    expect(await instanceOf(branch, "one")).toMatchObject({ state: "stopped", is_enabled: true, is_held: true });
    await branch.expectNoLeftovers();
  }, 60_000);

  test("are started again by start-all", async () => {
    expect(JSON.parse(await local("start-all"))).toMatchObject({ instances: ["one", "two"] });
    for (const name of ["one", "two"]) {
      expect(await instanceOf(branch, name)).toMatchObject({ state: "running", is_held: false });
    }
  }, 60_000);

  test("are stopped by shutdown-all beside a daemon, which lets them rest", async () => {
    await local("shutdown-all");
    await branch.expectNoLeftovers();
    expect(await status()).toMatchObject({ held: 2, branch: { running: true } });
  }, 60_000);

  test("are let go one by one: by enable, or by restart", async () => {
    await must(branch, 200, "POST", "/shop/instances/one/enable/");
    expect(await status()).toMatchObject({ held: 1, instances: [{ state: "running" }, { state: "stopped" }] });
    await must(branch, 200, "POST", "/shop/instances/two/restart/");
    expect(await status()).toMatchObject({ held: 0, instances: [{ state: "running" }, { state: "running" }] });
  }, 60_000);

  test("are replaced by restart-all, each by one other", async () => {
    const before = await pids();
    await local("restart-all");
    const after = await pids();
    expect(before.some(alive)).toBe(false);
    expect(after.every(alive)).toBe(true);
    const workers = (await branch.workers()).filter(({ pid, session }) => pid === session);
    expect(workers.map(({ pid }) => pid).toSorted()).toEqual(after.toSorted());
  }, 60_000);

  test("start by start-all without a daemon, and the next daemon finds them", async () => {
    await branch.stop();
    await local("shutdown-all");
    await local("start-all");
    const running = (await branch.workers()).filter(({ pid, session }) => pid === session).map(({ pid }) => pid);
    expect(running).toHaveLength(2);
    await branch.restart();
    await untilInstance(branch, "one", "running", isRunning);
    await untilInstance(branch, "two", "running", isRunning);
    expect((await pids()).toSorted()).toEqual(running.toSorted());
    await must(branch, 200, "DELETE", "/shop/instances/one/");
    await must(branch, 200, "DELETE", "/shop/instances/two/");
  }, 60_000);
});

describe.each(celeries())("a worker of pool prefork, on Celery $name,", ({ name, ...celery }) => {
  const app = `forks-${name}`;
  const queue = `heavy-${name}`;
  const whole = `whole-${name}`;
  const warm = `warm-${name}`;
  const folder = (instance: string) => join(branch.dir, instance);

  beforeAll(async () => {
    await must(branch, 201, "POST", `/${app}/`, { ...PROJECT, command: celery.command });
    await must(branch, 201, "POST", `/${app}/queues/${queue}/`);
  }, 60_000);

  test("that is deleted leaves no process, no folder, no direct queue and no exchange", async () => {
    await must(branch, 201, "POST", `/${app}/instances/${whole}/`, { max_concurrency: 3, min_concurrency: 3 });
    const worker = await pidOf(branch, whole);
    const session = () => processes().filter((process) => process.session === worker);
    await until(() => session().length >= 4, { what: "three pool processes beside the worker" });
    expect(existsSync(folder(whole))).toBe(true);
    expect(await onBroker(`dq.${whole}`)).toEqual({ queue: true, exchange: true });
    await must(branch, 200, "DELETE", `/${app}/instances/${whole}/`);
    expect(session()).toEqual([]);
    expect(existsSync(folder(whole))).toBe(false);
    expect(await onBroker(`dq.${whole}`)).toEqual({ queue: false, exchange: false });
    await branch.expectNoLeftovers();
  }, 60_000);

  // Celery 5.2 ends a running task at the second TERM.
  test("finishes its task before it ends, however often and whatever for it is told to", async () => {
    await must(branch, 201, "POST", `/${app}/instances/${warm}/`, { queues: [queue] });
    const before = await pidOf(branch, warm);
    await using task = await holdTask({ name, ...celery }, vhost.url, queue);
    const instance = `/${app}/instances/!/${warm}`;
    await must(branch, 202, "POST", `${instance}/restart/`);
    await untilInstance(branch, warm, "stopping", ({ state }) => state === "stopping");
    for (const verb of ["disable", "enable", "restart", "restart"]) {
      await must(branch, 202, "POST", `${instance}/${verb}/`);
    }
    expect(await instanceOf(branch, warm)).toMatchObject({ state: "stopping", pid: before });
    await task.letGo();
    expect(await task.result).toBe("done");
    expect(await task.runs()).toHaveLength(1);
    await untilInstance(branch, warm, "running again", ({ state, pid }) => state === "running" && pid !== before);
    const told = (await historyOf(branch, warm)).map(({ did }) => did);
    expect(told.toReversed()).toEqual(["started", "stopping", "stopped", "started"]);
  }, 60_000);

  test("that does not finish within stop_timeout is killed with all that it started", async () => {
    await must(branch, 200, "PUT", `/${app}/instances/${warm}/`, { stop_timeout: 1 });
    const worker = await pidOf(branch, warm);
    await using task = await holdTask({ name, ...celery }, vhost.url, queue, "work.stray");
    const [child = 0] = await task.runs();
    const session = processes().filter((process) => process.session === worker);
    const stray = session.find(({ command }) => command === "sleep 300");
    expect(session.map(({ pid }) => pid)).toContain(child);
    expect(stray?.parent).toBe(child);
    await must(branch, 200, "POST", `/${app}/instances/${warm}/disable/`);
    expect(session.filter(({ pid }) => alive(pid))).toEqual([]);
    await branch.expectNoLeftovers();
    const told = (await historyOf(branch, warm)).map(({ did }) => did);
    expect(told.slice(0, 3)).toEqual(["stopped", "killed", "stopping"]);
    expect(await instanceOf(branch, warm)).toMatchObject({ state: "disabled", disabled_reason: null });
  }, 60_000);

  test("goes with its app, and so do the app's queues", async () => {
    await must(branch, 200, "DELETE", `/${app}/`);
    expect(await must(branch, 200, "GET", "/")).not.toContain(app);
    expect((await branch.api("GET", `/${app}/queues/`)).status).toBe(404);
    expect(existsSync(folder(warm))).toBe(false);
    expect(await onBroker(`dq.${warm}`)).toEqual({ queue: false, exchange: false });
  }, 60_000);
});
