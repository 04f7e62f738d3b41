import type { Component, Health, HealthReport, LoopLag, SelfReport } from "../controller/health.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { LoopWatch } from "./loop-watch.ts";
import type { Notifier } from "./notify.ts";
import { Watchdog, type Service } from "./watchdog.ts";

export interface SelfWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly logFile: string | undefined;
  readonly notifier: Pick<Notifier, "watchdogMs" | "alive" | "status">;
}

/** What is watched over, once it is there. */
export interface Watched {
  readonly services: () => readonly Service[];
  readonly health: Pick<Health, "report">;
}

const STATUS_EVERY_MS = 5_000;

/** How the daemon watches over itself: its parts, its event loop; and what it tells systemd of that. */
export class SelfWatch implements SelfReport {
  /** Resolves to true when a part is given up: the daemon has to end. */
  readonly givenUp: Promise<true>;
  readonly #options: SelfWatchOptions;
  readonly #giveUp: () => void;
  readonly #loop: LoopWatch;
  readonly #cancels = new Map<string, () => void>();
  #watchdog: Watchdog | undefined;
  #told = "";

  constructor(options: SelfWatchOptions) {
    const { promise, resolve } = Promise.withResolvers<true>();
    this.#options = options;
    this.givenUp = promise;
    this.#giveUp = () => resolve(true);
    this.#loop = new LoopWatch(options);
  }

  start({ services, health }: Watched): void {
    const { clock, log, notifier } = this.#options;
    this.#loop.start();
    const watchdog = new Watchdog({ clock, log, services, onGivenUp: this.#giveUp });
    this.#watchdog = watchdog;
    watchdog.start();
    this.#every("status", STATUS_EVERY_MS, () => this.#tellStatus(health));
    const { watchdogMs } = notifier;
    // Half of it, as sd_watchdog_enabled(3) has it.
    if (watchdogMs !== undefined) this.#every("alive", watchdogMs / 2, () => watchdog.isWell && notifier.alive());
  }

  stop(): void {
    this.#loop.stop();
    this.#watchdog?.stop();
    for (const cancel of this.#cancels.values()) cancel();
  }

  state(part: string): Component | undefined {
    return this.#watchdog?.state(part);
  }

  get loop(): LoopLag {
    return this.#loop.lag;
  }

  #every(name: string, ms: number, work: () => void): void {
    work();
    this.#cancels.set(
      name,
      this.#options.clock.after(ms, () => this.#every(name, ms, work)),
    );
  }

  #tellStatus(health: Watched["health"]): void {
    const line = statusLine(health.report());
    if (line === this.#told) return;
    this.#told = line;
    this.#options.notifier.status(line);
  }
}

/** Health in one line: `ok`, or what does not work and why. */
export function statusLine(report: HealthReport): string {
  const { state, brokers, store, supervisor, http, results, bus } = report;
  const parts = { store, supervisor, http, results, bus, ...brokers };
  const troubles = Object.entries(parts).flatMap(([name, { state: is, why }]) =>
    is === "failed" || is === "away" ? [`${name} ${is}${why === undefined ? "" : ` (${why})`}`] : [],
  );
  return state === "ok" ? "ok" : [state, troubles.join("; ")].join(": ");
}
