import { resolve } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";
import type { CrowdOfWorkers } from "./crowd-of-workers.ts";

const STAND_IN = `sh ${resolve(import.meta.dir, "stand-in.sh")}`;
const ALL_RUN_MS = 300_000;

interface Round {
  readonly askedMs: number;
  answeredMs?: number;
}

export interface Workers extends AsyncDisposable {
  readonly pid: number;
  /** When each round over them began, and when all had answered: performance.now() of this process. */
  readonly rounds: Round[];
}

/** Returns once all nodes answer; see crowd-of-workers.ts. */
export async function startWorkers(crowd: CrowdOfWorkers): Promise<Workers> {
  const rounds: Round[] = [];
  const { promise: isReady, resolve: ready, reject } = Promise.withResolvers<void>();
  const program = resolve(import.meta.dir, "crowd-of-workers.ts");
  const child = Bun.spawn([process.execPath, program, JSON.stringify(crowd)], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc(message) {
      const round = rounds.at(-1);
      if (message === "asked") rounds.push({ askedMs: performance.now() });
      else if (message === "answered" && round) round.answeredMs = performance.now();
      else ready();
    },
    onExit: (_, code) => reject(new Error(`The process that answers for the workers ended with ${code}`)),
  });
  await isReady;
  return {
    pid: child.pid,
    rounds,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A branch whose workers are processes that cost nothing, and who answers for them. */
export interface CheapBranch extends AsyncDisposable {
  readonly branch: Branch;
  readonly workers: Workers;
  readonly names: readonly string[];
  readonly spare: readonly string[];
  /** Milliseconds until all of them run, with the adding of the instances. */
  readonly startedMs: number;
}

export interface CheapOptions {
  /** More arguments of `cyme branch`. */
  readonly args?: readonly string[];
  /** The broker's URL for the workers, where the branch has another way to it. */
  readonly direct?: string;
  /** How many more names are answered for. */
  readonly spare?: number;
}

/** A branch with `count` instances that run. */
export async function cheapBranch(
  broker: string,
  count: number,
  { args = [], direct = broker, spare = 0 }: CheapOptions = {},
): Promise<CheapBranch> {
  const stack = new AsyncDisposableStack();
  const celery = { name: "5.2", version: "0", python: "python3", command: STAND_IN } as const;
  const branch = stack.use(await startBranch({ broker, celery, args }));
  const named = (prefix: string, length: number) => Array.from({ length }, (_, i) => `${prefix}${i}`);
  const names = named("w", count);
  const spares = named("spare", spare);
  const nodes = [...names, ...spares].map((name) => `${name}@${branch.id}`);
  const workers = stack.use(await startWorkers({ url: direct, nodes }));
  await branch.api("POST", "/bench/");
  const beginMs = performance.now();
  for (const name of names) {
    const { status } = await branch.api("POST", `/bench/instances/!/${name}/`);
    if (status !== 202) throw new Error(`Adding ${name} was answered ${status}`);
  }
  await untilAllRun(branch, count);
  return {
    branch,
    workers,
    names,
    spare: spares,
    startedMs: performance.now() - beginMs,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export async function untilAllRun(branch: Branch, count: number): Promise<void> {
  const allRun = async () => {
    const { body } = await branch.api<{ state: string }[]>("GET", "/bench/instances/", { query: { detail: "1" } });
    return body.filter(({ state }) => state === "running").length === count;
  };
  await until(allRun, { what: `${count} instances to run`, timeoutMs: ALL_RUN_MS, everyMs: 200 });
}
