import { delimiter, join } from "node:path";
import { brokerUrl } from "../domain/broker.ts";
import type { Instance, Pool } from "../domain/instance.ts";
import { BROKER_VARIABLES, type ResolvedLaunch } from "../domain/launch.ts";
import { directQueue } from "../domain/names.ts";
import { WEBHOOK_MODULE } from "./webhook/install.ts";
import { parseExtraConfig, parseWords, parseWorkerArguments } from "../domain/worker-arguments.ts";

/** The variable by which a worker and all that it starts is known to be of an instance: the folder of its files, absolute. */
export const WORKER_VARIABLE = "CYME_WORKER";

export interface CommandLine {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * How the worker of an instance is started (celery/bin/worker.py; contract, "The worker process"). `folder` is the
 * that of this worker's files, absolute; `home` is the instance's, where it runs if nothing else is said; `webhookDir` that of the module which every worker has besides the user's; `inherited` the environment of the branch. The broker's URL is in the environment alone.
 */
export function workerCommandLine(options: {
  instance: Pick<Instance, "name" | "pool" | "maxConcurrency" | "minConcurrency">;
  launch: ResolvedLaunch;
  node: string;
  folder: string;
  home: string;
  webhookDir: string;
  inherited: Readonly<Record<string, string | undefined>>;
  /** Whether it replaces a worker that just died: its neighbours' news would cost a second in which nobody consumes. */
  isRevival: boolean;
}): CommandLine {
  const { instance, launch, node, folder, home, webhookDir, inherited, isRevival } = options;
  const words = parseWorkerArguments("arguments", launch.arguments ?? "");
  const hasApp = words.hasApp || launch.env["CELERY_APP"] !== undefined || launch.env["APP"] !== undefined;
  const config = extraConfig(launch.extraConfig ?? "", hasApp);
  const argv = [
    ...parseWords("command", launch.command),
    ...words.global,
    "worker",
    `--hostname=${node}`,
    `--queues=${directQueue(instance.name)}`,
    `--pool=${poolName(instance.pool)}`,
    concurrency(instance),
    "--task-events",
    "--loglevel=INFO",
    `--statedb=${join(folder, "worker.statedb")}`,
    ...(isRevival ? ["--without-mingle"] : []),
    ...(hasApp ? [] : ["--prefetch-multiplier", "10"]),
    // After ours, since the last of a repeated option counts.
    ...words.worker,
    `--include=${[...words.include, WEBHOOK_MODULE].join(",")}`,
    ...(config.prefetch === undefined ? [] : ["--prefetch-multiplier", config.prefetch]),
    ...(config.words.length === 0 ? [] : ["--", ...config.words]),
  ];
  const url = brokerUrl(launch.broker);
  const env = { ...withoutForeign(inherited), ...launch.env };
  return {
    argv,
    cwd: launch.cwd ?? home,
    env: {
      ...env,
      // Last, so that no module of the user's is hidden.
      PYTHONPATH: [env["PYTHONPATH"], webhookDir].filter(Boolean).join(delimiter),
      ...Object.fromEntries(BROKER_VARIABLES.map((name) => [name, url])),
      [WORKER_VARIABLE]: folder,
    },
  };
}

/** Celery lets the app's worker_pool win over `-P prefork`, its default value, but not over the old name of the same. */
const poolName = (pool: Pool) => (pool === "prefork" ? "processes" : pool);

/** Other pools than prefork cannot autoscale: threads end the worker when it first wants to grow. */
function concurrency({
  pool,
  maxConcurrency,
  minConcurrency,
}: Pick<Instance, "pool" | "maxConcurrency" | "minConcurrency">): string {
  return pool === "prefork" ? `--autoscale=${maxConcurrency},${minConcurrency}` : `--concurrency=${maxConcurrency}`;
}

/** What a worker without an app of the user's runs with; the user's words come after and win. */
const OWN_CONFIG = ["task.acks_late=yes", "result.expires=3600", "task.send_sent_event=yes"];

const isPrefetch = (key: string) => /^(worker)?[._]prefetch_multiplier$/.test(key);

/** `worker_prefetch_multiplier` after -- has no effect: Celery has computed the option's default by then. */
function extraConfig(text: string, hasApp: boolean): { words: string[]; prefetch: string | undefined } {
  const given = parseExtraConfig("extra_config", text);
  return {
    words: [
      ...(hasApp ? [] : OWN_CONFIG),
      ...given.filter(({ key }) => !isPrefetch(key)).map(({ key, value }) => `${key}=${value}`),
    ],
    prefetch: given.findLast(({ key }) => isPrefetch(key))?.value,
  };
}

/**
 * The branch's environment without what would configure Celery or Bun behind the user's back: Celery's command line reads
 * plain names as well as CELERY_…, REMAP_SIGTERM makes a warm stop a cold one, and CYME_… may hold secrets.
 */
function withoutForeign(inherited: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const foreign = /^(BROKER_URL|RESULT_BACKEND|APP|LOADER|CONFIG_MODULE|REMAP_SIGTERM|CELERY_.*|CYME_.*|BUN_.*)$/;
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value !== undefined && !foreign.test(name)) kept[name] = value;
  }
  return kept;
}
