import type { Clock } from "../kit/clock.ts";

/** What goes on in a process that a test can freeze, as SIGSTOP does, or kill: what comes meanwhile waits, or is dropped. */
export class Pausable {
  readonly clock: Clock;
  #mode: "running" | "frozen" | "killed" = "running";
  #held: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = {
      now: () => clock.now(),
      after: (ms, callback) => {
        let isCancelled = false;
        const cancel = clock.after(ms, () => this.run(() => !isCancelled && callback()));
        return () => {
          isCancelled = true;
          cancel();
        };
      },
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const cancel = this.clock.after(ms, resolve);
          const onAbort = () => {
            cancel();
            resolve();
          };
          signal?.addEventListener("abort", onAbort, { once: true });
        }),
    };
  }

  get isRunning(): boolean {
    return this.#mode === "running";
  }

  get isKilled(): boolean {
    return this.#mode === "killed";
  }

  /** Does it now, after the thaw, or never. */
  run(action: () => void): void {
    if (this.#mode === "running") action();
    else if (this.#mode === "frozen") this.#held.push(action);
  }

  freeze(): void {
    if (this.#mode === "running") this.#mode = "frozen";
  }

  thaw(): void {
    if (this.#mode === "frozen") this.#mode = "running";
    while (this.isRunning) {
      const action = this.#held.shift();
      if (!action) break;
      action();
    }
  }

  kill(): void {
    this.#mode = "killed";
    this.#held = [];
  }
}
