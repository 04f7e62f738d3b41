import type { CallOptions } from "../controller/context.ts";
import { backendNote, type Sent, type TaskDetail } from "../controller/tasks.ts";
import { CymeError, invalid } from "../domain/errors.ts";
import {
  isReady,
  queryOf,
  VERBS,
  withoutUserinfo,
  type Body,
  type NamedRequest,
  type UrlRequest,
  type Verb,
} from "../domain/task.ts";
import type { Log } from "../kit/log.ts";
import { readBytes } from "./params.ts";
import { respond } from "./respond.ts";
import type { SendPath } from "./send-path.ts";
import type { Call } from "./routes.ts";
import { brokerView, time } from "./views.ts";

/** The header by which a client names a task, so that sending it again does nothing twice. */
export const TASK_HEADER = "x-cyme-task";

/** Bun does not hand over what they carry. */
const WITHOUT_BODY: readonly string[] = ["GET", "HEAD", "TRACE"];
const DESCRIBE_BODY = { "content-type": "Content-Type", "content-encoding": "Content-Encoding" } as const;

/** Answers a request whose path asks for a URL task; `maxBody` is bytes. */
export async function sendUrl(
  request: Request,
  { app, queue, url, nowait }: SendPath,
  { controller, log, maxBody, timeoutMs }: Pick<Call, "controller"> & { log: Log; maxBody: number; timeoutMs: number },
): Promise<Response> {
  const urlRequest = { method: verb(request.method), url, ...(await readBody(request, maxBody)) };
  const options: CallOptions = { nowait, timeoutMs };
  const id = request.headers.get(TASK_HEADER) ?? undefined;
  const sent = await controller.tasks.sendUrl(app, queue, urlRequest, id, options);
  const { id: uuid, queue: to } = sent.sent;
  // Where it leads, without what may be secret; not at INFO, which would be thousands of lines a second.
  const target = withoutUserinfo(url)
    .replace(/[?#].*$/s, "")
    .slice(0, 200);
  log.debug("task", { app, queue: to, uuid, method: request.method, target });
  return accepted(sent, urlView(sent, urlRequest));
}

/** The answer to a task that was sent, of whatever kind. */
export function accepted({ sent }: Sent, view: object): Response {
  return respond(202, view, { location: `/${sent.app}/query/${sent.id}/`, [TASK_HEADER]: sent.id });
}

function verb(method: string): Verb {
  const known = VERBS.find((one) => one === method);
  if (known) return known;
  const message = `${method} cannot be queued: wanted ${VERBS.join(", ")}`;
  throw new CymeError("method-not-allowed", message, { allow: VERBS });
}

async function readBody(request: Request, maxBody: number): Promise<Pick<UrlRequest, "headers" | "body">> {
  const given = Object.entries(DESCRIBE_BODY).flatMap(([name, written]) => {
    const value = request.headers.get(name);
    return value === null ? [] : [[written, value] as const];
  });
  const headers = Object.fromEntries(given);
  if (!WITHOUT_BODY.includes(request.method)) {
    const bytes = await readBytes(request, maxBody);
    return { headers, body: bytes.length === 0 ? null : toBody(bytes) };
  }
  const hasBody = Number(request.headers.get("content-length") ?? 0) > 0 || request.headers.has("transfer-encoding");
  if (hasBody) throw invalid("the body", `none with ${request.method}, which cannot carry one here`);
  return { headers, body: null };
}

// The mark at the beginning of a text is a part of it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// JSON writes each with six bytes, and brokers bound messages.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

/** Text where it is; what holds control characters is none. */
function toBody(bytes: Uint8Array): Body {
  const content = text(bytes);
  if (content !== undefined && !CONTROL.test(content)) return { content, isBase64: false };
  return { content: Buffer.from(bytes).toString("base64"), isBase64: true };
}

function text(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export function urlView({ sent, broker }: Sent, { method, url, body }: UrlRequest) {
  return {
    uuid: sent.id,
    url,
    queue: sent.queue,
    method,
    params: queryOf(url),
    data: body?.content ?? null,
    is_base64: body?.isBase64 ?? false,
    broker: brokerView(broker),
    app: sent.app,
    task: sent.name,
  };
}

export function namedView(
  { sent, broker, resultBackend }: Sent & { readonly resultBackend: string | undefined },
  request: NamedRequest,
) {
  const { args, kwargs, eta, expires, priority, headers } = request;
  return {
    uuid: sent.id,
    task: sent.name,
    queue: sent.queue,
    args,
    kwargs,
    eta: eta ?? null,
    expires: expires ?? null,
    priority: priority ?? null,
    headers: headers ?? null,
    broker: brokerView(broker),
    app: sent.app,
    ...backendView(resultBackend),
  };
}

/** What is known of a task. */
export function taskView(detail: TaskDetail) {
  const { id, task } = detail;
  const sent = task?.sent ?? undefined;
  return {
    uuid: id,
    state: stateOf(detail),
    ...resultView(detail),
    app: sent?.app ?? null,
    queue: sent?.queue ?? null,
    task: sent?.name ?? null,
    method: sent?.method ?? null,
    url: sent?.url ?? null,
    sent_at: sent ? time(sent.sentAtMs) : null,
    changed_at: task ? time(task.touchedAtMs) : null,
  };
}

/** A task that nothing is known of is waiting, as far as anybody can say. */
export const stateOf = ({ task }: TaskDetail): string => task?.state ?? "PENDING";

export function resultView({ task, resultBackend }: TaskDetail) {
  const isOver = task !== undefined && isReady(task.state);
  return {
    result: isOver ? task.result : null,
    ...(isOver && task.error ? { error: task.error } : {}),
    ...backendView(resultBackend),
  };
}

/** Said only where results do not come here. */
const backendView = (kind: string | undefined) =>
  kind === undefined || kind === "rpc" ? {} : { result_backend: kind, note: backendNote(kind) };
