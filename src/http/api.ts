import type { Controller } from "../controller/controller.ts";
import { CymeError } from "../domain/errors.ts";
import { seconds, type Params } from "../domain/fields.ts";
import type { Log } from "../kit/log.ts";
import { corsHeaders, guard, type GuardOptions } from "./guard.ts";
import { readParams } from "./params.ts";
import { parsePath, type ParsedPath } from "./path.ts";
import { respondError } from "./respond.ts";
import { parseSendPath } from "./send-path.ts";
import { sendUrl } from "./sends.ts";
import { routes, type Call, type Method, type Route } from "./routes.ts";

export interface ApiOptions {
  readonly controller: Controller;
  readonly branchId: string;
  readonly brokerOf: Call["brokerOf"];
  readonly log: Log;
  /** Bytes. */
  readonly maxBody: number;
  readonly guard: GuardOptions;
}

const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 24 * 3600;

/** The HTTP API, apart from any server: a request becomes an answer, never a rejection. */
export class Api {
  readonly #options: ApiOptions;
  readonly #ending = new AbortController();

  constructor(options: ApiOptions) {
    this.#options = options;
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
      response = await this.#answer(request);
    } catch (error) {
      response = respondError(error, log);
    }
    for (const [key, value] of Object.entries(corsHeaders(request.headers, guarding))) response.headers.set(key, value);
    return request.method === "HEAD" ? withoutBody(response) : response;
  }

  async #answer(request: Request): Promise<Response> {
    const sendPath = parseSendPath(request.url);
    if (sendPath && !FIXED.has(sendPath.app)) {
      return sendUrl(request, sendPath, { ...this.#options, timeoutMs: DEFAULT_TIMEOUT_S * 1000 });
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
    return this.#call(request, parsed, match, method as Method);
  }

  async #call(request: Request, parsed: ParsedPath, { route, path }: Match, method: Method): Promise<Response> {
    const { controller, branchId, brokerOf, maxBody, log } = this.#options;
    const { timeout, ...params } = await readParams(request, parsed.query, route.params, maxBody);
    const options = { nowait: parsed.nowait, timeoutMs: timeoutMs(timeout) };
    const signals = { left: request.signal, ending: this.#ending.signal };
    const given = { method, path, params: params as Params, headers: request.headers };
    const call = { controller, branchId, brokerOf, ...given, options, signals };
    if (method !== "GET") log.info("request", { method, path: pathOf(parsed) });
    return route.handle(call);
  }
}

/** The same status and headers, the length that the body would have among them; a log, which may be endless, is not read. */
async function withoutBody(response: Response): Promise<Response> {
  const { status, headers } = response;
  if (headers.get("content-type")?.startsWith("text/plain")) await response.body?.cancel();
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
const FIXED = new Set(["ping", "health", "branches", "api", "instances"]);

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
