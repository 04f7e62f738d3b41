import type { Json } from "../bus/bus.ts";
import type { Placed } from "../cluster/claims.ts";
import { CymeError, OUTCOMES, unavailable } from "../domain/errors.ts";
import { bytesOf, parseForwardedAnswer, type ForwardedAnswer, type ForwardedRequest } from "../domain/forward.ts";
import type { CallOptions, Parts } from "./context.ts";
import { TaskHolders } from "./task-holders.ts";

export type { Placed };

/** The other side keeps the caller's time itself, and says what is late: only one that is silent itself meets this. */
const GRACE_MS = 1_000;
const GATHER_MS = 5_000;
/** The caller's time that is left is told in such steps, so that a moment on the way does not show. */
const STEP_MS = 100;
/** Requests of others that are answered at the same time: fewer than the bus lets in, so that short questions always get in. */
const MAX_ANSWERED = 2_000;

type ElsewhereParts = Pick<Parts, "cluster" | "claims" | "store" | "clock">;

/** How a request is forwarded. */
export interface Forward extends Pick<CallOptions, "timeoutMs"> {
  readonly isWrite: boolean;
  /** Aborted when the caller has left. */
  readonly left: AbortSignal;
}

/** What is to be asked of other branches, and done by them. */
export class Elsewhere {
  readonly #parts: ElsewhereParts;
  /** Who sent which task, and who is to. */
  readonly tasks: TaskHolders;

  /** `knowsTask` says whether this branch sent the task, or heard of it. */
  constructor(parts: ElsewhereParts, knowsTask: (uuid: string) => boolean) {
    this.#parts = parts;
    this.tasks = new TaskHolders(parts, knowsTask);
  }

  /** Whether there never was another branch. */
  get isAlone(): boolean {
    return this.#parts.cluster.isAlone;
  }

  get branchId(): string {
    return this.#parts.cluster.branchId;
  }

  /** Gives, from now on, the options with what is left of the caller's time: all that is done one after another has to fit into it. */
  timed(options: CallOptions): () => CallOptions {
    const { clock } = this.#parts;
    const untilMs = clock.now() + options.timeoutMs;
    return () => {
      const leftMs = Math.ceil((untilMs - clock.now()) / STEP_MS) * STEP_MS;
      return { ...options, timeoutMs: Math.min(options.timeoutMs, Math.max(0, leftMs)) };
    };
  }

  /** Has `handle` answer what other branches are asked, as if it was asked here. */
  serve(handle: (request: unknown, signal: AbortSignal) => Promise<Json>): void {
    const { cluster } = this.#parts;
    let answered = 0;
    cluster.serve("request", async (args, _from, signal) => {
      if (answered >= MAX_ANSWERED) throw tooMany(cluster.branchId);
      answered++;
      try {
        return await handle(args, signal);
      } finally {
        answered--;
      }
    });
  }

  /** The branch that has that instance; undefined where nobody who answers has it. */
  ownerOf(name: string, { timeoutMs, silent }: CallOptions): Promise<string | undefined> {
    return this.#parts.claims.findOwner(name, timeoutMs, silent);
  }

  /** Whether this branch has an instance of that name, even one whose name another has by now. */
  isHere(name: string): boolean {
    return this.#parts.store.instances.get(name) !== undefined;
  }

  /** The branch that has that instance by what is written here. */
  knownOwner(name: string): string | undefined {
    return this.#parts.claims.knownOwner(name);
  }

  /** The same by what the others answer now, whatever is written here. */
  askOwner(name: string, { timeoutMs, silent }: CallOptions): Promise<string | undefined> {
    return this.#parts.claims.askOwner(name, timeoutMs, silent);
  }

