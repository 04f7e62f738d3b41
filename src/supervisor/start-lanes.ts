import { Limiter } from "../kit/limiter.ts";

/*
 * Each start of a worker is a burst of CPU, so that only so many start at a time. Each lane has places of its own: a
 * worker that died is not kept waiting by the many that somebody starts at once, and nobody by one that does not come up.
 */

/** `asked`: by people or the branch. `revival`: the one before died. `slow`: the last start took long, or came to nothing. */
export type Lane = "asked" | "revival" | "slow";

export class StartLanes {
  readonly #lanes: Readonly<Record<Lane, Limiter>>;

  /** `size`: how many may start at a time in the lane of those that are asked for. */
  constructor(size: number) {
    this.#lanes = {
      asked: new Limiter(size),
      revival: new Limiter(size),
      slow: new Limiter(Math.max(1, Math.floor(size / 2))),
    };
  }

  /** A function that gives the place back (twice does no harm), or undefined: then `wake` is called once, to ask again. */
  tryEnter(lane: Lane, instance: string, wake: () => void): (() => void) | undefined {
    for (const [other, limiter] of Object.entries(this.#lanes)) if (other !== lane) limiter.forgo(instance);
    return this.#lanes[lane].tryEnter(instance, wake);
  }

  /** Says that a place is not wanted any more; who comes next is called back instead. */
  forgo(instance: string): void {
    for (const limiter of Object.values(this.#lanes)) limiter.forgo(instance);
  }
}
