import { brokerUrl } from "./broker.ts";
import { invalid } from "./errors.ts";
import { flag, given, integer, list, text, type Params } from "./fields.ts";
import { LAUNCH_PARAMS, NO_LAUNCH, needsRestart, parseLaunch, type Launch } from "./launch.ts";
import { branchId, queueName } from "./names.ts";
import { NO_RESOURCES, parseResources, RESOURCE_PARAMS, resourceParams, type Resources } from "./resources.ts";

export const POOLS = ["prefork", "threads", "solo", "eventlet", "gevent"] as const;
export type Pool = (typeof POOLS)[number];

/** What is wished of one worker: the row that people change and the supervisor acts on. */
export interface Instance extends Launch, Resources {
  readonly name: string;
  readonly app: string;
  readonly pool: Pool;
  readonly maxConcurrency: number;
  readonly minConcurrency: number;
  readonly isEnabled: boolean;
  /** Why it was disabled, where the supervisor did it. */
  readonly disabledReason: string | null;
  /** When it died more often than its rate allows, so that it was disabled, ms since the epoch; else null. */
  readonly limitedAtMs: number | null;
  /** Stopped by `shutdown-all` until somebody starts it. */
  readonly isHeld: boolean;
  /** Deletion was asked for; the row goes once the worker has exited. */
  readonly isDeleted: boolean;
  /** Raised to ask for a restart: a worker that was started at a lower number is replaced. */
  readonly restartSeq: number;
  /** Whether that restart takes its turn among the instances of the app, one at a time. */
  readonly isRolling: boolean;
  /** Whether another worker consumes in its place while that restart is done. */
  readonly hasStandin: boolean;
  readonly restartFor: RestartFor;
  /** Names of the queues to consume from, sorted; the direct queue is not among them. */
  readonly queues: readonly string[];
  readonly createdAtMs: number;
}

/** Who asked for a restart: a person, or a limit of the instance that its worker has passed. */
type RestartFor = "people" | "recycling";

/** `unknown`: the broker is away, so nobody can say whether the living process answers. */
export type InstanceState =
  "starting" | "running" | "unresponsive" | "backoff" | "stopping" | "stopped" | "disabled" | "unknown";

export interface InstanceChange extends Partial<Launch>, Partial<Resources> {
  readonly pool?: Pool;
  readonly maxConcurrency?: number;
  readonly minConcurrency?: number;
  readonly isEnabled?: boolean;
  readonly queues?: readonly string[];
  /** The branch that it was pinned to. */
  readonly branch?: string;
}

export const INSTANCE_PARAMS = [
  "branch",
  ...LAUNCH_PARAMS,
  ...RESOURCE_PARAMS,
  "pool",
  "queues",
  "max_concurrency",
  "min_concurrency",
  "is_enabled",
] as const;

/** Most processes or threads of one worker. */
const MAX_CONCURRENCY = 10_000;

/** The given fields of an instance; throws `invalid`. Whether max and min agree is for `checkedInstance` to say. */
export function parseInstanceChange(params: Params): InstanceChange {
  const max = given(params, "max_concurrency", 1, maxConcurrency)["max_concurrency"];
  const min = given(params, "min_concurrency", 1, minConcurrency)["min_concurrency"];
  const isEnabled = given(params, "is_enabled", true, flag)["is_enabled"];
  const branch = params["branch"];
  return {
    ...parseLaunch(params),
    ...parseResources(params),
    ...given(params, "pool", "prefork", parsePool),
    ...given(params, "queues", [], (name, raw) => list(name, raw).map(queueName).toSorted()),
    ...(max === undefined ? {} : { maxConcurrency: max }),
    ...(min === undefined ? {} : { minConcurrency: min }),
    ...(isEnabled === undefined ? {} : { isEnabled }),
    ...(branch === undefined || branch === null ? {} : { branch: branchId(text("branch", branch) ?? "") }),
  };
}

