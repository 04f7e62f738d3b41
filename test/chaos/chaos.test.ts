import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/kit/test-support.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery, sendTask } from "../harness/celery.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { zombies } from "../harness/processes.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { historyOf, must, type HistoryEntry, type Instance } from "../lifecycle/work.ts";
import { mountDisk, type Disk } from "./disk.ts";
import { LARGE, smallFault, type LargeFault, type World } from "./faults.ts";
import { addFleet, MEMBERS } from "./fleet.ts";
import { Ledger } from "./ledger.ts";
import { undone } from "./tasks.ts";
import { Watch } from "./watch.ts";

/** Another each time, so that runs see more than one; CYME_TEST_SEED sees one again. */
const seed = Number(process.env["CYME_TEST_SEED"] ?? Math.floor(Math.random() * 1e6));
/** 0: each of the large faults once. */
const minutes = Number(process.env["CYME_CHAOS_MINUTES"] ?? 0);

const UNRESPONSIVE_S = 8;
const AFTER_REVIVED_S = 6;
const SMALL_EVERY_MS = 900;
const WISH_EVERY_MS = 2000;
const SETUP_MS = 150_000;
const CHAOS_MS = 150_000 + minutes * 60_000;
const CALM_MS = 90_000;
const DONE_MS = 60_000;
/** They get a task that lasts all the time, and answer nothing meanwhile. */
const BUSY = ["old-solo-0", "new-solo-0"];

const random = seededRandom(seed);
const ledger = new Ledger();
/** Queues that the branch has said it has stored. */
const promised: string[] = [];

let home: string;
let rabbit: Rabbit;
let pipe: Pipe;
let disk: Disk | undefined;
let branch: Branch;
let watch: Watch;
let wishesBefore: unknown;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-chaos-"));
  const dir = join(home, "instances");
  disk = await mountDisk(dir);
  if (!disk) say("nothing can be mounted here: no disk gets full");
  rabbit = await startRabbit();
  pipe = await openPipe(rabbit.url);
  const args = [
    "--sup-interval",
    "1",
    "--unresponsive-after",
    String(UNRESPONSIVE_S),
    "--wait-after-broker-revived",
    String(AFTER_REVIVED_S),
    "--restart-max-rate",
    "100000/h",
  ];
  branch = await startBranch({ broker: rabbit.url, dir, args });
  await addFleet(branch, pipe.url);
  watch = new Watch(
    dir,
    MEMBERS.map(({ name }) => name),
  );
  wishesBefore = await wishes();
}, SETUP_MS);

afterAll(async () => {
  watch?.[Symbol.dispose]();
  await branch?.[Symbol.asyncDispose]();
  await pipe?.close();
  await rabbit?.[Symbol.asyncDispose]();
  disk?.unmount();
  await rm(home, { recursive: true, force: true });
}, 60_000);

const say = (line: string): void => void process.stderr.write(`chaos: ${line}\n`);

/** What the branch has stored of what was asked of it. */
async function wishes(): Promise<unknown> {
  const instances = (await Promise.all(["old", "new", "far"].map((app) => instancesOf(app)))).flat();
  return instances.map(({ name, is_enabled, queues, max_concurrency, min_concurrency }) => {
    return { name, is_enabled, queues, max_concurrency, min_concurrency };
  });
}

const instancesOf = (app: string) => must<Instance[]>(branch, 200, "GET", `/${app}/instances/?detail=1`);

/** Wishes go on meanwhile; what is refused may be lost, what was accepted may not. */
async function wish(number: number): Promise<void> {
  const queue = `q${number}`;
  const answer = await branch.api("POST", `/old/queues/${queue}/`).catch(() => undefined);
  if (answer?.status === 201) promised.push(queue);
}

/** What the branch keeps of its history is bounded: all that it ever told, by instance. */
const chronicle = new Map<string, Map<string, HistoryEntry>>();

