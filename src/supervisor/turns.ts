import type { Halt } from "../domain/rollout.ts";

/** A turn of an app in the whole cluster. */
interface SharedTurn {
  /** Whether it was had, now or before. */
  readonly isHad: boolean;
  /** Gives it back, or asks for it no longer. */
  leave(): void;
}

/** Lets one branch at a time take an instance of an app away. */
export interface SharedTurns {
  /** Asks for a turn; `wake` is called when it is had later than at once. */
  enter(app: string, wake: () => void): SharedTurn;
  /** Tells the others that an instance of this branch did not come back: they hear it before the turn is another's. */
  halted(halt: Halt): void;
}

/** Where there is no other branch. */
export const OWN_TURNS: SharedTurns = { enter: () => ({ isHad: true, leave() {} }), halted() {} };

interface Holder {
  readonly instance: string;
  readonly turn: SharedTurn;
  /** Its turn was begun before this branch started. */
  readonly isAway: boolean;
}

/** Whose turn it is in a rolling restart: one instance of an app at a time, here and on all branches. */
export class Turns {
  readonly #shared: SharedTurns;
  /** Who has the turn of this branch, and the turn in the cluster or a place among those who wait for it. */
  readonly #holders = new Map<string, Holder>();
  readonly #waiting = new Map<string, Map<string, () => void>>();

  constructor(shared: SharedTurns = OWN_TURNS) {
    this.#shared = shared;
  }

  /** True where the turn is this instance's now; else `wake` is called once it may be. */
  claim(app: string, instance: string, wake: () => void): boolean {
    const holder = this.#holders.get(app) ?? this.#enter(app, instance, wake, false);
    if (holder.instance === instance) {
      this.#waiting.get(app)?.delete(instance);
      return isHad(holder);
    }
    const waiting = this.#waiting.get(app) ?? new Map<string, () => void>();
    this.#waiting.set(app, waiting.set(instance, wake));
    return false;
  }

  /** An instance that is away for its turn already: it is not asked whether that may be. */
  resume(app: string, instance: string, wake: () => void): void {
    if (!this.#holders.has(app)) this.#enter(app, instance, wake, true);
  }

  /** Whether this instance may be away. */
  isHeldBy(app: string, instance: string): boolean {
    const holder = this.#holders.get(app);
    return holder?.instance === instance && isHad(holder);
  }

  /** Gives the turn back, where this instance has it. */
  release(app: string, instance: string): void {
    const holder = this.#holders.get(app);
    if (holder?.instance !== instance) return;
    this.#holders.delete(app);
    holder.turn.leave();
    const waiting = this.#waiting.get(app);
    this.#waiting.delete(app);
    for (const wake of waiting?.values() ?? []) wake();
  }

  /** Nobody here takes a turn any more. */
  stop(): void {
    for (const { turn } of this.#holders.values()) turn.leave();
  }

  #enter(app: string, instance: string, wake: () => void, isAway: boolean): Holder {
    const holder = { instance, turn: this.#shared.enter(app, wake), isAway };
    this.#holders.set(app, holder);
    return holder;
  }
}

const isHad = ({ turn, isAway }: Holder) => isAway || turn.isHad;
