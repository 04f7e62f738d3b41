import type { Instance } from "../domain/instance.ts";
import { parseRate, type Rate } from "../domain/rate.ts";
import { backoffMs } from "../kit/backoff.ts";
import { judge, type Death, type Verdict } from "./death.ts";
import type { Parts } from "./parts.ts";
import type { Failure } from "./status.ts";
import { reasonOf } from "./worker-log.ts";

const BLAMELESS_FIRST_MS = 1000;
const BLAMELESS_LAST_MS = 30_000;
const EARLY_FIRST_MS = 1000;
const EARLY_LAST_MS = 60_000;
/** No start is put off for longer. */
export const LONGEST_DELAY_MS = EARLY_LAST_MS;

/** The deaths of one instance's workers: what each means, and how long the next start is put off for them. */
export class Deaths {
  readonly #name: string;
  readonly #parts: Pick<Parts, "store" | "clock" | "settings">;
  /** Since a worker last answered. */
  #blameless = 0;
  #early = 0;
  #lastEarly: string | null = null;

  constructor(name: string, parts: Pick<Parts, "store" | "clock" | "settings">) {
    this.#name = name;
    this.#parts = parts;
  }

  /** Why the last worker ended before it first answered; null once one answers, and where the instance was given up. */
  get lastEarly(): string | null {
    return this.#lastEarly;
  }

  judge(death: Omit<Death, "deathsBefore">, instance: Instance): Verdict {
    const { store, clock } = this.#parts;
    const rate = this.#rate(instance);
    const nowMs = clock.now();
    const deathsBefore = store.write(() => store.workers.deathsSince(this.#name, nowMs - rate.periodMs, nowMs));
    return judge({ ...death, deathsBefore }, rate);
  }

  /** Writes the death down where it counts against the rate; in the caller's transaction. */
  count(verdict: Verdict): void {
    const { store, clock } = this.#parts;
    const isCounted = verdict === "counted" || verdict === "early" || verdict === "too many";
    if (isCounted) store.workers.addDeath(this.#name, clock.now());
  }

  /** How long the next start is put off, in ms. */
  delayMs(verdict: Verdict, failure: Failure): number {
    if (verdict === "early") {
      this.#lastEarly = reasonOf(failure);
      return backoffMs(this.#early++, EARLY_FIRST_MS, EARLY_LAST_MS);
    }
    // The first is started again at once: its death may have nothing to do with the broker.
    if (verdict !== "blameless" || this.#blameless++ === 0) return 0;
    return backoffMs(this.#blameless - 1, BLAMELESS_FIRST_MS, BLAMELESS_LAST_MS);
  }

  /** A worker answers: what was before it puts off no start any more. */
  answered(): void {
    this.#blameless = 0;
    this.#early = 0;
    this.#lastEarly = null;
  }

  /** The instance is disabled, which has a reason of its own. */
  givenUp(): void {
    this.#lastEarly = null;
  }

  /** Why an instance is disabled whose worker died more often than its rate allows. */
  limitReason(instance: Instance, failure: Failure): string {
    return `more deaths than restart_max_rate ${this.#rate(instance).text} allows: ${reasonOf(failure)}`;
  }

  /** How long until an instance that died too often is enabled again; null where it is not. */
  retryInMs({ isEnabled, isHeld, limitedAtMs }: Instance): number | null {
    const { clock, settings } = this.#parts;
    if (isEnabled || isHeld || limitedAtMs === null || settings.retryDisabledMs === 0) return null;
    // Not longer than that where the clock was set back.
    return Math.min(limitedAtMs + settings.retryDisabledMs - clock.now(), settings.retryDisabledMs);
  }

  #rate({ restartMaxRate }: Instance): Rate {
    const own = restartMaxRate === null ? undefined : parseRate(restartMaxRate);
    return own ?? this.#parts.settings.restartMaxRate;
  }
}