async function remember(): Promise<void> {
  for (const { name } of MEMBERS) {
    const entries = chronicle.get(name) ?? new Map<string, HistoryEntry>();
    chronicle.set(name, entries);
    for (const entry of await historyOf(branch, name)) entries.set(JSON.stringify(entry), entry);
  }
}

const toldOf = (name: string) => [...(chronicle.get(name)?.values() ?? [])];

/** All large faults once, in another order each time; with `minutes`, again and again. */
async function largeFaults(world: World, happening: Set<LargeFault>): Promise<void> {
  const endMs = Date.now() + minutes * 60_000;
  do {
    const order = LARGE.filter(({ what }) => world.disk || what !== "the disk full")
      .map((fault) => ({ fault, key: random() }))
      .toSorted((a, b) => a.key - b.key);
    for (const { fault } of order) {
      happening.add(fault);
      watch.during = fault.what;
      ledger.count(fault.what);
      await fault.happen(world);
      happening.delete(fault);
      watch.during = `the time after ${fault.what}`;
      await Bun.sleep(1000 * random());
    }
    await remember();
  } while (Date.now() < endMs);
}

async function chaos(): Promise<void> {
  const world: World = {
    branch,
    rabbit,
    pipe,
    disk,
    ledger,
    watch,
    random,
    spared: new Set(BUSY),
    unresponsiveMs: UNRESPONSIVE_S * 1000,
  };
  const happening = new Set<LargeFault>();
  const small = setInterval(() => {
    if (![...happening].some(({ isAlone }) => isAlone)) smallFault(world);
  }, SMALL_EVERY_MS);
  let number = 0;
  const wishing = setInterval(() => void wish(number++), WISH_EVERY_MS);
  try {
    await largeFaults(world, happening);
  } finally {
    clearInterval(small);
    clearInterval(wishing);
  }
}

/** Waits until all that is wanted runs; says of each that does not what is known of it. */
async function calm(): Promise<void> {
  watch.during = "the calm";
  let waiting: Instance[] = [];
  const allRun = async () => {
    const all = (await Promise.all(["old", "new", "far"].map((app) => instancesOf(app)))).flat();
    waiting = all.filter(({ name, state, pid }) => {
      const isSame = pid !== null && pid === watch.living(name);
      return state !== "running" || !isSame || ledger.hasEnded(pid);
    });
    return waiting.length === 0;
  };
  try {
    await until(allRun, { what: "all workers to run", timeoutMs: CALM_MS, everyMs: 250 });
  } catch (error) {
    for (const { name, state, pid } of waiting) say(`${name} is ${state} (${pid}): ${await story(name)}`);
    throw error;
  }
}

/** Celery 5.2 does not survive, as an example, a pause of 10 s while it starts. */
async function selfEnded(name: string): Promise<ReadonlySet<number>> {
  const log = await Bun.file(join(branch.dir, name, "worker.log")).text();
  return ledger.selfEnded(toldOf(name), log.split("Unrecoverable error").length - 1);
}

async function tellSelfEnded(): Promise<void> {
  const all = await Promise.all(MEMBERS.map(({ name }) => selfEnded(name)));
  say(`Celery ended by itself ${all.reduce((sum, pids) => sum + pids.size, 0)}×, for what was done around it`);
}

/** All that is known of a worker to which something happened that should not have. */
async function story(name: string): Promise<string> {
  const history = (await historyOf(branch, name)).map((entry) => JSON.stringify(entry)).join("\n");
  const log = await Bun.file(join(branch.dir, name, "worker.log")).text();
  const ofBranch = (await branch.log()).split("\n").filter((line) => line.includes(name));
  return [name, history, ...ofBranch.slice(-100), log.slice(-20_000)].join("\n");
}

