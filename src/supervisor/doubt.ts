import type { Pool } from "../domain/instance.ts";
import type { Vitals } from "../kit/processes.ts";

/** A worker that left a question unanswered. */
export interface SilentWorker {
  readonly pool: Pool;
  /** Whether it ever answered: until then it may be loading the user's project. */
  readonly hasAnswered: boolean;
}

/** A look at its process; `atMs` is clock time. */
export interface VitalsLook {
  readonly atMs: number;
  readonly vitals: Vitals;
}

/** A main thread that uses more of its time than this works at something. */
const IDLE_SHARE = 0.05;
/** The kernel counts in steps of this size. */
const COUNTED_MS = 20;
/** Names of the function in which Linux waits for any of several files, by version. */
const AWAITS_FILES = /^(ep_poll|do_epoll_p?wait)\b/;

/**
 * Why the silence of a worker proves nothing; null where it does. To be asked at each question that stayed unanswered, with
 * the look before, since time that was worked shows only between two.
 *
 * The event loop of prefork never works itself, so one that is silent is stuck. The others perform tasks in the process that
 * would answer, solo in the very thread: it answers nothing while it works. Their silence counts only while that thread waits
 * for the event loop's files (a message would wake it, and it would answer) and nothing is computed. Task events prove nothing: Celery
 * gathers them and sends them at the next turn of that same loop, so the start of the task that holds it is told when it has ended.
 */
export function excuseOf(worker: SilentWorker, before: VitalsLook | undefined, now: VitalsLook): string | null {
  const { vitals } = now;
  // Whatever it does, it does not do it now.
  if (vitals.isStopped) return null;
  if (worker.hasAnswered && worker.pool === "prefork") return null;
  if (!before) return "its process was looked at for the first time";
  if (!vitals.isAsleep) return "its process is running";
  const usedMs = vitals.cpuMs - before.vitals.cpuMs;
  if (usedMs > Math.max(COUNTED_MS, IDLE_SHARE * (now.atMs - before.atMs))) return "its process is working";
  return worker.hasAnswered ? excuseOfWait(vitals) : null;
}

/** A task may wait for files too, by an event loop of its own (asyncio): then there are two, and nobody can tell which waits. */
function excuseOfWait({ waitsIn, pollers }: Vitals): string | null {
  if (waitsIn === null) return "nobody can tell what its process waits for";
  if (!AWAITS_FILES.test(waitsIn)) return `its process waits in ${waitsIn}, not for messages`;
  return pollers === 1 ? null : "its process has not one event loop alone";
}
