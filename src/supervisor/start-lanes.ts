import { Limiter } from "../kit/limiter.ts";

/*
 * Each start of a worker is a burst of CPU, so that only so many start at a time. Each lane has places of its own: a
 * worker that died is not kept waiting by the many that somebody starts at once, and nobody by one that does not come up.
 */

/** `asked`: by people or the branch. `revival`: the one before died. `slow`: the last start took long, or came to nothing. */
export type Lane = "asked" | "revival" | "slow";

/** How many workers may start at a time: at most, and with what the machine has to do now. */
export interface StartPlaces {
  readonly most: number;
  readonly now: number;
}

/** So many starts share one core: a start waits for the disk and for the broker as well. */
const STARTS_PER_CORE = 2;
/** Up to so many processes that want one core, all may start: as many as these starts are themselves. */
const NORMAL_LOAD = 2;

/** `load` is how many processes wanted to run in the last minute (getloadavg(3)); one for each core may always start. */
export function startPlaces(cores: number, load: number): StartPlaces {
  const most = STARTS_PER_CORE * cores;
  const share = Math.min(1, NORMAL_LOAD / Math.max(load / cores, Number.MIN_VALUE));
  return { most, now: Math.max(cores, Math.floor(most * share)) };
}

export class StartLanes {
  readonly #lanes: Readonly<Record<Lane, Limiter>>;
  /** Who wanted to start while it is closed, by instance; undefined while it is open. */
  #waiting: Map<string, () => void> | undefined;

  /** How many may start at a time where somebody asked for it, as far as the machine has time for it now. */
  constructor(places: () => StartPlaces) {
    this.#lanes = {
      asked: new Limiter(() => places().now),
      // However much there is to do: nobody does the work of one that died.
      revival: new Limiter(() => places().most),
      slow: new Limiter(() => Math.max(1, Math.floor(places().now / 2))),
    };
  }

  /** Nobody may start until the function is called that this returns. */
  close(): () => void {
    this.#waiting ??= new Map();
    return () => {
      const waiting = [...(this.#waiting?.values() ?? [])];
      this.#waiting = undefined;
      for (const wake of waiting) wake();
    };
  }

  /** A function that gives the place back (twice does no harm), or undefined: then `wake` is called once, to ask again. */
  tryEnter(lane: Lane, instance: string, wake: () => void): (() => void) | undefined {
    if (this.#waiting) {
      this.#waiting.set(instance, wake);
      return undefined;
    }
    for (const [other, limiter] of Object.entries(this.#lanes)) if (other !== lane) limiter.forgo(instance);
    return this.#lanes[lane].tryEnter(instance, wake);
  }

  /** Says that a place is not wanted any more; who comes next is called back instead. */
  forgo(instance: string): void {
    this.#waiting?.delete(instance);
    for (const limiter of Object.values(this.#lanes)) limiter.forgo(instance);
  }
}
