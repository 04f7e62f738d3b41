/**
 * The AMQP client alone: publishes persistent, mandatory messages like those of URL tasks and waits for their confirms. Standard
 * input: JSON with broker, queue, replyTo, url, count and window; answers {"seconds"}.
 */
import { AMQPClient } from "@cloudamqp/amqp-client";
import { encodeTask } from "../../src/celery/task-message.ts";
import { urlTaskMessage } from "../../src/celery/url-task.ts";

const { broker, queue, replyTo, url, count, window } = (await Bun.stdin.json()) as {
  broker: string;
  queue: string;
  replyTo: string;
  url: string;
  count: number;
  window: number;
};
const request = { method: "POST", url, headers: {}, body: null } as const;
const { body, properties } = encodeTask(urlTaskMessage(crypto.randomUUID(), request), replyTo);
const client = new AMQPClient(broker);
const connection = await client.connect();
const channel = await connection.channel();
await channel.confirmSelect();

async function publish(times: number): Promise<void> {
  let left = times;
  const lane = async () => {
    while (left-- > 0) await channel.basicPublish(queue, queue, body, properties, true);
  };
  await Promise.all(Array.from({ length: window }, lane));
}

await publish(1000);
const begin = performance.now();
await publish(count);
process.stdout.write(JSON.stringify({ seconds: (performance.now() - begin) / 1000 }));
await connection.close();