  /**
   * Throws `unavailable` where the others could not be asked for an instance that nobody has: what was not heard of `silent`
   * may be there. Of a branch that the others miss too all names are known.
   */
  refuseUnasked(name: string, { silent }: CallOptions): void {
    const { cluster } = this.#parts;
    const unasked = [...(silent ?? [])].filter((id) => cluster.busState?.is !== "up" || cluster.isUp(id)).toSorted();
    if (unasked.length === 0) return;
    const message = `Cannot tell which branch has an instance "${name}": no answer from ${unasked.join(", ")}`;
    throw unavailable(message, { instance: name, silent: unasked, stored: false });
  }

  /** See `Claims.place`. */
  place(
    name: string | undefined,
    pinned: string | undefined,
    { timeoutMs }: CallOptions,
    unable?: ReadonlySet<string>,
  ): Promise<Placed> {
    return this.#parts.claims.place(name, pinned, timeoutMs, unable);
  }

  /** Adds an instance here, whose name is kept until then. */
  async adding<T>(name: string, add: () => Promise<T>): Promise<T> {
    const { claims } = this.#parts;
    claims.begin(name);
    try {
      return await add();
    } finally {
      claims.release(name);
    }
  }

  /** Nothing is added under the name that was kept. */
  giveBack(placed: Placed): void {
    this.#parts.claims.giveBack(placed);
  }

  /**
   * Has another branch answer a request. Rejects `not-found` for one that nobody knows, `unavailable` for one that is away,
   * `timeout`; of a write with the fact `stored`, null where nobody can say.
   */
  async forward(
    to: string,
    request: ForwardedRequest,
    { timeoutMs, isWrite, left }: Forward,
  ): Promise<ForwardedAnswer> {
    const { cluster } = this.#parts;
    // What is written is done though its caller leaves, as it is here.
    const how = isWrite ? { isWrite } : { signal: left };
    try {
      return parseForwardedAnswer(await cluster.call(to, "request", request, timeoutMs + GRACE_MS, how));
    } catch (error) {
      throw isWrite ? withStored(error) : error;
    }
  }

  /**
   * The lists that all other branches answer to GET `path`; one that has nothing there (404) is left out, and all that answer
   * with no list or not at all are added to `silent`.
   */
  async gather(path: string, { timeoutMs, silent }: CallOptions): Promise<unknown[][]> {
    if (this.isAlone) return [];
    const request: ForwardedRequest = { method: "GET", path, headers: {}, body: null, mayAdd: false };
    // Within the caller's time, so that the answer says who was silent.
    const forMs = Math.min(GATHER_MS, timeoutMs * 0.9);
    const gathered = await this.#parts.cluster.gather(this.#up(), "request", request, forMs);
    for (const id of [...gathered.silent, ...gathered.errors.keys(), ...this.#parts.cluster.away]) silent?.add(id);
    const lists: unknown[][] = [];
    for (const [id, json] of gathered.answers) {
      const list = listOf(json);
      if (list) lists.push(list);
      else silent?.add(id);
    }
    return lists;
  }

  #up(): string[] {
    const { cluster } = this.#parts;
    return cluster.members().flatMap(({ id }) => (id === cluster.branchId ? [] : [id]));
  }
}

/** The error of a write that another branch did not answer, with the fact `stored`, null where nobody can say. */
export function withStored(error: unknown): unknown {
  if (!(error instanceof CymeError)) return error;
  if (error.code !== "unavailable" && error.code !== "timeout") return error;
  const stored = error.facts["begun"] === false ? false : null;
  return error.withFacts({ stored, ...error.facts });
}

/** The list in an answer, empty where there is nothing; undefined where it holds none, as one that cannot be read. */
function listOf(answer: Json): unknown[] | undefined {
  try {
    const { status, body } = parseForwardedAnswer(answer);
    if (status === OUTCOMES["not-found"].http) return [];
    const list: unknown = status === 200 ? JSON.parse(new TextDecoder().decode(bytesOf(body))) : undefined;
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

const tooMany = (branch: string) =>
  unavailable(`Branch "${branch}" answers ${MAX_ANSWERED} requests of other branches already: ask again`, {
    branch,
    stored: false,
  });
