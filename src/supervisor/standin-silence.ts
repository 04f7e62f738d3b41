import type { Clock } from "../kit/clock.ts";
import type { ProcessId, Processes } from "../kit/processes.ts";
import { excuseOf, type SilentWorker, type VitalsLook } from "./doubt.ts";
import type { Parts } from "./parts.ts";
import { Stretch } from "./stretch.ts";

/** How long a stand-in has left questions unanswered without an excuse. */
export class StandinSilence {
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #intervalMs: number;
  readonly #silent: Stretch;
  #vitals: VitalsLook | undefined;
  #excuse: string | null = null;

  constructor({ clock, processes, settings }: Pick<Parts, "clock" | "processes" | "settings">) {
    this.#clock = clock;
    this.#processes = processes;
    this.#intervalMs = settings.intervalMs;
    this.#silent = new Stretch(clock, settings.intervalMs);
  }

  get ms(): number {
    return this.#silent.ms;
  }

  /** It left a question unanswered. */
  note(worker: SilentWorker, id: ProcessId | undefined): void {
    const nowMs = this.#clock.now();
    const sinceMs = Math.abs(nowMs - (this.#vitals?.atMs ?? Number.NEGATIVE_INFINITY));
    // It is asked several times in a second: between two such looks a moment of work would pass for much.
    if (sinceMs >= this.#intervalMs) this.#lookAtProcess(worker, id, nowMs);
    this.#silent.note(this.#excuse === null);
  }

  /** It answered, or could not have been heard. */
  end(): void {
    this.#silent.reset();
    this.#vitals = undefined;
    this.#excuse = null;
  }

  #lookAtProcess(worker: SilentWorker, id: ProcessId | undefined, atMs: number): void {
    const vitals = id && this.#processes.vitals(id);
    // It has just ended, which the next look at it tells.
    if (!vitals) return;
    const now = { atMs, vitals };
    this.#excuse = excuseOf(worker, this.#vitals, now);
    this.#vitals = now;
  }
}
