import type { Clock } from "../kit/clock.ts";

/** The turn of one branch in a rolling restart of an app, or its place among those who wait for it. */
export class RolloutTurn {
  readonly app: string;
  readonly #wake: () => void;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #hurry = new AbortController();
  #isHurried = true;
  #isHad = false;

  constructor(app: string, wake: () => void, clock: Clock) {
    this.app = app;
    this.#wake = wake;
    this.#clock = clock;
  }

  /** Whether it was had, now or before. */
  get isHad(): boolean {
    return this.#isHad;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Gives it back, or asks for it no longer. */
  leave(): void {
    this.#over.abort();
  }

  grantAtOnce(): void {
    this.#isHad = true;
  }

  grant(): void {
    if (this.#isHad || this.isOver) return;
    this.#isHad = true;
    this.#wake();
  }

  /** It may be free now. */
  hurry(): void {
    this.#isHurried = true;
    this.#hurry.abort();
  }

  /** Whether it may be free, for all that is known since this was last asked. */
  takeHurry(): boolean {
    const isHurried = this.#isHurried;
    this.#isHurried = false;
    this.#hurry = new AbortController();
    return isHurried;
  }

  /** Waits until it is over, may be free, or `ms` are over. */
  pause(ms: number): Promise<void> {
    return this.#clock.sleep(ms, AbortSignal.any([this.#over.signal, this.#hurry.signal]));
  }

  /** Waits until it is over, or the lock for it is lost. */
  untilOver(lost: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([this.#over.signal, lost]);
    if (ended.aborted) return Promise.resolve();
    return new Promise((resolve) => ended.addEventListener("abort", () => resolve(), { once: true }));
  }
}
