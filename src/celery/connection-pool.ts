import { brokerUrl, type Broker } from "../domain/broker.ts";
import { AmqpAway } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";

export interface PoolOptions<T> {
  readonly clock: Clock;
  /** Starts a connection; does not wait for it. */
  readonly open: (broker: Broker) => T;
  /** At the latest at `deadlineMs` (clock time). */
  readonly close: (opened: T, deadlineMs: number) => Promise<void>;
  /** Whether one that is not to be kept may be closed now. */
  readonly isIdle: (opened: T) => boolean;
}

const GOODBYE_MS = 5_000;

/** One connection to each broker in use, however many use it. */
export class ConnectionPool<T> {
  readonly #pool: PoolOptions<T>;
  /** By URL, since all of it tells brokers apart. The keys hold passwords. */
  readonly #opened = new Map<string, T>();
  readonly #closing = new Set<Promise<void>>();
  #isStopped = false;

  constructor(pool: PoolOptions<T>) {
    this.#pool = pool;
  }

  /** Started at first use; never waits. Throws AmqpAway once this is stopped. */
  use(broker: Broker): T {
    if (this.#isStopped) throw new AmqpAway("the branch is stopping");
    const url = brokerUrl(broker);
    const opened = this.#opened.get(url) ?? this.#pool.open(broker);
    this.#opened.set(url, opened);
    return opened;
  }

  /** Closes, in the background, the connections to all but these, as far as they are idle. */
  keepOnly(brokers: readonly Broker[]): void {
    const kept = new Set(brokers.map(brokerUrl));
    for (const [url, opened] of this.#opened) {
      if (!kept.has(url) && this.#pool.isIdle(opened)) this.#close(url, this.#pool.clock.now() + GOODBYE_MS);
    }
  }

  inUse(): T[] {
    return [...this.#opened.values()];
  }

  /** At the latest at `deadlineMs` (clock time). Safe twice; nothing can be used afterwards. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    for (const url of this.#opened.keys()) this.#close(url, deadlineMs);
    await Promise.all(this.#closing);
  }

  #close(url: string, deadlineMs: number): void {
    const opened = this.#opened.get(url);
    if (opened === undefined) return;
    this.#opened.delete(url);
    const closing = this.#pool.close(opened, deadlineMs).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
