import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { childrenOf, killToNewPid } from "./children.ts";
import { cheapBranch, untilAllRun } from "./crowd-of-workers-client.ts";
import { cpuOver, median, ms, percentile, proportionalMb, report, residentMb, shown, type Sample } from "./measure.ts";
import { openPinger, type Pinger } from "./pinger.ts";

const PROCESSES = 200;
const KILLS = 150;
/** Each takes supervisord a second. */
const SUPERVISORD_KILLS = 40;
const APART_MS = 60;
const IDLE_MS = 30_000;
const REVIVALS = 15;
const SUPERVISORD = "/usr/bin/supervisord";
const PLENTY = ["--restart-max-rate", "100000/h"];

/** What a manager of processes costs, and how soon it replaces one that was killed. */
interface Managed {
  readonly revival: Sample;
  readonly idleCpu: number;
  readonly residentMb: number;
  readonly ownMb: number;
}

/** Cyme beside supervisord (Debian's), with the same cheap processes; then with Celery, beside Celery's own start. */
export async function supervisor(): Promise<void> {
  await ensureSupervisord();
  const theirs = await supervisord();
  await using vhost = await freshVhost();
  {
    await using cheap = await cheapBranch(vhost.url, PROCESSES, { args: PLENTY });
    const { branch } = cheap;
    const own = await managed(branch.pid, KILLS);
    await branch.stop("SIGKILL");
    await branch.restart();
    await untilAllRun(branch, PROCESSES);
    const adopted = (await branch.workers()).map(({ pid }) => pid).slice(0, KILLS);
    revivals("own children", own.revival, theirs.revival, 20);
    const adoptedTimes = await killToNewPid(branch.pid, adopted, APART_MS);
    revivals("workers that the branch before it had started", adoptedTimes, theirs.revival, 250);
    standing(own, theirs);
  }
  await celeryRevivals();
}

async function ensureSupervisord(): Promise<void> {
  if (existsSync(SUPERVISORD)) return;
  const { code, stderr } = await run(
    ["apt-get", "install", "-y", "-q", "--no-install-recommends", "supervisor"],
    process.env,
  );
  if (code !== 0) throw new Error(`supervisord is wanted but cannot be installed: ${stderr}`);
}

async function managed(pid: number, kills: number): Promise<Managed> {
  const idleCpu = await cpuOver(pid, IDLE_MS);
  const sizes = { residentMb: await residentMb(pid), ownMb: await proportionalMb(pid) };
  const victims = childrenOf(pid).slice(0, kills);
  return { idleCpu, ...sizes, revival: await killToNewPid(pid, victims, APART_MS) };
}

