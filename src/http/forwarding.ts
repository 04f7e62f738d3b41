import type { CallOptions } from "../controller/context.ts";
import type { Elsewhere } from "../controller/elsewhere.ts";
import { conflict, CymeError, OUTCOMES } from "../domain/errors.ts";
import { flag, type Params } from "../domain/fields.ts";
import { bytesOf, toForwardedBody, type ForwardedAnswer, type ForwardedRequest } from "../domain/forward.ts";
import { parseInstanceChange } from "../domain/instance.ts";
import { logElsewhere } from "./log-elsewhere.ts";
import { readBytes } from "./params.ts";
import { TASK_HEADER } from "./sends.ts";
import type { Route } from "./routes.ts";

/** What of a request's head means something to a handler. */
const HEADERS = ["content-type", TASK_HEADER];
const LOG_PATTERN = "/:app/instances/:name/log";
/** Said of the connection and not of the answer. */
const HOP_HEADERS = ["content-length", "connection", "date", "transfer-encoding", "keep-alive"];

/** A request that was read, so that it can be handled here as well as sent on. */
export interface Replayable {
  request(): Request;
  forwarded(change?: { path?: string; mayAdd?: boolean }): ForwardedRequest;
}

/** Reads the body, at most `maxBody` bytes. */
export async function readReplayable(request: Request, maxBody: number): Promise<Replayable> {
  const { method, headers, signal } = request;
  const hasBody = method !== "GET" && method !== "HEAD";
  const bytes = hasBody ? await readBytes(request, maxBody) : new Uint8Array();
  const path = pathOf(request.url);
  return {
    request: () =>
      new Request(`http://localhost${path}`, {
        method,
        headers,
        signal,
        ...(bytes.length > 0 && { body: bytes as Uint8Array<ArrayBuffer> }),
      }),
    forwarded: (change = {}) => ({
      method,
      path: change.path ?? path,
      headers: Object.fromEntries(HEADERS.flatMap((name) => pairOf(headers, name))),
      body: bytes.length === 0 ? null : toForwardedBody(bytes),
      mayAdd: change.mayAdd ?? false,
    }),
  };
}

/** A request of another branch as one of a client. */
export function requestOf({ method, path, headers, body }: ForwardedRequest, signal: AbortSignal): Request {
  return new Request(`http://localhost${path}`, {
    method,
    headers,
    signal,
    ...(body && { body: bytesOf(body) }),
  });
}

/** The answer as it crosses the bus. */
export async function toForwardedAnswer(response: Response): Promise<ForwardedAnswer> {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !HOP_HEADERS.includes(name)));
  return { status: response.status, headers, body: toForwardedBody(await response.bytes()) };
}

const responseOf = ({ status, headers, body }: ForwardedAnswer) => new Response(bytesOf(body), { status, headers });

export interface Hop {
  readonly route: Pick<Route, "answeredBy" | "pattern">;
  /** Names in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly method: string;
  readonly params: Params;
  readonly options: CallOptions;
  readonly replayable: Replayable;
  /** Whether it is about instances of this branch alone. */
  readonly isForThisBranch: boolean;
  readonly signals: { readonly left: AbortSignal; readonly ending: AbortSignal };
}

/** Finds the branch whose matter a request is. */
export class Forwarding {
  readonly #elsewhere: Elsewhere;

  constructor(elsewhere: Elsewhere) {
    this.#elsewhere = elsewhere;
  }

  /** The answer of another branch, where it is that one's matter; else that of `here`. */
  async answer(hop: Hop, here: () => Promise<Response>): Promise<Response> {
    switch (hop.route.answeredBy) {
      case "branch":
        return this.#byBranch(hop, here);
      case "instance":
        return this.#byOwner(hop, here);
      case "owner or a new one":
        return this.#byOwnerOrNew(hop, here);
      case "task":
        return this.#byTask(hop, hop.path["uuid"] ?? "", here);
      case undefined:
        return here();
      default:
        return hop.route.answeredBy satisfies never;
    }
  }

