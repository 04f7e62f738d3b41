import { and, desc, eq, lt, lte } from "drizzle-orm";
import type { AuditEntry } from "../domain/audit.ts";
import type { Db } from "./database.ts";
import { audit } from "./schema.ts";

/** Entries that are kept; older ones are dropped. */
export const AUDIT_LENGTH = 10_000;
/** Of these, those of whom nobody knows who asked: whoever floods them drives out no others. */
export const ANONYMOUS_LENGTH = 2_000;
/** How many more may stand there until they are dropped, since looking for them costs more than one. */
const SLACK = 100;

/** What this branch was asked to change; written and read, and never changed. */
export class AuditTable {
  readonly #db: Db;
  #added = SLACK;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Newest first: at most `limit`, made before `beforeMs`. */
  list(limit: number, beforeMs: number): AuditEntry[] {
    const rows = this.#db
      .select()
      .from(audit)
      .where(lt(audit.atMs, beforeMs))
      .orderBy(desc(audit.atMs), desc(audit.id))
      .limit(limit)
      .all();
    return rows.map(({ id: _id, isAnonymous: _isAnonymous, ...entry }) => entry);
  }

  add(entry: AuditEntry): void {
    const isAnonymous = entry.by === null;
    this.#db
      .insert(audit)
      .values({ ...entry, params: { ...entry.params }, isAnonymous })
      .run();
    if (++this.#added < SLACK) return;
    this.#added = 0;
    this.#prune(true, ANONYMOUS_LENGTH);
    this.#prune(false, AUDIT_LENGTH - ANONYMOUS_LENGTH);
  }

  #prune(isAnonymous: boolean, length: number): void {
    const isOfThem = eq(audit.isAnonymous, isAnonymous);
    const last = this.#db
      .select({ id: audit.id })
      .from(audit)
      .where(isOfThem)
      .orderBy(desc(audit.id))
      .limit(1)
      .offset(length)
      .get();
    if (!last) return;
    this.#db
      .delete(audit)
      .where(and(isOfThem, lte(audit.id, last.id)))
      .run();
  }
}
