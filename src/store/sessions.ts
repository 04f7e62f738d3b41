import { and, desc, eq, lt, lte, or, sql } from "drizzle-orm";
import type { Db } from "./database.ts";
import { sessions } from "./schema.ts";

/** One log-in of a browser. */
export interface Session {
  readonly hash: string;
  readonly user: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
}

/** Sessions of one user; the oldest ends for one more. */
const MAX_OF_USER = 50;

export class SessionTable {
  readonly #db: Db;
  readonly #row;

  constructor(db: Db) {
    this.#db = db;
    this.#row = db
      .select()
      .from(sessions)
      .where(eq(sessions.hash, sql.placeholder("hash")))
      .prepare();
  }

  get(hash: string): Session | undefined {
    return this.#row.get({ hash });
  }

  /** Throws where there is no such user. */
  add(session: Session): void {
    this.#db.insert(sessions).values(session).run();
    const isOfUser = eq(sessions.user, session.user);
    const oldest = this.#db
      .select({ usedAtMs: sessions.usedAtMs })
      .from(sessions)
      .where(isOfUser)
      .orderBy(desc(sessions.usedAtMs))
      .limit(1)
      .offset(MAX_OF_USER)
      .get();
    if (!oldest) return;
    this.#db
      .delete(sessions)
      .where(and(isOfUser, lte(sessions.usedAtMs, oldest.usedAtMs)))
      .run();
  }

  used(hash: string, usedAtMs: number): void {
    this.#db.update(sessions).set({ usedAtMs }).where(eq(sessions.hash, hash)).run();
  }

  remove(hash: string): void {
    this.#db.delete(sessions).where(eq(sessions.hash, hash)).run();
  }

  /** Forgets those that were made, or last used, before. */
  removeBefore(madeMs: number, usedMs: number): void {
    this.#db
      .delete(sessions)
      .where(or(lt(sessions.createdAtMs, madeMs), lt(sessions.usedAtMs, usedMs)))
      .run();
  }
}
