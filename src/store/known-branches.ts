import { asc, eq, sql } from "drizzle-orm";
import type { Version } from "../domain/version.ts";
import type { Db } from "./database.ts";
import { knownBranches } from "./schema.ts";

/** Another branch, as it was last heard of; or this one, where it was forgotten once and came back. */
export interface KnownBranch {
  readonly id: string;
  readonly url: string | null;
  /** By this branch's clock; null where others told of it. */
  readonly lastSeenAtMs: number | null;
  readonly isForgotten: boolean;
  /** When it was forgotten, or came back after that; else older than every change. */
  readonly version: Version;
}

export class KnownBranchTable {
  readonly #db: Db;
  readonly #row;

  constructor(db: Db) {
    this.#db = db;
    // Prepared, since it is asked of every branch with every look at who is there.
    this.#row = db
      .select()
      .from(knownBranches)
      .where(eq(knownBranches.id, sql.placeholder("id")))
      .prepare();
  }

  /** Also those forgotten, sorted by id. */
  all(): KnownBranch[] {
    return this.#db.select().from(knownBranches).orderBy(asc(knownBranches.id)).all();
  }

  /** Also one that is forgotten. */
  get(id: string): KnownBranch | undefined {
    return this.#row.get({ id });
  }

  put(branch: KnownBranch): void {
    this.#db.insert(knownBranches).values(branch).onConflictDoUpdate({ target: knownBranches.id, set: branch }).run();
  }

  /** Writes down a sign of life of one that is known. */
  seen(id: string, atMs: number, url: string | null): void {
    this.#db.update(knownBranches).set({ lastSeenAtMs: atMs, url }).where(eq(knownBranches.id, id)).run();
  }
}