async function supervisord(): Promise<Managed> {
  const folder = await mkdtemp(join(tmpdir(), "cyme-supervisord-"));
  const config = join(folder, "supervisord.conf");
  await writeFile(
    config,
    `[supervisord]
nodaemon=true
minfds=4096
logfile=${folder}/log
pidfile=${folder}/pid
childlogdir=${folder}
[program:w]
command=/bin/sleep 1000000
numprocs=${PROCESSES}
process_name=w%(process_num)d
`,
  );
  const child = Bun.spawn([SUPERVISORD, "-c", config], {
    cwd: folder,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  try {
    const allRun = async () =>
      (await Bun.file(`${folder}/log`).text()).split(" entered RUNNING state").length > PROCESSES;
    await until(allRun, { what: `${PROCESSES} processes of supervisord to run`, timeoutMs: 60_000 });
    return await managed(child.pid, SUPERVISORD_KILLS);
  } finally {
    child.kill("SIGTERM");
    await child.exited;
    await rm(folder, { recursive: true });
  }
}

function revivals(whose: string, ours: Sample, theirs: Sample, goalMs: number): void {
  const goal = `goal ≤ ${goalMs} ms${goalMs === 20 ? " and ≥ 50×" : ""}`;
  report(
    `kill -9 → new pid, ${PROCESSES} processes, ${whose}`,
    `cyme: ${shown(ours)} (${goal})`,
    `supervisord: ${shown(theirs)}`,
    `${(median(theirs) / median(ours)).toFixed(0)}× faster (p99 ${(percentile(theirs, 0.99) / percentile(ours, 0.99)).toFixed(0)}×)`,
  );
}

function standing(ours: Managed, theirs: Managed): void {
  const told = (of: Managed) =>
    `${of.idleCpu.toFixed(2)} % of a processor, ${of.residentMb.toFixed(0)} MB resident, ${of.ownMb.toFixed(0)} MB its share (PSS)`;
  report(
    `${PROCESSES} processes (sleep; one process answers for all of them as workers) and nothing to do`,
    `cyme, which asks all of them every 5 s: ${told(ours)}`,
    `supervisord, which asks nobody: ${told(theirs)}`,
    `${(ours.residentMb / theirs.residentMb).toFixed(1)}× the memory`,
  );
}

/** How soon a Celery worker that was killed answers again, against what Celery takes to start. */
async function celeryRevivals(): Promise<void> {
  await using vhost = await freshVhost();
  await using branch = await startBranch({ broker: vhost.url, args: PLENTY });
  await using pinger = await openPinger(vhost.url);
  await branch.api("POST", "/bench/");
  for (const pool of ["solo", "prefork"]) {
    const bounds = pool === "prefork" ? { max_concurrency: 1, min_concurrency: 1 } : {};
    const { status } = await branch.api("POST", `/bench/instances/${pool}/`, { json: { pool, ...bounds } });
    if (status !== 201) throw new Error(`The ${pool} worker did not start`);
    const revived = await killToAnswer(branch, pinger, pool);
    const alone = await ownStart(branch, pinger, pool);
    report(
      `kill -9 → answers ping, Celery with pool ${pool}`,
      `cyme: ${shown(revived)} (goal ≤ 600 ms)`,
      `the same command line, started by itself → answers ping: ${shown(alone)}`,
      `${ms(median(revived) - median(alone))} more, ${(median(revived) / median(alone)).toFixed(2)}×`,
    );
  }
}

async function workerPid(branch: Branch, name: string): Promise<number> {
  const { body } = await branch.api<{ pid: number | null; state: string }>("GET", `/bench/instances/${name}/`);
  if (body.pid === null || body.state !== "running") throw new Error(`${name} is ${body.state}`);
  return body.pid;
}

async function killToAnswer(branch: Branch, pinger: Pinger, name: string): Promise<Sample> {
  const times: number[] = [];
  for (let i = 0; i < REVIVALS; i++) {
    const pid = await until(() => workerPid(branch, name), { what: `${name} to run`, timeoutMs: 30_000 });
    process.kill(pid, "SIGKILL");
    times.push(await pinger.untilAnswer(`${name}@${branch.id}`));
  }
  return { sortedMs: times.toSorted((a, b) => a - b) };
}

/** A worker with the same words and environment, under another name. */
async function ownStart(branch: Branch, pinger: Pinger, name: string): Promise<Sample> {
  const pid = await until(() => workerPid(branch, name), { what: `${name} to run`, timeoutMs: 30_000 });
  const listed = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").filter(Boolean);
  const node = `${name}-alone@bench`;
  const argv = listed("cmdline").map((word) =>
    word.startsWith("--hostname=")
      ? `--hostname=${node}`
      : word.replace(`/${name}/`, `/${name}/alone-`).replace(`dq.${name}`, `dq.${name}-alone`),
  );
  const env = Object.fromEntries(listed("environ").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  const times: number[] = [];
  for (let i = 0; i < REVIVALS; i++) {
    const child = Bun.spawn(argv, {
      env,
      cwd: join(branch.dir, name),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      detached: true,
    });
    times.push(await pinger.untilAnswer(node));
    process.kill(-child.pid, "SIGKILL");
    await child.exited;
  }
  return { sortedMs: times.toSorted((a, b) => a - b) };
}
