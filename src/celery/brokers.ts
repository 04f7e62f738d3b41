import { brokerLabel, brokerUrl, type Broker } from "../domain/broker.ts";
import type { AmqpLink, Link } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { AmqpControl, type Control } from "./control.ts";

/** What there is to use of one broker. */
export interface BrokerConnection {
  readonly broker: Broker;
  readonly link: Link;
  readonly control: Control;
}

/** The brokers in use, each with one connection however many instances share it. */
export interface BrokerPool {
  /** Started at first use; never waits. */
  use(broker: Broker): BrokerConnection;
  /** Closes, in the background, the connections to all but these. */
  keepOnly(brokers: readonly Broker[]): void;
  inUse(): BrokerConnection[];
  /** At the latest at `deadlineMs` (clock time). Safe twice; nothing can be used afterwards. */
  stop(deadlineMs: number): Promise<void>;
}

export interface BrokersOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Shown by brokers among their connections. */
  readonly connectionName: string;
}

interface Opened extends BrokerConnection {
  readonly link: AmqpLink;
}

const GOODBYE_MS = 5_000;

export class Brokers implements BrokerPool {
  readonly #options: BrokersOptions;
  /** By URL, since all of it tells brokers apart. The keys hold passwords. */
  readonly #opened = new Map<string, Opened>();
  readonly #closing = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: BrokersOptions) {
    this.#options = options;
  }

  use(broker: Broker): BrokerConnection {
    if (this.#isStopped) throw new Error(`Cannot use ${brokerLabel(broker)}: all connections have been stopped`);
    const url = brokerUrl(broker);
    const opened = this.#opened.get(url) ?? this.#open(broker, url);
    this.#opened.set(url, opened);
    return opened;
  }

  keepOnly(brokers: readonly Broker[]): void {
    const kept = new Set(brokers.map(brokerUrl));
    for (const url of this.#opened.keys()) {
      if (!kept.has(url)) this.#close(url, this.#options.clock.now() + GOODBYE_MS);
    }
  }

  inUse(): BrokerConnection[] {
    return [...this.#opened.values()];
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    for (const url of this.#opened.keys()) this.#close(url, deadlineMs);
    await Promise.all(this.#closing);
  }

  #open(broker: Broker, url: string): Opened {
    const control = new AmqpControl({ ...this.#options, url, label: brokerLabel(broker) });
    control.link.start();
    return { broker, link: control.link, control };
  }

  #close(url: string, deadlineMs: number): void {
    const opened = this.#opened.get(url);
    if (!opened) return;
    this.#opened.delete(url);
    const closing = opened.link.stop(deadlineMs).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
