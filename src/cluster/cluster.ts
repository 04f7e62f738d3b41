import type { Bus, BusCallOptions, BusOptions, BusState, Gathered, Json, Member, MemberChange } from "../bus/bus.ts";
import { CymeError, notFound, unavailable } from "../domain/errors.ts";
import { versionOfHearsay } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import type { Store } from "../store/store.ts";
import { Arrival, CONNECT_MS } from "./arrival.ts";

/** What the bus needs of a branch. */
export interface BusHooks {
  readonly handle: BusOptions["handle"];
  readonly facts: () => Json;
}

export interface ClusterParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly branchId: string;
  /** Undefined for a command without a daemon: it reaches no other branch. */
  readonly openBus: ((hooks: BusHooks) => Bus) | undefined;
}

type Handler = (args: Json, from: string, signal: AbortSignal) => Promise<Json> | Json;

/** A listener like a command, which asks and is no branch, says this of itself. */
export const OBSERVER: Json = { observer: true };

/**
 * The branches that this one knows: those that are up, as the bus says, and those that are away, as the store says. Other
 * parts say what they do for other branches by `serve`, and what all are to know by `tell`.
 */
export class Cluster {
  readonly branchId: string;
  /** Whether it knows by now what the others know. */
  readonly arrival: Arrival;
  readonly #parts: ClusterParts;
  readonly #bus: Bus | undefined;
  readonly #handlers = new Map<string, Handler>();
  readonly #facts: (() => Readonly<Record<string, Json>>)[] = [];
  /** Other branches that were ever heard of and are not forgotten. */
  readonly #known: Set<string>;

  constructor(parts: ClusterParts) {
    const { store, openBus, branchId } = parts;
    this.branchId = branchId;
    this.#parts = parts;
    const rows = store.knownBranches.all().filter(({ id, isForgotten }) => !isForgotten && id !== branchId);
    this.#known = new Set(rows.map(({ id }) => id));
    this.#bus = openBus?.({
      handle: (method, args, from, signal) => this.#handle(method, args, from, signal),
      facts: () => Object.assign({}, ...this.#facts.map((facts) => facts())) as Json,
    });
    this.arrival = new Arrival(parts.clock, () => this.#bus?.state);
    this.#bus?.onMember((change, member) => this.#onMember(change, member));
    // Before the other listeners, who then hear anew.
    this.#bus?.onState((state) => this.arrival.stateChanged(state));
    this.tell(() => (this.arrival.isReady ? { ready: true } : {}));
  }

  start(): void {
    this.#bus?.start();
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#bus?.stop(deadlineMs);
  }

  /** Undefined where this is no daemon. */
  get busState(): BusState | undefined {
    return this.#bus?.state;
  }

  /** As `Bus.turns`; 0 where this is no daemon. */
  get busTurns(): number {
    return this.#bus?.turns ?? 0;
  }

  /** Whether no other branch was ever heard of: nobody is to be asked then. */
  get isAlone(): boolean {
    return this.#known.size === 0;
  }

  /** Other branches that were ever heard of, up or away, sorted. */
  get others(): string[] {
    return [...this.#known].toSorted();
  }

  /** Whether those that are up have had the time to say so, since this branch is on the bus. */
  get hasSeenAll(): boolean {
    return this.isAlone || this.arrival.isAnswered;
  }

  /** Those of the others that are away, sorted. */
  get away(): string[] {
    // Once for all: with many branches it is no small thing to ask who is up.
    const up = new Set(this.members().map(({ id }) => id));
    return this.others.filter((id) => !up.has(id));
  }

  /** Branches that are up, this one among them, sorted by id. */
  members(): readonly Member[] {
    return (this.#bus?.members() ?? []).filter(({ facts }) => !isObserver(facts));
  }

  isUp(id: string): boolean {
    return id === this.branchId || this.members().some((member) => member.id === id);
  }

  /** Does what other branches ask for by that name. */
  serve(method: string, handler: Handler): void {
    this.#handlers.set(method, handler);
  }

  /** Adds to what all branches know of this one; `facts` is called often, and has to be cheap. */
  tell(facts: () => Readonly<Record<string, Json>>): void {
    this.#facts.push(facts);
  }

  onMember(listener: (change: MemberChange, member: Member) => void): () => void {
    return (
      this.#bus?.onMember((change, member) => {
        if (!isObserver(member.facts)) listener(change, member);
      }) ?? (() => {})
    );
  }

  onState(listener: (state: BusState) => void): () => void {
    return this.#bus?.onState(listener) ?? (() => {});
  }

  /** Tells everybody now that the facts changed. */
  announce(): void {
    this.#bus?.announce();
  }

