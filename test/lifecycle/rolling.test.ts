import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AmqpLink } from "../../src/kit/amqp.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { silentLog } from "../../src/kit/log.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, celeries, type Celery } from "../harness/celery.ts";
import { freshVhost, startRabbit, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { PROJECT, historyOf, holdTask, must, pidOf, untilInstance } from "./work.ts";

/* Restarts that leave no queue alone, with real workers: what the broker counts as consumers is looked at every few ms. */

const LONG_MS = 60_000;
const APP = { ...PROJECT, stop_timeout: 30 };
const BRANCH_ARGS = ["--sup-interval", "1", "--restart-max-rate", "20/m"];

let vhost: Vhost;
let link: AmqpLink;

beforeAll(async () => {
  vhost = await freshVhost();
  const options = { url: vhost.url, label: "the test's broker", connectionName: "cyme test" };
  link = new AmqpLink({ ...options, clock: systemClock, log: silentLog });
  link.start();
  await link.whenUp(LONG_MS);
}, LONG_MS);

afterAll(async () => {
  await link.stop(Date.now() + 5000);
  await vhost.drop();
}, LONG_MS);

const consumersOf = (queue: string) =>
  link.withChannel(async (channel) => (await channel.queueDeclare(queue, { passive: true })).consumerCount);

const LOOK_EVERY_MS = 5;

/** Looks again and again until `work` has ended; gives the fewest consumers that each queue had, and how often it looked. */
async function fewestConsumers(queues: readonly string[], work: Promise<unknown>) {
  const fewest = new Map(queues.map((queue) => [queue, Number.POSITIVE_INFINITY]));
  let looks = 0;
  const over = new AbortController();
  const watched = work.finally(() => over.abort());
  while (!over.signal.aborted) {
    const counts = await Promise.all(queues.map(async (queue) => [queue, await consumersOf(queue)] as const));
    for (const [queue, count] of counts) fewest.set(queue, Math.min(count, fewest.get(queue) ?? 0));
    looks++;
    await Bun.sleep(LOOK_EVERY_MS); // A broker that is asked without a pause has less time for the workers.
  }
  await watched;
  return { fewest: Object.fromEntries(fewest), looks };
}

/** Waits until the worker alone consumes, under its own name. */
const untilAlone = (branch: Branch, name: string) =>
  untilInstance(branch, name, "alone", (one) => one.state === "running" && one.standin_pid === null, LONG_MS);

/** For each test of a suite a branch whose worker `web` consumes from `orders`, and nothing of it afterwards. */
function branchForEach(celery: Celery): () => Branch {
  let branch: Branch;

  beforeEach(async () => {
    branch = await startBranch({ broker: vhost.url, celery, args: BRANCH_ARGS });
    await must(branch, 201, "POST", "/shop/", APP);
    await must(branch, 201, "POST", "/shop/queues/orders/");
    await must(branch, 201, "POST", "/shop/instances/web/", { queues: "orders" });
  }, LONG_MS);

  afterEach(async () => {
    await must(branch, 200, "DELETE", "/shop/");
    await branch.expectNoLeftovers();
    await branch[Symbol.asyncDispose]();
  }, LONG_MS);

  return () => branch;
}

describe.each(celeries())("with Celery $version, a rolling restart", (celery) => {
  const ours = branchForEach(celery);

  test(
    "leaves no queue alone, and loses no task nor does one twice",
    async () => {
      const branch = ours();
      const before = await pidOf(branch, "web");
      const file = join(branch.dir, "done");
      const sent: string[] = [];
      const over = new AbortController();
      const send = async () => {
        while (!over.signal.aborted) {
          const line = `task ${sent.length}`;
          await must(branch, 202, "POST", "/shop/task/orders/work.note/", { args: [file, line] });
          sent.push(line);
        }
      };
      const sending = send();
      const restart = must(branch, 200, "POST", "/shop/instances/web/restart/", { rolling: true })
        .then(() => untilAlone(branch, "web"))
        .finally(() => over.abort());
      const { fewest, looks } = await fewestConsumers(["orders", "dq.web"], restart);
      await sending;
      expect(fewest["orders"]).toBeGreaterThan(0);
      expect(fewest["dq.web"]).toBeGreaterThan(0);
      expect(looks).toBeGreaterThan(100);
      expect(await pidOf(branch, "web")).not.toBe(before);
      const done = () => readFileSync(file, "utf8").trimEnd().split("\n");
      await until(() => done().length >= sent.length, { what: "all tasks to be done" });
      expect(done().toSorted()).toEqual(sent.toSorted());
      expect(await consumersOf("orders")).toBe(1);
      expect(existsSync(join(branch.dir, "web~standin", "worker.log"))).toBe(true);
      const did = (await historyOf(branch, "web")).map((entry) => entry.did).toReversed();
      expect(did).toEqual(["started", "stand-in", "stopping", "stopped", "started", "stand-in", "stand-in"]);
    },
    LONG_MS,
  );

  test(
    "lets a running task finish, while the stand-in does the others",
    async () => {
      const branch = ours();
      await using held = await holdTask(celery, vhost.url, "dq.web");
      const restart = must(branch, 200, "POST", "/shop/instances/web/restart/", { rolling: true });
      await untilInstance(branch, "web", "stopping", ({ state }) => state === "stopping", LONG_MS);
      const file = join(branch.dir, "done");
      await must(branch, 202, "POST", "/shop/task/orders/work.note/", { args: [file, "meanwhile"] });
      await until(() => existsSync(file), { what: "the stand-in to do a task" });
      await held.letGo();
      expect(await held.result).toBe("done");
      expect(await held.runs()).toHaveLength(1);
      await restart;
      await untilAlone(branch, "web");
    },
    LONG_MS,
  );
});

// What follows is the branch's own, whichever Celery it is.
describe("a rolling restart", () => {
  const ours = branchForEach(anyCelery());

  test(
    "goes on where the branch is killed in the middle",
    async () => {
      const branch = ours();
      const before = await pidOf(branch, "web");
      await must(branch, 202, "POST", "/shop/instances/!/web/restart/", { rolling: true });
      const over = async () => {
        await untilInstance(branch, "web", "replaced", (one) => one.standin_pid !== null, LONG_MS);
        await branch.stop("SIGKILL");
        await branch.restart();
        const own = await untilInstance(branch, "web", "new", (one) => one.pid !== null && one.pid !== before, LONG_MS);
        await branch.stop("SIGKILL");
        await branch.restart();
        expect((await untilAlone(branch, "web")).pid).toBe(own.pid);
      };
      const { fewest } = await fewestConsumers(["orders", "dq.web"], over());
      expect(Object.values(fewest)).not.toContain(0);
    },
    LONG_MS,
  );

  test(
    "keeps the worker where the stand-in is killed before it consumes, and is tried again then",
    async () => {
      const branch = ours();
      await must(branch, 202, "POST", "/shop/instances/!/web/restart/", { rolling: true });
      const before = await pidOf(branch, "web");
      const { standin_pid: standin } = await untilInstance(
        branch,
        "web",
        "stood in for",
        (one) => one.standin_pid !== null,
      );
      process.kill(standin ?? 0, "SIGKILL");
      await until(async () => (await historyOf(branch, "web"))[0]?.did === "kept", {
        what: "it to be kept",
        timeoutMs: 20_000,
      });
      expect(await pidOf(branch, "web")).toBe(before);
      await must(branch, 200, "POST", "/shop/instances/web/restart/", { rolling: true });
      expect(await pidOf(branch, "web")).not.toBe(before);
      await untilAlone(branch, "web");
    },
    LONG_MS,
  );

  test("is done by a command as well, where no branch runs, and no stand-in is left", async () => {
    const branch = ours();
    const before = await pidOf(branch, "web");
    await branch.stop();
    const local = ["-L", "-D", branch.dir];
    expect(await branch.cli(...local, "instances.restart", "web", "--rolling")).toMatchObject({ code: 0 });
    const shown = await branch.cli(...local, "-F", "json", "instances.get", "web");
    const instance = JSON.parse(shown.stdout) as { pid: number };
    expect(instance).toMatchObject({ state: "running", standin_pid: null });
    expect(instance.pid).not.toBe(before);
    await branch.restart();
  }, 60_000);

  test(
    "of all goes one after the other, and leaves no queue alone",
    async () => {
      const branch = ours();
      await must(branch, 201, "POST", "/shop/instances/web2/", { queues: "orders" });
      const before = [await pidOf(branch, "web"), await pidOf(branch, "web2")];
      const all = branch.cli("-L", "-D", branch.dir, "restart-all", "--rolling").then(async (ran) => {
        expect(ran).toMatchObject({ code: 0 });
        for (const name of ["web", "web2"]) await untilAlone(branch, name);
      });
      const { fewest } = await fewestConsumers(["orders", "dq.web", "dq.web2"], all);
      // The other one, or the one that stands in for it.
      expect(fewest["orders"]).toBeGreaterThan(1);
      expect(fewest["dq.web"]).toBeGreaterThan(0);
      expect(fewest["dq.web2"]).toBeGreaterThan(0);
      expect(before).not.toContain(await pidOf(branch, "web"));
      expect(before).not.toContain(await pidOf(branch, "web2"));
    },
    LONG_MS,
  );
});

test("a rolling restart waits for a broker that is killed in the middle, and is done once it is back", async () => {
  await using rabbit = await startRabbit();
  const args = [...BRANCH_ARGS, "--wait-after-broker-revived", "1"];
  await using branch = await startBranch({ broker: rabbit.url, celery: anyCelery(), args });
  await must(branch, 201, "POST", "/shop/", APP);
  await must(branch, 201, "POST", "/shop/instances/web/");
  const before = await pidOf(branch, "web");
  await must(branch, 202, "POST", "/shop/instances/!/web/restart/", { rolling: true });
  const { standin_pid: standin } = await untilInstance(
    branch,
    "web",
    "stood in for",
    (one) => one.standin_pid !== null,
  );
  await rabbit.kill();
  await untilInstance(branch, "web", "unknown", ({ state }) => state === "unknown" || state === "starting");
  await rabbit.start();
  const { pid } = await untilAlone(branch, "web");
  expect([before, standin]).not.toContain(pid);
  const died = (await historyOf(branch, "web")).filter(({ did }) => did === "died" || did === "killed");
  expect(died).toEqual([]);
}, 180_000);
