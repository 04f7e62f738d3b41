import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Branch } from "../harness/branch.ts";
import { inspect, sendTask, type Celery, type SentTask } from "../harness/celery.ts";
import { until } from "../harness/wait.ts";

/** The Celery project of these tests, as parameters of an app. */
export const PROJECT = { arguments: "-A work", cwd: resolve(import.meta.dir, "project") };

/** What `instances.get` answers, as far as these tests read it. */
export interface Instance {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly standin_pid: number | null;
  readonly queues: readonly string[];
  readonly max_concurrency: number;
  readonly min_concurrency: number;
  readonly is_enabled: boolean;
  readonly is_held: boolean;
  readonly restarts: number;
  readonly disabled_reason: string | null;
  readonly why: string | null;
  readonly arguments: string | null;
}

export interface HistoryEntry {
  readonly at: string;
  readonly did: string;
  readonly why: string;
  readonly evidence: Record<string, unknown>;
}

/** Makes a call that must be answered with `status`; gives the body. */
export async function must<T = unknown>(
  branch: Branch,
  status: number,
  method: string,
  path: string,
  parameters?: Record<string, unknown>,
): Promise<T> {
  const answer = await branch.api<T>(method, path, parameters && { json: parameters });
  if (answer.status !== status) {
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

export const instanceOf = (branch: Branch, name: string) => must<Instance>(branch, 200, "GET", `/instances/${name}/`);

/** Newest first. */
export const historyOf = (branch: Branch, name: string) =>
  must<HistoryEntry[]>(branch, 200, "GET", `/instances/${name}/history/`);

/** The pid of an instance's worker; fails where there is none. */
export async function pidOf(branch: Branch, name: string): Promise<number> {
  const { pid, state } = await instanceOf(branch, name);
  if (pid === null) throw new Error(`${name} has no worker: it is ${state}`);
  return pid;
}

/** Waits until what the branch says of an instance is as `is` wants it. */
export async function untilInstance(
  branch: Branch,
  name: string,
  what: string,
  is: (instance: Instance) => boolean,
  timeoutMs = 20_000,
): Promise<Instance> {
  let last: Instance | undefined;
  const look = async () => is((last = await instanceOf(branch, name))) && last;
  try {
    return await until(look, { what: `${name} to be ${what}`, timeoutMs });
  } catch (error) {
    throw new Error(`${String(error)}; ${JSON.stringify(last)}\n${await branch.log()}`, { cause: error });
  }
}

/** What Celery's own `inspect` says of one worker; undefined where it does not answer. */
export async function asked<T>(
  celery: Celery,
  brokerUrl: string,
  branch: Branch,
  name: string,
  method: string,
): Promise<T | undefined> {
  const node = `${name}@${branch.id}`;
  return (await inspect(celery, brokerUrl, method, { destination: [node] }))[node] as T | undefined;
}

/** The queues that a worker consumes from, by Celery's own `inspect`, sorted. */
export async function consumed(celery: Celery, brokerUrl: string, branch: Branch, name: string): Promise<string[]> {
  const queues = await asked<{ name: string }[]>(celery, brokerUrl, branch, name, "active_queues");
  return (queues ?? []).map((queue) => queue.name).toSorted();
}

/** The bounds of a worker's autoscaler, by Celery's own `inspect`. */
export async function scaled(celery: Celery, brokerUrl: string, branch: Branch, name: string) {
  const stats = await asked<{ autoscaler?: { max: number; min: number } }>(celery, brokerUrl, branch, name, "stats");
  return stats?.autoscaler && { max: stats.autoscaler.max, min: stats.autoscaler.min };
}

/** A task that runs until it is let go. */
export interface HeldTask extends AsyncDisposable {
  readonly result: Promise<unknown>;
  /** The processes that ran it, in order: more than one where it was run again. */
  runs(): Promise<number[]>;
  letGo(): Promise<void>;
}

/** Sends a task that holds its worker (work.hold, or another that does), and returns once it runs. */
export async function holdTask(
  celery: Celery,
  brokerUrl: string,
  queue: string,
  task = "work.hold",
): Promise<HeldTask> {
  const folder = await mkdtemp(join(tmpdir(), "cyme-task-"));
  const sent: SentTask = await sendTask(celery, brokerUrl, { task, queue, args: [folder] }, { timeoutMs: 60_000 });
  const runs = async () => {
    const text = await readFile(join(folder, "started"), "utf8").catch(() => "");
    return text.split("\n").filter(Boolean).map(Number);
  };
  await until(async () => (await runs()).length > 0, { what: `the task in ${queue} to run`, timeoutMs: 20_000 });
  return {
    result: sent.result,
    runs,
    letGo: () => writeFile(join(folder, "gate"), ""),
    async [Symbol.asyncDispose]() {
      await sent[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
