import type { Calls } from "../calls/calls.ts";
import type { Scheduled } from "../types.ts";

/** How one call is made, where that differs from the options of the client. */
export interface CallOptions {
  /** Ends the call, which then rejects with its reason, an `AbortError` unless it was given another; so does the client's. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline of the call in seconds. */
  readonly timeoutS?: number | undefined;
  /** Called with the branches that did not answer: what was heard may not be all. */
  readonly onSilent?: ((branches: string[]) => void) | undefined;
}

/** Of a change: with `nowait` it is answered as soon as the wish is stored or sent to its owner. */
export interface WriteOptions extends CallOptions {
  readonly nowait?: boolean | undefined;
}

/** Of a change whose answer is not waited for. */
export interface Nowait extends CallOptions {
  readonly nowait: true;
}

/** Of a change that is waited for. */
export interface Waiting extends CallOptions {
  readonly nowait?: false | undefined;
}

/** The calls of the client, made as one call wants it. */
export type Link = (call?: WriteOptions) => Calls;

/** What was scheduled, or what `take` makes of an answer. */
export const taken = <A extends object, T>(answer: A | Scheduled, take: (answer: A) => T): T | Scheduled =>
  "ok" in answer ? answer : take(answer as A);
