import type { Instance } from "../domain/instance.ts";
import {
  planInLine,
  planStopping,
  wantOf,
  type CorrectingAction,
  type Limits,
  type Reply,
  type Seen,
  type SeenWorker,
} from "./plan.ts";

/*
 * A rolling restart of one instance: a stand-in, a second worker under another node name, is started and consumes; then
 * the worker is stopped, and a new one started; once that one consumes the stand-in is stopped. So no queue is ever left
 * alone. What is next is found from what is seen and stored alone, as in plan.ts, so that it does not matter in which step
 * the branch or a worker died.
 */

/** The living stand-in of an instance. */
export interface SeenStandin {
  readonly hasAnswered: boolean;
  readonly termSentAtMs: number | null;
  /** How long it has been stopping, in ms, as far as that was looked at. */
  readonly stoppingMs: number;
  /** What it just answered; null for silence or where it was not asked. */
  readonly reply: Reply | null;
  /** How long it has answered nothing, in ms, counting only time in which it was looked at and its process had no excuse. */
  readonly silentMs: number;
}

export interface SeenRolling extends Seen {
  readonly standin: SeenStandin | null;
  /** Whether a restart that takes its turn may take this instance now. */
  readonly hasTurn: boolean;
  /** A start of a stand-in that is put off until then, after the death of one. */
  readonly standinNotBeforeMs: number;
}

export type StandinAction =
  | { readonly do: "start" }
  | { readonly do: "stop"; readonly why: string }
  | { readonly do: "kill" }
  | { readonly do: "give up"; readonly why: string }
  | { readonly do: "look again"; readonly inMs: number }
  | CorrectingAction;

const SOON_MS = 150;
/** A stand-in that is silent for so long, or longer where workers may, does not come up. */
const PATIENCE_MS = 60_000;

/** Whether the worker may be stopped for the restart that is wanted. */
export function mayStop(instance: Instance, seen: Omit<SeenRolling, "isItsTurn">): boolean {
  return (
    seen.hasTurn && (!needsStandin(instance, seen.worker) || isInLine(instance, seen.standin?.reply ?? null, seen))
  );
}

/** Whether a worker that consumes is to be restarted without leaving its queues alone. */
export function needsStandin(
  instance: Instance,
  worker: Pick<SeenWorker, "restartSeq" | "hasAnswered" | "termSentAtMs"> | null,
): boolean {
  if (!instance.hasStandin || wantOf(instance) !== "run" || !worker) return false;
  return worker.restartSeq < instance.restartSeq && worker.hasAnswered && worker.termSentAtMs === null;
}

/** What to do next about the stand-in: a pure function, as `plan`. */
export function planStandin(instance: Instance, seen: SeenRolling, limits: Limits): StandinAction[] {
  const { standin, worker } = seen;
  if (!standin) return planWithout(instance, seen);
  if (standin.termSentAtMs !== null) return planStopping(standin.stoppingMs, limits);
  if (wantOf(instance) !== "run") return [{ do: "stop", why: "its instance is not to run" }];
  const isBack = worker?.termSentAtMs === null && worker.restartSeq >= instance.restartSeq;
  if (isBack && isInLine(instance, worker.reply, seen)) return [{ do: "stop", why: "the worker consumes again" }];
  if (needsStandin(instance, seen.worker) && isSilent(standin, limits)) {
    return [{ do: "give up", why: `the stand-in did not answer for ${Math.round(standin.silentMs / 1000)} s` }];
  }
  if (!standin.reply) return seen.isBrokerUp ? [{ do: "look again", inMs: SOON_MS }] : [];
  return planInLine(instance, standin.reply, seen.refusedQueues);
}

function planWithout(instance: Instance, seen: SeenRolling): StandinAction[] {
  // Without its broker it could not consume; the worker, which is there, waits for the broker as well.
  if (!needsStandin(instance, seen.worker) || !seen.hasTurn || !seen.isBrokerUp) return [];
  const waitMs = seen.standinNotBeforeMs - seen.nowMs;
  return waitMs > 0 ? [{ do: "look again", inMs: waitMs }] : [{ do: "start" }];
}

const isInLine = (instance: Instance, reply: Reply | null, { refusedQueues }: Pick<Seen, "refusedQueues">) =>
  reply !== null && planInLine(instance, reply, refusedQueues).length === 0;

/** Whoever sums the silence leaves out what proves nothing; here it is only compared. */
function isSilent({ silentMs }: SeenStandin, limits: Limits): boolean {
  return silentMs >= Math.max(PATIENCE_MS, limits.unresponsiveAfterMs);
}
