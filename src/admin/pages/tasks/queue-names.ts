import type { Queue } from "../../api/types.ts";
import { queues } from "../../state/live.ts";

/** Celery's default queue, which needs no declaration. */
const DEFAULT = "celery";

/** The queues that a task of an app can be sent to: those that are declared, consumed ones first, then Celery's default one. */
export function queueNames(app: string): string[] {
  const declared = [...queues.value.values()].filter((queue) => queue.app === app && queue.name !== DEFAULT);
  const isIdle = ({ consumers }: Queue) => Number(consumers === 0);
  const sorted = declared.toSorted((a, b) => isIdle(a) - isIdle(b) || (a.name < b.name ? -1 : 1));
  return [...sorted.map(({ name }) => name), DEFAULT];
}
