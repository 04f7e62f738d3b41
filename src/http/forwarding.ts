import type { CallOptions } from "../controller/context.ts";
import type { Elsewhere, Placed } from "../controller/elsewhere.ts";
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
const WAIT_PATTERN = "/:app/query/:uuid/wait";
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
  readonly headers: Headers;
  readonly options: CallOptions;
  readonly replayable: Replayable;
  /** Whether it is about instances of this branch alone. */
  readonly isForThisBranch: boolean;
  readonly signals: { readonly left: AbortSignal; readonly ending: AbortSignal };
}

/** Answers here, with what is left of the caller's time. */
type Here = (options: CallOptions) => Promise<Response>;

/** A request on its way, which has to be answered in the caller's time wherever that is. */
interface Trip extends Hop {
  /** The options with what is left of that time. */
  readonly timed: () => CallOptions;
}

/** A send of a task under an id of the caller's. */
interface Repeatable {
  readonly uuid: string;
  readonly replayable: Replayable;
  readonly options: CallOptions;
  readonly left: AbortSignal;
}

/** Finds the branch whose matter a request is. */
export class Forwarding {
  readonly #elsewhere: Elsewhere;

  constructor(elsewhere: Elsewhere) {
    this.#elsewhere = elsewhere;
  }

  /** The answer of another branch, where it is that one's matter; else that of `here`. */
  async answer(hop: Hop, here: Here): Promise<Response> {
    const trip: Trip = { ...hop, timed: this.#elsewhere.timed(hop.options) };
    switch (hop.route.answeredBy) {
      case "branch":
        return this.#byBranch(trip, here);
      case "instance":
        return this.#byOwner(trip, here);
      case "owner or a new one":
        return this.#byOwnerOrNew(trip, here);
      case "task":
        return this.#byTask(trip, here);
      case "sender":
        return this.#bySender(trip, here);
      case undefined:
        return here(hop.options);
      default:
        return hop.route.answeredBy satisfies never;
    }
  }

  /**
   * A send under an id of the caller's, which may have been sent through another branch before: one of those that are added to
   * `options.silent`, where it is sent here.
   */
  async repeated({ uuid, replayable, options, left }: Repeatable, here: Here): Promise<Response> {
    const timed = this.#elsewhere.timed(options);
    return this.#elsewhere.tasks.once(uuid, options, async (branch) => {
      if (branch === this.#elsewhere.branchId) return here(timed());
      const { timeoutMs } = timed();
      // Whatever its method is: the target's.
      const how = { timeoutMs, isWrite: true, left };
      return responseOf(await this.#elsewhere.forward(branch, replayable.forwarded(), how));
    });
  }

  async #byBranch(trip: Trip, here: Here): Promise<Response> {
    const branch = trip.path["branch"] ?? "";
    const forget = trip.params["forget"];
    const isForget = forget !== undefined && forget !== null && flag("forget", forget);
    if (isForget || branch === this.#elsewhere.branchId) return here(trip.timed());
    return this.#forward(branch, trip);
  }

  async #byOwner(trip: Trip, here: Here): Promise<Response> {
    const { timed } = trip;
    if (trip.isForThisBranch) return here(timed());
    const name = trip.path["name"] ?? "";
    const owner = await this.#elsewhere.ownerOf(name, timed());
    if (owner === undefined && trip.method !== "GET") this.#elsewhere.refuseUnasked(name, trip.options);
    if (owner === undefined || owner === this.#elsewhere.branchId) return here(timed());
    const answer = await this.#forward(owner, trip);
    if (answer.status !== OUTCOMES["not-found"].http) return answer;
    // What is written here may be old.
    const now = await this.#elsewhere.askOwner(name, timed());
    return now === undefined || now === owner ? answer : this.#forward(now, trip);
  }

  async #byOwnerOrNew(trip: Trip, here: Here): Promise<Response> {
    const { path, options, timed, method } = trip;
    const { name, app = "" } = path;
    const { branchId } = this.#elsewhere;
    if (trip.isForThisBranch) return this.#hereOrNewHere(trip, here);
    // Whoever adds asks everybody under a lock, and nobody before that; without an app there is nothing to add.
    const ask = async (of: string) =>
      app === "" ? this.#elsewhere.ownerOf(of, timed()) : this.#elsewhere.knownOwner(of);
    const owner = name === undefined ? undefined : await ask(name);
    if (owner === branchId) return here(timed());
    if (owner !== undefined) {
      const answer = await this.#forward(owner, trip).catch((error: unknown) => {
        throw method === "POST" ? asTaken(error, name ?? "", owner) : error;
      });
      if (answer.status !== OUTCOMES["not-found"].http) return answer;
    }
    if (app === "") {
      this.#elsewhere.refuseUnasked(name ?? "", options);
      return here(timed());
    }
    return this.#add(trip, here);
  }

  /** Has an instance added where the cluster chooses; where nobody cares what it is called and where, where that can be done. */
  async #add(trip: Trip, here: Here): Promise<Response> {
    const { path, params, timed } = trip;
    const { branch: pinned } = parseInstanceChange(params);
    const isAnywhere = path["name"] === undefined && pinned === undefined;
    const unable = new Set<string>();
    for (;;) {
      const placed = await this.#elsewhere.place(path["name"], pinned, timed(), unable);
      try {
        return await this.#addTo(placed, trip, here);
      } catch (error) {
        const isUnable = isNotBegun(error) && placed.branch !== this.#elsewhere.branchId;
        if (!isAnywhere || !isUnable || timed().timeoutMs === 0) throw error;
        unable.add(placed.branch);
      }
    }
  }

  async #addTo(placed: Placed, trip: Trip, here: Here): Promise<Response> {
    const { branch, name, isTaken } = placed;
    if (isTaken) return branch === this.#elsewhere.branchId ? here(trip.timed()) : this.#forward(branch, trip);
    if (branch === this.#elsewhere.branchId) return this.#elsewhere.adding(name, () => here(trip.timed()));
    const path = newPath(trip, name);
    try {
      return await this.#forward(branch, trip, { path, mayAdd: true });
    } catch (error) {
      // Else it is kept as long as it takes.
      if (isNotBegun(error)) this.#elsewhere.giveBack(placed);
      throw error;
    }
  }

  /** An instance that is here, or a new one whose name nobody else has. */
  async #hereOrNewHere({ path: { name, app = "" }, timed }: Trip, here: Here): Promise<Response> {
    const { branchId } = this.#elsewhere;
    if (name === undefined || app === "" || this.#elsewhere.isHere(name)) return here(timed());
    const { branch } = await this.#elsewhere.place(name, branchId, timed());
    if (branch === branchId) return this.#elsewhere.adding(name, () => here(timed()));
    throw conflict(`Instance "${name}" belongs to branch "${branch}"`, { instance: name, branch });
  }

  async #byTask(trip: Trip, here: Here): Promise<Response> {
    const uuid = trip.path["uuid"] ?? "";
    const holder = await this.#elsewhere.tasks.find(uuid, trip.timed());
    if (holder === this.#elsewhere.branchId) return here(trip.timed());
    if (holder !== undefined) return this.#forward(holder, trip);
    const mayBeFound = trip.route.pattern === WAIT_PATTERN && (trip.options.silent?.size ?? 0) > 0;
    return mayBeFound ? this.#waitForTask(uuid, trip, here) : here(trip.timed());
  }

  /** Waits here, and at the branch that has the task as soon as that one answers. */
  async #waitForTask(uuid: string, trip: Trip, here: Here): Promise<Response> {
    const ended = new AbortController();
    const looking = AbortSignal.any([ended.signal, trip.signals.left]);
    const found = this.#elsewhere.tasks.findLater(uuid, looking).then((holder) => {
      if (holder === undefined || holder === this.#elsewhere.branchId) return new Promise<never>(() => {});
      trip.options.silent?.clear();
      return this.#forward(holder, trip);
    });
    try {
      return await Promise.race([here(trip.timed()), found]);
    } finally {
      ended.abort();
    }
  }

  async #bySender(trip: Trip, here: Here): Promise<Response> {
    const { headers, replayable, options, signals } = trip;
    const uuid = headers.get(TASK_HEADER);
    if (uuid === null) return here(options);
    return this.repeated({ uuid, replayable, options, left: signals.left }, here);
  }

  async #forward(
    to: string,
    trip: Trip,
    change: { readonly path?: string; readonly mayAdd?: boolean } = {},
  ): Promise<Response> {
    const { route, method, timed, replayable, signals } = trip;
    if (route.pattern === LOG_PATTERN) return this.#forwardLog(to, trip);
    const { timeoutMs } = timed();
    const { path = replayable.forwarded().path, ...rest } = change;
    const request = replayable.forwarded({ ...rest, path: withTimeout(path, timeoutMs) });
    const how = { timeoutMs, isWrite: method !== "GET", left: signals.left };
    return responseOf(await this.#elsewhere.forward(to, request, how));
  }

  #forwardLog(to: string, { params, replayable, options: { timeoutMs }, signals }: Hop): Promise<Response> {
    const { follow, lines } = params;
    const isFollowed = follow !== undefined && follow !== null && flag("follow", follow);
    const wanted = { lines: lines === undefined || lines === null ? undefined : String(lines), isFollowed, signals };
    const path = replayable.forwarded().path.replace(/\?.*$/, "");
    return logElsewhere(wanted, (query) => {
      const request = replayable.forwarded({ path: `${path}?${new URLSearchParams(query).toString()}` });
      return this.#elsewhere.forward(to, request, { timeoutMs, isWrite: false, left: signals.left });
    });
  }
}

