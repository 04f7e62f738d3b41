import { isScalable, type Instance, type InstanceState } from "../domain/instance.ts";
import { directQueue } from "../domain/names.ts";

/*
 * What to do next for one instance: a pure function of the wish, of what was just seen and of the limits. It is called
 * again after each step with a fresh look, so no step has to be remembered.
 */

export type Want = "run" | "stop" | "delete";

export interface Bounds {
  readonly max: number;
  readonly min: number;
}

/** What a worker said of itself. */
export interface Reply {
  /** The queues that it consumes from, the direct one too. */
  readonly queues: readonly string[];
  /** The bounds of its autoscaler; null where it has none. */
  readonly bounds: Bounds | null;
}

/** The living process of an instance. */
export interface SeenWorker {
  readonly restartSeq: number;
  /** Whether it ever answered. */
  readonly hasAnswered: boolean;
  readonly termSentAtMs: number | null;
  /** What it just answered; null for silence or where it was not asked. */
  readonly reply: Reply | null;
  /** Whether it answered since the broker was last away. */
  readonly isHeard: boolean;
  /** Since when it has not answered, counting only time in which it could have. */
  readonly silentMs: number;
  readonly unansweredPings: number;
}

export interface Seen {
  readonly nowMs: number;
  readonly worker: SeenWorker | null;
  /** Whether a worker that stands in for it lives. */
  readonly hasStandin: boolean;
  readonly isBrokerUp: boolean;
  /** A start that is put off until then, after deaths that nobody can be blamed for. */
  readonly startNotBeforeMs: number;
  /** When an instance that died too often is enabled again; null where it is not. */
  readonly retryInMs: number | null;
  /** Whether a rolling restart may take this instance now. */
  readonly isItsTurn: boolean;
  /** Queues that the broker refused: telling a worker to consume from them would kill it. */
  readonly refusedQueues: ReadonlySet<string>;
}

export interface Limits {
  readonly stopTimeoutMs: number;
  readonly unresponsiveAfterMs: number;
}

export type TermReason = "wish" | "unresponsive";

/** What brings a worker that answers in line. */
export type CorrectingAction =
  | { readonly do: "consume"; readonly queue: string }
  | { readonly do: "cancel"; readonly queue: string }
  | { readonly do: "scale"; readonly bounds: Bounds };

export type Action =
  | { readonly do: "start" }
  | { readonly do: "terminate"; readonly reason: TermReason; readonly why: string }
  | { readonly do: "kill" }
  | { readonly do: "forget" }
  | { readonly do: "enable" }
  | { readonly do: "look again"; readonly inMs: number }
  | CorrectingAction;

/** Unanswered pings that make silence: one may be lost while a worker reconnects. */
const SILENT_PINGS = 3;
/** How often a worker that is not there yet, or was killed, is looked at. */
const SOON_MS = 150;

export function wantOf(instance: Instance): Want {
  if (instance.isDeleted) return "delete";
  return instance.isEnabled && !instance.isHeld ? "run" : "stop";
}

export function plan(instance: Instance, seen: Seen, limits: Limits): Action[] {
  const { worker } = seen;
  const want = wantOf(instance);
  if (!worker) return planWithout(want, seen);
  if (worker.termSentAtMs !== null) return planStopping(worker.termSentAtMs, seen, limits);
  if (want !== "run")
    return [{ do: "terminate", reason: "wish", why: want === "delete" ? "deleted" : stopReason(instance) }];
  if (worker.restartSeq < instance.restartSeq && seen.isItsTurn) {
    return [{ do: "terminate", reason: "wish", why: "restart" }];
  }
  if (isSilent(instance, seen, limits)) {
    return [{ do: "terminate", reason: "unresponsive", why: `no answer for ${Math.round(worker.silentMs / 1000)} s` }];
  }
  if (!worker.hasAnswered) return seen.isBrokerUp ? [{ do: "look again", inMs: SOON_MS }] : [];
  return worker.reply ? planInLine(instance, worker.reply, seen.refusedQueues) : [];
}

