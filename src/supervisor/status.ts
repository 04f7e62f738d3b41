import type { InstanceState } from "../domain/instance.ts";
import type { LinkState } from "../kit/amqp.ts";
import type { Reply } from "./plan.ts";

/** A start that came to nothing, or a worker that was given up. */
export interface Failure {
  readonly why: string;
  /** The last lines that the worker wrote. */
  readonly log: readonly string[];
}

/** What is known of an instance after a look at it. */
export interface Status {
  readonly state: InstanceState;
  readonly pid: number | null;
  /** Since when it is in this state, ms since the epoch. */
  readonly sinceMs: number;
  /** How often it was started again, after a death or for a restart. */
  readonly restarts: number;
  /** Whether nothing was left to do. */
  readonly isInLine: boolean;
  readonly reply: Reply | null;
  /** The worker that stands in for it while it is restarted; null without one. */
  readonly standinPid: number | null;
  /** The restart that is wished. */
  readonly wishedSeq: number;
  /** The rolling restart that was given up, so that the worker from before it runs on, and why. */
  readonly failedRestart: { readonly seq: number; readonly failure: Failure } | null;
  /** The restart that the running worker stands at; null where none runs. */
  readonly restartSeq: number | null;
  /** The link to the broker that the worker is on, or would be started with. */
  readonly link: LinkState;
  readonly failure: Failure | null;
  /** Why the last worker ended before it first answered, while there is none that does. */
  readonly lastDeath: string | null;
  /** When an instance that died too often is enabled again, ms since the epoch; null where it is not. */
  readonly retryAtMs: number | null;
  /** Queues that the broker refused to declare, with its words. */
  readonly refused: ReadonlyMap<string, string>;
}

/** `pass` numbers the looks: who waits for the effect of a change ignores what was seen before it. */
export type StatusListener = (status: Status | "gone", pass: number) => void;

/** How many tasks a worker had begun when it last said so. */
export interface BegunTasks {
  readonly pid: number;
  readonly tasks: number;
  readonly atMs: number;
}
