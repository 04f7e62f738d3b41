import type { Reply, SeenWorker } from "./plan.ts";

/** What a worker answers that consumes from `queues` and scales between these bounds, with nothing to do. */
export const replyOf = (queues: readonly string[], max: number, min: number): Reply => ({
  queues,
  bounds: { max, min },
  pool: { processes: min, tasks: 0 },
  begunTasks: 0,
});

/** A worker that runs and just answered. */
export const seenWorker = (restartSeq: number, reply: Reply): SeenWorker => ({
  restartSeq,
  hasAnswered: true,
  termSentAtMs: null,
  stoppingMs: 0,
  reply,
  isHeard: true,
  silentMs: 0,
  unansweredPings: 0,
  silence: null,
  isEnding: false,
  process: null,
  emptyMs: 0,
  surplusMs: 0,
  notConsuming: null,
});
