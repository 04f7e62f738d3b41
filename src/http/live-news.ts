import type { Controller } from "../controller/controller.ts";
import type { Clock } from "../kit/clock.ts";
import { LiveItem } from "./live-items.ts";
import { samplesEventView, taskRowView } from "./views.ts";

/** Up to what somebody was told of what happened; null for nothing yet. Times of the branch that told it. */
export interface NewsPosition {
  /** Of the tasks that were heard of then, some may have been told. */
  readonly tasksMs: number | null;
  readonly samplesMs: number | null;
}

/** What happened since, as the values of events, and up to when that is. */
export interface News {
  readonly tasks: readonly unknown[];
  /** What all workers use; null where nobody looked since. */
  readonly samples: unknown;
  readonly position: NewsPosition;
}

export const NO_POSITION: NewsPosition = { tasksMs: null, samplesMs: null };

/** Of more tasks than that the last count: it is for people to look at. */
const MAX_TASKS = 200;

interface NewsParts {
  readonly controller: Pick<Controller, "taskList" | "samples" | "live">;
  readonly clock: Clock;
}

/** What happened on this branch since `position`. */
export function newsSince({ controller, clock }: NewsParts, { tasksMs, samplesMs }: NewsPosition): News {
  const nowMs = clock.now();
  // The clock may have been set back since.
  const rows = tasksMs === null ? [] : controller.taskList.since(Math.min(tasksMs, nowMs), MAX_TASKS).toReversed();
  const { latest } = controller.samples;
  return {
    tasks: rows.map((task) => taskRowView(task, controller.live.branchId)),
    samples: latest && latest.atMs !== samplesMs ? samplesEventView(latest) : null,
    position: {
      tasksMs: rows.at(-1)?.touchedAtMs ?? (tasksMs === null ? nowMs : Math.min(tasksMs, nowMs)),
      samplesMs: latest?.atMs ?? null,
    },
  };
}

/** What another branch sent as news; throws TypeError where it is none. */
export function parseNews(value: unknown): News {
  const { tasks, samples, position } = (value ?? {}) as Partial<News>;
  if (!Array.isArray(tasks) || typeof position !== "object") throw new TypeError("What happened there is no news");
  return { tasks, samples: samples ?? null, position: parsePosition(position) };
}

/** What another branch gives back, or says, as a position; what it does not say is null. */
export function parsePosition(value: unknown): NewsPosition {
  const { tasksMs, samplesMs } = (value ?? {}) as Partial<Record<keyof NewsPosition, unknown>>;
  return { tasksMs: numberOrNull(tasksMs), samplesMs: numberOrNull(samplesMs) };
}

const numberOrNull = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** The events of news of one branch, without those that the news before told already. */
export class NewsEvents {
  #told: ReadonlySet<string> = new Set();

  of({ tasks, samples }: News): LiveItem[] {
    const items = tasks.map((task) => new LiveItem("task", {}, task));
    const fresh = items.filter(({ json }) => !this.#told.has(json));
    // One that is told again was heard of in the moment in which the news before ended.
    if (items.length > 0) this.#told = new Set(items.map(({ json }) => json));
    return samples === null ? fresh : [...fresh, new LiveItem("samples", {}, samples)];
  }
}
