import { brokerLabel, brokerUrl } from "../domain/broker.ts";
import type { Parts } from "./context.ts";

export interface Component {
  readonly state: string;
  readonly sinceMs: number;
  readonly why?: string;
}

/** How the event loop of the daemon does. */
export interface LoopLag {
  /** How late the last look was. */
  readonly lagMs: number;
  /** When something last held up the loop for more than a second, and for how long; null where nothing did. */
  readonly held: { readonly atMs: number; readonly forMs: number } | null;
}

/** What a daemon finds out about itself. */
export interface SelfReport {
  /** How a part is that is watched over; undefined where it is not, or was not asked yet. */
  state(part: string): Component | undefined;
  readonly loop: LoopLag;
}

export interface HealthReport {
  /** `failed` where the store, the supervisor or HTTP does not work; `degraded` where a broker is away. */
  readonly state: "ok" | "degraded" | "failed";
  readonly store: Component;
  readonly bus: Component;
  readonly supervisor: Component;
  readonly http: Component;
  /** What takes in results of tasks. */
  readonly results: Component;
  /** Undefined where no daemon runs. */
  readonly loop: LoopLag | undefined;
  /** By address; of several logins at one address one that is away, where there is one. */
  readonly brokers: Readonly<Record<string, Component>>;
}

/** Whether the parts of the branch work, and since when they do or do not. */
export class Health {
  readonly #parts: Parts;
  readonly #self: SelfReport | undefined;
  readonly #startedAtMs: number;
  #storeFailedMs: number | undefined;

  /** `self` is undefined where no daemon runs. */
  constructor(parts: Parts, self: SelfReport | undefined) {
    this.#parts = parts;
    this.#self = self;
    this.#startedAtMs = parts.clock.now();
  }

  report(): HealthReport {
    const store = this.#store();
    const brokers = this.#brokers();
    const bus = this.#bus();
    const supervisor = this.#watched("supervisor", { state: "ok", sinceMs: this.#parts.supervisor.sinceMs });
    const http = this.#watched("socket", this.#watched("http", this.#up));
    const results = this.#watched("results", this.#up);
    // Where no other branch was ever heard of, nothing is missing without it.
    const isCutOff = isBad(bus.state) && !this.#parts.cluster.isAlone;
    const isFailed = [store, supervisor, http].some(({ state }) => state === "failed");
    const isDegraded = results.state === "failed" || brokers.some(([, { state }]) => isBad(state));
    return {
      state: isFailed ? "failed" : isDegraded || isCutOff ? "degraded" : "ok",
      store,
      bus,
      supervisor,
      http,
      results,
      loop: this.#self?.loop,
      // The last of those that share an address is the one that is shown.
      brokers: Object.fromEntries(brokers.toSorted(([, a], [, b]) => Number(isBad(a.state)) - Number(isBad(b.state)))),
    };
  }

  get #up(): Component {
    return { state: "ok", sinceMs: this.#startedAtMs };
  }

  /** What was found out of a part, where it has failed; else what it says itself. */
  #watched(part: string, own: Component): Component {
    const found = this.#self?.state(part);
    return found?.state === "failed" ? found : own;
  }

  #brokers(): (readonly [string, Component])[] {
    const wanted = this.#wantedBrokers();
    // Not those that are only waited for, to delete what a deleted instance left there.
    const inUse = this.#parts.brokers.inUse().filter(({ broker }) => wanted?.has(brokerUrl(broker)) ?? true);
    return inUse.map(({ broker, link }) => {
      const { state } = link;
      const why = state.is === "away" ? { why: state.reason } : {};
      const label = brokerLabel(broker);
      return [label, this.#watched(`broker ${label}`, { state: state.is, sinceMs: state.sinceMs, ...why })] as const;
    });
  }

  /** URLs of the brokers that the branch, its apps and its instances name; undefined where the store cannot be read. */
  #wantedBrokers(): Set<string> | undefined {
    const { store, defaultBroker } = this.#parts;
    try {
      const named = [...store.apps.all(), ...store.instances.brokers()].map(({ broker }) => broker ?? defaultBroker);
      return new Set([defaultBroker, ...named].map(brokerUrl));
    } catch {
      return undefined;
    }
  }

  /** `off` where no daemon runs. */
  #bus(): Component {
    const state = this.#parts.cluster.busState;
    if (!state) return { state: "off", sinceMs: this.#startedAtMs };
    const { is, sinceMs, reason } = state;
    return this.#watched("bus", { state: is, sinceMs, ...(reason === undefined ? {} : { why: reason }) });
  }

  #store(): Component {
    try {
      this.#parts.store.check();
      this.#storeFailedMs = undefined;
      return { state: "ok", sinceMs: this.#startedAtMs };
    } catch (error) {
      this.#storeFailedMs ??= this.#parts.clock.now();
      return {
        state: "failed",
        sinceMs: this.#storeFailedMs,
        why: error instanceof Error ? error.message : String(error),
      };
    }
  }
}

const isBad = (state: string) => state === "away" || state === "failed";
