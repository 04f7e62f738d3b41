import type { AppDetail } from "../controller/apps.ts";
import type { CallOptions } from "../controller/context.ts";
import type { Controller } from "../controller/controller.ts";
import { InstanceExists, type InstanceDetail } from "../controller/instances.ts";
import type { Who } from "../domain/access.ts";
import type { AuditWho } from "../domain/audit.ts";
import type { Broker } from "../domain/broker.ts";
import { conflict, notFound } from "../domain/errors.ts";
import { flag, integer, type Params } from "../domain/fields.ts";
import { BOUNDS_PARAMS, INSTANCE_PARAMS } from "../domain/instance.ts";
import { LAUNCH_PARAMS } from "../domain/launch.ts";
import { NAMED_TASK_PARAMS, parseNamedTask } from "../domain/named-task.ts";
import { QUEUE_PARAMS } from "../domain/queue.ts";
import { showEvents } from "./events.ts";
import type { Feed } from "./live-feed.ts";
import { listTasks, TASK_LIST_PARAMS } from "./task-list.ts";
import { TOKEN_PARAMS } from "../domain/token.ts";
import { USER_PARAMS } from "../domain/user.ts";
import { AUDIT_PARAMS, listAudit } from "./audit.ts";
import * as accounts from "./accounts.ts";
import { wantedRole, type Wanted } from "./roles.ts";
import { logIn, logOut, showSession } from "./session.ts";
import { accepted, namedView, resultView, stateOf, taskView, TASK_HEADER } from "./sends.ts";
import {
  firstOfLastLines,
  followLog,
  lastLines,
  linesAfter,
  LOG_END,
  LOG_PART_PARAMS,
  LOG_POSITION,
  type LogPart,
} from "./worker-log.ts";
import { version } from "../../package.json";
import { describeApi } from "./openapi.ts";
import { respond } from "./respond.ts";
import { showStatus } from "./status.ts";
import { appView, branchView, healthView, historyView, instanceView, queueView, samplesView } from "./views.ts";

export type Method = "GET" | "PUT" | "POST" | "DELETE";

/** What a handler is given: the controller, the names in the path, the parameters, and how long to wait. */
export interface Call {
  readonly controller: Controller;
  readonly branchId: string;
  readonly brokerOf: (detail: { app: string; broker: Broker | null }) => Broker;
  readonly method: Method;
  /** Names in the path, by the name in the pattern; "" for an app that was not named. */
  readonly path: Readonly<Record<string, string>>;
  readonly params: Params;
  readonly headers: Headers;
  /** Who asks; undefined at a route that is open. */
  readonly who: Who | undefined;
  /** Who asks by now; rejects `unauthorized` where nobody does (any more). */
  readonly identify: () => Promise<Who>;
  /** Tells whom the audit is to name, at a route that is open. */
  readonly tellAudit: (who: AuditWho) => void;
  /** The address that the request came from; null where it came over none. */
  readonly from: string | null;
  /** Whether it came by TLS. */
  readonly isSecure: boolean;
  readonly options: CallOptions;
  /** Whether it may add an instance: not where another branch asks which did not make sure that the name is free. */
  readonly mayAdd: boolean;
  readonly feed: Feed;
  /** What all other branches answer to GET `path`; nothing where it is one of them that asks. */
  readonly others: (path: string) => Promise<unknown[]>;
  /** Aborted when the caller has left, and when the server ends. */
  readonly signals: { readonly left: AbortSignal; readonly ending: AbortSignal };
}

export interface Route {
  readonly methods: readonly Method[];
  /** `/:app/instances/:name`: what is matched, and the names that handlers get. */
  readonly pattern: string;
  readonly params: readonly string[];
  /** Those that other branches may give besides. */
  readonly branchParams: readonly string[];
  readonly about: string;
  /** Who may call it. */
  readonly role: Wanted;
  /** Whose matter it is, where that may be another branch: the names in the path say which. */
  readonly answeredBy?: AnsweredBy | undefined;
  readonly handle: (call: Call) => Response | Promise<Response>;
}

type AnsweredBy = "branch" | "instance" | "owner or a new one" | "task" | "sender";

