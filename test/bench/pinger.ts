import { AMQPClient } from "@cloudamqp/amqp-client";

const EVERY_MS = 5;
const GIVEN_UP_MS = 30_000;

/** Celery's `ping`, sent to one worker again and again. */
export interface Pinger extends AsyncDisposable {
  /** Resolves with the milliseconds from now to the first answer to a ping that is sent from now on. */
  untilAnswer(node: string): Promise<number>;
}

export async function openPinger(url: string): Promise<Pinger> {
  const connection = await new AMQPClient(url).connect();
  const channel = await connection.channel();
  const { name: replyQueue } = await channel.queueDeclare("", { durable: false, autoDelete: true, exclusive: true });
  const heard = new Set<unknown>();
  await channel.basicConsume(
    replyQueue,
    { noAck: true },
    ({ properties }) => void heard.add(properties.headers?.["ticket"]),
  );
  const ask = (node: string, ticket: string) => {
    const replyTo = { exchange: "", routing_key: replyQueue };
    const question = { method: "ping", arguments: {}, destination: [node], ticket, reply_to: replyTo };
    const properties = { contentType: "application/json", contentEncoding: "utf-8" };
    // A worker that is starting has no mailbox yet: the broker drops the message.
    return channel.basicPublish("", `${node}.celery.pidbox`, JSON.stringify(question), properties);
  };
  return {
    async untilAnswer(node) {
      const beginMs = performance.now();
      const ticket = crypto.randomUUID();
      while (!heard.has(ticket)) {
        if (performance.now() - beginMs > GIVEN_UP_MS) throw new Error(`${node} did not answer`);
        await ask(node, ticket);
        await Bun.sleep(EVERY_MS);
      }
      return performance.now() - beginMs;
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}
