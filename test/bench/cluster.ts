import { beatMs } from "../../src/bus/presence.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { keepAlive } from "../harness/keep-alive.ts";
import { until } from "../harness/wait.ts";
import { startCrowd, type Crowd } from "./crowd-client.ts";
import { median, ms, percentile, report, residentMb, sample, shown, type Sample } from "./measure.ts";
import { between, carried, type Traffic } from "./traffic.ts";

const APP = "bench";
const LIST = `/${APP}/instances/`;
/** Of each of the branches whose instances are listed. */
const INSTANCES = 50;
const LISTED_BRANCHES = 20;
const SIZES = [5, LISTED_BRANCHES, 50, 100];
const LISTS = 200;
const LEAST_MS = 4_000;
const TOGETHER_MS = 60_000;

/**
 * What many branches cost: one daemon of the binary, which is asked and looked at, and the rest as a crowd in a process of its own,
 * on a broker of their own. No Celery runs: all instances are disabled.
 */
export async function cluster(): Promise<void> {
  await using rabbit = await startRabbit();
  const few = await alone(rabbit, INSTANCES);
  const many = await alone(rabbit, LISTED_BRANCHES * INSTANCES);
  await using branch = await startBranch({ broker: rabbit.url });
  await addInstances(branch, INSTANCES);
  const before = await residentMb(branch.pid);
  await using crowd = startCrowd();
  const sizes: Size[] = [];
  for (const total of SIZES) {
    sizes.push(await grow({ rabbit, branch, crowd, total }));
    if (total === LISTED_BRANCHES) await lists({ rabbit, branch, crowd, few, many });
  }
  presence(sizes, before);
}

interface World {
  readonly rabbit: Rabbit;
  readonly branch: Branch;
  readonly crowd: Crowd;
}

/** Lists of one branch that never heard of another. */
async function alone(rabbit: Rabbit, count: number): Promise<Sample> {
  const url = await rabbit.addUser(`alone-${count}`, "secret", `alone-${count}`);
  await using branch = await startBranch({ broker: url });
  await addInstances(branch, count);
  return await listTimes(branch, count);
}

async function addInstances(branch: Branch, count: number): Promise<void> {
  await branch.api("POST", `/${APP}/`);
  for (let i = 0; i < count; i++) await add(branch, `own-${i}`, {});
}

async function add(branch: Branch, name: string, query: Record<string, string>): Promise<void> {
  const { status } = await branch.api("POST", `${LIST}${name}/`, { query, json: { is_enabled: false } });
  if (status !== 201) throw new Error(`Adding ${name} was answered ${status}`);
}

async function listTimes(branch: Branch, count: number): Promise<Sample> {
  using connection = keepAlive(Number(new URL(branch.url).port));
  const list = async () => {
    const { status, body } = await connection.ask(`GET ${LIST} HTTP/1.1`);
    const { length } = JSON.parse(body) as string[];
    if (status !== 200 || length !== count) throw new Error(`${LIST} was answered ${status} with ${length} names`);
  };
  return await sample(LISTS, list, 20);
}

async function lists({ rabbit, branch, crowd, few, many }: World & { few: Sample; many: Sample }): Promise<void> {
  await crowd.ask({ do: "fill", app: APP, count: INSTANCES });
  const total = LISTED_BRANCHES * INSTANCES;
  const count = async () => (await branch.api<string[]>("GET", LIST)).body.length === total;
  await until(count, { what: `all ${total} instances`, timeoutMs: TOGETHER_MS });
  await crowd.ask({ do: "agree" });
  const times = await listTimes(branch, total);
  const what = `GET ${LIST}, ${LISTED_BRANCHES} branches with ${INSTANCES} instances each`;
  const against = (name: string, other: Sample) => {
    const p99 = percentile(times, 0.99) / percentile(other, 0.99);
    report(
      what,
      shown(times),
      `${name}: ${shown(other)}`,
      `${(median(times) / median(other)).toFixed(1)}× (p99 ${p99.toFixed(1)}×)`,
    );
  };
  against(`one branch with ${total}`, many);
  against(`one branch with ${INSTANCES}`, few);
  await operations({ rabbit, branch, crowd });
}