  /** Has another branch do something, as `Bus.call`; `not-found` for a branch that nobody knows. */
  async call(to: string, method: string, args: Json, timeoutMs: number, options?: BusCallOptions): Promise<Json> {
    const bus = this.#reach(to);
    return bus.call(to, method, args, timeoutMs, options);
  }

  /** Tells everybody else, where there is anybody. Never rejects: who does not hear it finds out by the facts. */
  async cast(method: string, args: Json): Promise<void> {
    if (this.isAlone || this.#bus?.state.is !== "up") return;
    await this.#bus.cast(null, method, args).catch((error: unknown) => {
      this.#parts.log.info("the other branches could not be told", { method, error });
    });
  }

  /** Asks other branches; those of them that are away are silent. */
  async gather(to: readonly string[], method: string, args: Json, timeoutMs: number): Promise<Gathered> {
    if (!this.#bus) return { answers: new Map(), errors: new Map(), silent: to };
    return this.#bus.gather(to, method, args, timeoutMs);
  }

  /** As `Bus.withLock`; rejects `unavailable` where this is no daemon. */
  async withLock<T>(name: string, timeoutMs: number, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.#bus) throw noDaemon();
    return this.#bus.withLock(name, timeoutMs, work);
  }

  /** Waits, not for long and at most `timeoutMs`, until it is known whether the bus is up. */
  async untilTried(timeoutMs = CONNECT_MS): Promise<void> {
    const bus = this.#bus;
    if (bus?.state.is !== "connecting") return;
    const tried = new AbortController();
    const end = bus.onState(({ is }) => (is === "connecting" ? undefined : tried.abort()));
    await this.#parts.clock.sleep(Math.min(CONNECT_MS, timeoutMs), tried.signal);
    end();
  }

  /** Keeps in mind that there is such a branch. */
  remember(id: string, url: string | null): void {
    if (id === this.branchId) return;
    const { store, clock } = this.#parts;
    const nowMs = clock.now();
    const row = store.knownBranches.get(id);
    if (row) {
      store.write(() => store.knownBranches.seen(id, nowMs, url));
    } else {
      // Whoever says that it was forgotten knows more.
      const version = versionOfHearsay(this.branchId);
      const heard = { id, url, lastSeenAtMs: nowMs, isForgotten: false, version };
      store.write(() => store.knownBranches.put(heard));
    }
    if (!row?.isForgotten) this.#known.add(id);
  }

  /** What the store says was changed by somebody else. */
  reload(): void {
    this.#known.clear();
    for (const { id, isForgotten } of this.#parts.store.knownBranches.all()) {
      if (!isForgotten && id !== this.branchId) this.#known.add(id);
    }
  }

  #reach(to: string): Bus {
    const bus = this.#bus;
    if (bus && this.isUp(to)) return bus;
    if (!this.#known.has(to)) throw notFound("branch", to);
    if (!bus) throw noDaemon().withFacts({ branch: to });
    const { state } = bus;
    const why = state.is === "up" ? "" : `: ${state.reason ?? "this branch is not on the bus yet"}`;
    const which = state.is === "up" ? `Branch "${to}" is away` : `Cannot reach branch "${to}"`;
    throw unavailable(`${which}${why}`, { branch: to, begun: false });
  }

  async #handle(method: string, args: Json, from: string, signal: AbortSignal): Promise<Json> {
    const handler = this.#handlers.get(method);
    // A later version may ask for more.
    if (!handler) throw new CymeError("not-implemented", `Branch ${this.branchId} cannot do "${method.slice(0, 60)}"`);
    return handler(args, from, signal);
  }

  #onMember(change: MemberChange, { id, facts }: Member): void {
    if (isObserver(facts)) return;
    try {
      // On leaving too: since then it is away.
      if (change !== "changed") this.remember(id, urlOf(facts));
    } catch (error) {
      this.#parts.log.error("a branch cannot be written down", { branch: id, error });
    }
  }
}

export const factsOf = (facts: Json): Readonly<Record<string, Json>> =>
  typeof facts === "object" && facts !== null && !Array.isArray(facts) ? (facts as Record<string, Json>) : {};

/** Whether a member says that it knows what there is to know. */
export const isReady = ({ facts }: Member) => factsOf(facts)["ready"] === true;

export const isObserver = (facts: Json) => factsOf(facts)["observer"] === true;

function urlOf(facts: Json): string | null {
  const { url } = factsOf(facts);
  return typeof url === "string" ? url : null;
}

const noDaemon = () =>
  unavailable("No daemon runs here, so other branches cannot be reached: start it with `cyme branch`", {
    begun: false,
  });
