import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, celeries, sendTask } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import {
  PROJECT,
  consumed,
  historyOf,
  holdTask,
  instanceOf,
  must,
  pidOf,
  scaled,
  untilInstance,
  type HeldTask,
  type Instance,
} from "./work.ts";

const kill = (pid: number) => process.kill(pid, "SIGKILL");

describe.each(celeries())("a worker of Celery $name that is killed", (celery) => {
  let vhost: Vhost;
  let branch: Branch;

  beforeAll(async () => {
    vhost = await freshVhost();
    branch = await startBranch({ broker: vhost.url, celery });
    await must(branch, 201, "POST", "/shop/", PROJECT);
    await must(branch, 201, "POST", "/shop/queues/orders/");
    const parameters = { queues: ["orders"], max_concurrency: 3, min_concurrency: 2 };
    await must(branch, 201, "POST", "/shop/instances/web/", parameters);
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  test("is followed by one that serves, with the same consumers and bounds", async () => {
    const before = await pidOf(branch, "web");
    kill(before);
    const serves = async () => {
      const { status, body } = await branch.api<object>("GET", "/shop/instances/web/queues/", {
        query: { timeout: "1" },
      });
      return status === 200 && Object.keys(body).join() === "dq.web,orders" && (await pidOf(branch, "web")) !== before;
    };
    await until(serves, { what: "a new worker that consumes from all its queues" });
    const after = await untilInstance(branch, "web", "running again", ({ state }) => state === "running");
    expect(after).toMatchObject({ restarts: 1, is_enabled: true, queues: ["orders"] });
    expect(await consumed(celery, vhost.url, branch, "web")).toEqual(["dq.web", "orders"]);
    expect(await scaled(celery, vhost.url, branch, "web")).toEqual({ max: 3, min: 2 });
    await using sent = await sendTask(celery, vhost.url, { task: "work.add", queue: "orders", args: [2, 3] });
    expect(await sent.result).toBe(5);
  }, 60_000);

  test("leaves no process of its pool behind", async () => {
    const worker = await pidOf(branch, "web");
    const sessions = (await branch.workers()).map(({ session }) => session);
    expect([...new Set(sessions)]).toEqual([worker]);
  });

  test("for the second time within a minute is given up, and the instance says why", async () => {
    kill(await pidOf(branch, "web"));
    const { disabled_reason: reason, pid } = await untilInstance(branch, "web", "disabled", (web) => !web.is_enabled);
    expect(reason).toContain("1/m");
    expect(reason).toContain("SIGKILL");
    expect(pid).toBeNull();
    await branch.expectNoLeftovers();
    const told = (await historyOf(branch, "web")).map(({ did }) => did);
    expect(told.toReversed()).toEqual(["started", "died", "started", "died", "disabled"]);
  }, 30_000);

  test("and was given up runs again once it is enabled", async () => {
    await must(branch, 200, "POST", "/shop/instances/web/enable/");
    expect(await instanceOf(branch, "web")).toMatchObject({
      state: "running",
      is_enabled: true,
      disabled_reason: null,
    });
    expect(await consumed(celery, vhost.url, branch, "web")).toEqual(["dq.web", "orders"]);
  }, 60_000);
});

describe("a branch that was killed and starts again", () => {
  const celery = anyCelery();
  let vhost: Vhost;
  let branch: Branch;

  beforeAll(async () => {
    vhost = await freshVhost();
    branch = await startBranch({ broker: vhost.url, celery, args: ["--sup-interval", "1"] });
    // Now and then Celery does not heed a TERM that comes while it begins to consume: the branch kills it then.
    await must(branch, 201, "POST", "/shop/", { ...PROJECT, stop_timeout: 15 });
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/web/", { queues: ["orders"] });
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  const killBranch = () => branch.stop("SIGKILL");

  test("takes its worker over, in the middle of a task", async () => {
    const before = await pidOf(branch, "web");
    await using task = await holdTask(celery, vhost.url, "orders");
    expect(await killBranch()).toBeNull();
    expect(alive(before)).toBe(true);
    await branch.restart();
    const after = await untilInstance(branch, "web", "running", ({ state }) => state === "running");
    expect(after.pid).toBe(before);
    await task.letGo();
    expect(await task.result).toBe("done");
    expect(await task.runs()).toHaveLength(1);
    expect((await historyOf(branch, "web")).map(({ did }) => did)).toEqual(["adopted", "started"]);
  }, 60_000);

  test("sees the death of a worker that it took over", async () => {
    const before = await pidOf(branch, "web");
    kill(before);
    const died = async () => (await historyOf(branch, "web")).some(({ did }) => did === "died");
    await until(died, { what: "the death to be noticed" });
    await untilInstance(branch, "web", "running again", ({ state, pid }) => state === "running" && pid !== before);
  }, 30_000);

  test("goes on counting deaths where it was", async () => {
    await killBranch();
    await branch.restart();
    await untilInstance(branch, "web", "running", ({ state }) => state === "running");
    kill(await pidOf(branch, "web"));
    const { disabled_reason: reason } = await untilInstance(branch, "web", "disabled", (web) => !web.is_enabled);
    expect(reason).toContain("1/m");
    await must(branch, 200, "POST", "/shop/instances/web/enable/");
  }, 60_000);

  test("starts what died meanwhile, and blames nobody for it", async () => {
    const before = await pidOf(branch, "web");
    await killBranch();
    kill(before);
    await until(() => !alive(before), { what: "the worker to end" });
    await branch.restart();
    await untilInstance(branch, "web", "running", ({ state }) => state === "running");
    // The budget is one death within a minute: it is still there.
    const second = await pidOf(branch, "web");
    kill(second);
    await untilInstance(branch, "web", "running again", ({ state, pid }) => state === "running" && pid !== second);
    expect((await instanceOf(branch, "web")).is_enabled).toBe(true);
  }, 60_000);

  test.each(["stopping", "starting"])(
    "while a restart is %s is followed by one that ends it, with one worker",
    async (step) => {
      const before = await pidOf(branch, "web");
      await must(branch, 202, "POST", "/shop/instances/!/web/restart/");
      const isThere = ({ state, pid }: Instance) =>
        state === step && pid !== null && (pid === before) === (step === "stopping");
      const { pid: seen } = await untilInstance(branch, "web", step, isThere);
      await killBranch();
      await branch.restart();
      const isNew = ({ state, pid }: Instance) => state === "running" && pid !== before;
      const { pid } = await untilInstance(branch, "web", "running anew", isNew);
      if (step === "starting") expect(pid).toBe(seen);
      const workers = (await branch.workers()).filter((process) => process.pid === process.session);
      expect(workers.map((worker) => worker.pid)).toEqual([pid ?? 0]);
    },
    60_000,
  );

  // Celery 5.2 ends a running task at the second TERM.
  test("in the middle of a stop sends no second TERM: the task comes to its end", async () => {
    const worker = await pidOf(branch, "web");
    await using task = await holdTask(celery, vhost.url, "orders");
    await must(branch, 202, "POST", "/shop/instances/!/web/disable/");
    await untilInstance(branch, "web", "stopping", ({ state }) => state === "stopping");
    await killBranch();
    await branch.restart();
    expect(await instanceOf(branch, "web")).toMatchObject({ state: "stopping", pid: worker });
    const adopted = async () => (await historyOf(branch, "web"))[0]?.did === "adopted";
    await until(adopted, { what: "the worker to be taken over" });
    await task.letGo();
    expect(await task.result).toBe("done");
    expect(await task.runs()).toHaveLength(1);
    await untilInstance(branch, "web", "disabled", ({ state }) => state === "disabled");
    const told = (await historyOf(branch, "web")).map(({ did }) => did);
    expect(told.slice(0, 3)).toEqual(["stopped", "adopted", "stopping"]);
    await branch.expectNoLeftovers();
  }, 60_000);
});

describe("a worker that does not answer", () => {
  const celery = anyCelery();
  /** More than three rounds of 1 s, each with 2 s for answers: so many pings make a worker unresponsive. */
  const UNRESPONSIVE_S = 13;
  let vhost: Vhost;
  let branch: Branch;
  let task: HeldTask;
  let alone: number;

  beforeAll(async () => {
    vhost = await freshVhost();
    const patience = ["--unresponsive-after", String(UNRESPONSIVE_S), "--wait-after-broker-revived", "1"];
    branch = await startBranch({ broker: vhost.url, celery, args: ["--sup-interval", "1", ...patience] });
    await must(branch, 201, "POST", "/shop/", { ...PROJECT, stop_timeout: 1 });
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/alone/", { pool: "solo", queues: ["orders"] });
    alone = await pidOf(branch, "alone");
    task = await holdTask(celery, vhost.url, "orders");
  }, 60_000);

  afterAll(async () => {
    await task[Symbol.asyncDispose]();
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  test("though the broker is there is stopped, killed where that does not help, and started anew", async () => {
    await must(branch, 201, "POST", "/shop/instances/frozen/");
    const before = await pidOf(branch, "frozen");
    process.kill(before, "SIGSTOP");
    await untilInstance(branch, "frozen", "unresponsive", ({ state }) => state === "unresponsive", 30_000);
    const isNew = ({ state, pid }: Instance) => state === "running" && pid !== before;
    await untilInstance(branch, "frozen", "running anew", isNew, 30_000);
    expect(alive(before)).toBe(false);
    const history = (await historyOf(branch, "frozen")).toReversed();
    expect(history.map(({ did }) => did)).toEqual(["started", "stopping", "killed", "died", "started"]);
    expect(history[1]?.why).toContain("no answer for");
  }, 90_000);

  test("because it is alone with a task is left to its work, which has lasted as long", async () => {
    expect(await pidOf(branch, "alone")).toBe(alone);
    await task.letGo();
    expect(await task.result).toBe("done");
    await untilInstance(branch, "alone", "running", ({ state }) => state === "running");
    expect(await pidOf(branch, "alone")).toBe(alone);
    expect((await historyOf(branch, "alone")).map(({ did }) => did)).toEqual(["started"]);
  }, 60_000);
});
