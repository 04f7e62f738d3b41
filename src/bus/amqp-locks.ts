import { unavailable } from "../domain/errors.ts";
import { AmqpAway, AmqpRefused, type Link } from "../kit/amqp.ts";
import type { WireLock } from "./wire.ts";

const PREFIX = "cyme.lock.";
const RESOURCE_LOCKED = 405;
const WORK_MS = 10_000;

/** Locks as exclusive queues: one connection has such a queue, and the broker deletes it when that connection ends. */
export class AmqpLocks {
  readonly #link: Link;
  /** A name is not asked for before its release is over, which else would delete what was just had. */
  readonly #releasing = new Map<string, Promise<void>>();
  #isStopped = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** See Wire.tryLock. */
  async tryLock(name: string, timeoutMs: number): Promise<WireLock | undefined> {
    if (this.#link.state.is !== "up") throw cannot(name, "the broker is away");
    if (this.#releasing.has(name)) return undefined;
    const lost = new AbortController();
    const unsubscribe = this.#link.onState((state) => {
      if (state.is !== "up") lost.abort();
    });
    const release = () => {
      unsubscribe();
      return this.#release(name);
    };
    try {
      await this.#link.withChannel(
        (channel) => channel.queueDeclare(PREFIX + name, { exclusive: true, durable: false, autoDelete: false }),
        Math.min(timeoutMs, WORK_MS),
      );
      return { lost: lost.signal, release };
    } catch (error) {
      if (error instanceof AmqpRefused && error.replyCode === RESOURCE_LOCKED) {
        unsubscribe();
        return undefined;
      }
      // Nobody knows whether we have it.
      void release();
      throw cannot(name, error instanceof Error ? error.message : String(error));
    }
  }

  /** Nothing is released any more: the broker does it when the connection ends. */
  stop(): void {
    this.#isStopped = true;
  }

  #release(name: string): Promise<void> {
    const released = this.#delete(name).finally(() => this.#releasing.delete(name));
    this.#releasing.set(name, released);
    return released;
  }

  /**
   * Deletes the queue, again and again until the broker has heard it: a connection that is only blocked, or slow, still has
   * it. One of another connection cannot be deleted, so this does no harm after a connection was lost.
   */
  async #delete(name: string): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#link.withChannel((channel) => channel.queueDelete(PREFIX + name), WORK_MS);
        return;
      } catch (error) {
        if (!(error instanceof AmqpAway)) return;
        await this.#untilUp();
      }
    }
  }

  #untilUp(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#link.onState((state) => {
        if (state.is !== "up" && !this.#isStopped) return;
        end();
        resolve();
      });
      if (this.#link.state.is !== "up") return;
      end();
      // Not before whatever failed has settled.
      setImmediate(resolve);
    });
  }
}

const cannot = (lock: string, reason: string) => unavailable(`Cannot have the lock ${lock}: ${reason}`, { lock });
