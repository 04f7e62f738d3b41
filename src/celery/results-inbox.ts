import { CymeError } from "../domain/errors.ts";
import type { AMQPChannel, AMQPMessage } from "../kit/amqp.ts";
import type { Clock } from "../kit/clock.ts";
import type { Log } from "../kit/log.ts";
import { parseReport, unreadableReport, type TaskReport } from "./task-results.ts";

export interface ResultsInboxOptions {
  readonly queue: string;
  /** Others that are read too, as long as they are among these. */
  readonly formerQueues: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Stores all of them, or throws and stores none. Where it throws a CymeError, the database cannot be written now, they are given
   * again; with anything else the reports are to blame: those that are not stored alone either are dropped.
   */
  readonly onReports: (reports: readonly TaskReport[]) => void;
}

/** Given by the broker before it waits for an acknowledgement. A result may have 14 MB. */
const PREFETCH = 30;
/** Stored in one turn of the event loop, though at least one: everything else stands still meanwhile. */
const TURN_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 2_000;
const QUEUE_EXPIRES_MS = 7 * 24 * 3600 * 1000;

/** Hears the results that come over one connection, from one queue or several, and acknowledges them once they are stored. */
export class ResultsInbox {
  readonly #options: ResultsInboxOptions;
  readonly #channel: AMQPChannel;
  #arrived: AMQPMessage[] = [];
  /** Delivery tags of what is another's, by the consumer that it came to, which is given up. */
  readonly #returned = new Map<string, number[]>();
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

  /** Declares the queues and consumes from them, as long as the channel lives. */
  static async open(channel: AMQPChannel, options: ResultsInboxOptions): Promise<ResultsInbox> {
    const inbox = new ResultsInbox(channel, options);
    const { queue, formerQueues } = options;
    const former = formerQueues().filter((name) => name !== queue);
    const waiting: number[] = [];
    for (const name of [queue, ...former]) waiting.push(await inbox.#declare(name));
    inbox.#await(waiting.reduce((all, count) => all + count));
    await channel.prefetch(PREFETCH);
    await inbox.#consume(queue, (message) => inbox.#add(message));
    for (const name of former) {
      await inbox.#consume(name, (message) => {
        if (formerQueues().includes(name)) inbox.#add(message);
        else inbox.#giveBack(message);
      });
    }
    return inbox;
  }

  /** Stores what has arrived, as much as is stored in one turn; the others after it. */
  flush(): void {
    this.#isPlanned = false;
    const batch = this.#turn();
    const last = batch.at(-1);
    // What comes over a channel that has ended comes again.
    if (!last || this.#channel.closed) return;
    try {
      this.#store(batch);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#arrived = this.#arrived.slice(batch.length);
    this.#hasFailed = false;
    this.#channel.basicAck(last.deliveryTag, true).catch(() => {});
    this.#await(this.#left - batch.length);
    if (this.#arrived.length > 0) this.#plan();
  }

  /** How many results wait in it. */
  async #declare(queue: string): Promise<number> {
    const flags = { durable: true, autoDelete: false, exclusive: false };
    const { messageCount } = await this.#channel.queueDeclare(queue, flags, { "x-expires": QUEUE_EXPIRES_MS });
    return messageCount;
  }

  async #consume(queue: string, onMessage: (message: AMQPMessage) => void): Promise<void> {
    const consumer = await this.#channel.basicConsume(queue, { noAck: false }, onMessage);
    // Somebody deleted the queue: as an error of the channel it breaks the connection, and all is declared again.
    consumer.wait().catch(() => this.#channel.onerror("the queue for results was deleted"));
  }

  /** The queue is somebody else's by now, or nothing is waited for any more. */
  #giveBack({ deliveryTag, consumerTag }: AMQPMessage): void {
    this.#await(this.#left - 1);
    const returned = this.#returned.get(consumerTag);
    if (returned) return void returned.push(deliveryTag);
    this.#returned.set(consumerTag, [deliveryTag]);
    // First, or the broker would give it to us again.
    this.#channel
      .basicCancel(consumerTag)
      .then(async () => {
        for (const tag of this.#returned.get(consumerTag) ?? []) await this.#channel.basicNack(tag, true);
      })
      .catch(() => {});
  }

  #add(message: AMQPMessage): void {
    this.#arrived.push(message);
    if (!this.#isPlanned) this.#plan();
  }

  #plan(): void {
    this.#isPlanned = true;
    setImmediate(() => this.flush());
  }

  /** The first ones that are not too much for one turn. */
  #turn(): AMQPMessage[] {
    let bytes = 0;
    const end = this.#arrived.findIndex(({ bodySize }, at) => (bytes += bodySize) > TURN_BYTES && at > 0);
    return end < 0 ? this.#arrived : this.#arrived.slice(0, end);
  }

  #store(batch: readonly AMQPMessage[]): void {
    const reports = batch.map((message) => this.#read(message)).filter((report) => report !== undefined);
    if (reports.length === 0) return;
    const { onReports } = this.#options;
    try {
      onReports(reports);
    } catch (error) {
      if (error instanceof CymeError) throw error;
      for (const report of reports) this.#storeAlone(report);
    }
  }

  /** One that can never be stored would hold up all others for ever: its failure is stored in its place. Throws where that cannot be either. */
  #storeAlone(report: TaskReport): void {
    const { onReports, log, queue } = this.#options;
    try {
      onReports([report]);
    } catch (error) {
      if (error instanceof CymeError) throw error;
      const { id } = report;
      onReports([{ id, state: "FAILURE", result: null, error: { type: "UnstorableResult", message: String(error) } }]);
      log.error("a result is dropped since it cannot be stored", { id, queue, error });
    }
  }

  #read(message: AMQPMessage): TaskReport | undefined {
    const { log, queue } = this.#options;
    const body = message.bodyString() ?? "";
    const report = parseReport(body);
    if (report) return report;
    const unreadable = unreadableReport(body, message.properties.correlationId);
    if (!this.#hasFailed) {
      log.warning("a result cannot be read", { id: unreadable?.id, queue, bytes: message.bodySize });
    }
    return unreadable;
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
