import { AMQPClient } from "@cloudamqp/amqp-client";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { URL_TASK } from "../../src/domain/task.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { keepAlive } from "../harness/keep-alive.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { cpuMs, cpuOver, median, ms, percentile, report, residentMb, sample, shown, type Sample } from "./measure.ts";

const CONNECTIONS = 32;
/** Of messages that are published and not confirmed: as many as celery/sender.ts lets be, with more connections. */
const WINDOW = 256;
const ROUNDS = 3;
const SENDS = 20_000;
const WAITERS = 5000;
/** By then a process has done what it does after many requests. */
const SETTLED_MS = 5000;
const TARGET = "http://127.0.0.1:9/import_user?id=7";

/** What URL tasks cost: sending alone, waiting alone, then both with a worker. */
export async function tasks(): Promise<void> {
  await using vhost = await freshVhost();
  await using branch = await startBranch({ broker: vhost.url });
  await branch.api("POST", "/bench/", {
    json: { arguments: "-A bench_work", cwd: resolve(import.meta.dir, "project") },
  });
  await branch.api("POST", "/bench/queues/jobs/");
  await throughput(branch, vhost.url);
  await waiters(branch, vhost.url);
  await purge(vhost.url);
  await roundTrip(branch, vhost.url);
}

/** Sends per second and the time of one, while no worker competes for the machine; memory after all of them. */
async function throughput(branch: Branch, broker: string): Promise<void> {
  const alone = await sends(branch, 500, 1);
  const beforeMb = await residentMb(branch.pid);
  const rounds = {
    ours: [] as Load[],
    raw: [] as number[],
    wide: [] as number[],
    celery: [] as number[],
    confirmed: [] as number[],
  };
  // In turns, since the machine is not the same from one moment to the next.
  for (let round = 0; round < ROUNDS; round++) {
    rounds.ours.push(await sends(branch, SENDS, CONNECTIONS));
    rounds.raw.push(await rawPublish(branch, broker, CONNECTIONS));
    rounds.wide.push(await rawPublish(branch, broker, WINDOW));
    rounds.celery.push(await celerySends(broker, false));
    rounds.confirmed.push(await celerySends(broker, true));
    await purge(broker);
  }
  const of = (values: readonly number[]) => median({ sortedMs: values.toSorted((a, b) => a - b) });
  const ours = of(rounds.ours.map(({ perSecond }) => perSecond));
  const against = (what: string, values: readonly number[], goal: string) =>
    report(
      `URL tasks accepted over ${CONNECTIONS} connections, median of ${ROUNDS} rounds`,
      `${perSecond(rounds.ours.map((load) => load.perSecond))}; processor time of the branch for one: ` +
        `${of(rounds.ours.map(({ cpuUs }) => cpuUs)).toFixed(0)} µs, of the client that asks: ${of(rounds.ours.map(({ ownUs }) => ownUs)).toFixed(0)} µs`,
      `${what}: ${perSecond(values)}`,
      `${(ours / of(values)).toFixed(2)}×${goal}`,
    );
  against("Celery's send_task in a loop, unconfirmed", rounds.celery, " (goal ≥ 2×)");
  against("the same with confirms", rounds.confirmed, "");
  const client = "the AMQP client alone, persistent, mandatory";
  against(`${client}, ${CONNECTIONS} unconfirmed, as many as there are connections`, rounds.raw, " (goal ≥ 0.5×)");
  against(`${client}, ${WINDOW} unconfirmed`, rounds.wide, "");
  const loaded = rounds.ours.at(-1)?.times ?? alone.times;
  report(
    "time of one send",
    `over one connection: ${shown(alone.times)}`,
    `over ${CONNECTIONS} at once: ${shown(loaded)}`,
    `${(median(loaded) / median(alone.times)).toFixed(1)}× for ${(ours / alone.perSecond).toFixed(1)}× as many a second`,
  );
  await sends(branch, 100_000 - ROUNDS * SENDS, CONNECTIONS);
  await purge(broker);
  const afterMb = await residentMb(branch.pid);
  report(
    "memory after 100,000 sends",
    `resident: ${afterMb.toFixed(0)} MB`,
    `the same branch before: ${beforeMb.toFixed(0)} MB`,
    `${(afterMb / beforeMb).toFixed(2)}×`,
  );
}

const perSecond = (values: readonly number[]) => `${values.map((value) => Math.round(value)).join(", ")} a second`;

interface Load {
  readonly perSecond: number;
  readonly times: Sample;
  /** Processor time of the branch and of this process for one send, in microseconds. */
  readonly cpuUs: number;
  readonly ownUs: number;
}

