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

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    const togetherAt = store.settings.get("together_at");
    this.#togetherMs = togetherAt === undefined ? undefined : Number(togetherAt);
  }

  get isStale(): boolean {
    return this.#togetherMs !== undefined && this.#clock.now() - this.#togetherMs > REMEMBERED_MS;
  }

  /** Whether what this branch has is the cluster's state: one that never agreed with another cannot say so. */
  get isAuthority(): boolean {
    return this.#togetherMs !== undefined && !this.isStale;
  }

  /**
   * It is on the bus. From when on it agrees with another that is noted; then as long as it is there, also alone, since then
   * it speaks for the cluster.
   */
  present(agrees: () => boolean): void {
    if (this.isStale || this.#clock.now() - (this.#togetherMs ?? -Infinity) < NOTED_EVERY_MS) return;
    if (this.#togetherMs !== undefined || agrees()) this.end();
  }

  /** It has what the cluster has. */
  end(): void {
    this.#write(this.#clock.now());
  }

  /** From now on it is a stranger, and after a restart too. */
  estrange(): void {
    this.#write(0);
  }

  #write(atMs: number): void {
    this.#store.write(() => this.#store.settings.set("together_at", String(atMs)));
    this.#togetherMs = atMs;
  }
}