/** What `instances.get` shows. */
export function stateOf(instance: Instance, seen: Seen): InstanceState {
  const { worker } = seen;
  const want = wantOf(instance);
  if (!worker) {
    if (want === "delete" || (want === "stop" && seen.hasStandin)) return "stopping";
    if (want === "stop") return instance.isEnabled ? "stopped" : "disabled";
    return seen.startNotBeforeMs > seen.nowMs ? "backoff" : "starting";
  }
  if (worker.termSentAtMs !== null || want !== "run") return "stopping";
  if (!seen.isBrokerUp) return "unknown";
  if (!worker.hasAnswered) return "starting";
  if (worker.reply) return "running";
  if (worker.unansweredPings >= SILENT_PINGS) return "unresponsive";
  return worker.isHeard ? "running" : "unknown";
}

function planWithout(want: Want, seen: Seen): Action[] {
  switch (want) {
    case "delete":
      return seen.hasStandin ? [] : [{ do: "forget" }];
    case "stop":
      if (seen.retryInMs === null) return [];
      return seen.retryInMs > 0 ? [{ do: "look again", inMs: seen.retryInMs }] : [{ do: "enable" }];
    case "run": {
      const waitMs = seen.startNotBeforeMs - seen.nowMs;
      return waitMs > 0 ? [{ do: "look again", inMs: waitMs }] : [{ do: "start" }];
    }
    default:
      return want satisfies never;
  }
}

/** One TERM was sent; what is left is to wait, and then to kill. Whatever is wished by now waits for the end. */
function planStopping(termSentAtMs: number, seen: Seen, limits: Limits): Action[] {
  const leftMs = termSentAtMs + limits.stopTimeoutMs - seen.nowMs;
  if (leftMs > 0) return [{ do: "look again", inMs: leftMs }];
  return [{ do: "kill" }, { do: "look again", inMs: SOON_MS }];
}

function stopReason(instance: Instance): string {
  return instance.isEnabled ? "all workers were stopped" : "disabled";
}

/**
 * Silence counts while the broker is there and was for long enough (the caller starts `silentMs` anew otherwise). A solo
 * worker answers nothing while it works, so its silence proves nothing.
 */
function isSilent(instance: Instance, { worker, isBrokerUp }: Seen, limits: Limits): boolean {
  if (!worker || !isBrokerUp || worker.reply || instance.pool === "solo") return false;
  return worker.silentMs >= limits.unresponsiveAfterMs && worker.unansweredPings >= SILENT_PINGS;
}

/** What a worker that answers has to be told, the own one and one that stands in for it. */
export function planInLine(
  instance: Instance,
  reply: Reply,
  refused: ReadonlySet<string>,
): (CorrectingAction | { readonly do: "look again"; readonly inMs: number })[] {
  // A worker that consumes from nothing, not even its own queue, is just setting up its consumer: wait.
  if (reply.queues.length === 0) return [{ do: "look again", inMs: SOON_MS }];
  const wanted = [directQueue(instance.name), ...instance.queues];
  const missing = instance.queues.filter((queue) => !reply.queues.includes(queue) && !refused.has(queue));
  const surplus = reply.queues.filter((queue) => !wanted.includes(queue));
  return [
    ...missing.map((queue) => ({ do: "consume", queue }) as const),
    ...surplus.map((queue) => ({ do: "cancel", queue }) as const),
    ...planBounds(instance, reply.bounds),
  ];
}

function planBounds(instance: Instance, present: Bounds | null): CorrectingAction[] {
  const { maxConcurrency: max, minConcurrency: min } = instance;
  if (!present || !isScalable(instance.pool)) return [];
  return present.max === max && present.min === min ? [] : [{ do: "scale", bounds: { max, min } }];
}
