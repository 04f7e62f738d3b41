/**
 * What every error means outside: the HTTP status and the exit code of the command line. A code crosses every hop
 * (supervisor, controller, HTTP, command line) unchanged, and this table is read at both ends.
 */
export const OUTCOMES = {
  internal: { http: 500, exit: 1 },
  invalid: { http: 400, exit: 2 },
  unauthorized: { http: 401, exit: 5 },
  forbidden: { http: 403, exit: 5 },
  "not-found": { http: 404, exit: 3 },
  "method-not-allowed": { http: 405, exit: 2 },
  timeout: { http: 408, exit: 4 },
  conflict: { http: 409, exit: 3 },
  "too-large": { http: 413, exit: 2 },
  "not-implemented": { http: 501, exit: 2 },
  "worker-failed": { http: 502, exit: 4 },
  unavailable: { http: 503, exit: 4 },
} as const;

export type ErrorCode = keyof typeof OUTCOMES;

/** Facts go beside `nok` and `error` into the answer: JSON values, never a secret. */
export type Facts = Record<string, unknown>;

/** An error that a user is meant to read: one sentence without a secret in it, a code, and facts for programs. */
export class CymeError extends Error {
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, message: string, facts: Facts = {}) {
    super(message);
    this.name = "CymeError";
    this.code = code;
    this.facts = facts;
  }

  /** HTTP status of the code. */
  get status(): number {
    return OUTCOMES[this.code].http;
  }

  /** The same error with more facts. */
  withFacts(facts: Facts): CymeError {
    return new CymeError(this.code, this.message, { ...this.facts, ...facts });
  }
}

/** A parameter is wrong: which, what was wanted, what was given (left out where it may hold a secret). */
export function invalid(parameter: string, wanted: string, given?: unknown): CymeError {
  const shown = given === undefined ? "" : `, got ${show(given)}`;
  return new CymeError("invalid", `Cannot use ${parameter}: wanted ${wanted}${shown}`, { parameter, wanted });
}

export function notFound(
  kind: "app" | "instance" | "queue" | "branch" | "consumer" | "user" | "token",
  name: string,
): CymeError {
  return new CymeError("not-found", `Cannot find ${kind} ${show(name)}`, { [kind]: cut(name) });
}

export const conflict = (message: string, facts?: Facts) => new CymeError("conflict", message, facts);

/** `retryAfterS` becomes the header Retry-After. */
export function unavailable(message: string, facts: Facts = {}, retryAfterS = 5): CymeError {
  return new CymeError("unavailable", message, { ...facts, retry_after: retryAfterS });
}

/** What was given, as JSON, short enough for a sentence, and without the user and password of URLs in it. */
export function show(given: unknown): string {
  const text = typeof given === "bigint" ? String(given) : (JSON.stringify(given) ?? String(given));
  return cut(text.replaceAll(/[^\s"']+/g, withoutLogin));
}

/** Of text without blanks, from the first URL in it on. Each letter is looked at once, however long the text is. */
function withoutLogin(text: string): string {
  const from = text.search(/(:|%3a)(\/|%2f){2}/i);
  const at = Math.max(text.lastIndexOf("@"), text.lastIndexOf("%40"));
  if (from < 0 || at < from) return text;
  return `${text.slice(0, from)}://…@${text.slice(at + (text[at] === "@" ? 1 : 3))}`;
}

const SHOWN_LENGTH = 100;
const cut = (text: string) =>
  text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`;