  /**
   * A send under an id of the caller's, which may have been sent through another branch before: one of those that are added to
   * `options.silent`, where it is sent here.
   */
  async repeated(replayable: Replayable, uuid: string, options: CallOptions, here: () => Promise<Response>) {
    const holder = await this.#elsewhere.holderOfTask(uuid, options);
    if (holder === undefined || holder === this.#elsewhere.branchId) return here();
    return responseOf(await this.#elsewhere.forward(holder, replayable.forwarded(), options));
  }

  async #byBranch(hop: Hop, here: () => Promise<Response>): Promise<Response> {
    const branch = hop.path["branch"] ?? "";
    const forget = hop.params["forget"];
    const isForget = forget !== undefined && forget !== null && flag("forget", forget);
    if (isForget || branch === this.#elsewhere.branchId) return here();
    return this.#forward(branch, hop);
  }

  async #byOwner(hop: Hop, here: () => Promise<Response>): Promise<Response> {
    if (hop.isForThisBranch) return here();
    const name = hop.path["name"] ?? "";
    const owner = await this.#elsewhere.ownerOf(name, hop.options);
    if (owner === undefined && hop.method !== "GET") this.#elsewhere.refuseUnasked(name, hop.options);
    if (owner === undefined || owner === this.#elsewhere.branchId) return here();
    const answer = await this.#forward(owner, hop);
    if (answer.status !== OUTCOMES["not-found"].http) return answer;
    // What is written here may be old.
    const now = await this.#elsewhere.askOwner(name, hop.options);
    return now === undefined || now === owner ? answer : this.#forward(now, hop);
  }

  async #byOwnerOrNew(hop: Hop, here: () => Promise<Response>): Promise<Response> {
    const { path, options, params, method } = hop;
    const { name, app = "" } = path;
    const { branchId } = this.#elsewhere;
    if (hop.isForThisBranch) return this.#hereOrNewHere(hop, here);
    // Whoever adds asks everybody under a lock, and nobody before that; without an app there is nothing to add.
    const ask = async (of: string) =>
      app === "" ? this.#elsewhere.ownerOf(of, options) : this.#elsewhere.knownOwner(of);
    const owner = name === undefined ? undefined : await ask(name);
    if (owner === branchId) return here();
    if (owner !== undefined) {
      const answer = await this.#forward(owner, hop).catch((error: unknown) => {
        throw method === "POST" ? asTaken(error, name ?? "", owner) : error;
      });
      if (answer.status !== OUTCOMES["not-found"].http) return answer;
    }
    if (app === "") {
      this.#elsewhere.refuseUnasked(name ?? "", options);
      return here();
    }
    const { branch } = parseInstanceChange(params);
    const placed = await this.#elsewhere.place(name, branch, options);
    try {
      if (placed.branch === branchId) return await here();
      if (placed.isTaken) return await this.#forward(placed.branch, hop);
      const request = hop.replayable.forwarded({ mayAdd: true, path: newPath(hop, app, placed.name) });
      return responseOf(await this.#elsewhere.forward(placed.branch, request, options));
    } finally {
      this.#elsewhere.release(placed.name);
    }
  }

  /** An instance that is here, or a new one whose name nobody else has. */
  async #hereOrNewHere({ path: { name, app = "" }, options }: Hop, here: () => Promise<Response>): Promise<Response> {
    const { branchId } = this.#elsewhere;
    if (name === undefined || app === "" || this.#elsewhere.isHere(name)) return here();
    const placed = await this.#elsewhere.place(name, branchId, options);
    try {
      if (placed.branch === branchId) return await here();
      throw conflict(`Instance "${name}" belongs to branch "${placed.branch}"`, {
        instance: name,
        branch: placed.branch,
      });
    } finally {
      this.#elsewhere.release(name);
    }
  }

  async #byTask(hop: Hop, uuid: string, here: () => Promise<Response>): Promise<Response> {
    const holder = await this.#elsewhere.holderOfTask(uuid, hop.options);
    if (holder === undefined || holder === this.#elsewhere.branchId) return here();
    return this.#forward(holder, hop);
  }

  async #forward(to: string, hop: Hop): Promise<Response> {
    const { route, options, replayable } = hop;
    if (route.pattern === LOG_PATTERN && !("after" in hop.params)) return this.#forwardLog(to, hop);
    return responseOf(await this.#elsewhere.forward(to, replayable.forwarded(), options));
  }

  #forwardLog(to: string, { params, replayable, options, signals }: Hop): Promise<Response> {
    const { follow, lines } = params;
    const isFollowed = follow !== undefined && follow !== null && flag("follow", follow);
    const wanted = { lines: lines === undefined || lines === null ? undefined : String(lines), isFollowed, signals };
    const path = replayable.forwarded().path.replace(/\?.*$/, "");
    return logElsewhere(wanted, (query) => {
      const request = replayable.forwarded({ path: `${path}?${new URLSearchParams(query).toString()}` });
      return this.#elsewhere.forward(to, request, options);
    });
  }
}

/** A name whose branch is away is taken all the same. */
function asTaken(error: unknown, name: string, branch: string): unknown {
  if (!(error instanceof CymeError) || error.code !== "unavailable" || error.facts["begun"] !== false) return error;
  return conflict(`Instance "${name}" belongs to branch "${branch}", which is away`, { instance: name, branch });
}

/** The path under which the instance is added, whose name may have been made here. */
function newPath({ replayable, options }: Hop, app: string, name: string): string {
  const { path } = replayable.forwarded();
  const mark = path.indexOf("?");
  const query = mark < 0 ? "" : path.slice(mark);
  return `/${encodeURIComponent(app)}/instances/${options.nowait ? "!/" : ""}${encodeURIComponent(name)}/${query}`;
}

function pairOf(headers: Headers, name: string): [string, string][] {
  const value = headers.get(name);
  return value === null ? [] : [[name, value]];
}

/** Without a Host header Bun gives the bare path. */
const pathOf = (url: string) => (url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3)));
