import { asc, eq, sql } from "drizzle-orm";
import type { Token } from "../domain/token.ts";
import type { Db } from "./database.ts";
import { tokens } from "./schema.ts";

export class TokenTable {
  readonly #db: Db;
  readonly #any;
  readonly #byHash;

  constructor(db: Db) {
    this.#db = db;
    this.#any = db.select({ name: tokens.name }).from(tokens).limit(1).prepare();
    // Prepared, since every request of a program reads it.
    this.#byHash = db
      .select()
      .from(tokens)
      .where(eq(tokens.hash, sql.placeholder("hash")))
      .prepare();
  }

  isAny(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Expired ones too, sorted by name. */
  all(): Token[] {
    return this.#db.select().from(tokens).orderBy(asc(tokens.name)).all();
  }

  get(name: string): Token | undefined {
    return this.#db.select().from(tokens).where(eq(tokens.name, name)).get();
  }

  /** An expired one too. */
  byHash(hash: string): Token | undefined {
    return this.#byHash.get({ hash });
  }

  put(token: Token): void {
    this.#db.insert(tokens).values(token).onConflictDoUpdate({ target: tokens.name, set: token }).run();
  }

  remove(name: string): void {
    this.#db.delete(tokens).where(eq(tokens.name, name)).run();
  }
}
