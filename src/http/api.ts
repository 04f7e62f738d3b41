import type { CallOptions } from "../controller/context.ts";
import type { Controller } from "../controller/controller.ts";
import type { Weight } from "../controller/hearing.ts";
import { isAtLeast, type Who } from "../domain/access.ts";
import { CymeError } from "../domain/errors.ts";
import { flag, seconds, type Params } from "../domain/fields.ts";
import type { AuditWho } from "../domain/audit.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { BRANCH_SCOPE, parseForwardedRequest, SCOPE_HEADER, type ForwardedAnswer } from "../domain/forward.ts";
import { Forwarding, readReplayable, requestOf, toForwardedAnswer } from "./forwarding.ts";
import { Feed } from "./live-feed.ts";
import { refuseAdminParams } from "./admin-only.ts";
import { whileAllowed } from "./allowed.ts";
import { auditParams } from "./audit.ts";
import { corsHeaders, guard, preflight, refuseForged, type GuardOptions } from "./guard.ts";
import { maskedResponse } from "./mask.ts";
import { readParams } from "./params.ts";
import type { Page } from "./page.ts";
import { Places, untilOver } from "./places.ts";
import { pathOf, resolve, type Resolved } from "./resolve.ts";
import { respondError, SILENT_HEADER } from "./respond.ts";
import { addSecurityHeaders } from "./security-headers.ts";
import type { SendPath } from "./send-path.ts";
import { sendUrl, TASK_HEADER } from "./sends.ts";
import type { Call } from "./routes.ts";
import { CHALLENGE, whoAsks } from "./who.ts";

export interface ApiOptions {
  readonly controller: Controller;
  readonly branchId: string;
  readonly brokerOf: Call["brokerOf"];
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes. */
  readonly maxBody: number;
  readonly guard: GuardOptions;
  /** Whether everybody who reaches the address is admin while there is no user and no token. */
  readonly isOpen: boolean;
  /** Undefined where no daemon runs. */
  readonly page?: Page | undefined;
}

/**
 * Who asks: a client; a command on the instance directory, which is about the instances of this branch alone; or another
 * branch, whose request is not sent on once more.
 */
type Origin =
  { readonly is: "client" } | { readonly is: "command" } | { readonly is: "branch"; readonly mayAdd: boolean };

const CLIENT: Origin = { is: "client" };
const COMMAND: Origin = { is: "command" };
/** It has asked who asks, and what that one may do. */
const BRANCH: Who = { name: null, role: "admin", by: "branch", from: null };

/** A request while it is answered, and what comes to be known of it. */
interface Visit {
  readonly origin: Origin;
  readonly from: string | null;
  /** Whether it came by TLS. */
  readonly isSecure: boolean;
  /** Who asks, now; rejects `unauthorized`. */
  readonly identify: () => Promise<Who>;
  /** Undefined where nobody was asked, or could say. */
  who?: Who;
  /** Who it was where the route finds that out by itself. */
  loggedIn?: AuditWho;
  /** Of a change. */
  path?: string;
  params?: Params;
}

type Target<Is> = Extract<Resolved, { readonly is: Is }>;

/** Of a body whose sender may be anybody; bytes. */
const OPEN_BODY = 16 * 1024;

const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 24 * 3600;

