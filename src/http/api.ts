import type { CallOptions } from "../controller/context.ts";
import type { Controller } from "../controller/controller.ts";
import { CymeError } from "../domain/errors.ts";
import { seconds, type Params } from "../domain/fields.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { BRANCH_SCOPE, parseForwardedRequest, SCOPE_HEADER, type ForwardedAnswer } from "../domain/forward.ts";
import { Forwarding, readReplayable, requestOf, toForwardedAnswer } from "./forwarding.ts";
import { Feed } from "./live-feed.ts";
import { corsHeaders, guard, type GuardOptions } from "./guard.ts";
import { readParams } from "./params.ts";
import type { Page } from "./page.ts";
import { parsePath, type ParsedPath } from "./path.ts";
import { respondError, SILENT_HEADER } from "./respond.ts";
import { parseSendPath } from "./send-path.ts";
import { sendUrl, TASK_HEADER } from "./sends.ts";
import { routes, type Call, type Method, type Route } from "./routes.ts";

export interface ApiOptions {
  readonly controller: Controller;
  readonly branchId: string;
  readonly brokerOf: Call["brokerOf"];
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes. */
  readonly maxBody: number;
  readonly guard: GuardOptions;
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
const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 24 * 3600;

/** The HTTP API, apart from any server: a request becomes an answer, never a rejection. */
export class Api {
  readonly #options: ApiOptions;
  readonly #forwarding: Forwarding;
  readonly #feed: Feed;
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

  /** `isTrusted` where only the owner of the instance directory can ask: by its socket, or in the same process. */
  async handle(request: Request, isTrusted: boolean): Promise<Response> {
    const { log, guard: guarding } = this.#options;
    let response: Response;
    try {
      if (!isTrusted) guard(request.headers, guarding);
      const isCommand = isTrusted && request.headers.get(SCOPE_HEADER) === BRANCH_SCOPE;
      response = this.#options.page?.answer(request) ?? (await this.#answer(request, isCommand ? COMMAND : CLIENT));
    } catch (error) {
      response = respondError(error, log);
    }
    for (const [key, value] of Object.entries(corsHeaders(request.headers, guarding))) response.headers.set(key, value);
    return request.method === "HEAD" ? withoutBody(response) : response;
  }

  /**
   * Answers what another branch was asked and is this one's matter. The branches of a cluster trust each other, as they share
   * the broker. Rejects TypeError where `forwarded` is no request.
   */
  async handleForwarded(forwarded: unknown, signal: AbortSignal): Promise<ForwardedAnswer> {
    const request = parseForwardedRequest(forwarded);
    const origin: Origin = { is: "branch", mayAdd: request.mayAdd };
    const response = await this.#answer(requestOf(request, signal), origin).catch((error: unknown) =>
      respondError(error, this.#options.log),
    );
    return toForwardedAnswer(response);
  }

  async #answer(request: Request, origin: Origin): Promise<Response> {
    const sendPath = parseSendPath(request.url);
    if (sendPath && !FIXED.has(sendPath.app)) {
      return this.#once(request, origin, (given, { timeoutMs: forMs }) =>
        sendUrl(given, sendPath, { ...this.#options, timeoutMs: forMs }),
      );
    }
    const parsed = parsePath(request.url);
    const candidates = matching(withAliases(parsed.segments));
    if (candidates.length === 0) throw new CymeError("not-found", `There is nothing at ${pathOf(parsed)}`);
    const allow = allowed(candidates);
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
    const method = request.method === "HEAD" ? "GET" : request.method;
    const match = candidates.find(({ route }) => route.methods.includes(method as Method));
    if (!match) {
      const message = `${request.method} is not possible at ${pathOf(parsed)}: wanted ${allow.join(", ")}`;
      throw new CymeError("method-not-allowed", message, { allow });
    }
    if (parsed.nowait && method === "GET") {
      throw new CymeError("not-implemented", "A read answers at once: leave !/ out of the path");
    }
    const call = () => this.#call(request, parsed, match, method as Method, origin);
    if (origin.is !== "branch" || !origin.mayAdd) return call();
    // The name was kept for this request.
    return this.#options.controller.elsewhere.adding(match.path["name"] ?? "", call);
  }

