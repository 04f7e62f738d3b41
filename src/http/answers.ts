import { ANY, listOf, mapOf, record, reference, TEXT, whole, type Schema } from "./schema.ts";

/** What a route answers where all went well, by status; in JSON but where it says otherwise. */
export interface Answers {
  readonly [status: number]: Schema | Text;
}

/** An answer that is no JSON. */
export interface Text {
  readonly contentType: string;
}

export const isText = (answer: Schema | Text): answer is Text => "contentType" in answer;

const OK = reference("Ok");
const NAMES = listOf(TEXT);
const DONE: Answers = { 200: OK };

const orNames = (object: string): Schema => ({ anyOf: [NAMES, listOf(reference(object))] });
const working: Answers = { 200: record({ ok: TEXT, instances: NAMES }) };

/** By the first method of the row in the table of routes, and its pattern. A test sees to it that each row has its answers. */
export const ANSWERS: Readonly<Record<string, Answers>> = {
  "GET /ping": DONE,
  "GET /health": { 200: reference("Health"), 503: reference("Health") },
  "GET /openapi.json": { 200: mapOf(ANY) },
  "GET /branches": { 200: NAMES },
  "GET /branches/:branch": { 200: reference("Branch") },
  "DELETE /branches/:branch": { 200: OK, 202: OK },
  "GET /api/status": {
    200: record({
      branch: reference("Branch"),
      held: whole(0),
      health: reference("Health"),
      instances: listOf(reference("Instance")),
      queues: listOf(reference("QueueDepth")),
      branches: listOf(reference("OtherBranch")),
    }),
  },
  "GET /api/events": { 200: { contentType: "text/event-stream" } },
  "GET /api/tasks": { 200: listOf(reference("TaskRow")) },
  "POST /api/workers/start": working,
  "POST /api/workers/restart": working,
  "POST /api/workers/shutdown": working,
  "GET /api/session": { 200: reference("Session") },
  "POST /api/session": { 200: reference("LogIn") },
  "DELETE /api/session": DONE,
  "GET /api/users": { 200: listOf(reference("User")) },
  "GET /api/users/:user": { 200: reference("User") },
  "PUT /api/users/:user": { 200: reference("User"), 201: reference("User") },
  "DELETE /api/users/:user": DONE,
  "GET /api/tokens": { 200: listOf(reference("Token")) },
  "GET /api/tokens/:token": { 200: reference("Token") },
  "PUT /api/tokens/:token": { 201: reference("NewToken") },
  "DELETE /api/tokens/:token": DONE,
  "GET /api/audit": { 200: listOf(reference("AuditEntry")) },
  "GET /": { 200: NAMES },
  "GET /:app": { 200: reference("App") },
  "PUT /:app": { 200: reference("App"), 201: reference("App") },
  "DELETE /:app": DONE,
  "GET /:app/instances": { 200: orNames("Instance") },
  "PUT /:app/instances": { 201: reference("Instance") },
  "GET /:app/instances/:name": { 200: reference("Instance") },
  "PUT /:app/instances/:name": { 200: reference("Instance"), 201: reference("Instance") },
  "DELETE /:app/instances/:name": DONE,
  "POST /:app/instances/:name/restart": DONE,
  "POST /:app/instances/:name/enable": DONE,
  "POST /:app/instances/:name/disable": DONE,
  "POST /:app/instances/:name/move": DONE,
  "GET /:app/instances/:name/stats": { 200: mapOf(ANY) },
  "GET /:app/instances/:name/autoscale": { 200: reference("Bounds") },
  "POST /:app/instances/:name/autoscale": { 200: reference("Bounds") },
  "GET /:app/instances/:name/log": { 200: { contentType: "text/plain" } },
  "GET /:app/instances/:name/samples": { 200: reference("Samples") },
  "GET /:app/instances/:name/history": { 200: listOf(reference("HistoryEntry")) },
  "GET /:app/instances/:name/queues": { 200: mapOf(reference("Queue")) },
  "GET /:app/instances/:name/queues/:queue": { 200: reference("Queue") },
  "PUT /:app/instances/:name/queues/:queue": { 201: OK },
  "DELETE /:app/instances/:name/queues/:queue": DONE,
  "GET /:app/queues": { 200: orNames("Queue") },
  "GET /:app/queues/:queue": { 200: reference("Queue") },
  "PUT /:app/queues/:queue": { 200: reference("Queue"), 201: reference("Queue") },
  "DELETE /:app/queues/:queue": DONE,
  "POST /:app/task/:queue/:task": { 202: reference("SentTask") },
  "GET /:app/query/:uuid": { 200: reference("Task") },
  "GET /:app/query/:uuid/state": { 200: record({ state: TEXT }) },
  "GET /:app/query/:uuid/result": { 200: reference("Result") },
  "GET /:app/query/:uuid/wait": { 200: reference("Result") },
};
