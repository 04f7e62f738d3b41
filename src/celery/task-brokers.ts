import { ConnectionPool } from "./connection-pool.ts";
import { AmqpTaskBroker, type TaskBrokerOptions } from "./task-broker.ts";

/** The brokers that tasks are sent over, each with one connection for that. */
export class TaskBrokers extends ConnectionPool<AmqpTaskBroker> {
  constructor(options: TaskBrokerOptions) {
    super({
      clock: options.clock,
      open: (broker) => {
        const opened = new AmqpTaskBroker(broker, options);
        opened.start();
        return opened;
      },
      close: (opened, deadlineMs) => opened.stop(deadlineMs),
      isIdle: (opened) => opened.isIdle,
    });
  }
}