/** Messages on the broker for one of each, without those of presence. */
async function operations({ rabbit, branch }: World): Promise<void> {
  const idle = await trafficDuring(rabbit, () => Bun.sleep(LEAST_MS));
  const one = "crowd-0-0";
  const other = "crowd-1";
  const rows: [what: string, count: number, work: (i: number) => Promise<unknown>][] = [
    ["a list of instances", 50, () => branch.api("GET", LIST)],
    ["an instance of another branch", 200, () => branch.api("GET", `${LIST}${one}/`)],
    ["an own instance", 200, () => branch.api("GET", `${LIST}own-0/`)],
    ["adding an instance on another branch", 20, (i) => add(branch, `added-${i}`, { branch: other })],
    ["changing an app", 20, (i) => branch.api("PUT", `/${APP}/`, { json: { stop_timeout: 60 + i } })],
  ];
  for (const [what, count, work] of rows) {
    const taken: Sample[] = [];
    const { received, seconds } = await trafficDuring(rabbit, async () => {
      let i = 0;
      taken.push(await sample(count, () => work(i++), 0));
    });
    const each = ((received - idle.received) * seconds) / count;
    const others = LISTED_BRANCHES - 1;
    report(
      `messages sent for ${what}, of ${LISTED_BRANCHES} branches`,
      `${each.toFixed(1)}; ${taken.map(shown).join()}`,
      `${others} other branches`,
      `${(each / others).toFixed(2)} for each of them`,
    );
  }
}

async function trafficDuring(rabbit: Rabbit, work: () => Promise<unknown>): Promise<Traffic> {
  const from = await carried(rabbit);
  await work();
  return between(from, await carried(rabbit));
}

interface Size {
  readonly total: number;
  /** Until all list all, by the crowd: of the last branch that came, alone. */
  readonly joinMs: number;
  /** Of presence, with nothing to do. */
  readonly traffic: Traffic;
  readonly memoryMb: number;
}

async function grow({ rabbit, branch, crowd, total }: World & { total: number }): Promise<Size> {
  const to = (size: number) => crowd.ask({ do: "grow", url: rabbit.url, total: size, elsewhere: 1 });
  await to(total - 1);
  const joinMs = await to(total);
  // Each of them has told all others of itself at least once more, so all have come to rest.
  await Bun.sleep(beatMs(total));
  const traffic = await trafficDuring(rabbit, () => Bun.sleep(Math.max(LEAST_MS, beatMs(total))));
  return { total, joinMs, traffic, memoryMb: await residentMb(branch.pid) };
}

function presence(sizes: readonly Size[], before: number): void {
  const [first] = sizes;
  if (!first) return;
  for (const { total, joinMs, traffic, memoryMb } of sizes) {
    report(
      `presence of ${total} branches, one heartbeat in ${beatMs(total) / 1000} s`,
      `${traffic.received.toFixed(0)} messages/s sent, ${traffic.delivered.toFixed(0)} delivered, ${kb(traffic.bytes)} in and out of the broker; ` +
        `all see a join after ${ms(joinMs)}; memory of a branch ${memoryMb.toFixed(0)} MB`,
      `${first.total} branches: ${first.traffic.delivered.toFixed(0)} messages/s delivered, ${kb(first.traffic.bytes)}, ${ms(first.joinMs)}; before it had others ${before.toFixed(0)} MB`,
      `${(total / first.total).toFixed(0)}× the branches: ${(traffic.delivered / first.traffic.delivered).toFixed(0)}× the messages, ` +
        `${(traffic.bytes / first.traffic.bytes).toFixed(0)}× the bytes; ${kb(1024 * 1024 * ((memoryMb - before) / (total - 1)), "")} more memory for each other branch`,
    );
  }
}

const kb = (bytes: number, per = "/s") => `${(bytes / 1024).toFixed(0)} KiB${per}`;
