/** Tasks that each process has begun. */
export type BegunTasks = ReadonlyMap<number | null, number>;

/** How long the others go on without a worker before that says something of it. */
const STANDSTILL_MS = 60_000;

/**
 * Finds those of several workers on one queue that begin nothing for a minute in which messages always wait and the others go on.
 * Times are those of the caller's watch.
 */
export class Standstill {
  #sinceMs = 0;
  #begun: BegunTasks = new Map();

  /** A new minute begins. */
  reset(nowMs: number, begun: BegunTasks): void {
    this.#sinceMs = nowMs;
    this.#begun = begun;
  }

  /** A look at the queue and what its workers have begun; the processes that stood still, none before the minute is over. */
  note(nowMs: number, messages: number, begun: BegunTasks): ReadonlySet<number | null> {
    const before = this.#begun;
    if (messages === 0 || !hasSameKeys(before, begun)) {
      this.reset(nowMs, begun);
      return NONE;
    }
    if (nowMs - this.#sinceMs < STANDSTILL_MS) return NONE;
    const still = [...begun].filter(([pid, tasks]) => before.get(pid) === tasks).map(([pid]) => pid);
    this.reset(nowMs, begun);
    return still.length < begun.size ? new Set(still) : NONE;
  }
}

const NONE: ReadonlySet<number | null> = new Set();

/** Whether both are of the same processes. */
export const hasSameKeys = (a: BegunTasks, b: BegunTasks) =>
  a.size === b.size && [...a.keys()].every((key) => b.has(key));
