import { brokerLabel, brokerUrl, type Broker } from "../domain/broker.ts";
import type { AmqpLink, Link } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { AmqpControl, type Control } from "./control.ts";

/** What there is to use of one broker. */
export interface BrokerConnection {
  readonly broker: Broker;
  readonly link: Link;
  readonly control: Control;
}

/** The brokers in use, each with one connection however many instances share it. */
export interface BrokerPool {
  /** Started at first use; never waits. Throws AmqpAway once this is stopped. */
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

/** See BrokerPool. */
export class Brokers extends ConnectionPool<Opened> implements BrokerPool {
  constructor(options: BrokersOptions) {
    super({
      clock: options.clock,
      open: (broker) => {
        const control = new AmqpControl({ ...options, url: brokerUrl(broker), label: brokerLabel(broker) });
        control.link.start();
        return { broker, link: control.link, control };
      },
      close: ({ link }, deadlineMs) => link.stop(deadlineMs),
      isIdle: () => true,
    });
  }
}
