import { CymeError, OUTCOMES } from "../domain/errors.ts";
import type { Log } from "../kit/log.ts";

const HEADERS = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** Names the branches that did not answer: what is answered may not be all. */
export const SILENT_HEADER = "x-cyme-silent";

/** On the answer to a change by which requests need a login from then on (`closed`), or have none any more (`open`). */
export const ACCESS_HEADER = "x-cyme-access";

/** A value as the JSON answer. */
export function respond(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...HEADERS, ...headers } });
}

/** The only place that turns an error into an answer. What is no CymeError goes to the log with an id that the answer carries. */
export function respondError(error: unknown, log: Log): Response {
  if (!(error instanceof CymeError)) {
    const id = crypto.randomUUID();
    log.error("request failed", { id, error });
    return respond(500, { nok: `Internal error; the log of the branch has it under ${id}`, error: "internal", id });
  }
  const { code, message, facts } = error;
  const headers: Record<string, string> = {};
  if (typeof facts["retry_after"] === "number") headers["retry-after"] = String(facts["retry_after"]);
  if (Array.isArray(facts["allow"])) headers["allow"] = facts["allow"].join(", ");
  if (Array.isArray(facts["silent"])) headers[SILENT_HEADER] = facts["silent"].join(",");
  return respond(OUTCOMES[code].http, { nok: message, error: code, ...facts }, headers);
}
