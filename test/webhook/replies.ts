import { AMQPClient, type AMQPChannel } from "@cloudamqp/amqp-client";
import { until } from "../harness/wait.ts";

/** What a worker says of a task. */
export interface Reply {
  readonly task_id: string;
  readonly status: string;
  readonly result: unknown;
  readonly traceback: string | null;
  readonly correlationId: string | undefined;
  readonly deliveryMode: number | undefined;
}

interface Sent {
  readonly queue: string;
  readonly task: string;
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without it nobody wants to hear of the task. */
  readonly isAnswered?: boolean;
}

/** Sends tasks and hears of them by a durable queue, over a connection for each step: the broker may be restarted between them. */
export class Replies {
  readonly #url: string;
  readonly #queue = `replies.${crypto.randomUUID()}`;
  readonly #heard: Reply[] = [];
  #draining: Promise<void> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** Gives the task's id. */
  async send({ queue, task, kwargs = {}, headers = {}, isAnswered = true }: Sent): Promise<string> {
    const id = crypto.randomUUID();
    await this.#with(async (channel) => {
      await channel.queueDeclare(this.#queue, { durable: true, autoDelete: false });
      await channel.confirmSelect();
      await channel.basicPublish("", queue, JSON.stringify([[], kwargs, {}]), {
        contentType: "application/json",
        contentEncoding: "utf-8",
        deliveryMode: 2,
        correlationId: id,
        ...(isAnswered ? { replyTo: this.#queue } : {}),
        headers: { lang: "py", task, id, ...headers },
      });
    });
    return id;
  }

  /** All that was said of the task once it has one of these states. */
  async of(id: string, ...last: string[]): Promise<Reply[]> {
    const mine = () => this.#heard.filter(({ task_id }) => task_id === id);
    const isOver = async () => {
      await this.#drain();
      return mine().some(({ status }) => last.includes(status));
    };
    await until(isOver, { what: `${last.join(" or ")} of ${id}`, timeoutMs: 60_000, everyMs: 100 });
    return mine();
  }

  /** One at a time: two would each hold a part of what was said of a task, and its order would be lost. */
  #drain(): Promise<void> {
    this.#draining ??= this.#take().finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  #take(): Promise<void> {
    return this.#with(async (channel) => {
      for (;;) {
        const message = await channel.basicGet(this.#queue, { noAck: true });
        if (message === null) return;
        const { correlationId, deliveryMode } = message.properties;
        this.#heard.push({ ...(JSON.parse(message.bodyString() ?? "null") as Reply), correlationId, deliveryMode });
      }
    });
  }

  async #with(work: (channel: AMQPChannel) => Promise<void>): Promise<void> {
    const connection = await new AMQPClient(this.#url).connect();
    try {
      await work(await connection.channel());
    } finally {
      await connection.close();
    }
  }
}
