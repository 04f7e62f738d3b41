import type { Instance, Queue } from "../../api/types.ts";

interface Place {
  readonly app: string;
  readonly queue: string;
}

/**
 * What is to be said of a queue before something waits in it for ever; null where somebody consumes. The broker counts declared queues alone:
 * of another one, as Celery's default queue, it is known only whether an instance is to consume from it.
 */
export function unheard(
  { app, queue }: Place,
  declared: Queue | undefined,
  instances: Iterable<Instance>,
): string | null {
  const counted = declared?.consumers ?? null;
  if (counted !== null) return counted === 0 ? "Nobody consumes from this queue." : null;
  const isConsumed = [...instances].some((instance) => instance.app === app && instance.queues.includes(queue));
  return isConsumed ? null : "No instance consumes from this queue.";
}
