import { isAbsolute } from "node:path";
import { parseBrokerParams, type Broker, BROKER_PARAMS } from "./broker.ts";
import { invalid } from "./errors.ts";
import { environment, given, seconds, text, type Params } from "./fields.ts";
import { parseExtraConfig, parseWords, parseWorkerArguments } from "./worker-arguments.ts";

/**
 * How workers are started: given on an app for all of its instances, on an instance for itself. `null` on an instance
 * means as on its app, `null` on an app means the branch's default.
 */
export interface Launch {
  readonly broker: Broker | null;
  /** Words for `celery worker`, as a shell splits them. */
  readonly arguments: string | null;
  /** `key=value` words, passed after `--`. */
  readonly extraConfig: string | null;
  /** How to call Celery: words, as `/path/venv/bin/celery` or `python3 -m celery`. */
  readonly command: string | null;
  readonly cwd: string | null;
  /** An instance's variables are added to its app's. */
  readonly env: Readonly<Record<string, string>> | null;
  readonly stopTimeoutS: number | null;
}

export const LAUNCH_PARAMS = [
  ...BROKER_PARAMS,
  "arguments",
  "extra_config",
  "command",
  "cwd",
  "env",
  "stop_timeout",
] as const;

export const NO_LAUNCH: Launch = {
  broker: null,
  arguments: null,
  extraConfig: null,
  command: null,
  cwd: null,
  env: null,
  stopTimeoutS: null,
};

/** Seconds that a worker gets to finish its tasks, where nobody said anything. */
export const DEFAULT_STOP_TIMEOUT_S = 60;
const MAX_STOP_TIMEOUT_S = 7 * 24 * 3600;

/** Variables by which the worker is told its broker. */
export const BROKER_VARIABLES = ["CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"] as const;

/** The launch fields among the parameters; throws `invalid`. */
export function parseLaunch(params: Params): Partial<Launch> {
  const broker = parseBrokerParams(params);
  const { extra_config: extraConfig, stop_timeout: stopTimeoutS } = {
    ...given(params, "extra_config", null, extraConfigText),
    ...given(params, "stop_timeout", null, stopTimeout),
  };
  return {
    ...(broker === undefined ? {} : { broker }),
    ...given(params, "arguments", null, argumentsText),
    ...(extraConfig === undefined ? {} : { extraConfig }),
    ...given(params, "command", null, commandText),
    ...given(params, "cwd", null, directory),
    ...given(params, "env", null, (name, raw) => (raw === "" ? null : environment(name, raw, BROKER_VARIABLES))),
    ...(stopTimeoutS === undefined ? {} : { stopTimeoutS }),
  };
}

/** Whether a change reaches a worker only by starting it anew; a stop timeout is read when it is used. */
export function needsRestart(change: Partial<Launch>): boolean {
  return Object.keys(change).some((key) => key !== "stopTimeoutS");
}

/** Whether the worker sends scheduled tasks itself, so that a second one beside it would send them again. */
export function hasBeat(instance: Launch, app: Launch): boolean {
  return parseWorkerArguments("arguments", instance.arguments ?? app.arguments ?? "").hasBeat;
}

/** The fields of `change` that differ from `before`. */
export function onlyChanged<T extends object>(before: T, change: Partial<T>): Partial<T> {
  const entries = Object.entries(change).filter(([key, value]) => !Bun.deepEquals(value, before[key as keyof T]));
  return Object.fromEntries(entries) as Partial<T>;
}

const stopTimeout = (name: string, raw: unknown): number | null =>
  raw === "" ? null : seconds(name, raw, 0, MAX_STOP_TIMEOUT_S);

function argumentsText(name: string, raw: unknown): string | null {
  const value = text(name, raw);
  if (value !== null) parseWorkerArguments(name, value);
  return value;
}

function extraConfigText(name: string, raw: unknown): string | null {
  const value = text(name, raw);
  if (value !== null) parseExtraConfig(name, value);
  return value;
}

function commandText(name: string, raw: unknown): string | null {
  const value = text(name, raw);
  if (value !== null && parseWords(name, value).length === 0) {
    throw invalid(name, "how to call Celery, such as celery, /path/venv/bin/celery or python3 -m celery", raw);
  }
  return value;
}

function directory(name: string, raw: unknown): string | null {
  const value = text(name, raw, { maxLength: 4000 });
  if (value !== null && !isAbsolute(value)) throw invalid(name, "an absolute path", raw);
  return value;
}

/** What an instance is started with, after its own fields, its app's and the branch's defaults. */
export interface ResolvedLaunch {
  readonly broker: Broker;
  readonly arguments: string | null;
  readonly extraConfig: string | null;
  readonly command: string;
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly stopTimeoutS: number;
}

export function resolveLaunch(
  instance: Launch,
  app: Launch,
  defaults: { broker: Broker; command: string },
): ResolvedLaunch {
  return {
    broker: instance.broker ?? app.broker ?? defaults.broker,
    arguments: instance.arguments ?? app.arguments,
    extraConfig: instance.extraConfig ?? app.extraConfig,
    command: instance.command ?? app.command ?? defaults.command,
    cwd: instance.cwd ?? app.cwd,
    env: { ...app.env, ...instance.env },
    stopTimeoutS: instance.stopTimeoutS ?? app.stopTimeoutS ?? DEFAULT_STOP_TIMEOUT_S,
  };
}
