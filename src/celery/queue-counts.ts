import { AmqpRefused, type AMQPChannel, type Link } from "../kit/amqp.ts";

/** What a broker says of a queue. */
export interface QueueCount {
  /** Those that wait, without those that a consumer has and has not acknowledged. */
  readonly messages: number;
  readonly consumers: number;
}

const NOT_FOUND = 404;
/** Of a queue that the broker does not have. */
export const NO_QUEUE: QueueCount = { messages: 0, consumers: 0 };

/**
 * Counts of these queues, changing nothing (passive declarations, one after another). A queue that is not there is NO_QUEUE; one that the
 * broker does not tell about, being another connection's alone, is left out. Rejects AmqpAway.
 */
export async function countQueues(link: Link, queues: readonly string[]): Promise<Map<string, QueueCount>> {
  const counts = new Map<string, QueueCount>();
  const left = [...queues];
  while (left.length > 0) {
    try {
      await link.withChannel((channel) => countOn(channel, left, counts));
    } catch (error) {
      if (!(error instanceof AmqpRefused)) throw error;
      // The refusal closed the channel; the next one goes on behind the queue that it was about.
      const [refused] = left.splice(0, 1);
      if (refused !== undefined && error.replyCode === NOT_FOUND) counts.set(refused, NO_QUEUE);
    }
  }
  return counts;
}

/** Takes each queue out of `left` once it is counted. */
async function countOn(channel: AMQPChannel, left: string[], counts: Map<string, QueueCount>): Promise<void> {
  for (let queue = left[0]; queue !== undefined; queue = left[0]) {
    const { messageCount, consumerCount } = await channel.queueDeclare(queue, { passive: true });
    counts.set(queue, { messages: messageCount, consumers: consumerCount });
    left.shift();
  }
}
