/**
 * Time, handed in wherever a rule depends on it, so that tests move it instead of sleeping.
 * `now()` is milliseconds since the epoch. `after()` calls back once and returns a function that cancels.
 */
export interface Clock {
  now(): number;
  after(ms: number, callback: () => void): () => void;
  /** Resolves after `ms`, or as soon as `signal` is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Sleeping in terms of `after`, shared by every clock. */
function sleepWith(after: Clock["after"], ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    // setTimeout fires at once above 2^31 - 1 ms.
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) => sleepWith(systemClock.after, ms, signal),
};

/** A clock that stands still until `advance` is called. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { atMs: number; callback: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    // Whole, as the machine's clock is.
    const timer = { atMs: this.#nowMs + Math.ceil(Math.max(0, ms)), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((t) => t !== timer);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this.after.bind(this), ms, signal);
  }

  /** Somebody sets the clock, back where `ms` is negative: no time goes by, and timers fire when they would have. */
  set(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers) timer.atMs += ms;
  }

  /** Moves on by `ms`, firing each timer at its own time; lets pending promises run between timers. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter((t) => t.atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets everything that is already resolved run on: microtasks and immediates. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
