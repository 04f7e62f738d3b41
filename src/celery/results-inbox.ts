import type { AMQPChannel, AMQPMessage } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { parseReport, type TaskReport } from "./task-results.ts";

export interface ResultsInboxOptions {
  readonly queue: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Stores them before it returns; where it throws they are given again. */
  readonly onReports: (reports: readonly TaskReport[]) => void;
}

/** Given by the broker before it waits for an acknowledgement; so a batch is no larger. A result may have 14 MB. */
const PREFETCH = 100;
const RETRY_MS = 2_000;
const QUEUE_EXPIRES_MS = 7 * 24 * 3600 * 1000;

/** Hears the results that come over one connection, and acknowledges them once they are stored. */
export class ResultsInbox {
  readonly #options: ResultsInboxOptions;
  readonly #channel: AMQPChannel;
  #batch: AMQPMessage[] = [];
  #isPlanned = false;
  #hasFailed = false;
  /** Of those that waited in the queue when we came. */
  #left = 0;
  #onCaughtUp: (() => void) | undefined;
  readonly caughtUp: Promise<void>;

  private constructor(channel: AMQPChannel, options: ResultsInboxOptions) {
    this.#channel = channel;
    this.#options = options;
    this.caughtUp = new Promise((resolve) => {
      this.#onCaughtUp = resolve;
    });
  }

  /** Declares the queue and consumes from it, as long as the channel lives. */
  static async open(channel: AMQPChannel, options: ResultsInboxOptions): Promise<ResultsInbox> {
    const inbox = new ResultsInbox(channel, options);
    const { queue } = options;
    const flags = { durable: true, autoDelete: false, exclusive: false };
    const { messageCount } = await channel.queueDeclare(queue, flags, { "x-expires": QUEUE_EXPIRES_MS });
    inbox.#await(messageCount);
    await channel.prefetch(PREFETCH);
    const consumer = await channel.basicConsume(queue, { noAck: false }, (message) => inbox.#add(message));
    // Somebody deleted the queue: as an error of the channel it breaks the connection, and all is declared again.
    consumer.wait().catch(() => channel.onerror("the queue for results was deleted"));
    return inbox;
  }

  /** Stores what has arrived. */
  flush(): void {
    this.#isPlanned = false;
    const batch = this.#batch;
    const last = batch.at(-1);
    // What comes over a channel that has ended comes again.
    if (!last || this.#channel.closed) return;
    try {
      const reports = batch.map((message) => this.#read(message)).filter((report) => report !== undefined);
      if (reports.length > 0) this.#options.onReports(reports);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#batch = [];
    this.#hasFailed = false;
    this.#channel.basicAck(last.deliveryTag, true).catch(() => {});
    this.#await(this.#left - batch.length);
  }

  #add(message: AMQPMessage): void {
    this.#batch.push(message);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => this.flush());
  }

  #read(message: AMQPMessage): TaskReport | undefined {
    const report = parseReport(message.bodyString() ?? "");
    if (!report && !this.#hasFailed) {
      this.#options.log.warning("a result cannot be read", { queue: this.#options.queue, bytes: message.bodySize });
    }
    return report;
  }

  /** Nothing is acknowledged: if we end meanwhile the broker has it still. */
  #failed(error: unknown): void {
    const { clock, log } = this.#options;
    if (!this.#hasFailed) log.error("results cannot be stored; tried again until they can", { error });
    this.#hasFailed = true;
    this.#isPlanned = true;
    clock.after(RETRY_MS, () => this.flush());
  }

  #await(left: number): void {
    this.#left = left;
    if (left <= 0) this.#onCaughtUp?.();
  }
}
