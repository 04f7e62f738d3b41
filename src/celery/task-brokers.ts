import { brokerUrl, type Broker } from "../domain/broker.ts";
import { AmqpAway } from "../kit/amqp.ts";
import { AmqpTaskBroker, type TaskBroker, type TaskBrokerOptions } from "./task-broker.ts";

export type TaskBrokersOptions = TaskBrokerOptions;

const GOODBYE_MS = 5_000;

/** The brokers that tasks are sent over, each with one connection for that. */
export class TaskBrokers {
  readonly #options: TaskBrokersOptions;
  /** By URL, since all of it tells brokers apart. The keys hold passwords. */
  readonly #opened = new Map<string, AmqpTaskBroker>();
  readonly #closing = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: TaskBrokersOptions) {
    this.#options = options;
  }

  /** Started at first use; never waits. Throws AmqpAway once this is stopped. */
  use(broker: Broker): TaskBroker {
    if (this.#isStopped) throw new AmqpAway("the branch is stopping");
    const url = brokerUrl(broker);
    return this.#opened.get(url) ?? this.#open(broker, url);
  }

  /** Closes, in the background, the connections to all but these. */
  keepOnly(brokers: readonly Broker[]): void {
    const kept = new Set(brokers.map(brokerUrl));
    for (const [url, { isIdle }] of this.#opened) {
      if (isIdle && !kept.has(url)) this.#close(url, this.#options.clock.now() + GOODBYE_MS);
    }
  }

  inUse(): TaskBroker[] {
    return [...this.#opened.values()];
  }

  /** At the latest at `deadlineMs` (clock time). Safe twice; nothing can be used afterwards. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    for (const url of this.#opened.keys()) this.#close(url, deadlineMs);
    await Promise.all(this.#closing);
  }

  #open(broker: Broker, url: string): AmqpTaskBroker {
    const opened = new AmqpTaskBroker(broker, this.#options);
    this.#opened.set(url, opened);
    opened.start();
    return opened;
  }

  #close(url: string, deadlineMs: number): void {
    const opened = this.#opened.get(url);
    if (!opened) return;
    this.#opened.delete(url);
    const closing = opened.stop(deadlineMs).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
