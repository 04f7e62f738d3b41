/**
 * npm run bench [-- <name>…]: what Cyme costs, each figure beside something measured in the same run on the same machine.
 * Absolute figures depend on the machine; the ratios are what to compare. Needs a build, RabbitMQ and Celery (npm test sets
 * them up). Names: start, client, memory, reads, stats, tasks, cluster, supervisor, rounds, events, page; and, only where
 * it is named, soak.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { cluster } from "./cluster.ts";
import { events } from "./events.ts";
import { firstPaint } from "./first-paint.ts";
import { requestsPerSecond } from "./load.ts";
import { median, ms, percentile, report, residentMb, sample, shown } from "./measure.ts";
import { rounds } from "./rounds.ts";
import { soak } from "./soak.ts";
import { supervisor } from "./supervisor.ts";
import { tasks } from "./tasks.ts";

const INSTANCES = 20;

/** `cyme --version` against a compiled Bun program that does nothing. Goal: at most 2.5 times. */
async function start(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cyme-bench-"));
  const empty = join(folder, "empty");
  await writeFile(`${empty}.ts`, "");
  await Bun.build({ entrypoints: [`${empty}.ts`], minify: true, compile: { outfile: empty } });
  const nothing = await sample(40, () => run([empty], process.env));
  const version = await sample(40, () => run([BINARY, "--version"], process.env));
  await rm(folder, { recursive: true });
  const ratio = median(version) / median(nothing);
  report(
    "start-up",
    `cyme --version: ${shown(version)}`,
    `an empty compiled program: ${shown(nothing)}`,
    `${ratio.toFixed(2)}× (goal ≤ 2.5×)`,
  );
}

/** `cyme instances` against `celery inspect ping`. Goal: at least 15 times faster. */
async function client(branch: Branch, broker: string): Promise<void> {
  const { python } = anyCelery();
  const ours = await sample(20, () => branch.cli("-a", "bench", "instances"));
  const celery = await sample(3, () => run([python, "-m", "celery", "-b", broker, "inspect", "ping"], process.env), 1);
  const ratio = median(celery) / median(ours);
  report(
    "asking for the workers",
    `cyme instances: ${shown(ours)}`,
    `celery inspect ping: ${shown(celery)}`,
    `${ratio.toFixed(0)}× faster (goal ≥ 15×)`,
  );
}

/** Resident memory of an idle branch with 20 instances against the same branch without any. Goal: at most 60 MB. */
async function memory(branch: Branch, before: number): Promise<void> {
  const with20 = await residentMb(branch.pid);
  report(
    `memory of an idle branch with ${INSTANCES} instances`,
    `resident: ${with20.toFixed(0)} MB (goal ≤ 60 MB)`,
    `the same branch before it had any: ${before.toFixed(0)} MB`,
    `${(with20 / before).toFixed(2)}×`,
  );
}

/** List reads per second against a server of the same runtime that sends a constant. Goal: at least 10,000. */
async function reads(branch: Branch): Promise<void> {
  using bare = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: () => Response.json(["web"]) });
  const port = Number(new URL(branch.url).port);
  const path = "/bench/instances/";
  await requestsPerSecond(port, path, 32, 1000);
  const ours = await requestsPerSecond(port, path, 32, 4000);
  const constant = await requestsPerSecond(bare.port ?? 0, "/", 32, 4000);
  report(
    `GET ${path} over 32 connections, client on the same machine`,
    `${Math.round(ours)} answers/s (goal ≥ 10,000)`,
    `a constant answer of Bun.serve in the client's own process: ${Math.round(constant)} answers/s`,
    `${(ours / constant).toFixed(2)}×`,
  );
}

/** `stats` of one worker through the API against `celery inspect stats`. Goal: p99 at most 20 ms. */
async function stats(branch: Branch, broker: string): Promise<void> {
  const { python } = anyCelery();
  const ours = await sample(300, () => branch.api("GET", "/bench/instances/b0/stats/"), 20);
  const celery = await sample(3, () => run([python, "-m", "celery", "-b", broker, "inspect", "stats"], process.env), 1);
  const ratio = median(celery) / median(ours);
  report(
    "stats of a worker",
    `GET …/stats/: ${shown(ours)} (goal p99 ≤ 20 ms: ${ms(percentile(ours, 0.99))})`,
    `celery inspect stats: ${shown(celery)}`,
    `${ratio.toFixed(0)}× faster`,
  );
}

/** A branch whose 20 workers answer: solo, since the pool does not matter to the branch and costs the machine least. */
async function withInstances(work: (branch: Branch, broker: string, emptyMb: number) => Promise<void>): Promise<void> {
  await using vhost = await freshVhost();
  await using branch = await startBranch({ broker: vhost.url });
  await branch.api("POST", "/bench/");
  const emptyMb = await residentMb(branch.pid);
  for (let i = 0; i < INSTANCES; i++) await branch.api("POST", `/bench/instances/!/b${i}/`, { json: { pool: "solo" } });
  await until(
    async () => {
      const { body } = await branch.api<{ state: string }[]>("GET", "/bench/instances/", { query: { detail: "1" } });
      return body.filter(({ state }) => state === "running").length === INSTANCES;
    },
    { what: `${INSTANCES} workers to run`, timeoutMs: 180_000 },
  );
  await work(branch, vhost.url, emptyMb);
}

const asked = process.argv.slice(2);
const isAsked = (name: string) => asked.length === 0 || asked.includes(name);

if (isAsked("start")) await start();
if (["client", "memory", "reads", "stats"].some(isAsked)) {
  await withInstances(async (branch, broker, emptyMb) => {
    if (isAsked("memory")) await memory(branch, emptyMb);
    if (isAsked("client")) await client(branch, broker);
    if (isAsked("reads")) await reads(branch);
    if (isAsked("stats")) await stats(branch, broker);
  });
}
if (isAsked("tasks")) await tasks();
if (isAsked("cluster")) await cluster();
if (isAsked("supervisor")) await supervisor();
if (isAsked("rounds")) await rounds();
if (isAsked("events")) await events();
if (isAsked("page")) await firstPaint();
if (asked.includes("soak")) await soak();
