import { invalid } from "./errors.ts";

/** The verbs of the documents: what a URL task can ask for. */
export const VERBS = ["HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"] as const;
export type Verb = (typeof VERBS)[number];

/** One HTTP request that a worker is to perform. */
export interface UrlRequest {
  readonly method: Verb;
  /** http or https, byte for byte as it was asked for. */
  readonly url: string;
  /** What describes the body: Content-Type, Content-Encoding. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body | null;
}

/** Text as it is, anything else in base64. */
export interface Body {
  readonly content: string;
  readonly isBase64: boolean;
}

/** A task of the user's own app. */
export interface NamedRequest {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** ISO 8601 with an offset. */
  readonly eta?: string;
  /** The same, or seconds from the sending. */
  readonly expires?: string | number;
  readonly priority?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
}

export interface TaskError {
  /** Name of the exception's class. */
  readonly type: string;
  readonly message: string;
}

/** What a worker said of a task: one of the messages of Celery's rpc backend (celery/backends/rpc.py). */
export interface TaskReport {
  readonly id: string;
  /** One of celery/states.py, or of the task's own. */
  readonly state: string;
  /** JSON; null but for SUCCESS. */
  readonly result: unknown;
  /** Of FAILURE, REVOKED and RETRY. */
  readonly error: TaskError | null;
}

/** What is kept of a task. */
export interface Task extends TaskReport {
  /** Where and what was sent; null of a task whose result came and that nobody is known to have sent. */
  readonly sent: SentTask | null;
  readonly touchedAtMs: number;
}

/** What was sent, once the broker had confirmed it. */
export interface SentTask {
  readonly id: string;
  readonly app: string;
  readonly queue: string;
  /** Name of the task. */
  readonly name: string;
  /** Of a URL task; null otherwise. */
  readonly method: Verb | null;
  readonly url: string | null;
  /** By which a repeated send is told from another one under the same id. */
  readonly fingerprint: string;
  readonly sentAtMs: number;
}

/** Name of the URL task that every worker of Cyme knows. */
export const URL_TASK = "cyme.tasks.webhook";

const READY = ["SUCCESS", "FAILURE", "REVOKED"];

/** Whether a task in that state has come to its end. */
export const isReady = (state: string) => READY.includes(state);

/**
 * Whether a report is to be kept in place of what is known. Tasks are performed at least once, and reports of two
 * performances may arrive in any order: an end is not undone, and a success replaces every other end.
 */
export function replaces(known: string, reported: string): boolean {
  if (known === "SUCCESS") return false;
  return reported === "SUCCESS" || !isReady(known);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The id of a task in lower case; throws `invalid`. */
export function taskId(parameter: string, given: string): string {
  const id = given.toLowerCase();
  if (!UUID.test(id)) throw invalid(parameter, "a UUID such as 1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10", given);
  return id;
}

/** What a URL may not hold as it is; a space or a letter beyond ASCII is written in percent signs, as URL parsers do. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/;
/** Half of a character, which has no UTF-8. */
const UNPAIRED = /\p{Surrogate}/gu;
const UNSAFE = /[^\u0021-\u007e]|["<>^`{|}\\]/gu;

/**
 * Checks the URL of a URL task and leaves its bytes as they are, but for characters that no request may hold. Throws
 * `invalid`, which shows neither user nor password.
 */
export function parseTarget(given: string): string {
  const wanted = "a URL such as http://host/path or https://host/path";
  // Without its two slashes, what stands before the @ is not known for a password.
  const shown = given.includes("@") && !given.includes("://") ? undefined : given;
  if (JOINED.test(given)) throw invalid("url", `${wanted}; ${ENCODE}`, shown);
  // A URL parser finds a host where there is none: in http:///m it is m.
  if (CONTROL.test(given) || !/^https?:\/\/[^/?#\\]/i.test(given)) throw invalid("url", wanted, shown);
  const url = given.replaceAll(UNPAIRED, "\uFFFD").replaceAll(UNSAFE, (character) => encodeURIComponent(character));
  if (url.length > MAX_URL) throw invalid("url", `at most ${MAX_URL} characters`, `${url.length} characters`);
  if (!hasHostAndPort(url)) throw invalid("url", wanted, given);
  return url;
}

/** Not URL.canParse, which the Node.js that the client has to do with may not have; nor has it toWellFormed. */
function hasHostAndPort(url: string): boolean {
  try {
    return new URL(url).port !== "0";
  } catch {
    return false;
  }
}

/** What programs between the client and the branch may make of two slashes. */
const JOINED = /^https?:\/[^/]/i;
const ENCODE =
  "where something on its way joins slashes, encode the URL as a whole in the path of the request: http%3A%2F%2Fhost%2Fpath";

/** Bun takes no more of a request line and its headers. */
const MAX_URL = 16_384;

/** The query parameters of a URL by name; of a repeated one all values, in order. */
export function queryOf(url: string): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = Object.create(null);
  const query = /\?([^#]*)/.exec(url)?.[1] ?? "";
  for (const [name, value] of new URLSearchParams(query)) {
    const before = values[name];
    values[name] = before === undefined ? value : [before, value].flat();
  }
  return values;
}

/** A URL without the user and password in it, for people. */
export const withoutUserinfo = (url: string) => url.replace(/^(https?:\/\/)[^/?#]*@/i, "$1");
