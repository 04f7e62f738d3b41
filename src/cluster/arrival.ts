import type { BusState, Member } from "../bus/bus.ts";
import type { Clock } from "../kit/clock.ts";
import type { Told } from "./peer.ts";

/** What a branch that comes hears from the others: apps and queues, and who has which instance. */
export type Matter = "definitions" | "names";

/** The broker may take so long to answer at first; after that this branch goes on without the others. */
export const CONNECT_MS = 5_000;
/** After the bus is back all others have answered within this time; at a start it goes by before the bus is up. */
const ANSWER_MS = 300;
/** How soon what could not be heard is asked for again. */
export const HEAR_AGAIN_MS = 250;

/**
 * Whether a branch that came to the bus knows what those know that are there: until then what it has is that of yesterday, or
 * nothing, and is neither to be told for all nor to be changed. Begins anew each time the bus comes back.
 */
export class Arrival {
  readonly #clock: Clock;
  readonly #stateOf: () => BusState | undefined;
  readonly #missing = new Set<Matter>();
  readonly #matters = new Set<Matter>();
  readonly #waiting = new Set<() => void>();
  #hasBeenUp = false;
  #upSinceMs = -Infinity;
  #answeredAtMs = -Infinity;

  /** `stateOf` is undefined where there is no bus. */
  constructor(clock: Clock, stateOf: () => BusState | undefined) {
    this.#clock = clock;
    this.#stateOf = stateOf;
  }

  /** This is to be heard, from now on or once more. */
  expect(matter: Matter): void {
    this.#matters.add(matter);
    this.#missing.add(matter);
  }

  /** This is known now as the others know it. */
  heard(matter: Matter): void {
    if (this.#missing.delete(matter)) this.#tell();
  }

  isMissing(matter: Matter): boolean {
    return this.#missing.has(matter);
  }

  /** The bus comes or goes. */
  stateChanged({ is, sinceMs }: BusState): void {
    for (const matter of this.#matters) this.#missing.add(matter);
    if (is === "up") {
      // What was heard before the first time was heard over the same connection.
      this.#upSinceMs = this.#hasBeenUp ? sinceMs : -Infinity;
      this.#answeredAtMs = this.#hasBeenUp ? this.#clock.now() + ANSWER_MS : -Infinity;
      this.#hasBeenUp = true;
    }
    this.#tell();
  }

  /** Whether this branch is on the bus and knows all that those know who know all. */
  get isReady(): boolean {
    return this.#stateOf()?.is === "up" && this.#missing.size === 0;
  }

  /** Whether this branch cannot but know what others know: it has heard them, or has nothing to hear them by. */
  get isSure(): boolean {
    return this.#stateOf() === undefined || this.isReady;
  }

  /** Whether others can be heard, and what they know was not heard yet. */
  get isUnderWay(): boolean {
    return this.#stateOf()?.is === "up" && this.#missing.size > 0;
  }

  /** Whether nothing is waited for: it is known what there is to know, or nobody can be heard. */
  get isOver(): boolean {
    const state = this.#stateOf();
    if (state?.is === "up") return this.#missing.size === 0;
    return state?.is !== "connecting" || this.#connectingMs(state) <= 0;
  }

  /** Waits until it is over, for at most `timeoutMs`; whether it is. */
  async until(timeoutMs: number): Promise<boolean> {
    const untilMs = this.#clock.now() + timeoutMs;
    for (;;) {
      const leftMs = untilMs - this.#clock.now();
      if (this.isOver) return true;
      if (leftMs <= 0) return false;
      await this.#change(leftMs);
    }
  }

  /** Whether those that are there have had the time to say so. */
  get isAnswered(): boolean {
    return this.#clock.now() >= this.#answeredAtMs;
  }

  /** Whether a member has told what it has since this branch is on the bus. */
  isFresh({ heardMs }: Pick<Member, "heardMs">): boolean {
    return heardMs >= this.#upSinceMs;
  }

  async #change(withinMs: number): Promise<void> {
    const state = this.#stateOf();
    const ms = state?.is === "connecting" ? Math.min(withinMs, this.#connectingMs(state)) : withinMs;
    const changed = new AbortController();
    const wake = () => changed.abort();
    this.#waiting.add(wake);
    await this.#clock.sleep(ms, changed.signal);
    this.#waiting.delete(wake);
  }

  /** How much longer a first answer of the broker is waited for. */
  #connectingMs({ sinceMs }: BusState): number {
    return sinceMs + CONNECT_MS - this.#clock.now();
  }

  #tell(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** A member as one that comes sees it. */
export interface Seen extends Told {
  /** Whether it knows itself what the others know. */
  readonly isReady: boolean;
  readonly isFresh: boolean;
}

/**
 * Whom of `others` a branch that comes is still to hear: one of those that know what there is to know; where there is none,
 * since all have just come, everybody who has something else. `isOver` where it knows what they know; `areAll` where nobody else
 * is there who has not told of itself yet.
 */
export function toHear(
  own: string,
  others: readonly Seen[],
  heardFrom: ReadonlySet<string>,
  areAll: boolean,
): { readonly isOver: boolean; readonly from: readonly Told[] } {
  const isHeard = ({ id, digest }: Told) => digest === own || heardFrom.has(id);
  const knowing = others.filter((one) => one.isReady && one.isFresh);
  if (knowing.some(isHeard)) return { isOver: true, from: [] };
  if (knowing.length > 0) return { isOver: false, from: knowing };
  const from = others.filter((one) => one.isFresh && !isHeard(one));
  return { isOver: areAll && from.length === 0 && others.every(({ isFresh }) => isFresh), from };
}
