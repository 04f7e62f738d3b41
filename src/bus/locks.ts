import { CymeError, unavailable } from "../domain/errors.ts";
import { backoffMs } from "../kit/backoff.ts";
import type { Clock } from "../kit/clock.ts";
import type { Wire, WireLock } from "./wire.ts";

const FIRST_RETRY_MS = 10;
const LAST_RETRY_MS = 200;
/** The broker gets this long for its answer, also where the caller has less time left. */
const ANSWER_MS = 500;

export interface LocksParts {
  readonly clock: Clock;
  readonly wire: Wire;
  /** Why no lock can be had now. */
  readonly whyNot: () => string | undefined;
}

interface Waiting {
  enter(): void;
  refuse(error: CymeError): void;
}

/**
 * Locks that the whole cluster heeds. Those of this branch who want the same one stand in a queue, and only the first asks
 * the broker: so they come in order, and a connection never takes a lock twice.
 */
export class Locks {
  readonly #parts: LocksParts;
  /** By name; the first in each holds the lock or asks for it. */
  readonly #queues = new Map<string, Waiting[]>();
  #ending = new AbortController();

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  async withLock<T>(name: string, timeoutMs: number, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const deadlineMs = this.#parts.clock.now() + timeoutMs;
    const leave = await this.#enter(name, timeoutMs);
    const lock = await this.#seize(name, deadlineMs, timeoutMs).catch((error: unknown) => {
      leave();
      throw error;
    });
    try {
      return await work(lock.lost);
    } finally {
      void lock.release().then(leave);
    }
  }

  /** The bus is away: who waits for a lock will not get it. */
  lost(reason: string): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    for (const [name, queue] of this.#queues) {
      for (const waiting of queue.splice(1)) waiting.refuse(noLock(name, reason));
    }
  }

  /** Resolves when everybody who came before has left, with a function that lets the next in. */
  #enter(name: string, timeoutMs: number): Promise<() => void> {
    const why = this.#parts.whyNot();
    if (why !== undefined) return Promise.reject(noLock(name, why));
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      const leave = () => {
        const place = queue.indexOf(waiting);
        if (place >= 0) queue.splice(place, 1);
        if (queue.length === 0) this.#queues.delete(name);
        else if (place === 0) queue[0]?.enter();
      };
      const cancel = this.#parts.clock.after(timeoutMs, () => {
        leave();
        reject(tooLate(name, timeoutMs));
      });
      const waiting: Waiting = {
        enter() {
          cancel();
          resolve(leave);
        },
        refuse(error) {
          cancel();
          reject(error);
        },
      };
      if (queue.push(waiting) === 1) waiting.enter();
    });
  }

  async #seize(name: string, deadlineMs: number, timeoutMs: number): Promise<WireLock> {
    const { clock, wire, whyNot } = this.#parts;
    for (let failures = 0; ; failures++) {
      const why = whyNot();
      if (why !== undefined) throw noLock(name, why);
      const lock = await wire.tryLock(name, Math.max(ANSWER_MS, deadlineMs - clock.now()));
      if (lock) return lock;
      const pauseMs = backoffMs(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
      const leftMs = deadlineMs - clock.now();
      await clock.sleep(Math.min(Math.max(0, leftMs), pauseMs), this.#ending.signal);
      if (leftMs <= pauseMs) throw tooLate(name, timeoutMs);
    }
  }
}

const tooLate = (lock: string, timeoutMs: number) =>
  new CymeError("timeout", `The lock ${lock} was held by others for ${timeoutMs / 1000} s`, { lock });

const noLock = (lock: string, reason: string) => unavailable(`Cannot have the lock ${lock}: ${reason}`, { lock });
