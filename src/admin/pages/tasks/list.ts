import type { Task } from "../../api/types.ts";

export interface TaskFilter {
  /** "" is any. */
  readonly app: string;
  readonly state: string;
  /** Parts of URL, name, queue or id, in any case. */
  readonly text: string;
}

/**
 * What a list of tasks shows: those that were fetched and those that were told of since, the last heard of first. Of one that is in both the newer word counts:
 * a state that was told may be later than the list, or the other way round.
 */
export function merged(fetched: readonly Task[], told: Iterable<Task>, filter: TaskFilter): Task[] {
  const byId = new Map(fetched.map((task) => [task.uuid, task]));
  for (const task of told) {
    const known = byId.get(task.uuid);
    if (!known || task.touched_at >= known.touched_at) byId.set(task.uuid, task);
  }
  return [...byId.values()]
    .filter((task) => isWanted(task, filter))
    .toSorted((a, b) =>
      a.touched_at < b.touched_at ? 1 : a.touched_at > b.touched_at ? -1 : a.uuid < b.uuid ? 1 : -1,
    );
}

function isWanted(task: Task, { app, state, text }: TaskFilter): boolean {
  if (app !== "" && task.app !== app) return false;
  if (state !== "" && task.state !== state) return false;
  const words = [task.url, task.name, task.queue, task.uuid, task.method].join(" ").toLowerCase();
  return words.includes(text.trim().toLowerCase());
}
