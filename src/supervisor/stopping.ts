import type { Clock } from "../kit/clock.ts";
import type { ProcessRow } from "../store/workers.ts";
import { Stretch } from "./stretch.ts";

/** How often a worker that is stopping is looked at: what lies between two looks counts up to twice this time. */
export const STOPPING_LOOK_MS = 5000;

/** How long a worker has been stopping: as far as that was looked at, so that a clock that is set neither ends its time nor adds to it. */
export class Stopping {
  readonly #clock: Clock;
  readonly #seen: Stretch;
  /** How long it had been stopping when this branch first saw it so. */
  #beforeMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seen = new Stretch(clock, STOPPING_LOOK_MS);
  }

  /** A look at its row. Returns the time in ms, 0 where it is not stopping. */
  note({ termSentAtMs }: Pick<ProcessRow, "termSentAtMs">): number {
    const seenMs = this.#seen.note(termSentAtMs !== null);
    if (termSentAtMs === null) this.#beforeMs = null;
    else this.#beforeMs ??= Math.max(0, this.#clock.now() - termSentAtMs);
    return seenMs + (this.#beforeMs ?? 0);
  }
}
