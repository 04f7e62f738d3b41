import type { Clock } from "../kit/clock.ts";

/** After an exchange that left a difference, which needs somebody's help, such as an upgrade, or a clock that is set. */
const FRUITLESS_MS = 60_000;

/** Exchanges with others that made nothing equal, so that they are not begun again at once. */
export class Fruitless {
  readonly #clock: Clock;
  /** By branch: the two digests that were exchanged last, and until when not again. */
  readonly #exchanged = new Map<string, { readonly pair: string; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An exchange with that branch, which told digest `theirs`, has ended. */
  exchanged(id: string, own: string, theirs: string): void {
    this.#exchanged.set(id, { pair: `${own} ${theirs}`, untilMs: this.#clock.now() + FRUITLESS_MS });
  }

  /** Whether an exchange with that branch was of the same two digests a moment ago. */
  has(id: string, own: string, theirs: string): boolean {
    const known = this.#exchanged.get(id);
    return known?.pair === `${own} ${theirs}` && this.#clock.now() < known.untilMs;
  }
}
