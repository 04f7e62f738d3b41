import { readFileSync } from "node:fs";
import { join } from "node:path";
import { alive } from "../harness/processes.ts";

const LOOK_MS = 20;

/** An instance had no living worker. */
interface Missing {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly during: string;
}

/** Looks all the time which worker each instance has, by its worker.pid. */
export class Watch implements Disposable {
  readonly #dir: string;
  readonly #pids: ReadonlyMap<string, number[]>;
  readonly #missingSince = new Map<string, { readonly atMs: number; readonly during: string }>();
  readonly #timer: Timer;
  /** The longest time. */
  longest: Missing | undefined;
  /** What is going on, in words. */
  during = "nothing";

  constructor(dir: string, names: readonly string[]) {
    this.#dir = dir;
    this.#pids = new Map(names.map((name) => [name, []]));
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** All that an instance ever had, in order. */
  pids(name: string): readonly number[] {
    return this.#pids.get(name) ?? [];
  }

  /** The one that runs now. */
  living(name: string): number | undefined {
    const pid = this.pids(name).at(-1);
    return pid !== undefined && alive(pid) ? pid : undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const [name, pids] of this.#pids) {
      const pid = this.#read(name);
      if (pid !== undefined && pid !== pids.at(-1)) pids.push(pid);
      this.#note(name, pid !== undefined && alive(pid));
    }
  }

  #read(name: string): number | undefined {
    try {
      return Number(readFileSync(join(this.#dir, name, "worker.pid"), "utf8"));
    } catch {
      return undefined; // Just between two.
    }
  }

  #note(name: string, isThere: boolean): void {
    const since = this.#missingSince.get(name);
    if (!isThere) {
      if (!since) this.#missingSince.set(name, { atMs: Date.now(), during: this.during });
      return;
    }
    this.#missingSince.delete(name);
    const toMs = Date.now();
    const longestMs = this.longest ? this.longest.toMs - this.longest.fromMs : 0;
    if (since && toMs - since.atMs > longestMs) this.longest = { name, fromMs: since.atMs, toMs, during: since.during };
  }
}