/** The longest time that an instance had no worker, with what was done meanwhile. */
function tellLongest(): void {
  const { longest } = watch;
  if (!longest) return say("no worker was ever missing");
  const { name, fromMs, toMs, during } = longest;
  say(
    `the longest time that a worker was missing: ${((toMs - fromMs) / 1000).toFixed(2)} s (${name}, during ${during})`,
  );
  const meanwhile = toldOf(name).filter(({ at }) => {
    const atMs = Date.parse(at);
    return fromMs - 1000 < atMs && atMs < toMs + 1000;
  });
  for (const { at, did, why } of meanwhile.toSorted((a, b) => a.at.localeCompare(b.at))) say(`  ${at} ${did}: ${why}`);
}

async function tellStories(names: readonly string[]): Promise<void> {
  for (const name of names) say(await story(name));
}

describe(`${MEMBERS.length} workers, whatever happened to them (CYME_TEST_SEED=${seed})`, () => {
  let busyPids: (number | undefined)[];

  beforeAll(
    async () => {
      const held = await Promise.all(BUSY.map(() => mkdtemp(join(home, "held-"))));
      const sent = BUSY.map((name, i) =>
        sendTask(anyCelery(), rabbit.url, { task: "work.hold", queue: `dq.${name}`, args: [held[i], CHAOS_MS / 1000] }),
      );
      const tasks = await Promise.all(sent);
      busyPids = BUSY.map((name) => watch.living(name));
      await chaos();
      for (const folder of held) await writeFile(join(folder, "gate"), "");
      for (const task of tasks) await task[Symbol.asyncDispose]();
      await calm();
      await remember();
      say(`CYME_TEST_SEED=${seed}: ${ledger.counts}`);
      await tellSelfEnded();
      tellLongest();
    },
    SETUP_MS + CHAOS_MS + CALM_MS,
  );

  test("all run, and each does a task of its own queue", async () => {
    expect(
      await undone(
        rabbit.url,
        MEMBERS.map(({ name }) => `dq.${name}`),
        DONE_MS,
      ),
    ).toEqual([]);
  }, 90_000);

  test("no worker was restarted that was healthy: each that is no more was ended by the test", async () => {
    const wronged: { name: string; pids: number[] }[] = [];
    for (const { name } of MEMBERS) {
      const pids = ledger.wronged(watch.pids(name), await selfEnded(name));
      if (pids.length > 0) wronged.push({ name, pids });
    }
    await tellStories(wronged.map(({ name }) => name));
    expect(wronged).toEqual([]);
  });

  test("workers that were busy all the time are the same", () => {
    expect(BUSY.map((name) => watch.living(name))).toEqual(busyPids);
  });

  test("the history tells of each end what the test had done", async () => {
    const wrong: string[] = [];
    for (const { name } of MEMBERS) {
      const causes = ledger.wrongCauses(toldOf(name), watch.pids(name), await selfEnded(name));
      wrong.push(...causes.map((cause) => `${name}: ${cause}`));
      if (causes.length > 0) await tellStories([name]);
    }
    expect(wrong).toEqual([]);
  });

  test("nothing else runs: one worker each, what they started, and no zombie", async () => {
    const running = await branch.workers();
    const leaders = running.filter(({ pid, session }) => pid === session).map(({ pid }) => pid);
    const wanted = MEMBERS.map(({ name }) => watch.living(name) ?? 0);
    expect(leaders.toSorted((a, b) => a - b)).toEqual(wanted.toSorted((a, b) => a - b));
    expect(running.filter(({ session }) => !wanted.includes(session))).toEqual([]);
    const ours = new Set([branch.pid, ...wanted]);
    const isOurs = ({ parent, session }: { parent: number; session: number }) => ours.has(parent) || ours.has(session);
    await until(() => zombies().filter(isOurs).length === 0, { what: "no zombies" });
  });

  test("no row is lost: what was wished is as it was, and what was promised is there", async () => {
    expect(await wishes()).toEqual(wishesBefore);
    const queues = await must<string[]>(branch, 200, "GET", "/old/queues/");
    expect(promised.filter((queue) => !queues.includes(queue))).toEqual([]);
    expect(promised.length).toBeGreaterThan(0);
  });
});
