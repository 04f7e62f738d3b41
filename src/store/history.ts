import { and, desc, eq, lte } from "drizzle-orm";
import type { HistoryEntry } from "../domain/history.ts";
import type { Db } from "./database.ts";
import { history } from "./schema.ts";

/** Entries kept per instance; older ones are dropped. */
export const HISTORY_LENGTH = 500;

export class HistoryTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Newest first. */
  of(instance: string): HistoryEntry[] {
    const { atMs, did, why, evidence } = history;
    return this.#db
      .select({ atMs, did, why, evidence })
      .from(history)
      .where(eq(history.instance, instance))
      .orderBy(desc(history.id))
      .all();
  }

  add(instance: string, entry: HistoryEntry): void {
    this.#db
      .insert(history)
      .values({ instance, ...entry })
      .run();
    const last = this.#db
      .select({ id: history.id })
      .from(history)
      .where(eq(history.instance, instance))
      .orderBy(desc(history.id))
      .limit(1)
      .offset(HISTORY_LENGTH)
      .get();
    if (!last) return;
    this.#db
      .delete(history)
      .where(and(eq(history.instance, instance), lte(history.id, last.id)))
      .run();
  }
}
