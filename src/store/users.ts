import { asc, eq, sql } from "drizzle-orm";
import type { User } from "../domain/user.ts";
import type { Db } from "./database.ts";
import { sessions, users } from "./schema.ts";

export class UserTable {
  readonly #db: Db;
  readonly #any;
  readonly #row;

  constructor(db: Db) {
    this.#db = db;
    this.#any = db.select({ name: users.name }).from(users).limit(1).prepare();
    // Prepared, since every request of a session reads it.
    this.#row = db
      .select()
      .from(users)
      .where(eq(users.name, sql.placeholder("name")))
      .prepare();
  }

  isAny(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Sorted by name. */
  all(): User[] {
    return this.#db.select().from(users).orderBy(asc(users.name)).all();
  }

  get(name: string): User | undefined {
    return this.#row.get({ name });
  }

  /** Writes a user, new or changed, whose sessions end. */
  put(user: User): void {
    this.#db.delete(sessions).where(eq(sessions.user, user.name)).run();
    this.#db.insert(users).values(user).onConflictDoUpdate({ target: users.name, set: user }).run();
  }

  /** The sessions go with it. */
  remove(name: string): void {
    this.#db.delete(users).where(eq(users.name, name)).run();
  }
}