/** The HTTP API, apart from any server: a request becomes an answer, never a rejection. */
export class Api {
  readonly #options: ApiOptions;
  readonly #forwarding: Forwarding;
  readonly #feed: Feed;
  readonly #followers = new Places("logs");
  readonly #ending = new AbortController();

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#forwarding = new Forwarding(options.controller.elsewhere);
    this.#feed = new Feed(options);
  }

  /** What another branch is told of what is live here. */
  answerLive(question: unknown): unknown {
    return this.#feed.answer(question);
  }

  /** Ends the answers that go on until their reader leaves, so that a server can stop. */
  endStreams(): void {
    this.#ending.abort();
  }

  /**
   * `isTrusted` where only the owner of the instance directory can ask: by its socket, or in the same process. `address` is
   * where it comes from, null where that is nowhere.
   */
  async handle(request: Request, isTrusted: boolean, address: string | null = null): Promise<Response> {
    const { guard: guarding } = this.#options;
    const visit = this.#visit(request, isTrusted, address);
    const response = await this.#masked(visit, await this.#visited(request, isTrusted, visit));
    this.#audit(request.method, visit, response.status);
    const { headers } = response;
    if (response.status === 401) headers.set("www-authenticate", CHALLENGE);
    for (const [key, value] of Object.entries(corsHeaders(request.headers, guarding))) headers.set(key, value);
    addSecurityHeaders(headers, visit.isSecure);
    return request.method === "HEAD" ? withoutBody(response) : response;
  }

  /**
   * Answers what another branch was asked and is this one's matter. The branches of a cluster trust each other, as they share
   * the broker. Rejects TypeError where `forwarded` is no request.
   */
  async handleForwarded(forwarded: unknown, signal: AbortSignal): Promise<ForwardedAnswer> {
    const request = parseForwardedRequest(forwarded);
    const origin: Origin = { is: "branch", mayAdd: request.mayAdd };
    const visit: Visit = { origin, from: null, isSecure: false, identify: async () => BRANCH };
    const response = await this.#answer(requestOf(request, signal), visit).catch((error: unknown) =>
      respondError(error, this.#options.log),
    );
    return toForwardedAnswer(response);
  }

  #visit({ headers, url }: Request, isTrusted: boolean, address: string | null): Visit {
    const { controller, branchId, isOpen, guard: guarding } = this.#options;
    const asking = { headers, isTrusted, address };
    const access = { isOpen, corsOrigin: guarding.corsOrigin, branchId };
    return {
      origin: isTrusted && headers.get(SCOPE_HEADER) === BRANCH_SCOPE ? COMMAND : CLIENT,
      from: address,
      isSecure: url.startsWith("https:"),
      identify: () => whoAsks(asking, controller.logins, access),
    };
  }

  async #visited(request: Request, isTrusted: boolean, visit: Visit): Promise<Response> {
    const { log, guard: guarding, page } = this.#options;
    try {
      if (!isTrusted) guard(request, guarding);
      return preflight(request, guarding) ?? page?.answer(request) ?? (await this.#answer(request, visit));
    } catch (error) {
      return respondError(error, log);
    }
  }

  /** Sends of tasks are not written down: they may be thousands a second. */
  #audit(method: string, { who, loggedIn, path, params = {}, from }: Visit, status: number): void {
    if (path === undefined) return;
    const { name = null, role = null, by = null } = who ?? {};
    const entry = { ...(loggedIn ?? { who: name, role, by }), from, method, path, params: auditParams(params), status };
    this.#options.controller.audit.add(entry);
  }

  async #masked({ who }: Visit, response: Response): Promise<Response> {
    if (!who || isAtLeast(who.role, "admin")) return response;
    return maskedResponse(response).catch((error: unknown) => respondError(error, this.#options.log));
  }

  async #answer(request: Request, visit: Visit): Promise<Response> {
    const target = resolve(request);
    if (isAudited(target)) visit.path = pathOf(target.parsed);
    if (target.role !== "open") {
      visit.who = await visit.identify();
      if (!isAtLeast(visit.who.role, target.role)) throw tooLittle(visit.who, target.role);
    }
    switch (target.is) {
      case "nothing":
        throw target.error;
      case "options":
        return new Response(null, { status: 204, headers: { allow: target.allow.join(", ") } });
      case "send":
        return this.#send(request, target.path, visit);
      case "route":
        return this.#route(request, target, visit);
      default:
        return target satisfies never;
    }
  }

  #send(request: Request, path: SendPath, visit: Visit): Promise<Response> {
    if (visit.who) refuseForged(request.headers, visit.who.by, this.#options.guard);
    return this.#once(request, visit, (given, { timeoutMs: forMs }) =>
      sendUrl(given, path, { ...this.#options, timeoutMs: forMs }),
    );
  }

  async #route(request: Request, target: Target<"route">, visit: Visit): Promise<Response> {
    const { origin } = visit;
    const call = () => this.#call(request, target, visit);
    if (origin.is !== "branch" || !origin.mayAdd) return call();
    // The name was kept for this request.
    return this.#options.controller.elsewhere.adding(target.match.path["name"] ?? "", call);
  }

  async #call(asked: Request, target: Target<"route">, visit: Visit): Promise<Response> {
    const { match, method, parsed } = target;
    const { origin } = visit;
    const { controller, branchId, brokerOf, log } = this.#options;
    const { elsewhere, hearing } = controller;
    const { route, path } = match;
    const maxBody = target.role === "open" ? Math.min(OPEN_BODY, this.#options.maxBody) : this.#options.maxBody;
    const isCommand = origin.is === "command";
    const isForwardable = origin.is !== "branch" && route.answeredBy !== undefined;
    const replayable =
      isForwardable && (!elsewhere.isAlone || !hearing.isOver) ? await readReplayable(asked, maxBody) : undefined;
    const request = replayable?.request() ?? asked;
    const known = origin.is === "branch" ? [...route.params, ...route.branchParams] : route.params;
    const { timeout, ...params } = await readParams(request, parsed.query, known, maxBody);
    visit.params = params;
    if (visit.who) refuseAdminParams(route.pattern, params, visit.who);
    const silent = new Set<string>();
    const waiting = { nowait: parsed.nowait, timeoutMs: timeoutMs(timeout), silent };
    const { timeoutMs: leftMs } = await this.#heard(target, visit, waiting);
    const { who, identify, from, isSecure } = visit;
    const isAmongOthers = origin.is !== "branch" && !elsewhere.isAlone;
    const options = { nowait: parsed.nowait, timeoutMs: leftMs, ...(isAmongOthers && { silent }) };
    const free = who && isFollowed(params) ? this.#followers.take(who) : undefined;
    const signals = { left: this.#leftOf(asked, params, visit), ending: this.#ending.signal };
    const mayAdd = origin.is !== "branch" || origin.mayAdd;
    const others = async (list: string) => (isAmongOthers && !isCommand ? elsewhere.gather(list, options) : []);
    const tellAudit = (loggedIn: AuditWho) => void (visit.loggedIn = loggedIn);
    const asker = { who, identify, from, isSecure, tellAudit };
    const given = { method, path, params: params as Params, headers: request.headers, mayAdd, others, ...asker };
    const call = { controller, branchId, brokerOf, feed: this.#feed, ...given, options, signals };
    if (method !== "GET") log.info("request", { method, path: pathOf(parsed), ...(who?.name && { who: who.name }) });
    const here = async (within: CallOptions) => route.handle({ ...call, options: within });
    const answered =
      replayable && isAmongOthers
        ? this.#forwarding.answer({ route, ...call, replayable, isForThisBranch: isCommand }, here)
        : here(options);
    return withSilent(free ? placed(answered, free) : answered, silent);
  }

  /** Aborted when the caller has left; of a log that is followed also when it is not for him any more. Events see to that themselves. */
  #leftOf({ signal, method }: Request, params: Params, { who, identify }: Visit): AbortSignal {
    if (!who || method === "HEAD" || !isFollowed(params)) return signal;
    // Not beyond the end of the server, which a timer would keep alive.
    const until = AbortSignal.any([signal, this.#ending.signal]);
    return whileAllowed(who, identify, until, this.#options.clock);
  }

  /** A branch that has just come may be one of many, and is to know what they know before it speaks for all. */
  async #heard(target: Target<"route">, visit: Visit, options: CallOptions): Promise<CallOptions> {
    const { hearing } = this.#options.controller;
    const weight = this.#weightOf(target, visit);
    const heard = weight ? await hearing.wait(options, weight) : options;
    if (visit.who?.by !== "open") return heard;
    const sure = await hearing.waitForNobody(heard);
    await this.#refuseClosed(visit);
    if (target.method !== "GET" && ACCESS.test(target.match.route.pattern)) hearing.refuseUnsure();
    return sure;
  }

  /** How much the answer depends on what others know; undefined where it does not. */
  #weightOf({ method, match }: Target<"route">, { origin, who }: Visit): Weight | undefined {
    const { pattern, answeredBy } = match.route;
    const isOpenWrite = who?.by === "open" && method !== "GET";
    const isForAll = isOpenWrite || pattern === "/" || pattern.startsWith("/:app") || ACCESS.test(pattern);
    const isOwn = match.path["name"] !== undefined && this.#options.controller.elsewhere.isHere(match.path["name"]);
    if (!isForAll || isOwn || origin.is === "branch") return undefined;
    if (method === "GET") return origin.is === "command" ? undefined : "read";
    const isWish = answeredBy === undefined || answeredBy === "owner or a new one";
    return isWish ? "wish" : "send";
  }

  /** Where everybody was admin, for nobody was known: somebody may have been heard of meanwhile. */
  async #refuseClosed({ who, identify }: Visit): Promise<void> {
    if (who?.by === "open") await identify();
  }

  /** A send under an id of the caller's is answered by the branch that has sent it already, where there is one. */
  async #once(
    asked: Request,
    visit: Visit,
    send: (request: Request, options: CallOptions) => Promise<Response>,
  ): Promise<Response> {
    const { controller, maxBody } = this.#options;
    const { origin } = visit;
    const id = asked.headers.get(TASK_HEADER);
    const given = { nowait: false, timeoutMs: DEFAULT_TIMEOUT_S * 1000 };
    const heard = origin.is === "branch" ? given : await controller.hearing.wait(given, "send");
    await this.#refuseClosed(visit);
    if (id === null || origin.is === "branch" || controller.elsewhere.isAlone) return send(asked, heard);
    const replayable = await readReplayable(asked, maxBody);
    const silent = new Set<string>();
    const options = { ...heard, silent };
    const sending = { uuid: id, replayable, options, left: asked.signal };
    return withSilent(
      this.#forwarding.repeated(sending, (within) => send(replayable.request(), within)),
      silent,
    );
  }
}

