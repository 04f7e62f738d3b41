import { REMEMBERED_MS } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Store } from "../store/store.ts";

const NOTED_EVERY_MS = 10 * 60_000;

/**
 * When this branch was last on the bus as one of several, and what its word is worth after that. Who was away for longer than
 * deletions are remembered cannot tell what is new from what was deleted meanwhile: it is stale.
 */
export class Absence {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Undefined where it never was. */
  #togetherMs: number | undefined;
  #hasAgreed = false;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const togetherAt = store.settings.get("together_at");
    this.#togetherMs = togetherAt === undefined ? undefined : Number(togetherAt);
  }

  get isStale(): boolean {
    const atMs = this.#togetherAtMs;
    return atMs !== undefined && this.#clock.now() - atMs > REMEMBERED_MS;
  }

  /** Whether what this branch had was the cluster's state: one that never agreed with another cannot say so. */
  get isMember(): boolean {
    return this.#togetherAtMs !== undefined && !this.isStale;
  }

  /** Whether it agreed with another since it is on the bus: what it has is the state of now, and not that of when it left. */
  get hasAgreed(): boolean {
    return this.#hasAgreed;
  }

  /** It has what another has that is on the bus. */
  agree(): void {
    this.#hasAgreed = true;
  }

  /** It is no longer on the bus. */
  leave(): void {
    this.#hasAgreed = false;
  }

  /**
   * It is on the bus. From when on it agrees with another that is noted; then as long as it is there, also alone, since then
   * it speaks for the cluster.
   */
  present(): void {
    const atMs = this.#togetherAtMs;
    if (this.isStale || this.#clock.now() - (atMs ?? -Infinity) < NOTED_EVERY_MS) return;
    if (atMs !== undefined || this.#hasAgreed) this.end();
  }

  /** It has what the cluster has. */
  end(): void {
    this.#write(this.#clock.now());
  }

  /** From now on it is a stranger, and after a restart too. */
  estrange(): void {
    this.#write(0);
  }

  /** Undefined too where it is still to come: the clock was wrong when it was noted, and nobody knows when that was. */
  get #togetherAtMs(): number | undefined {
    return this.#togetherMs !== undefined && this.#togetherMs > this.#clock.now() ? undefined : this.#togetherMs;
  }

  #write(atMs: number): void {
    this.#store.write(() => this.#store.settings.set("together_at", String(atMs)));
    this.#togetherMs = atMs;
  }
}
