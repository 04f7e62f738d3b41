import { invalid } from "./errors.ts";
import { integer, object, refuseDeep, type Params } from "./fields.ts";
import { refuseHugeNumbers } from "./queue.ts";
import type { NamedRequest } from "./task.ts";

export const NAMED_TASK_PARAMS = ["args", "kwargs", "eta", "expires", "priority", "headers"] as const;

const NAME = /^[^\s\p{Cc}/]{1,255}$/u;
const HEADER_BYTES = 2000;
const MAX_PRIORITY = 255;
/** The headers of Celery's protocol 2 (celery/app/amqp.py `as_task_v2`), which are set from the other parameters. */
const OWN_HEADERS =
  "lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin ignore_result replaced_task_nesting stamped_headers stamps".split(
    " ",
  );

/** A task by the name that the user's app gave it. Throws `invalid`. */
export function parseNamedTask(name: string, params: Params): NamedRequest {
  if (!NAME.test(name)) throw invalid("task name", "1 to 255 characters without spaces or /", name);
  const { args, kwargs, eta, expires, priority, headers } = params;
  const isGiven = (value: unknown) => value !== undefined && value !== null;
  return {
    name,
    args: isGiven(args) ? parseArgs(args) : [],
    kwargs: isGiven(kwargs) ? parseKwargs(kwargs) : {},
    ...(isGiven(eta) ? { eta: moment("eta", eta) } : {}),
    ...(isGiven(expires) ? { expires: expiry(expires) } : {}),
    ...(isGiven(priority) ? { priority: integer("priority", priority, 0, MAX_PRIORITY) } : {}),
    ...(isGiven(headers) ? { headers: parseHeaders(headers) } : {}),
  };
}

function parseArgs(raw: unknown): unknown[] {
  let value = raw;
  if (typeof raw === "string") {
    try {
      value = JSON.parse(raw);
    } catch {
      throw invalid("args", "a JSON list", raw);
    }
  }
  if (!Array.isArray(value)) throw invalid("args", "a JSON list", raw);
  refuseDeep("args", value);
  refuseHugeNumbers("args", value);
  return value;
}

function parseKwargs(raw: unknown): Record<string, unknown> {
  const value = object("kwargs", raw);
  refuseHugeNumbers("kwargs", value);
  return value;
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?(Z|[+-]\d{2}:?\d{2})?$/i;
const MOMENT_WANTED = "a moment such as 2026-11-21T10:00:00Z (without an offset it is UTC)";

/** Celery rejects a message whose moment it cannot read, so it is written anew. */
function moment(name: string, raw: unknown): string {
  const match = typeof raw === "string" ? MOMENT.exec(raw.trim()) : null;
  if (!match) throw invalid(name, MOMENT_WANTED, raw);
  const [, day, time = "00:00", offset = "Z"] = match;
  const atMs = Date.parse(`${day}T${time}${offset.replace(/^([+-]\d{2})(\d{2})$/, "$1:$2")}`);
  if (Number.isNaN(atMs)) throw invalid(name, MOMENT_WANTED, raw);
  return isoMoment(atMs);
}

const MAX_EXPIRES_S = 10 * 365 * 24 * 3600;

function expiry(raw: unknown): string | number {
  const text = typeof raw === "string" ? raw.trim() : raw;
  const inSeconds = typeof text === "string" && /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : text;
  if (typeof inSeconds !== "number") return moment("expires", raw);
  if (!(inSeconds >= 0 && inSeconds <= MAX_EXPIRES_S)) {
    throw invalid("expires", `0 to ${MAX_EXPIRES_S} seconds from now, or ${MOMENT_WANTED}`, raw);
  }
  return inSeconds;
}

/** The time is ms since the epoch. Celery 5.2 takes the digits of a fraction for microseconds, however few they are. */
export const isoMoment = (atMs: number): string => new Date(atMs).toISOString().replace("Z", "000+00:00");

function parseHeaders(raw: unknown): Record<string, unknown> {
  const value = object("headers", raw);
  const own = Object.keys(value).find((name) => OWN_HEADERS.includes(name));
  if (own !== undefined) throw invalid("headers", "no header of Celery's own", own);
  const long = Object.keys(value).find((name) => Buffer.byteLength(name) > 255);
  if (long !== undefined) throw invalid("headers", "names of at most 255 bytes", long);
  if (Buffer.byteLength(JSON.stringify(value)) > HEADER_BYTES) {
    throw invalid("headers", `at most ${HEADER_BYTES} bytes of JSON`);
  }
  refuseHugeNumbers("headers", value);
  return value;
}
