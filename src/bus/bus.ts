import type { CymeError } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A branch that is up, as last heard. */
export interface Member {
  readonly id: string;
  /** One for each start of the branch. */
  readonly incarnation: string;
  /** By the member's own clock. */
  readonly startedAtMs: number;
  readonly version: string;
  /** What the branch says of itself: `self.facts` of its options. */
  readonly facts: Json;
  /** When there was last a sign of life, by our clock. */
  readonly heardMs: number;
}

export interface BusState {
  /** `connecting` until this branch has its place on the bus, or has failed for the first time. */
  readonly is: "connecting" | "up" | "away";
  readonly sinceMs: number;
  /** Why it is away, without a secret. */
  readonly reason?: string;
}

export type MemberChange = "joined" | "left" | "changed";

/** What ended a gather: everybody is in exactly one of the three. */
export interface Gathered {
  readonly answers: ReadonlyMap<string, Json>;
  /** What branches answered that refused or failed. */
  readonly errors: ReadonlyMap<string, CymeError>;
  /** Those asked that did not answer in time, or could not be reached. */
  readonly silent: readonly string[];
}

/** Of a call. */
export interface BusCallOptions {
  /**
   * The other branch asks before it begins whether it is still waited for, so that what was given up is not done later. Costs
   * one more way there and back.
   */
  readonly isWrite?: boolean;
  /** Aborted when the answer is waited for no longer: the call ends as `unavailable`, and the other branch is told. */
  readonly signal?: AbortSignal;
}

/** How branches speak to each other. */
export interface Bus {
  readonly state: BusState;
  /** Calls back on every change; returns a function that ends that. */
  onState(listener: (state: BusState) => void): () => void;
  /** Grows as long as it works, whether it is up (by what is heard, its own heartbeats among it) or tries to be. */
  readonly turns: number;
  start(): void;
  /** Lets requests of others that are being done end, says goodbye and goes, at the latest at `deadlineMs` (clock time). */
  stop(deadlineMs: number): Promise<void>;
  /** Branches that are up, this one among them, sorted by id. */
  members(): readonly Member[];
  /**
   * Calls back with every change of others; returns a function that ends that. A branch that started again leaves and joins.
   * Who joins while the bus is not up is told of when it is, before `onState` calls back.
   */
  onMember(listener: (change: MemberChange, member: Member) => void): () => void;
  /** Tells everybody now instead of at the next heartbeat that the facts changed. */
  announce(): void;
  /**
   * Has one branch do something, once at most. Rejects CymeError:
   * - `unavailable`: no such member, no route to it, or the bus is away;
   * - `timeout`: no answer in `timeoutMs`; the fact `branch` says whose;
   *   with either the fact `begun` is false where it was not begun and will not be, and true where nobody knows;
   * - `too-large`: the arguments;
   * - whatever the other side answered with, its code, message and facts kept.
   */
  call(to: string, method: string, args: Json, timeoutMs: number, options?: BusCallOptions): Promise<Json>;
  /** Tells one branch, or everybody else (null), without waiting for it to be done. Rejects `unavailable`, `too-large`. */
  cast(to: string | null, method: string, args: Json): Promise<void>;
  /**
   * Calls many at once. Ends when all have answered or cannot be reached, at the latest after `timeoutMs`. Without the bus
   * all are silent. Rejects `too-large`.
   */
  gather(to: readonly string[], method: string, args: Json, timeoutMs: number): Promise<Gathered>;
  /**
   * Does `work` while no other branch does work under the same name. Rejects `timeout` when the lock is not had in
   * `timeoutMs`, `unavailable` when the bus is away, and with what `work` throws. `lost` is aborted when the lock is lost in
   * the middle. A holder that is frozen or cut off hears of that later than the others, so what is done under the lock must
   * stay right when it is done twice.
   */
  withLock<T>(name: string, timeoutMs: number, work: (lost: AbortSignal) => Promise<T>): Promise<T>;
}

export interface BusOptions {
  readonly self: {
    readonly id: string;
    /** A secret of the branch's store: who has it is the same branch. Never sent. */
    readonly key: string;
    readonly version: string;
    readonly facts: () => Json;
  };
  /** Does what another branch asks for. `signal` is aborted when nobody waits for it any more: its time is over, or who asked gave it up or has gone. */
  readonly handle: (method: string, args: Json, from: string, signal: AbortSignal) => Promise<Json>;
  /** Connections that share the requests of others, at least 1. */
  readonly controllers: number;
  /** Of one message that this branch sends; see `messageBytes`. */
  readonly maxBytes?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once when another branch has our id: this one is on the bus no more. */
  readonly onRefused: (why: CymeError) => void;
}
