import type { BusOptions } from "./bus.ts";
import { AmqpWire } from "./amqp-wire.ts";
import { WireBus } from "./wire-bus.ts";

export interface AmqpBusOptions extends BusOptions {
  /** Of the broker, with its password. */
  readonly url: string;
  /** What logs call the broker: without user and password. */
  readonly label: string;
}

/** The bus on RabbitMQ. */
export class AmqpBus extends WireBus {
  constructor(options: AmqpBusOptions) {
    const incarnation = crypto.randomUUID();
    const { url, label, controllers, clock, log, self } = options;
    super(options, incarnation, new AmqpWire({ url, label, controllers, clock, log, id: self.id, incarnation }));
  }
}
