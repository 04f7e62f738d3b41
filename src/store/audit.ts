import { and, desc, eq, lt, lte, type SQL } from "drizzle-orm";
import { isOfCrowd, type AuditEntry } from "../domain/audit.ts";
import type { Db } from "./database.ts";
import { audit } from "./schema.ts";

/** Entries that are kept; older ones are dropped. */
export const AUDIT_LENGTH = 10_000;
/** Of these, those that anybody can make many of: whoever floods them drives out no others. */
export const CROWD_LENGTH = 2_000;
/** How many more may stand there until they are dropped, since looking for them costs more than one. */
const SLACK = 100;

/** What this branch was asked to change; written and read, and never changed. */
export class AuditTable {
  readonly #db: Db;
  #added = SLACK;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * Newest first, made before `beforeMs`: `limit` of them, and those that were made in the same millisecond as the last of them, so that who
   * asks for what was before it leaves out none.
   */
  list(limit: number, beforeMs: number): AuditEntry[] {
    const first = this.#select(lt(audit.atMs, beforeMs)).limit(limit).all();
    const last = first.at(-1);
    const tied = last ? this.#select(and(eq(audit.atMs, last.atMs), lt(audit.id, last.id))).all() : [];
    return [...first, ...tied].map(({ id: _id, isAnonymous: _isAnonymous, ...entry }) => entry);
  }

  #select(where: SQL | undefined) {
    return this.#db.select().from(audit).where(where).orderBy(desc(audit.atMs), desc(audit.id));
  }

  add(entry: AuditEntry): void {
    const isAnonymous = isOfCrowd(entry);
    this.#db
      .insert(audit)
      .values({ ...entry, params: { ...entry.params }, isAnonymous })
      .run();
    if (++this.#added < SLACK) return;
    this.#added = 0;
    this.#prune(true, CROWD_LENGTH);
    this.#prune(false, AUDIT_LENGTH - CROWD_LENGTH);
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
