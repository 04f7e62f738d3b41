import { queues } from "../../state/live.ts";

/** Celery's default queue, which needs no declaration. */
const DEFAULT = "celery";

/** The queues that a task of an app can be sent to: those that are declared, then Celery's default one. */
export function queueNames(app: string): string[] {
  const declared = [...queues.value.values()].filter((queue) => queue.app === app).map(({ name }) => name);
  return [...declared.toSorted().filter((name) => name !== DEFAULT), DEFAULT];
}