/** Of a log, whether its answer goes on; throws `invalid`. */
const isFollowed = ({ follow }: Params) => follow !== undefined && follow !== null && flag("follow", follow);

/** The answer, whose place is free once it is over. */
async function placed(answered: Promise<Response>, free: () => void): Promise<Response> {
  try {
    return untilOver(await answered, free);
  } catch (error) {
    free();
    throw error;
  }
}

/** Names those who were silent in the answer, be it good or an error. */
async function withSilent(answered: Promise<Response>, silent: ReadonlySet<string>): Promise<Response> {
  try {
    const response = await answered;
    if (silent.size > 0) response.headers.set(SILENT_HEADER, [...silent].toSorted().join(","));
    return response;
  } catch (error) {
    if (silent.size === 0 || !(error instanceof CymeError)) throw error;
    throw error.withFacts({ silent: [...silent].toSorted() });
  }
}

/** The same status and headers, the length that the body would have among them; what may be endless, a log or events, is not read. */
async function withoutBody(response: Response): Promise<Response> {
  const { status, headers } = response;
  if (headers.get("content-type")?.startsWith("text/")) await response.body?.cancel();
  else headers.set("content-length", String((await response.bytes()).length));
  return new Response(null, { status, headers });
}

/** Changes, log-ins among them; no tasks that are sent. */
const isAudited = (target: Resolved): target is Target<"route"> =>
  target.is === "route" && target.method !== "GET" && target.match.route.answeredBy !== "sender";

/** Who may what is so for all branches. */
const ACCESS = /^\/api\/(users|tokens)/;

function tooLittle({ role }: Who, wanted: string): CymeError {
  return new CymeError("forbidden", `This takes the role ${wanted}: yours is ${role}`, { wanted, role });
}

function timeoutMs(raw: unknown): number {
  if (raw === undefined || raw === null) return DEFAULT_TIMEOUT_S * 1000;
  return seconds("timeout", raw, 0, MAX_TIMEOUT_S) * 1000;
}
