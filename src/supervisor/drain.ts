import type { BrokerConnection } from "../celery/brokers.ts";
import type { Clock } from "../kit/clock.ts";

/*
 * Before a worker is stopped beside which another one consumes, it is told to consume no more, and what it has taken is let
 * finish. TERM alone does worse: what was delivered to a worker that stops is held up by its longest task, and what has
 * just been handed to a process of its pool is given back to the broker as well, and so done twice (seen on Celery 5.2).
 */

const ANSWER_MS = 1500;
/** Longer tasks are left to the warm stop, which lets them finish too. */
const DRAIN_MS = 5000;

/** How far one worker is from having nothing to do. */
export class Drain {
  readonly #clock: Clock;
  /** The process that is drained, and since when. */
  #pid: number | undefined;
  #sinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether that process has been told to leave its queues. */
  hasBegun(pid: number): boolean {
    return this.#pid === pid;
  }

  /** Takes the queues from the worker, and says whether it may be stopped. Rejects with AmqpAway. */
  async isDone(pid: number, node: string, queues: readonly string[], { control }: BrokerConnection): Promise<boolean> {
    if (this.#pid !== pid) {
      this.#pid = pid;
      this.#sinceMs = this.#clock.now();
    }
    const ask = async (method: string, args: Record<string, unknown> = {}) =>
      (await control.ask(method, args, [node], ANSWER_MS)).replies.get(node);
    for (const queue of queues) await ask("cancel_consumer", { queue });
    // It answers before it acts, so that one which still lists a queue is asked again.
    if (queues.length === 0) {
      const [active, reserved] = await Promise.all([ask("active"), ask("reserved")]);
      if (isEmpty(active) && isEmpty(reserved)) return true;
    }
    // Also where the clock was set back.
    return Math.abs(this.#clock.now() - this.#sinceMs) >= DRAIN_MS;
  }
}

const isEmpty = (tasks: unknown) => Array.isArray(tasks) && tasks.length === 0;
