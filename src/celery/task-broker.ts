import { brokerLabel, brokerUrl, type Broker } from "../domain/broker.ts";
import type { Queue } from "../domain/queue.ts";
import { AmqpLink, untilTried, type AMQPChannel, type Link } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { ResultsInbox } from "./results-inbox.ts";
import { MaybeSent, Overloaded, Sender } from "./sender.ts";
import type { TaskMessage } from "./task-message.ts";
import type { TaskReport } from "./task-results.ts";
import { declareQueue } from "./topology.ts";

export { MaybeSent, Overloaded };

/** Tasks go out over one broker, results come in. */
export interface TaskBroker {
  readonly broker: Broker;
  readonly link: Link;
  /**
   * Resolves once the broker has confirmed the message and it is in a queue. A second send of an id that is still on its way
   * joins the first. Rejects
   * - AmqpRefused where the declaration is refused, where there is no way into the queue (312), or it is too large (406);
   * - AmqpAway where that is not so by `deadlineMs` (clock time), at once where the login is refused; MaybeSent, which is one, where
   *   it was published, and may have been taken or still be;
   * - Overloaded where too many or too large messages are waiting already;
   * - `invalid` where headers do not fit into a message.
   */
  send(queue: Queue, message: TaskMessage, deadlineMs: number): Promise<void>;
  /** Resolves once the results that waited on the broker when the link came up are stored, at the latest after `timeoutMs`; at once where it is away. */
  caughtUp(timeoutMs: number): Promise<void>;
}

export interface TaskBrokerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Shown by brokers among their connections. */
  readonly connectionName: string;
  /** Durable, and kept for 7 days without us. */
  readonly resultQueue: string;
  /** Those that this branch had under other ids, where results of what it sent then may come still; asked again and again. */
  readonly formerQueues: () => readonly string[];
  /** Stores them before it returns: they are acknowledged then. Where it throws they are given again. */
  readonly onReports: (reports: readonly TaskReport[]) => void;
  /** A task was taken when nobody waited for that any more. */
  readonly onTakenLate: (id: string) => void;
}

/** Callers wait for the broker to come back, though not for long. */
const MAX_RETRY_MS = 3_000;

/**
 * One connection for tasks and results, apart from the one for remote control: a broker that is short of memory stops reading
 * from those who publish.
 */
export class AmqpTaskBroker implements TaskBroker {
  readonly broker: Broker;
  readonly link: AmqpLink;
  readonly #options: TaskBrokerOptions;
  readonly #sender: Sender;
  #inbox: ResultsInbox | undefined;

  constructor(broker: Broker, options: TaskBrokerOptions) {
    const { clock, log, connectionName, resultQueue } = options;
    this.broker = broker;
    this.#options = options;
    this.link = new AmqpLink({
      url: brokerUrl(broker),
      label: brokerLabel(broker),
      connectionName,
      clock,
      log,
      setup: (channel) => this.#hear(channel),
      maxRetryMs: MAX_RETRY_MS,
    });
    const declare = (queue: Queue) => declareQueue(this.link, queue);
    const { onTakenLate } = options;
    this.#sender = new Sender({ link: this.link, clock, replyTo: resultQueue, declare, onTakenLate });
  }

  /** Whether nothing is being sent. */
  get isIdle(): boolean {
    return this.#sender.isIdle;
  }

  start(): void {
    this.link.start();
  }

  send(queue: Queue, message: TaskMessage, deadlineMs: number): Promise<void> {
    return this.#sender.send(queue, message, deadlineMs);
  }

  async caughtUp(timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.now() + timeoutMs;
    await untilTried(this.link, clock, timeoutMs);
    if (this.link.state.is !== "up" || !this.#inbox) return;
    const done = new AbortController();
    const unsubscribe = this.link.onState(() => done.abort());
    void this.#inbox.caughtUp.then(() => done.abort());
    await clock.sleep(untilMs - clock.now(), done.signal);
    unsubscribe();
  }

  /** Gives messages that wait until the deadline (clock time), stores what has arrived, and says goodbye. */
  async stop(deadlineMs: number): Promise<void> {
    await this.#sender.stop(deadlineMs);
    this.#inbox?.flush();
    await this.link.stop(deadlineMs);
  }

  async #hear(channel: AMQPChannel): Promise<void> {
    const { resultQueue: queue, formerQueues, clock, log, onReports } = this.#options;
    this.#inbox = await ResultsInbox.open(channel, { queue, formerQueues, clock, log, onReports });
  }
}
