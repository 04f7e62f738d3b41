import type { Control } from "../celery/control.ts";
import type { Bounds, Reply } from "./plan.ts";

/**
 * What the workers of these nodes consume from and how they scale: two broadcasts, however many nodes. Nodes that did not
 * answer both in time are not in the result. Rejects with AmqpAway.
 */
export async function askWorkers(
  control: Control,
  nodes: readonly string[],
  timeoutMs: number,
): Promise<Map<string, Reply>> {
  if (nodes.length === 0) return new Map();
  const [queues, stats] = await Promise.all([
    control.ask("active_queues", {}, nodes, timeoutMs),
    control.ask("stats", {}, nodes, timeoutMs),
  ]);
  const replies = new Map<string, Reply>();
  for (const [node, answer] of queues.replies) {
    const names = queueNames(answer);
    const stat = stats.replies.get(node);
    if (names && stat !== undefined) replies.set(node, { queues: names, bounds: boundsOf(stat) });
  }
  return replies;
}

/** Names in an answer to `active_queues`: a list of queue objects (celery-wire: kombu's Queue.as_dict). */
function queueNames(answer: unknown): string[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  return answer.flatMap((queue: unknown) => {
    const name = isRecord(queue) ? queue["name"] : undefined;
    return typeof name === "string" ? [name] : [];
  });
}

/** `autoscaler` of an answer to `stats`; absent in workers that were started without bounds. */
function boundsOf(stats: unknown): Bounds | null {
  const scaler = isRecord(stats) ? stats["autoscaler"] : undefined;
  if (!isRecord(scaler)) return null;
  const { max, min } = scaler;
  return typeof max === "number" && typeof min === "number" ? { max, min } : null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