const OK = { ok: "ok" };
const SCHEDULED = { ok: "operation scheduled" };

/** The answer to an operation: at once with nowait, else `done`. */
const answer = (call: Call, status: number, done: unknown) =>
  call.options.nowait ? respond(202, SCHEDULED) : respond(status, done);

/** An app that the caller did not name is undefined to the controller. */
const appOf = ({ path }: Call) => path["app"] || undefined;
const name = ({ path }: Call, key: string) => path[key] ?? "";

const showInstance = ({ branchId, brokerOf }: Call, detail: InstanceDetail) =>
  instanceView(detail, branchId, brokerOf(detail.instance));

const isDetailed = ({ params }: Call) => params["detail"] !== undefined && flag("detail", params["detail"]);
const isRolling = ({ params: { rolling } }: Call) =>
  rolling !== undefined && rolling !== null && flag("rolling", rolling);

function route(
  methods: Route["methods"],
  pattern: string,
  params: readonly string[],
  about: string,
  handle: Route["handle"],
): Route {
  const role = wantedRole(methods, pattern);
  const whose = answeredBy(methods, pattern);
  const branchParams = pattern.endsWith("/log") ? LOG_PART_PARAMS : [];
  return { methods, pattern, params: [...params, "timeout"], branchParams, about, role, answeredBy: whose, handle };
}

/** By the names in a pattern, so that no route of an instance can be forgotten. */
function answeredBy(methods: Route["methods"], pattern: string): AnsweredBy | undefined {
  if (pattern.includes("/:branch")) return "branch";
  if (pattern.includes("/:uuid")) return "task";
  if (pattern.includes("/:task")) return "sender";
  const isNew = methods.includes("PUT") && /\/instances(\/:name)?$/.test(pattern);
  if (isNew) return "owner or a new one";
  return pattern.includes("/instances/:name") ? "instance" : undefined;
}

