import { invalid } from "../domain/errors.ts";
import { integer, text, type Params } from "../domain/fields.ts";
import type { SentAndHeard, TaskFilter } from "../store/tasks.ts";
import type { Parts } from "./context.ts";

export type { SentAndHeard, TaskFilter };

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** What is asked for by `app`, `state`, `limit` and `before`, an ISO 8601 time; throws `invalid`. */
export function parseTaskFilter({ app, state, limit, before }: Params): TaskFilter {
  return {
    app: text("app", app ?? null) ?? undefined,
    state: text("state", state ?? null) ?? undefined,
    limit: limit === undefined || limit === null ? DEFAULT_LIMIT : integer("limit", limit, 1, MAX_LIMIT),
    beforeMs: before === undefined || before === null ? undefined : moment(before),
  };
}

function moment(raw: unknown): number {
  const ms = typeof raw === "string" ? Date.parse(raw) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid("before", "a time such as 2026-01-31T12:00:00.000Z", raw);
  return ms;
}

/** The tasks that this branch sent. */
export class TaskList {
  readonly #parts: Pick<Parts, "store">;

  constructor(parts: Pick<Parts, "store">) {
    this.#parts = parts;
  }

  /** See TaskTable.latest. */
  latest(filter: TaskFilter): SentAndHeard[] {
    return this.#parts.store.tasks.latest(filter);
  }

  /** Those that were heard of since then, the last heard of first, at most `limit`. */
  since(sinceMs: number, limit: number): SentAndHeard[] {
    return this.#parts.store.tasks.since(sinceMs, limit);
  }
}
