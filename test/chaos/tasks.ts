import { AMQPClient } from "@cloudamqp/amqp-client";
import { until } from "../harness/wait.ts";

/** Sends a task straight to each queue and waits until all are done; gives the queues whose task was not done in time. */
export async function undone(url: string, queues: readonly string[], timeoutMs: number): Promise<string[]> {
  const connection = await new AMQPClient(url).connect();
  try {
    const channel = await connection.channel();
    const { name: replyTo } = await channel.queueDeclare("", { exclusive: true });
    const left = new Map(queues.map((queue) => [crypto.randomUUID() as string, queue]));
    await channel.basicConsume(replyTo, { noAck: true }, (message) => {
      const { task_id: id, status } = JSON.parse(message.bodyString() ?? "{}") as { task_id?: string; status?: string };
      if (id !== undefined && status === "SUCCESS") left.delete(id);
    });
    for (const [id, queue] of left) await publishAdd(channel, { id, queue, replyTo });
    await until(() => left.size === 0, { what: "all tasks to be done", timeoutMs }).catch(() => undefined);
    return [...left.values()];
  } finally {
    await connection.close();
  }
}

async function publishAdd(
  channel: { basicPublish(...args: [string, string, string, object]): Promise<unknown> },
  { id, queue, replyTo }: { id: string; queue: string; replyTo: string },
): Promise<void> {
  const headers = { lang: "py", task: "work.add", id, root_id: id, argsrepr: "(2, 3)", kwargsrepr: "{}" };
  const properties = { contentType: "application/json", contentEncoding: "utf-8", deliveryMode: 2, headers };
  await channel.basicPublish("", queue, JSON.stringify([[2, 3], {}, {}]), {
    ...properties,
    correlationId: id,
    replyTo,
  });
}
