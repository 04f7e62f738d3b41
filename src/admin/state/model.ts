import type { App, Branch, Health, Instance, Queue, Sample, Samples, Task } from "../api/types.ts";

/** Depth of a queue at a moment. */
export interface Depth {
  readonly atMs: number;
  readonly messages: number;
}

/** All that the branch has told; every change makes new maps, so that who looks can compare by identity. */
export interface Model {
  readonly instances: ReadonlyMap<string, Instance>;
  readonly apps: ReadonlyMap<string, App>;
  /** By queueKey(). */
  readonly queues: ReadonlyMap<string, Queue>;
  /** By queueKey(), oldest first, of the last minutes. */
  readonly depths: ReadonlyMap<string, readonly Depth[]>;
  readonly branches: ReadonlyMap<string, Branch>;
  readonly health: Health | null;
  /** The latest, by instance. */
  readonly samples: ReadonlyMap<string, Sample>;
  readonly samplesAtMs: number;
  /** Newest last, those that were told of since the page is open. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Branches that do not answer: what is known of them may be old. */
  readonly silent: readonly string[];
}

export const EMPTY: Model = {
  instances: new Map(),
  apps: new Map(),
  queues: new Map(),
  depths: new Map(),
  branches: new Map(),
  health: null,
  samples: new Map(),
  samplesAtMs: 0,
  tasks: new Map(),
  silent: [],
};

/** One event of /api/events/. */
export interface LiveEvent {
  readonly name: string;
  readonly data: unknown;
}

const MAX_TASKS = 500;
/** For how long depths of queues are kept. */
export const DEPTH_MS = 5 * 60_000;

export const queueKey = ({ app, name }: { readonly app: string; readonly name: string }) => `${app}/${name}`;

/** The model after some events, all of one moment. Events of a name that is not known are passed over. */
export function withEvents(model: Model, events: readonly LiveEvent[], nowMs: number): Model {
  if (events.length === 0) return model;
  const next = new Draft(model);
  for (const { name, data } of events) next.take(name, data, nowMs);
  return next.done();
}

/** Copies each map once, when it is first changed. */
class Draft {
  #model: { -readonly [K in keyof Model]: Model[K] };
  readonly #copied = new Map<keyof Model, Map<string, unknown>>();

  constructor(model: Model) {
    this.#model = { ...model };
  }

  done(): Model {
    return this.#model;
  }

  take(event: string, data: unknown, nowMs: number): void {
    switch (event) {
      case "instance":
        return this.#put("instances", (data as Instance).name, data);
      case "instance-gone":
        this.#drop("samples", (data as Instance).name);
        return this.#drop("instances", (data as Instance).name);
      case "app":
        return this.#put("apps", (data as App).name, data);
      case "app-gone":
        return this.#drop("apps", (data as App).name);
      case "queue":
        return this.#putQueue(data as Queue, nowMs);
      case "queue-gone":
        this.#drop("depths", queueKey(data as Queue));
        return this.#drop("queues", queueKey(data as Queue));
      case "branch":
        return this.#put("branches", (data as Branch).id, data);
      case "branch-gone":
        return this.#drop("branches", (data as Branch).id);
      case "task":
        return this.#putTask(data as Task);
      default:
        return this.#takeWhole(event, data, nowMs);
    }
  }

  #takeWhole(event: string, data: unknown, nowMs: number): void {
    if (event === "health") this.#model.health = data as Health;
    else if (event === "silent") this.#model.silent = (data as { branches: string[] }).branches;
    else if (event === "samples") {
      for (const [name, sample] of Object.entries((data as Samples).instances)) this.#put("samples", name, sample);
      this.#model.samplesAtMs = nowMs;
    }
  }

  #putQueue(queue: Queue, nowMs: number): void {
    const key = queueKey(queue);
    this.#put("queues", key, queue);
    const { messages } = queue;
    if (messages === null) return;
    const known = this.#model.depths.get(key) ?? [];
    // With the last one before that time, since a depth is told of only when it changes.
    const from = Math.max(
      0,
      known.findLastIndex(({ atMs }) => atMs <= nowMs - DEPTH_MS),
    );
    this.#put("depths", key, [...known.slice(from), { atMs: nowMs, messages }]);
  }

  #putTask(task: Task): void {
    // Anew at the end, which is where the newest are.
    this.#drop("tasks", task.uuid);
    this.#put("tasks", task.uuid, task);
    const oldest = this.#model.tasks.keys().next().value;
    if (this.#model.tasks.size > MAX_TASKS && oldest !== undefined) this.#drop("tasks", oldest);
  }

  #put(key: keyof Model, name: string, value: unknown): void {
    this.#writable(key).set(name, value);
  }

  #drop(key: keyof Model, name: string): void {
    this.#writable(key).delete(name);
  }

  #writable(key: keyof Model): Map<string, unknown> {
    const had = this.#copied.get(key);
    if (had) return had;
    const copy = new Map(this.#model[key] as ReadonlyMap<string, unknown>);
    this.#copied.set(key, copy);
    (this.#model as Record<string, unknown>)[key] = copy;
    return copy;
  }
}
