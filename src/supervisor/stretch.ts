import type { Clock } from "../kit/clock.ts";

/**
 * How long something has been so without a break: the sum of the times between looks, each of which adds at most two intervals. So
 * time in which nobody looked (machine paused, event loop held up) and a clock that was set do not count.
 */
export class Stretch {
  readonly #clock: Clock;
  readonly #mostMs: number;
  #lookedMs: number | undefined;
  #ms = 0;

  /** Looks are expected each `intervalMs`. */
  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#mostMs = 2 * intervalMs;
  }

  /** In ms; 0 where it is not so, and at the first look. */
  get ms(): number {
    return this.#ms;
  }

  /** A look: it is so, or it is not. Returns what `ms` is by now. */
  note(isSo: boolean): number {
    const nowMs = this.#clock.now();
    if (!isSo) this.reset();
    else if (this.#lookedMs !== undefined) this.#ms += Math.min(this.#mostMs, Math.max(0, nowMs - this.#lookedMs));
    if (isSo) this.#lookedMs = nowMs;
    return this.#ms;
  }

  reset(): void {
    this.#ms = 0;
    this.#lookedMs = undefined;
  }
}
