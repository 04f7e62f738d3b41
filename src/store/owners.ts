import { and, asc, eq, gt, lt, lte, sql } from "drizzle-orm";
import type { Version } from "../domain/version.ts";
import type { Db } from "./database.ts";
import { owners } from "./schema.ts";

/** Which branch has an instance, or had it: a deleted one stays for a while, so that nobody who did not hear of it tells otherwise. */
export interface Owner {
  /** Of the instance. */
  readonly name: string;
  readonly app: string;
  readonly branch: string;
  readonly version: Version;
  readonly isDeleted: boolean;
}

export class OwnerTable {
  readonly #db: Db;
  readonly #row;
  readonly #ofBranch;
  readonly #put;
  #revision = 0;

  constructor(db: Db) {
    this.#db = db;
    // Prepared, since every request about an instance reads it.
    this.#row = db
      .select()
      .from(owners)
      .where(eq(owners.name, sql.placeholder("name")))
      .prepare();
    // Prepared, since a branch looks every two seconds whether that is what it has.
    this.#ofBranch = db
      .select()
      .from(owners)
      .where(and(eq(owners.branch, sql.placeholder("branch")), eq(owners.isDeleted, false)))
      .orderBy(asc(owners.name))
      .prepare();
    // Prepared, since a branch that joins is told thousands of rows at once.
    this.#put = db
      .insert(owners)
      .values({
        name: sql.placeholder("name"),
        app: sql.placeholder("app"),
        branch: sql.placeholder("branch"),
        version: sql.placeholder("version"),
        isDeleted: sql.placeholder("isDeleted"),
      })
      .onConflictDoUpdate({
        target: owners.name,
        set: {
          app: sql`excluded.app`,
          branch: sql`excluded.branch`,
          version: sql`excluded.version`,
          isDeleted: sql`excluded.is_deleted`,
        },
      })
      .prepare();
  }

  /** Another number after every write: what was made of the rows may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Also of an instance that is deleted. */
  get(name: string): Owner | undefined {
    return this.#row.get({ name });
  }

  /** Whether another branch than `branch` has that name. */
  isOfAnother(name: string, branch: string): boolean {
    const owner = this.get(name);
    return owner !== undefined && !owner.isDeleted && owner.branch !== branch;
  }

  /** Of all instances, deleted ones too, sorted by name. */
  all(): Owner[] {
    return this.#db.select().from(owners).orderBy(asc(owners.name)).all();
  }

  /** The first `limit` with names after `after`, and up to `upTo` where that is given; deleted ones too, sorted by name. */
  between(after: string, upTo: string | undefined, limit: number): Owner[] {
    return this.#db
      .select()
      .from(owners)
      .where(and(gt(owners.name, after), upTo === undefined ? undefined : lte(owners.name, upTo)))
      .orderBy(asc(owners.name))
      .limit(limit)
      .all();
  }

  /** Of the instances of an app, sorted by name. */
  ofApp(app: string): Owner[] {
    return this.#db
      .select()
      .from(owners)
      .where(and(eq(owners.app, app), eq(owners.isDeleted, false)))
      .orderBy(asc(owners.name))
      .all();
  }

  /** Of the instances of a branch, sorted by name. */
  ofBranch(branch: string): Owner[] {
    return this.#ofBranch.all({ branch });
  }

  put({ name, app, branch, version, isDeleted }: Owner): void {
    this.#revision++;
    this.#put.run({ name, app, branch, version, isDeleted });
  }

  /** Keeps what another branch says unless what is known is as new; whether it did. */
  putNewer(owner: Owner): boolean {
    const known = this.get(owner.name);
    if (known && known.version >= owner.version) return false;
    this.put(owner);
    return true;
  }

  /** Forgets instances that were deleted before `version`. */
  forgetDeletedBefore(version: Version): void {
    this.#revision++;
    this.#db
      .delete(owners)
      .where(and(eq(owners.isDeleted, true), lt(owners.version, version)))
      .run();
  }
}
