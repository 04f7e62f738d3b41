import type { Component } from "../controller/health.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";

/** A part of the branch that can be asked. */
export interface Service {
  /** The same at each look. */
  readonly name: string;
  /**
   * Resolves where it works; to its trouble where that comes from outside, so that no new process would do better (a full
   * disk): the part is failed then, and never given up. Rejects, with why, or stays silent where it does not work. Asked
   * again once it has answered.
   */
  ask(): Promise<Trouble | undefined>;
}

export interface Trouble {
  readonly trouble: string;
}

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Those that there are now. */
  readonly services: () => readonly Service[];
  /** Called once, with the name of the first that was given up. */
  readonly onGivenUp: (name: string) => void;
}

const LOOK_MS = 5_000;
/** 600 s, counted in looks: time in which this process did not run, or a clock that was set, is nobody's silence. */
const GIVEN_UP_LOOKS = 120;
/** One look may come while it is busy. */
const FAILED_LOOKS = 2;

/**
 * well → silent → failed → well, or → given up. Silent is who did not answer before the next look; failed is who is silent
 * for two looks; given up is who is for 120.
 */
interface Watched {
  isAsked: boolean;
  /** Looks since it last said that it works. */
  missed: number;
  /** For people: when it was found so. */
  sinceMs: number;
  why: string;
  hasTrouble: boolean;
}

/** Asks all parts of the branch every 5 s whether they work, and gives up one that does not for 600 s. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #watched = new Map<string, Watched>();
  #cancel = () => {};

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#look();
  }

  stop(): void {
    this.#cancel();
  }

  /** Whether no part has failed by itself. */
  get isWell(): boolean {
    return [...this.#watched.values()].every(({ missed }) => missed < FAILED_LOOKS);
  }

  /** How a part is; undefined where it was not asked yet. */
  state(name: string): Component | undefined {
    const watched = this.#watched.get(name);
    if (!watched) return undefined;
    const { missed, hasTrouble, sinceMs, why } = watched;
    return missed >= FAILED_LOOKS || hasTrouble ? { state: "failed", sinceMs, why } : { state: "ok", sinceMs };
  }

  #look(): void {
    const services = this.#options.services();
    const names = new Set(services.map(({ name }) => name));
    for (const name of this.#watched.keys()) if (!names.has(name)) this.#watched.delete(name);
    for (const service of services) this.#lookAt(service);
    this.#cancel = this.#options.clock.after(LOOK_MS, () => this.#look());
  }

  #lookAt({ name, ask }: Service): void {
    const nowMs = this.#options.clock.now();
    const watched = this.#watched.get(name) ?? {
      isAsked: false,
      missed: 0,
      sinceMs: nowMs,
      why: "",
      hasTrouble: false,
    };
    this.#watched.set(name, watched);
    if (watched.isAsked) this.#missed(name, watched, "it does not answer");
    else void this.#ask(name, watched, ask);
  }

  async #ask(name: string, watched: Watched, ask: Service["ask"]): Promise<void> {
    watched.isAsked = true;
    try {
      const answer = await ask();
      if (answer) this.#hasTrouble(name, watched, answer);
      else this.#works(name, watched);
    } catch (error) {
      this.#missed(name, watched, error instanceof Error ? error.message : String(error));
    }
    watched.isAsked = false;
  }

  #works(name: string, watched: Watched): void {
    const { clock, log } = this.#options;
    if (watched.missed >= FAILED_LOOKS || watched.hasTrouble) {
      const since = new Date(watched.sinceMs).toISOString();
      log.info("a part of the branch works again", { part: name, failed_since: since });
      watched.sinceMs = clock.now();
    }
    watched.missed = 0;
    watched.hasTrouble = false;
  }

  #hasTrouble(name: string, watched: Watched, { trouble }: Trouble): void {
    const { clock, log } = this.#options;
    if (!watched.hasTrouble) {
      watched.sinceMs = clock.now();
      log.error("a part of the branch cannot work", { part: name, why: trouble });
    }
    watched.why = trouble;
    watched.missed = 0;
    watched.hasTrouble = true;
  }

  #missed(name: string, watched: Watched, why: string): void {
    const { clock, log, onGivenUp } = this.#options;
    watched.missed++;
    watched.why = why;
    if (watched.missed === FAILED_LOOKS) {
      watched.sinceMs = clock.now();
      log.error("a part of the branch does not work", { part: name, why });
    }
    if (watched.missed !== GIVEN_UP_LOOKS) return;
    const failed_s = (watched.missed * LOOK_MS) / 1000;
    log.critical("a part of the branch is given up: the branch ends, its workers stay", { part: name, why, failed_s });
    onGivenUp(name);
  }
}

/** For a part that counts its turns: it works as long as they grow, within `patienceMs`. */
export function turning(turns: () => number, patienceMs: number): Service["ask"] {
  let last = Number.NaN;
  let same = 0;
  return async () => {
    const now = turns();
    same = now === last ? same + 1 : 0;
    last = now;
    if (same * LOOK_MS >= patienceMs) throw new Error(`it has done nothing for ${(same * LOOK_MS) / 1000} s`);
    return undefined;
  };
}
