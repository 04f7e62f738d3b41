import type { TaskError, TaskReport } from "../domain/task.ts";
import { parsePythonJson } from "./python-json.ts";

export type { TaskReport };

const ERROR_STATES = new Set(["FAILURE", "REVOKED", "RETRY"]);

/** Reads a message of Celery's rpc backend (celery/backends/rpc.py `_to_result`); undefined where it is none. */
export function parseReport(body: string): TaskReport | undefined {
  const message = parseObject(body);
  const { task_id: id, status: state, result } = message ?? {};
  if (typeof id !== "string" || id === "" || typeof state !== "string" || state === "") return undefined;
  if (ERROR_STATES.has(state)) return { id, state, result: null, error: errorOf(state, result) };
  return { id, state, result: state === "SUCCESS" ? (result ?? null) : null, error: null };
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