/** Whether it is sure that what was asked for is not done. */
const isNotBegun = (error: unknown) => error instanceof CymeError && error.facts["stored"] === false;

/** A name whose branch is away is taken all the same. */
function asTaken(error: unknown, name: string, branch: string): unknown {
  if (!(error instanceof CymeError) || error.code !== "unavailable" || error.facts["begun"] !== false) return error;
  return conflict(`Instance "${name}" belongs to branch "${branch}", which is away`, { instance: name, branch });
}

/** The path under which the instance is added, whose name may have been made here. */
function newPath({ replayable, options, path: { app = "" } }: Hop, name: string): string {
  const { path } = replayable.forwarded();
  const mark = path.indexOf("?");
  const query = mark < 0 ? "" : path.slice(mark);
  return `/${encodeURIComponent(app)}/instances/${options.nowait ? "!/" : ""}${encodeURIComponent(name)}/${query}`;
}

/** The path with another `timeout`, which in the query wins over one in the body; the rest of it as it was. */
function withTimeout(path: string, timeoutMs: number): string {
  const [bare = "", query = ""] = splitOnce(path, "?");
  const others = query.split("&").filter((pair) => pair !== "" && !new URLSearchParams(pair).has("timeout"));
  return `${bare}?${[...others, `timeout=${timeoutMs / 1000}`].join("&")}`;
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}

function pairOf(headers: Headers, name: string): [string, string][] {
  const value = headers.get(name);
  return value === null ? [] : [[name, value]];
}

/** Without a Host header Bun gives the bare path. */
const pathOf = (url: string) => (url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3)));