/** Every route of the API. The first that matches counts, so fixed words stand before names. */
export const routes: readonly Route[] = [
  route(["GET"], "/ping", [], "Whether the branch answers", () => respond(200, { ok: "pong" })),
  route(["GET"], "/health", [], "Whether its parts work, and since when", ({ controller }) => {
    const report = controller.health.report();
    return respond(report.state === "failed" ? 503 : 200, healthView(report));
  }),
  route(["GET"], "/openapi.json", [], "This description of the API", ({ branchId }) =>
    respond(200, describeApi(routes, version, branchId)),
  ),
  route(["GET"], "/branches", [], "Ids of the branches that are up", ({ controller, options }) =>
    respond(200, controller.branches.ids(options.silent)),
  ),
  route(["GET"], "/branches/:branch", [], "What a branch is and does", (call) =>
    respond(200, branchView(call.controller.branches.get(name(call, "branch")))),
  ),
  route(["DELETE"], "/branches/:branch", ["forget"], "Shut a branch down; its workers stay", async (call) => {
    const forget = call.params["forget"];
    if (forget !== undefined && forget !== null && flag("forget", forget)) {
      const instances = await call.controller.branches.forget(name(call, "branch"));
      return respond(200, { ...OK, instances });
    }
    call.controller.branches.shutdown(name(call, "branch"));
    return respond(202, SCHEDULED);
  }),
  route(["GET"], "/api/status", [], "This branch, its health, its instances, queues and other branches", (call) =>
    showStatus(call, (detail) => showInstance(call, detail)),
  ),
  route(["GET"], "/api/events", [], "All that there is, and then what changes (server-sent events)", showEvents),
  route(["GET"], "/api/tasks", TASK_LIST_PARAMS, "Tasks that were sent, on all branches, newest first", listTasks),
  route(["POST"], "/api/workers/start", [], "Start all enabled instances of this branch", async (call) =>
    respond(200, { ...OK, instances: await call.controller.workers.start(call.options) }),
  ),
  route(["POST"], "/api/workers/restart", ["rolling"], "Restart all enabled instances of this branch", async (call) =>
    respond(200, { ...OK, instances: await call.controller.workers.restart(isRolling(call), call.options) }),
  ),
  route(["POST"], "/api/workers/shutdown", [], "Stop all workers of this branch and hold them", async (call) =>
    respond(200, { ...OK, instances: await call.controller.workers.shutdown(call.options) }),
  ),

  route(["GET"], "/api/session", [], "Who is logged in", showSession),
  route(["POST"], "/api/session", ["name", "password"], "Log in, by a cookie", logIn),
  route(["DELETE"], "/api/session", [], "Log out", logOut),
  route(["GET"], "/api/users", [], "Who may log in", accounts.listUsers),
  route(["GET"], "/api/users/:user", [], "One user", accounts.showUser),
  route(["PUT", "POST"], "/api/users/:user", USER_PARAMS, "Add a user, or (PUT) change one", accounts.putUser),
  route(["DELETE"], "/api/users/:user", [], "Delete a user, whose sessions end", accounts.deleteUser),
  route(["GET"], "/api/tokens", [], "The tokens of programs, which nobody can read any more", accounts.listTokens),
  route(["GET"], "/api/tokens/:token", [], "One token", accounts.showToken),
  route(["PUT", "POST"], "/api/tokens/:token", TOKEN_PARAMS, "Make a token, which is shown once", accounts.addToken),
  route(["DELETE"], "/api/tokens/:token", [], "Delete a token, which opens nothing from then on", accounts.deleteToken),
  route(["GET"], "/api/audit", AUDIT_PARAMS, "Who changed what, on all branches, newest first", listAudit),

  route(["GET"], "/", [], "Names of all apps", ({ controller }) => respond(200, controller.apps.names())),
  route(["GET"], "/:app", [], "An app", async (call) =>
    respond(200, await showApp(call, call.controller.apps.get(name(call, "app")))),
  ),
  route(["PUT", "POST"], "/:app", LAUNCH_PARAMS, "Create or change an app", async (call) => {
    const { detail, isNew } = await call.controller.apps.put(name(call, "app"), call.params, call.options);
    // Of its instances what is known here will do: the others were just told of the app, and are not asked once more.
    return answer(call, isNew ? 201 : 200, viewApp(call, detail));
  }),
  route(["DELETE"], "/:app", [], "Delete an app with its instances and queues", async (call) => {
    await call.controller.apps.remove(name(call, "app"), call.options);
    return answer(call, 200, OK);
  }),

  route(["GET"], "/:app/instances", ["detail"], "Names of the instances of an app", async (call) => {
    const { instances } = call.controller;
    const app = name(call, "app");
    if (!isDetailed(call)) return respond(200, await allNames(call, app, instances.names(app)));
    const [own, others] = await Promise.all([instances.details(app), call.others(`${listPath(app)}?detail=1`)]);
    const all = [...own.map((detail) => showInstance(call, detail)), ...others.flat()] as { name: string }[];
    return respond(
      200,
      all.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }),
  route(["PUT", "POST"], "/:app/instances", INSTANCE_PARAMS, "Create an instance named by a UUID", (call) =>
    addInstance(call, undefined),
  ),
  route(["GET"], "/:app/instances/:name", [], "An instance and what its worker does", async (call) =>
    respond(200, showInstance(call, await call.controller.instances.get(appOf(call), name(call, "name")))),
  ),
  route(
    ["PUT", "POST"],
    "/:app/instances/:name",
    INSTANCE_PARAMS,
    "Create an instance, or (PUT) change one",
    putInstance,
  ),
  route(["DELETE"], "/:app/instances/:name", [], "Stop and delete an instance", async (call) => {
    await call.controller.instances.remove(appOf(call), name(call, "name"), call.options);
    return answer(call, 200, OK);
  }),
  route(["POST"], "/:app/instances/:name/restart", ["rolling"], "restart an instance", async (call) => {
    await call.controller.instances.restart(appOf(call), name(call, "name"), isRolling(call), call.options);
    return answer(call, 200, OK);
  }),
  ...(["enable", "disable"] as const).map((verb) =>
    route(["POST"], `/:app/instances/:name/${verb}`, [], `${verb} an instance`, async (call) => {
      await call.controller.instances[verb](appOf(call), name(call, "name"), call.options);
      return answer(call, 200, OK);
    }),
  ),
  route(["POST"], "/:app/instances/:name/move", ["branch"], "Give an instance to another branch", async (call) => {
    await call.controller.moves.move(appOf(call), name(call, "name"), call.params, call.options);
    return answer(call, 200, OK);
  }),
  route(["GET"], "/:app/instances/:name/stats", [], "What the worker answers to Celery's stats", async (call) =>
    respond(200, await call.controller.instances.stats(appOf(call), name(call, "name"), call.options)),
  ),
  route(["GET"], "/:app/instances/:name/autoscale", [], "Bounds of the worker's concurrency", (call) =>
    respond(200, call.controller.instances.bounds(appOf(call), name(call, "name"))),
  ),
  route(
    ["POST"],
    "/:app/instances/:name/autoscale",
    BOUNDS_PARAMS,
    "Set the bounds of the worker's concurrency",
    async (call) => {
      const { instances } = call.controller;
      const bounds = await instances.autoscale(appOf(call), name(call, "name"), call.params, call.options);
      return answer(call, 200, bounds);
    },
  ),
  route(["GET"], "/:app/instances/:name/log", ["lines", "follow"], "The end of the worker's log", showLog),
  route(["GET"], "/:app/instances/:name/samples", [], "What its worker used in the last hour", async (call) => {
    const { instance } = await call.controller.instances.get(appOf(call), name(call, "name"));
    return respond(200, samplesView(call.controller.samples.of(instance.name)));
  }),
  route(["GET"], "/:app/instances/:name/history", [], "What the supervisor did, newest first", (call) =>
    respond(200, call.controller.instances.history(appOf(call), name(call, "name")).map(historyView)),
  ),

  route(["GET"], "/:app/instances/:name/queues", [], "What the worker consumes from now", async (call) => {
    const queues = await call.controller.consumers.all(appOf(call), name(call, "name"), call.options);
    return respond(200, Object.fromEntries(queues.map((queue) => [queue.name, queueView(queue)])));
  }),
  route(
    ["GET"],
    "/:app/instances/:name/queues/:queue",
    [],
    "One of the queues that the worker consumes from",
    async (call) => {
      const { consumers } = call.controller;
      const queue = await consumers.get(appOf(call), name(call, "name"), name(call, "queue"), call.options);
      return respond(200, queueView(queue));
    },
  ),
  route(["PUT", "POST"], "/:app/instances/:name/queues/:queue", [], "Consume from a queue", async (call) => {
    await call.controller.consumers.add(appOf(call), name(call, "name"), name(call, "queue"), call.options);
    return answer(call, 201, OK);
  }),
  route(["DELETE"], "/:app/instances/:name/queues/:queue", [], "Stop consuming from a queue", async (call) => {
    await call.controller.consumers.remove(appOf(call), name(call, "name"), name(call, "queue"), call.options);
    return answer(call, 200, OK);
  }),

  route(["GET"], "/:app/queues", ["detail"], "Names of the queues of an app", (call) => {
    const { queues } = call.controller;
    const app = name(call, "app");
    return respond(200, isDetailed(call) ? queues.all(app).map(queueView) : queues.names(app));
  }),
  route(["GET"], "/:app/queues/:queue", [], "A queue declaration", (call) =>
    respond(200, queueView(call.controller.queues.get(name(call, "app"), name(call, "queue")))),
  ),
  route(
    ["PUT", "POST"],
    "/:app/queues/:queue",
    QUEUE_PARAMS,
    "Declare a queue, or change a declaration",
    async (call) => {
      const { queues } = call.controller;
      const { queue, isNew } = await queues.put(name(call, "app"), name(call, "queue"), call.params, call.options);
      return answer(call, isNew ? 201 : 200, queueView(queue));
    },
  ),
  route(["DELETE"], "/:app/queues/:queue", [], "Delete a queue declaration", async (call) => {
    await call.controller.queues.remove(name(call, "app"), name(call, "queue"), call.options);
    return answer(call, 200, OK);
  }),

  route(["POST"], "/:app/task/:queue/:task", NAMED_TASK_PARAMS, "Send a task of the app's own", async (call) => {
    const request = parseNamedTask(name(call, "task"), call.params);
    const id = call.headers.get(TASK_HEADER) ?? undefined;
    const { tasks } = call.controller;
    const sent = await tasks.sendNamed(name(call, "app"), name(call, "queue"), request, id, call.options);
    return accepted(sent, namedView(sent, request));
  }),
  route(["GET"], "/:app/query/:uuid", [], "What is known of a task", async (call) =>
    respond(200, taskView(await queried(call))),
  ),
  route(["GET"], "/:app/query/:uuid/state", [], "The state of a task", async (call) =>
    respond(200, { state: stateOf(await queried(call)) }),
  ),
  route(["GET"], "/:app/query/:uuid/result", [], "The result of a task, if it is there", async (call) =>
    respond(200, resultView(await queried(call))),
  ),
  route(["GET"], "/:app/query/:uuid/wait", [], "The result of a task, once it is there", async (call) => {
    const { controller, options, signals } = call;
    return respond(
      200,
      resultView(await controller.tasks.wait(name(call, "app"), name(call, "uuid"), options, signals.left)),
    );
  }),
];

const listPath = (app: string) => `/${encodeURIComponent(app)}/instances/`;

/** Names on all branches, sorted; `own` are those on this one. */
async function allNames(call: Call, app: string, own: readonly string[]): Promise<readonly string[]> {
  const others = await call.others(listPath(app));
  return others.length === 0 ? own : [...new Set([...own, ...(others.flat() as string[])])].toSorted();
}

async function showApp(call: Call, detail: AppDetail) {
  const instances = await allNames(call, detail.app.name, detail.instances);
  return viewApp(call, { ...detail, instances });
}

const viewApp = ({ brokerOf }: Call, detail: AppDetail) =>
  appView(detail, brokerOf({ app: "", broker: detail.app.broker }));

const queried = (call: Call) => call.controller.tasks.get(name(call, "app"), name(call, "uuid"));

async function addInstance(call: Call, instance: string | undefined): Promise<Response> {
  const detail = await call.controller.instances.add(name(call, "app"), instance, call.params, call.options);
  if (call.options.nowait) return respond(202, { ...SCHEDULED, name: detail.instance.name });
  return respond(201, showInstance(call, detail));
}

async function putInstance(call: Call): Promise<Response> {
  const { instances } = call.controller;
  const instance = name(call, "name");
  const app = appOf(call) ?? (await instances.get(undefined, instance)).instance.app;
  if (!instances.exists(app, instance)) {
    if (!call.mayAdd) throw notFound("instance", instance);
    try {
      return await addInstance({ ...call, path: { ...call.path, app } }, instance);
    } catch (error) {
      // Somebody else added it meanwhile: for PUT that makes no difference.
      const isTaken = error instanceof InstanceExists && instances.exists(app, instance);
      if (!isTaken || call.method === "POST") throw error;
    }
  } else if (call.method === "POST") {
    throw conflict(`Instance "${instance}" exists already: change it with PUT`, { instance });
  }
  const detail = await instances.change(app, instance, call.params, call.options);
  return answer(call, 200, showInstance(call, detail));
}

const DEFAULT_LINES = 100;
const MAX_LINES = 100_000;

function showLog(call: Call): Response {
  const { lines: given, follow } = call.params;
  const lines = given === undefined || given === null ? DEFAULT_LINES : integer("lines", given, 0, MAX_LINES);
  const file = call.controller.instances.logFile(appOf(call), name(call, "name"));
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  const isFollowed = follow !== undefined && follow !== null && flag("follow", follow);
  const show = ({ bytes, position, end }: LogPart) =>
    new Response(bytes, { headers: { ...headers, [LOG_POSITION]: position, [LOG_END]: end } });
  // Other branches ask for parts.
  const { after, parts } = call.params;
  if (typeof after === "string") return show(linesAfter(file, after));
  if (parts !== undefined && parts !== null && flag("parts", parts)) return show(firstOfLastLines(file, lines));
  if (!isFollowed) return show(lastLines(file, lines));
  const until = AbortSignal.any([call.signals.left, call.signals.ending]);
  return new Response(followLog(file, lines, until), { headers });
}
