import { eq, sql } from "drizzle-orm";
import type { Db } from "./database.ts";
import { standins } from "./schema.ts";
import type { ProcessRow } from "./workers.ts";

const NO_STANDIN: ProcessRow = {
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
};

/** Processes that stand in for the worker of an instance: written by the supervisor alone. */
export class StandinTable {
  readonly #db: Db;
  readonly #row;

  constructor(db: Db) {
    this.#db = db;
    // Prepared, since every look at an instance reads it.
    this.#row = db
      .select()
      .from(standins)
      .where(eq(standins.instance, sql.placeholder("instance")))
      .prepare();
  }

  get(instance: string): ProcessRow {
    const row = this.#row.get({ instance });
    if (!row) return NO_STANDIN;
    const { instance: _instance, ...process } = row;
    return process;
  }

  set(instance: string, fields: Partial<ProcessRow>): void {
    this.#db
      .insert(standins)
      .values({ ...NO_STANDIN, ...fields, instance })
      .onConflictDoUpdate({ target: standins.instance, set: fields })
      .run();
  }

  clear(instance: string): void {
    this.#db.delete(standins).where(eq(standins.instance, instance)).run();
  }
}