  async #call(asked: Request, parsed: ParsedPath, match: Match, method: Method, origin: Origin): Promise<Response> {
    const { controller, branchId, brokerOf, maxBody, log } = this.#options;
    const { elsewhere, hearing } = controller;
    const { route, path } = match;
    const isCommand = origin.is === "command";
    const isForwardable = origin.is !== "branch" && route.answeredBy !== undefined;
    const replayable =
      isForwardable && (!elsewhere.isAlone || !hearing.isOver) ? await readReplayable(asked, maxBody) : undefined;
    const request = replayable?.request() ?? asked;
    const { timeout, ...params } = await readParams(request, parsed.query, route.params, maxBody);
    const silent = new Set<string>();
    const waiting = { nowait: parsed.nowait, timeoutMs: timeoutMs(timeout), silent };
    const { timeoutMs: leftMs } = await this.#heard(match, method, origin, waiting);
    const isAmongOthers = origin.is !== "branch" && !elsewhere.isAlone;
    const options = { nowait: parsed.nowait, timeoutMs: leftMs, ...(isAmongOthers && { silent }) };
    const signals = { left: asked.signal, ending: this.#ending.signal };
    const mayAdd = origin.is !== "branch" || origin.mayAdd;
    const others = async (from: string) => (isAmongOthers && !isCommand ? elsewhere.gather(from, options) : []);
    const given = { method, path, params: params as Params, headers: request.headers, mayAdd, others };
    const call = { controller, branchId, brokerOf, feed: this.#feed, ...given, options, signals };
    if (method !== "GET") log.info("request", { method, path: pathOf(parsed) });
    const here = async (within: CallOptions) => route.handle({ ...call, options: within });
    const answered =
      replayable && isAmongOthers
        ? this.#forwarding.answer({ route, ...call, replayable, isForThisBranch: isCommand }, here)
        : here(options);
    return withSilent(answered, silent);
  }

  /** A branch that has just come may be one of many, and is to know what they know before it speaks for all. */
  async #heard({ route, path }: Match, method: Method, origin: Origin, options: CallOptions): Promise<CallOptions> {
    const { elsewhere, hearing } = this.#options.controller;
    const isForAll = route.pattern === "/" || route.pattern.startsWith("/:app");
    const isOwn = path["name"] !== undefined && elsewhere.isHere(path["name"]);
    if (!isForAll || isOwn || origin.is === "branch") return options;
    if (method === "GET") return origin.is === "command" ? options : hearing.wait(options, "read");
    const isWish = route.answeredBy === undefined || route.answeredBy === "owner or a new one";
    return hearing.wait(options, isWish ? "wish" : "send");
  }

  /** A send under an id of the caller's is answered by the branch that has sent it already, where there is one. */
  async #once(
    asked: Request,
    origin: Origin,
    send: (request: Request, options: CallOptions) => Promise<Response>,
  ): Promise<Response> {
    const { controller, maxBody } = this.#options;
    const id = asked.headers.get(TASK_HEADER);
    const given = { nowait: false, timeoutMs: DEFAULT_TIMEOUT_S * 1000 };
    const heard = origin.is === "branch" ? given : await controller.hearing.wait(given, "send");
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

interface Match {
  readonly route: Route;
  readonly path: Record<string, string>;
}

const compiled = routes.map((route) => ({ route, parts: route.pattern.split("/").filter((part) => part !== "") }));
/** By the number of parts, since no other pattern can fit a path. */
const compiledByLength = Map.groupBy(compiled, ({ parts }) => parts.length);
/** Words that are no app, so that no pattern with a name for an app matches them. */
const FIXED = new Set(["ping", "health", "branches", "api", "instances", "openapi.json"]);

/** The routes of the first pattern that fits, one per row with that pattern. */
function matching(segments: readonly string[]): Match[] {
  const found: Match[] = [];
  for (const { route, parts } of compiledByLength.get(segments.length) ?? []) {
    if (found[0] && found[0].route.pattern !== route.pattern) continue;
    const path = matchParts(parts, segments);
    if (path) found.push({ route, path });
  }
  return found;
}

function matchParts(parts: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const path: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const segment = segments[at] ?? "";
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
    } else if (part === ":app" && FIXED.has(segment)) {
      return undefined;
    } else {
      path[part.slice(1)] = segment;
    }
  }
  return path;
}

/** Documented other spellings: `/<app>/instance/…`, and `/instances/<name>/…` for an instance whose app is not named. */
function withAliases(segments: readonly string[]): readonly string[] {
  const [first, second, ...rest] = segments;
  if (first === "instances" && second !== undefined) return ["", "instances", second, ...rest];
  if (first !== undefined && second === "instance") return [first, "instances", ...rest];
  return segments;
}

function allowed(candidates: readonly Match[]): string[] {
  const methods = candidates.flatMap(({ route }) => route.methods);
  return [
    ...(methods.includes("GET") ? ["GET", "HEAD"] : []),
    ...methods.filter((method) => method !== "GET"),
    "OPTIONS",
  ];
}

/** For messages and logs: without the query, which may hold a password. */
const pathOf = ({ segments }: ParsedPath) => `/${segments.join("/")}`.slice(0, 200);

function timeoutMs(raw: unknown): number {
  if (raw === undefined || raw === null) return DEFAULT_TIMEOUT_S * 1000;
  return seconds("timeout", raw, 0, MAX_TIMEOUT_S) * 1000;
}
