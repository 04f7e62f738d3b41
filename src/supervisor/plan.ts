import { isScalable, type Instance, type InstanceState } from "../domain/instance.ts";
import { directQueue } from "../domain/names.ts";
import type { Vitals } from "../kit/processes.ts";
import type { NotConsuming } from "./consuming.ts";
import type { Silence } from "./hearing.ts";
import { STOPPING_LOOK_MS } from "./stopping.ts";

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
  /** Processes of its pool, and tasks that it has and that are not done; null where it does not scale. */
  readonly pool: { readonly processes: number; readonly tasks: number } | null;
  /** Tasks that it ever began. */
  readonly begunTasks: number;
}

/** The living process of an instance. */
export interface SeenWorker {
  readonly restartSeq: number;
  /** Whether it ever answered. */
  readonly hasAnswered: boolean;
  readonly termSentAtMs: number | null;
  /** How long it has been stopping, in ms, as far as that was looked at. */
  readonly stoppingMs: number;
  /** What it just answered; null for silence or where it was not asked. */
  readonly reply: Reply | null;
  /** Whether it answered since the broker was last away. */
  readonly isHeard: boolean;
  /** How long it has not answered, in ms, counting only rounds in which it would have been heard. */
  readonly silentMs: number;
  /** How many such rounds those were. */
  readonly unansweredPings: number;
  /** What its silence in the last round says; null where it answered. */
  readonly silence: Silence | null;
  /** Whether it is silent, and its log says that somebody has told it to end. */
  readonly isEnding: boolean;
  /** What its process did when it was last silent. */
  readonly process: Vitals | null;
  /** How long it has answered that it consumes from nothing at all. */
  readonly emptyMs: number;
  /** How long its pool has had more processes than its bounds and its tasks ask for. */
  readonly surplusMs: number;
  /** That it consumes less than it says, as the broker sees it; null where that is not known. */
  readonly notConsuming: NotConsuming | null;
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

/** Why a worker was told to end, by `somebody else` where it was not this branch that did so. */
export type TermReason = "wish" | "unresponsive" | "not consuming" | "somebody else";

/** What brings a worker that answers in line. */
export type CorrectingAction =
  | { readonly do: "consume"; readonly queue: string }
  | { readonly do: "cancel"; readonly queue: string }
  /** Through `shrinkTo` where its pool is to shrink, which Celery does for a lower `max` alone. */
  | { readonly do: "scale"; readonly bounds: Bounds; readonly shrinkTo?: number };

/** Makes a worker consume from queues that it lists and does not consume from. */
export interface ConsumeAgain {
  readonly do: "consume again";
  readonly found: NotConsuming;
}

export type Action =
  | { readonly do: "start" }
  | {
      readonly do: "terminate";
      readonly reason: TermReason;
      readonly why: string;
      /** Facts for the history, besides the pid. */
      readonly evidence?: Readonly<Record<string, unknown>>;
    }
  | { readonly do: "kill" }
  | { readonly do: "forget" }
  | { readonly do: "enable" }
  | { readonly do: "look again"; readonly inMs: number }
  | CorrectingAction
  | ConsumeAgain;

/** Unanswered pings that make silence: one may be lost while a worker reconnects. */
const SILENT_PINGS = 3;
/** How often a worker that is not there yet, or was killed, is looked at. */
const SOON_MS = 150;
/** A worker that is setting up its consumer lists nothing for a moment; one that does so for longer was told to. */
const EMPTY_MS = 5000;
/** Celery's own autoscaler takes 30 s from the last growth, and looks each 30 s: what is left then it never ends. */
const SURPLUS_MS = 120_000;

export function wantOf(instance: Instance): Want {
  if (instance.isDeleted) return "delete";
  return instance.isEnabled && !instance.isHeld ? "run" : "stop";
}

export function plan(instance: Instance, seen: Seen, limits: Limits): Action[] {
  const { worker } = seen;
  const want = wantOf(instance);
  if (!worker) return planWithout(want, seen);
  if (worker.termSentAtMs !== null) return planStopping(worker.stoppingMs, limits);
  if (want !== "run")
    return [{ do: "terminate", reason: "wish", why: want === "delete" ? "deleted" : stopReason(instance) }];
  if (worker.restartSeq < instance.restartSeq && seen.isItsTurn) {
    return [{ do: "terminate", reason: "wish", why: "restart" }];
  }
  if (isSilent(worker, seen, limits)) return [giveUp(worker)];
  if (!worker.hasAnswered) return seen.isBrokerUp ? [{ do: "look again", inMs: SOON_MS }] : [];
  return worker.reply ? planAnswering(instance, worker, worker.reply, seen.refusedQueues) : [];
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
export function planStopping(
  stoppingMs: number,
  limits: Limits,
): ({ readonly do: "kill" } | { readonly do: "look again"; readonly inMs: number })[] {
  const leftMs = limits.stopTimeoutMs - stoppingMs;
  if (leftMs > 0) return [{ do: "look again", inMs: Math.min(leftMs, STOPPING_LOOK_MS) }];
  return [{ do: "kill" }, { do: "look again", inMs: SOON_MS }];
}

function stopReason(instance: Instance): string {
  return instance.isEnabled ? "all workers were stopped" : "disabled";
}

/** Whoever sums the silence leaves out what proves nothing (Hearing, excuseOf); here it is only compared. */
function isSilent(worker: SeenWorker, { isBrokerUp }: Seen, limits: Limits): boolean {
  if (!isBrokerUp || worker.reply || !worker.silence || worker.silence.excuse !== null) return false;
  if (worker.silence.isProbe) return true;
  return worker.silentMs >= limits.unresponsiveAfterMs && worker.unansweredPings >= SILENT_PINGS;
}

function giveUp({ silence, silentMs, unansweredPings, process, isEnding }: SeenWorker): Action {
  const did = process?.isStopped ? "stopped" : (process?.waitsIn ?? "running");
  const seconds = (ms: number) => Math.round(ms / 1000);
  const why = silence?.isProbe
    ? `no worker of this broker has answered for ${seconds(silence.nobodyMs)} s: this one is tried first`
    : `no answer for ${seconds(silentMs)} s${process?.isStopped ? ": its process is stopped (state T)" : ""}`;
  const evidence = { silent_s: seconds(silentMs), unanswered: unansweredPings, heard: silence?.witness, process: did };
  if (isEnding) return { do: "terminate", reason: "somebody else", why: "somebody else has told it to end", evidence };
  return { do: "terminate", reason: "unresponsive", why, evidence };
}

function planAnswering(instance: Instance, worker: SeenWorker, reply: Reply, refused: ReadonlySet<string>): Action[] {
  const { notConsuming, emptyMs, surplusMs } = worker;
  if (notConsuming?.step === "restart") {
    const { why, evidence } = notConsuming;
    return [{ do: "terminate", reason: "not consuming", why, evidence }];
  }
  if (notConsuming) return [{ do: "consume again", found: notConsuming }];
  if (reply.queues.length === 0 && emptyMs >= EMPTY_MS) return planMissing(instance, reply, refused);
  const steps = planInLine(instance, reply, refused);
  return steps.length === 0 && surplusMs >= SURPLUS_MS ? planSurplus(instance, reply) : steps;
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
  const surplus = reply.queues.filter((queue) => !wanted.includes(queue));
  return [
    ...planMissing(instance, reply, refused),
    ...surplus.map((queue) => ({ do: "cancel", queue }) as const),
    ...planBounds(instance, reply),
  ];
}

/** Its own queue too, which anybody may have made it leave by remote control. */
function planMissing(instance: Instance, reply: Reply, refused: ReadonlySet<string>): CorrectingAction[] {
  return [directQueue(instance.name), ...instance.queues]
    .filter((queue) => !reply.queues.includes(queue) && !refused.has(queue))
    .map((queue) => ({ do: "consume", queue }));
}

function planBounds(instance: Instance, { bounds: present, pool }: Reply): CorrectingAction[] {
  const { maxConcurrency: max, minConcurrency: min } = instance;
  if (!present || !isScalable(instance.pool)) return [];
  if (present.max === max && present.min === min) return [];
  return [scaling({ max, min }, min < present.min ? pool : null)];
}

/** Celery's autoscaler never ends processes that it did not begin itself. */
function planSurplus(instance: Instance, { pool }: Reply): CorrectingAction[] {
  const { maxConcurrency: max, minConcurrency: min } = instance;
  return isScalable(instance.pool) && pool ? [scaling({ max, min }, pool)] : [];
}

/** Not below what its tasks need; and never through 0, which as a prefetch count would mean any number. */
function scaling(bounds: Bounds, pool: Reply["pool"]): CorrectingAction {
  const shrinkTo = Math.max(1, bounds.min, pool?.tasks ?? 0);
  const isTooMany = pool !== null && pool.processes > shrinkTo && shrinkTo < bounds.max;
  return { do: "scale", bounds, ...(isTooMany && { shrinkTo }) };
}

/** Whether a worker's pool has more processes than it was told to have at least, and than its tasks need. */
export const hasSurplus = ({ bounds, pool }: Reply) =>
  bounds !== null && pool !== null && pool.processes > Math.max(1, bounds.min, pool.tasks);
