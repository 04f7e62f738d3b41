import { brokerLabel, brokerUrl } from "../domain/broker.ts";
import type { Parts } from "./context.ts";

export interface Component {
  readonly state: string;
  readonly sinceMs: number;
  readonly why?: string;
}

export interface HealthReport {
  /** `failed` where the store, the supervisor or HTTP does not work; `degraded` where a broker is away. */
  readonly state: "ok" | "degraded" | "failed";
  readonly store: Component;
  readonly bus: Component;
  readonly supervisor: Component;
  readonly http: Component;
  /** By address; of several logins at one address one that is away, where there is one. */
  readonly brokers: Readonly<Record<string, Component>>;
}

/** Whether the parts of the branch work, and since when they do or do not. */
export class Health {
  readonly #parts: Parts;
  readonly #startedAtMs: number;
  #storeFailedMs: number | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.now();
  }

  report(): HealthReport {
    const { supervisor, brokers } = this.#parts;
    const store = this.#store();
    const wanted = this.#wantedBrokers();
    // Not those that are only waited for, to delete what a deleted instance left there.
    const inUse = brokers.inUse().filter(({ broker }) => wanted.has(brokerUrl(broker)));
    const links = inUse.map(({ broker, link }) => {
      const { is, sinceMs } = link.state;
      const why = link.state.is === "away" ? { why: link.state.reason } : {};
      return [brokerLabel(broker), { state: is, sinceMs, ...why }] as const;
    });
    const isFailed = store.state === "failed" || supervisor.health.state === "failed";
    const bus = this.#bus();
    // Where no other branch was ever heard of, nothing is missing without it.
    const isCutOff = bus.state === "away" && !this.#parts.cluster.isAlone;
    const isDegraded = isCutOff || links.some(([, link]) => link.state === "away");
    const up = { state: "ok", sinceMs: this.#startedAtMs };
    return {
      state: isFailed ? "failed" : isDegraded ? "degraded" : "ok",
      store,
      bus,
      supervisor: supervisor.health,
      // Whoever reads this was answered.
      http: up,
      // The last of those that share an address is the one that is shown.
      brokers: Object.fromEntries(
        links.toSorted(([, a], [, b]) => Number(a.state === "away") - Number(b.state === "away")),
      ),
    };
  }

  /** URLs of the brokers that the branch, its apps and its instances name. */
  #wantedBrokers(): Set<string> {
    const { store, defaultBroker } = this.#parts;
    const named = [...store.apps.all(), ...store.instances.all()].map(({ broker }) => broker ?? defaultBroker);
    return new Set([defaultBroker, ...named].map(brokerUrl));
  }

  /** `off` where no daemon runs. */
  #bus(): Component {
    const state = this.#parts.cluster.busState;
    if (!state) return { state: "off", sinceMs: this.#startedAtMs };
    const { is, sinceMs, reason } = state;
    return { state: is, sinceMs, ...(reason === undefined ? {} : { why: reason }) };
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
