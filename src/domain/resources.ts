import { parseBytes } from "./bytes.ts";
import { invalid } from "./errors.ts";
import { given, seconds, text, type Params } from "./fields.ts";
import { rateText } from "./rate.ts";

/** What one instance may use, and how often its worker may die; `null` is the branch's default, or no limit. */
export interface Resources {
  /** `n/s`, `n/m` or `n/h`. */
  readonly restartMaxRate: string | null;
  /** The user of the machine that the worker runs as; `null` is the branch's own. */
  readonly user: string | null;
  /** Bytes. Above it, its worker is replaced. */
  readonly maxMemory: number | null;
  /** Seconds. A worker that has run for longer is replaced. */
  readonly maxAgeS: number | null;
}

export const RESOURCE_PARAMS = ["restart_max_rate", "user", "max_memory", "max_age"] as const;

export const NO_RESOURCES: Resources = { restartMaxRate: null, user: null, maxMemory: null, maxAgeS: null };

const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?$/;
/** A Celery worker alone has some 40 MiB. */
const MIN_MEMORY = 2 ** 20;
const MAX_MEMORY = 2 ** 50;
const MAX_AGE_S = 10 * 365 * 24 * 3600;

/** The fields among the parameters; throws `invalid`. Whether there is such a user is for the branch to say. */
export function parseResources(params: Params): Partial<Resources> {
  const { restart_max_rate: restartMaxRate } = given(params, "restart_max_rate", null, orNull(rateText));
  const { max_memory: maxMemory } = given(params, "max_memory", null, orNull(memory));
  const { max_age: maxAgeS } = given(params, "max_age", null, orNull(age));
  return {
    ...(restartMaxRate === undefined ? {} : { restartMaxRate }),
    ...given(params, "user", null, userName),
    ...(maxMemory === undefined ? {} : { maxMemory }),
    ...(maxAgeS === undefined ? {} : { maxAgeS }),
  };
}

/** The parameters that make these fields. */
export function resourceParams({ restartMaxRate, user, maxMemory, maxAgeS }: Resources): Params {
  return { restart_max_rate: restartMaxRate, user, max_memory: maxMemory, max_age: maxAgeS };
}

/** An empty text, as in a form, is back to the default. */
const orNull =
  <T>(parse: (name: string, raw: unknown) => T) =>
  (name: string, raw: unknown): T | null =>
    raw === "" ? null : parse(name, raw);

const age = (name: string, raw: unknown) => seconds(name, raw, 1, MAX_AGE_S);

function memory(name: string, raw: unknown): number {
  const value = typeof raw === "string" ? parseBytes(raw) : raw;
  if (typeof value !== "number" || !Number.isInteger(value) || value < MIN_MEMORY || value > MAX_MEMORY) {
    throw invalid(name, "a number of bytes from 1M, such as 536870912, 512M or 2G", raw);
  }
  return value;
}

function userName(name: string, raw: unknown): string | null {
  const value = text(name, raw);
  if (value !== null && !USER.test(value))
    throw invalid(name, "the name of a user of the machine, such as www-data", raw);
  return value;
}
