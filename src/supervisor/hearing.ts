import type { Clock } from "../kit/clock.ts";
import type { LinkState } from "../kit/amqp.ts";
import { Stretch } from "./stretch.ts";

/** A worker that was asked in a round and left the question unanswered. */
export interface UnansweredWorker {
  readonly name: string;
  /** Why that proves nothing about it; null where it does. */
  readonly excuse: string | null;
  /** Whether its process is known to do nothing: then it needs nobody else to be heard. */
  readonly isStopped: boolean;
}

/** What the silence of one worker in one round says. */
export interface Silence {
  /** How much longer it has been silent by this round, in ms; undefined where nobody can say: it might not have been heard. */
  readonly addedMs: number | undefined;
  /** By what it is known that it would have been heard. */
  readonly witness: "another worker" | "echo" | "its process" | null;
  readonly excuse: string | null;
  /** Nobody answers for long, and this one is restarted to find out why. */
  readonly isProbe: boolean;
  /** How long nobody at all has answered. */
  readonly nobodyMs: number;
}

/** Where nobody answers for so many times `unresponsiveAfterMs`, one worker is restarted. */
const PATIENCE = 5;

/**
 * What the silence of workers says, for one broker, round by round. A worker is only silent where it would have been heard: the broker is
 * up and was for long enough, since workers find it again after a back-off of their own of up to 32 s, and another one was heard, or, where
 * there is no other, a message of this branch to itself. Of two or more that are all silent the fault is hardly their own, so none is blamed.
 */
export class Hearing {
  readonly #waitAfterBrokerRevivedMs: number;
  readonly #patienceMs: number;
  readonly #up: Stretch;
  readonly #nobody: Stretch;
  #link: LinkState | undefined;

  constructor(
    clock: Clock,
    limits: { intervalMs: number; waitAfterBrokerRevivedMs: number; unresponsiveAfterMs: number },
  ) {
    this.#waitAfterBrokerRevivedMs = limits.waitAfterBrokerRevivedMs;
    this.#patienceMs = PATIENCE * limits.unresponsiveAfterMs;
    this.#up = new Stretch(clock, limits.intervalMs);
    this.#nobody = new Stretch(clock, limits.intervalMs);
  }

  /**
   * Judges a round: `silent` are those who did not answer, `answered` is how many did, `echo` sends a message through the broker
   * and back, asked where it is needed. By name; to be called for each round, also where all have answered.
   */
  async judge(
    link: LinkState,
    silent: readonly UnansweredWorker[],
    answered: number,
    echo: () => Promise<boolean>,
  ): Promise<Map<string, Silence>> {
    const addedMs = this.#addedMs(link);
    const isOverdue = this.#up.ms >= this.#waitAfterBrokerRevivedMs;
    const others = silent.filter(({ excuse, isStopped }) => excuse === null && !isStopped);
    const isAnybodyBlamed = isOverdue && others.length > 0;
    const witness = isAnybodyBlamed ? await this.#witness(answered, echo) : null;
    const isNobodyHeard = witness === "echo" && others.length > 1;
    const nobodyMs = this.#nobody.note(isNobodyHeard);
    const probe = nobodyMs >= this.#patienceMs && isNobodyHeard ? firstOf(others) : undefined;
    if (probe !== undefined) this.#nobody.reset();
    const common = isNobodyHeard ? null : witness;
    return new Map(
      silent.map(({ name, excuse, isStopped }) => {
        const known = isStopped && isOverdue ? "its process" : common;
        const isProbe = name === probe;
        return [name, { addedMs: known === null ? undefined : addedMs, witness: known, excuse, isProbe, nobodyMs }];
      }),
    );
  }

  /** The time since the round before, as far as workers were there by then. */
  #addedMs(link: LinkState): number {
    if (link !== this.#link) {
      this.#up.reset();
      this.#nobody.reset();
      this.#link = link;
    }
    const before = this.#up.ms;
    const nowMs = this.#up.note(true);
    return Math.min(nowMs - before, Math.max(0, nowMs - this.#waitAfterBrokerRevivedMs));
  }

  async #witness(answered: number, echo: () => Promise<boolean>): Promise<Silence["witness"]> {
    if (answered > 0) return "another worker";
    return (await echo()) ? "echo" : null;
  }
}

const firstOf = (workers: readonly UnansweredWorker[]) => workers.map(({ name }) => name).toSorted()[0];