/** An instance as the parameters that make it, for another branch, which may run another version. It holds secrets. */
export function instanceParams(instance: Instance): Params {
  const { broker, arguments: words, extraConfig, command, cwd, env, stopTimeoutS } = instance;
  return {
    broker: broker === null ? null : brokerUrl(broker),
    arguments: words,
    extra_config: extraConfig,
    command,
    cwd,
    env,
    stop_timeout: stopTimeoutS,
    ...resourceParams(instance),
    pool: instance.pool,
    queues: instance.queues,
    max_concurrency: instance.maxConcurrency,
    min_concurrency: instance.minConcurrency,
    is_enabled: instance.isEnabled,
  };
}

export const BOUNDS_PARAMS = ["max", "min"] as const;

/** The bounds asked for by `autoscale`, over the present ones; throws `invalid`. */
export function parseBounds(params: Params): { maxConcurrency?: number; minConcurrency?: number } {
  const { max } = given(params, "max", 1, maxConcurrency);
  const { min } = given(params, "min", 1, minConcurrency);
  return {
    ...(max === undefined ? {} : { maxConcurrency: max }),
    ...(min === undefined ? {} : { minConcurrency: min }),
  };
}

const maxConcurrency = (name: string, raw: unknown) => integer(name, raw, 1, MAX_CONCURRENCY);
const minConcurrency = (name: string, raw: unknown) => integer(name, raw, 0, MAX_CONCURRENCY);

export function newInstance(id: { name: string; app: string; nowMs: number }, change: InstanceChange): Instance {
  return checkedInstance({
    ...NO_LAUNCH,
    ...NO_RESOURCES,
    name: id.name,
    app: id.app,
    pool: "prefork",
    maxConcurrency: 1,
    minConcurrency: Math.min(1, change.maxConcurrency ?? 1),
    isEnabled: true,
    disabledReason: null,
    limitedAtMs: null,
    isHeld: false,
    isDeleted: false,
    restartSeq: 0,
    isRolling: false,
    hasStandin: false,
    restartFor: "people",
    queues: [],
    createdAtMs: id.nowMs,
    ...withoutBranch(change),
  });
}

/** The instance after a change; `restartSeq` is raised where a running worker can take the change by a restart alone. */
export function changedInstance(before: Instance, change: InstanceChange): Instance {
  const fields = withoutBranch(change);
  const after = checkedInstance({ ...before, ...fields });
  const launchKeys = new Set<string>(Object.keys(NO_LAUNCH));
  const launch = Object.fromEntries(Object.entries(fields).filter(([key]) => launchKeys.has(key)));
  const restart =
    needsRestart(launch) ||
    after.user !== before.user ||
    after.pool !== before.pool ||
    (!isScalable(after.pool) && after.maxConcurrency !== before.maxConcurrency);
  return restart ? { ...after, ...restartOf(before) } : after;
}

/** How a restart is done. */
export interface RestartWay {
  /** Only when it is its turn among the instances of the app. */
  readonly isRolling?: boolean;
  readonly hasStandin?: boolean;
  readonly restartFor?: RestartFor;
}

/** The fields that ask for a restart of the worker: without a word on the way one by a person, at once, without a stand-in. */
export function restartOf({ restartSeq }: Pick<Instance, "restartSeq">, way: RestartWay = {}) {
  const { isRolling = false, hasStandin = false, restartFor = "people" } = way;
  return { restartSeq: restartSeq + 1, isRolling, hasStandin, restartFor } as const;
}

/** Whether the worker's bounds can be changed while it runs; other pools are restarted. */
export const isScalable = (pool: Pool) => pool === "prefork";

function checkedInstance(instance: Instance): Instance {
  const { minConcurrency: min, maxConcurrency: max, pool } = instance;
  if (min > max) throw invalid("min", `at most max, which is ${max}`, min);
  if (pool === "solo" && max > 1) throw invalid("max_concurrency", "1 with the pool solo", max);
  return instance;
}

function parsePool(name: string, raw: unknown): Pool {
  const value = text(name, raw) ?? "prefork";
  if (value === "processes") return "prefork"; // Celery's old name.
  const pool = POOLS.find((known) => known === value);
  if (!pool) throw invalid(name, `one of ${POOLS.join(", ")}`, raw);
  return pool;
}

function withoutBranch({ branch: _branch, ...fields }: InstanceChange): Omit<InstanceChange, "branch"> {
  return fields;
}
