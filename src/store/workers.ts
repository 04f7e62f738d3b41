import { and, count, eq, gt, lt, or, sql } from "drizzle-orm";
import type { Db } from "./database.ts";
import { deaths, workers } from "./schema.ts";

/**
 * Who asked for a start: `people`, `branch` (it was not running when the branch started), `death` of the one before,
 * `recycling` of it, or `retry` a while after it was disabled for dying too often.
 */
export type StartedFor = "people" | "branch" | "death" | "recycling" | "retry";

/** What is known of the process of an instance. Dates in ms since the epoch. */
export type WorkerRow = Omit<typeof workers.$inferSelect, "instance">;

/** What is known of any process that consumes for an instance. */
export type ProcessRow = Omit<WorkerRow, "restarts" | "ageMs">;

const NO_WORKER: WorkerRow = {
  pid: null,
  startTicks: null,
  bootId: null,
  node: null,
  brokerId: null,
  startedAtMs: null,
  startedFor: null,
  restartSeq: 0,
  answeredAtMs: null,
  termSentAtMs: null,
  termReason: null,
  restarts: 0,
  ageMs: 0,
};

/** Processes and deaths of workers: written by the supervisor alone. */
export class WorkerTable {
  readonly #db: Db;
  readonly #row;

  constructor(db: Db) {
    this.#db = db;
    // Prepared, since every look at an instance reads it.
    this.#row = db
      .select()
      .from(workers)
      .where(eq(workers.instance, sql.placeholder("instance")))
      .prepare();
  }

  get(instance: string): WorkerRow {
    const row = this.#row.get({ instance });
    if (!row) return NO_WORKER;
    const { instance: _instance, ...worker } = row;
    return worker;
  }

  /** Whether anything was ever written down of a worker of this instance. */
  has(instance: string): boolean {
    return this.#row.get({ instance }) !== undefined;
  }

  set(instance: string, fields: Partial<WorkerRow>): void {
    this.#db
      .insert(workers)
      .values({ ...NO_WORKER, ...fields, instance })
      .onConflictDoUpdate({ target: workers.instance, set: fields })
      .run();
  }

  /** Forgets the process, keeps what is counted over processes. */
  clear(instance: string): void {
    const { restarts: _restarts, ...none } = NO_WORKER;
    this.set(instance, none);
  }

  addDeath(instance: string, atMs: number): void {
    this.#db.insert(deaths).values({ instance, atMs }).run();
  }

  /**
   * How many counted deaths there were after `sinceMs`. Older ones are dropped, as are those after `nowMs`: they were written
   * down before the clock was set back, nobody knows how long ago.
   */
  deathsSince(instance: string, sinceMs: number, nowMs = Number.MAX_SAFE_INTEGER): number {
    this.#db
      .delete(deaths)
      .where(and(eq(deaths.instance, instance), or(lt(deaths.atMs, sinceMs), gt(deaths.atMs, nowMs))))
      .run();
    const row = this.#db
      .select({ n: count() })
      .from(deaths)
      .where(and(eq(deaths.instance, instance), gt(deaths.atMs, sinceMs)))
      .get();
    return row?.n ?? 0;
  }

  forgetDeaths(instance: string): void {
    this.#db.delete(deaths).where(eq(deaths.instance, instance)).run();
  }
}
