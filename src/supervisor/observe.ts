import type { Control } from "../celery/control.ts";
import type { Reply } from "./plan.ts";

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
    if (names && stat !== undefined)
      replies.set(node, { queues: names, ...scalingOf(stat), begunTasks: begunTasks(stat) });
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

/**
 * `autoscaler` of an answer to `stats` (celery/worker/autoscale.py, `info`): `current` processes, `qty` tasks that it has; absent in
 * workers that were started without bounds.
 */
function scalingOf(stats: unknown): Pick<Reply, "bounds" | "pool"> {
  const scaler = isRecord(stats) ? stats["autoscaler"] : undefined;
  if (!isRecord(scaler)) return { bounds: null, pool: null };
  const { max, min, current, qty } = scaler;
  return {
    bounds: typeof max === "number" && typeof min === "number" ? { max, min } : null,
    pool: typeof current === "number" && typeof qty === "number" ? { processes: current, tasks: qty } : null,
  };
}

/** `total` of an answer to `stats`: how often each task was begun. */
function begunTasks(stats: unknown): number {
  const total = isRecord(stats) ? stats["total"] : undefined;
  if (!isRecord(total)) return 0;
  return Object.values(total).reduce<number>((sum, times) => sum + (typeof times === "number" ? times : 0), 0);
}

/** What a worker may have of tasks: running, received and waiting for a process, waiting for their time. */
const TASK_LISTS = ["active", "reserved", "scheduled"] as const;

/** Those of the nodes that answer that they have no task at all. Rejects AmqpAway. */
export async function idleWorkers(control: Control, nodes: readonly string[], timeoutMs: number): Promise<Set<string>> {
  const lists = await Promise.all(TASK_LISTS.map((method) => control.ask(method, {}, nodes, timeoutMs)));
  const hasNone = (node: string) =>
    lists.every(({ replies }) => {
      const tasks = replies.get(node);
      return Array.isArray(tasks) && tasks.length === 0;
    });
  return new Set(nodes.filter(hasNone));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
