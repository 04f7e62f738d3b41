import { expect, test } from "bun:test";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { keepAlive, type KeepAlive } from "../harness/keep-alive.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

const TASKS = 10_000;
const CONNECTIONS = 32;
const WORKERS = 4;
/** For all of it, with other test files on the same two cores. */
// Two minutes where nothing else runs.
const DONE_MS = 600_000;

interface Sends {
  /** Ids of tasks that were answered 202. */
  readonly accepted: Set<string>;
  /** How many answers were 503, or never came. */
  readonly repeated: () => number;
  readonly done: Promise<unknown>;
}

/** Sends a URL task for each id, over a number of connections; what is not answered 202 is sent again under the same id. */
function sendAll(branch: Branch, ids: readonly string[], target: string): Sends {
  const accepted = new Set<string>();
  const left = ids.values();
  let repeated = 0;
  const send = async (connection: KeepAlive, id: string): Promise<boolean> => {
    const path = `/shop/queue/jobs/${target}/${id}`;
    const answer = await connection.ask(`POST ${path} HTTP/1.1\r\nX-Cyme-Task: ${id}`).catch(() => undefined);
    if (answer?.status === 202) return true;
    // A fault of the test, or of the branch.
    if (answer && answer.status !== 503) throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
    repeated++;
    return false;
  };
  const lane = async () => {
    using connection = keepAlive(portOf(branch));
    for (const id of left) {
      while (!(await send(connection, id)))
        await until(() => isThere(branch), { what: "the branch", timeoutMs: DONE_MS });
      accepted.add(id);
    }
  };
  return { accepted, repeated: () => repeated, done: Promise.all(Array.from({ length: CONNECTIONS }, lane)) };
}

const portOf = ({ url }: Branch) => Number(new URL(url).port);

async function isThere({ url }: Branch): Promise<boolean> {
  return (await fetch(`${url}/ping/`)).ok;
}

/** Waits for each task over a number of connections; gives the states that are not SUCCESS. */
async function endings(branch: Branch, ids: Iterable<string>): Promise<string[]> {
  const left = [...ids].values();
  const bad: string[] = [];
  const lane = async () => {
    using connection = keepAlive(portOf(branch));
    for (const id of left) {
      const { status, body } = await connection.ask(`GET /shop/query/${id}/wait/?timeout=100 HTTP/1.1`);
      const state = await connection.ask(`GET /shop/query/${id}/state/ HTTP/1.1`);
      if (status !== 200 || !state.body.includes('"SUCCESS"')) bad.push(`${id}: ${status} ${body} ${state.body}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return bad;
}

/** A web server that counts, by the last part of the path. */
function startCounter() {
  const counts = new Map<string, number>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ url }) {
      const id = url.slice(url.lastIndexOf("/") + 1);
      counts.set(id, (counts.get(id) ?? 0) + 1);
      return new Response(id);
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, counts, [Symbol.dispose]: () => void server.stop(true) };
}

async function restart(rabbit: Rabbit): Promise<void> {
  await rabbit.stop();
  await rabbit.start();
}

/** Ready, and given to a worker, of every queue that has some; empty when all is done. */
const leftOn = async (rabbit: Rabbit) =>
  (await rabbit.ctl("-q", "list_queues", "--no-table-headers", "name", "messages"))
    .split("\n")
    .filter((line) => /^(jobs|celery|cyme\.results\..*)\t/.test(line) && !line.endsWith("\t0"));

test(
  `each of ${TASKS} URL tasks that was answered 202 is executed, and its result can be asked for, whoever is killed meanwhile`,
  async () => {
    await using rabbit = await startRabbit();
    await using branch = await startBranch({ broker: rabbit.url, celery: anyCelery() });
    using counter = startCounter();
    await branch.api("POST", "/shop/", { json: { arguments: "--loglevel=WARNING" } });
    await branch.api("POST", "/shop/queues/jobs/");
    const bounds = { max_concurrency: WORKERS, min_concurrency: WORKERS };
    const added = await branch.api("POST", "/shop/instances/web/", { json: { queues: ["jobs"], ...bounds } });
    expect(added.status).toBe(201);
    const pids = async () => (await branch.workers()).map(({ pid }) => pid).toSorted((a, b) => a - b);
    await until(async () => (await pids()).length === WORKERS + 1, { what: "the pool" });
    const before = await pids();

    const ids = Array.from({ length: TASKS }, () => crypto.randomUUID());
    const sends = sendAll(branch, ids, counter.url);
    const reached = (count: number) =>
      until(() => sends.accepted.size >= count, { what: `${count} tasks to be accepted`, timeoutMs: DONE_MS });
    await reached(TASKS * 0.2);
    await restart(rabbit);
    await reached(TASKS * 0.5);
    await branch.stop("SIGKILL");
    await branch.restart();
    await reached(TASKS * 0.8);
    await restart(rabbit);
    await sends.done;

    expect(sends.accepted.size).toBe(TASKS);
    expect(await endings(branch, sends.accepted)).toEqual([]);
    expect(ids.filter((id) => !counter.counts.has(id))).toEqual([]);
    await until(async () => (await leftOn(rabbit)).length === 0, { what: "empty queues", timeoutMs: 20_000 });
    expect(await pids()).toEqual(before);
    const twice = [...counter.counts.values()].filter((count) => count > 1).length;
    process.stderr.write(
      `${twice} of ${TASKS} were executed more than once, ${sends.repeated()} sends were repeated\n`,
    );
  },
  DONE_MS,
);
