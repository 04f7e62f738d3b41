import type { TaskError, TaskReport } from "../domain/task.ts";
import { parsePythonJson } from "./python-json.ts";

export type { TaskReport };

const ERROR_STATES = new Set(["FAILURE", "REVOKED", "RETRY"]);

/** Lists and objects in each other; Python's own json writes about as many. With more, whatever works on values recursively throws. */
const MAX_DEPTH = 1000;

/** Reads a message of Celery's rpc backend (celery/backends/rpc.py `_to_result`); undefined where it is none that can be read. */
export function parseReport(body: string): TaskReport | undefined {
  if (isTooDeep(body)) return undefined;
  const message = parseObject(body);
  const { task_id: id, status: state, result } = message ?? {};
  if (typeof id !== "string" || id === "" || typeof state !== "string" || state === "") return undefined;
  if (ERROR_STATES.has(state)) return { id, state, result: null, error: errorOf(state, result) };
  return { id, state, result: state === "SUCCESS" ? (result ?? null) : null, error: null };
}

/**
 * What to keep of a report that cannot be read, so that nobody waits for it any longer; undefined where nothing says which task it
 * is of: neither its beginning, where Celery writes the id, nor `correlationId`, the message's.
 */
export function unreadableReport(body: string, correlationId: string | undefined): TaskReport | undefined {
  const id = /^\s*\{\s*"task_id"\s*:\s*"([^"\\]{1,255})"/.exec(body)?.[1] ?? correlationId;
  if (id === undefined || id === "") return undefined;
  const wanted = `JSON with at most ${MAX_DEPTH} lists and objects in each other`;
  const error = { type: "UnreadableResult", message: `The result cannot be read: wanted ${wanted}` };
  return { id, state: "FAILURE", result: null, error };
}

/** Of `{"exc_type", "exc_message", "exc_module"}`; whatever else there is becomes the message. */
function errorOf(state: string, result: unknown): TaskError {
  if (!isObject(result) || typeof result["exc_type"] !== "string") return { type: state, message: shown(result) };
  return { type: result["exc_type"], message: shown(result["exc_message"]) };
}

/** Python's arguments of an exception: one text as it is, a list joined. */
function shown(message: unknown): string {
  if (message === null || message === undefined) return "";
  if (typeof message === "string") return message;
  return Array.isArray(message) ? message.map(text).join(", ") : text(message);
}

const text = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value = parsePythonJson(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without recursion and before anything is parsed: brackets are counted where they are not in a string. */
function isTooDeep(json: string): boolean {
  if (json.length <= MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at);
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}