/** `count` sends over a number of connections, each sending the next when the last was answered. */
async function sends(branch: Branch, count: number, connections: number): Promise<Load> {
  const times: number[] = [];
  let left = count;
  const cpuBefore = await cpuMs(branch.pid);
  const own = process.cpuUsage();
  const begin = performance.now();
  const lane = async () => {
    using connection = keepAlive(portOf(branch));
    while (left-- > 0) {
      const beginMs = performance.now();
      const { status, body } = await connection.ask(`POST /bench/queue/jobs/${TARGET} HTTP/1.1`);
      times.push(performance.now() - beginMs);
      if (status !== 202) throw new Error(`A send was answered ${status}: ${body}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(own);
  return {
    perSecond: count / seconds,
    times: { sortedMs: times.toSorted((a, b) => a - b) },
    cpuUs: (1000 * ((await cpuMs(branch.pid)) - cpuBefore)) / count,
    ownUs: (user + system) / count,
  };
}

async function rawPublish(branch: Branch, broker: string, window: number): Promise<number> {
  const work = { broker, queue: "jobs", replyTo: resultsOf(branch), url: TARGET, count: SENDS, window };
  const { seconds } = await program<{ seconds: number }>([process.execPath, here("raw-publish.ts")], work);
  return SENDS / seconds;
}

async function celerySends(broker: string, confirm: boolean): Promise<number> {
  const count = SENDS / 10;
  const kwargs = { url: TARGET, method: "POST", headers: {}, body: null, is_base64: false };
  const work = { broker, queue: "jobs", task: URL_TASK, kwargs, count, confirm };
  const { seconds } = await program<{ seconds: number }>([anyCelery().python, here("send.py")], work);
  return count / seconds;
}

/** Many who wait at once, each for a task of its own: what they cost while they wait, and how soon all are answered. */
async function waiters(branch: Branch, broker: string): Promise<void> {
  const beforeMb = await residentMb(branch.pid);
  const beforeCpu = await cpuMs(branch.pid);
  const ids = Array.from({ length: WAITERS }, () => crypto.randomUUID());
  const asked = ids.map(async (id) => {
    using connection = keepAlive(portOf(branch));
    const { status } = await connection.ask(`GET /bench/query/${id}/wait/ HTTP/1.1`);
    return status;
  });
  // Each connection has one side in either process.
  await until(async () => (await openSockets(branch.pid)) >= WAITERS, { what: "all to wait", timeoutMs: 60_000 });
  await Bun.sleep(SETTLED_MS);
  const beginUs = (1000 * ((await cpuMs(branch.pid)) - beforeCpu)) / WAITERS;
  const waitingMb = await residentMb(branch.pid);
  const idleCpu = await cpuOver(branch.pid, 2000);
  const publishMs = await publishResults(broker, resultsOf(branch), ids);
  const answersBegin = performance.now();
  const statuses = await Promise.all(asked);
  const answeredMs = publishMs + performance.now() - answersBegin;
  if (statuses.some((status) => status !== 200)) throw new Error("Some who waited were not answered 200");
  report(
    `${WAITERS} clients wait at once for a task each`,
    `${(waitingMb - beforeMb).toFixed(0)} MB more, ${beginUs.toFixed(0)} µs to begin each wait, then ${idleCpu.toFixed(1)} % of a processor; ` +
      `all answered after ${ms(answeredMs)}`,
    `publishing their ${WAITERS} results: ${ms(publishMs)}`,
    `${(answeredMs / publishMs).toFixed(2)}×`,
  );
}

/** As workers send results; gives the milliseconds until the broker has taken all. */
async function publishResults(broker: string, queue: string, ids: readonly string[]): Promise<number> {
  const client = new AMQPClient(broker);
  const connection = await client.connect();
  const channel = await connection.channel();
  await channel.confirmSelect();
  const begin = performance.now();
  const result = { status_code: 200, url: TARGET, headers: {}, content: "ok", is_base64: false };
  await Promise.all(
    ids.map((id) => {
      const text = JSON.stringify({ task_id: id, status: "SUCCESS", result, traceback: null, children: [] });
      return channel.basicPublish("", queue, text, { deliveryMode: 2, correlationId: id });
    }),
  );
  const tookMs = performance.now() - begin;
  await connection.close();
  return tookMs;
}

/** From sending to the result of an immediate target, against Celery's own way, with one and the same worker. */
async function roundTrip(branch: Branch, broker: string): Promise<void> {
  using target = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: () => new Response("ok") });
  const url = `http://127.0.0.1:${target.port}/`;
  const bounds = { max_concurrency: 1, min_concurrency: 1 };
  const { status } = await branch.api("POST", "/bench/instances/w/", { json: { queues: ["jobs"], ...bounds } });
  if (status !== 201) throw new Error("The worker did not start");
  using connection = keepAlive(portOf(branch));
  const once = async () => {
    const sent = await connection.ask(`POST /bench/queue/jobs/${url} HTTP/1.1`);
    const { uuid } = JSON.parse(sent.body) as { uuid: string };
    const waited = await connection.ask(`GET /bench/query/${uuid}/wait/ HTTP/1.1`);
    if (waited.status !== 200) throw new Error(`A wait was answered ${waited.status}: ${waited.body}`);
  };
  const ours = await sample(300, once, 20);
  const work = { broker, queue: "jobs", url, count: 300 };
  const { times } = await program<{ times: number[] }>([anyCelery().python, here("send.py")], work);
  const celery = { sortedMs: times.map((seconds) => seconds * 1000).toSorted((a, b) => a - b) };
  report(
    "from sending to the result of an immediate target",
    `POST …/queue/…, GET …/wait/: ${shown(ours)}`,
    `apply_async().get() of a task that fetches the same, by the same worker: ${shown(celery)}`,
    `${(median(ours) / median(celery)).toFixed(2)}× the time (p99 ${(percentile(ours, 0.99) / percentile(celery, 0.99)).toFixed(2)}×)`,
  );
}

const portOf = ({ url }: Branch) => Number(new URL(url).port);
const resultsOf = ({ id }: Branch) => `cyme.results.${id}`;
const here = (name: string) => resolve(import.meta.dir, name);

/** Runs a program that reads JSON and answers JSON. */
async function program<T>(argv: string[], input: unknown): Promise<T> {
  const child = Bun.spawn(argv, { stdin: new Blob([JSON.stringify(input)]), stdout: "pipe", stderr: "inherit" });
  const answer = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${argv[1]} failed`);
  return JSON.parse(answer) as T;
}

async function purge(broker: string): Promise<void> {
  const client = new AMQPClient(broker);
  const connection = await client.connect();
  const channel = await connection.channel();
  await channel.queuePurge("jobs");
  await connection.close();
}

async function openSockets(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}
