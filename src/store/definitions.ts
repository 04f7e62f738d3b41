import { and, asc, eq, gte, lt, lte, max, or, sql } from "drizzle-orm";
import type { DefinitionId, DefinitionStamp } from "../domain/definition.ts";
import type { Version } from "../domain/version.ts";
import type { Db } from "./database.ts";
import { definitions } from "./schema.ts";

/** When definitions were last changed and deleted; what they are stands in the table of their kind. */
export class DefinitionTable {
  readonly #db: Db;
  readonly #row;
  #touched = new Map<string, DefinitionId>();
  #isAllTouched = true;

  constructor(db: Db) {
    this.#db = db;
    this.#row = db
      .select()
      .from(definitions)
      .where(and(eq(definitions.kind, sql.placeholder("kind")), eq(definitions.key, sql.placeholder("key"))))
      .prepare();
  }

  /**
   * Which were written since this was last asked, for the one reader that keeps something of each; "all" where that is not
   * known, as at first.
   */
  takeTouched(): readonly DefinitionId[] | "all" {
    const touched = this.#isAllTouched ? "all" : [...this.#touched.values()];
    this.#isAllTouched = false;
    this.#touched = new Map();
    return touched;
  }

  /** After a transaction that was rolled back: what was read in it never was. */
  forgetRead(): void {
    this.#isAllTouched = true;
  }

  /** Of all definitions and of those deleted, sorted by kind and key: an app comes before its queues. */
  all(): DefinitionStamp[] {
    return this.#db.select().from(definitions).orderBy(asc(definitions.kind), asc(definitions.key)).all();
  }

  get({ kind, key }: DefinitionId): DefinitionStamp | undefined {
    return this.#row.get({ kind, key });
  }

  /** When an app, or one of its queues, was last changed; less than every version where nothing is known of it. */
  latestOf(app: string): Version {
    const { kind, key, version } = definitions;
    const isOfApp = or(and(eq(kind, "app"), eq(key, app)), and(eq(kind, "queue"), isQueueKeyOf(app)));
    const row = this.#db
      .select({ latest: max(version) })
      .from(definitions)
      .where(isOfApp)
      .get();
    return row?.latest ?? "";
  }

  put({ kind, key, version, deletedVersion, ancestry }: DefinitionStamp): void {
    this.#touch({ kind, key });
    const row = { kind, key, version, deletedVersion, ancestry: { ...ancestry } };
    this.#db
      .insert(definitions)
      .values(row)
      .onConflictDoUpdate({ target: [definitions.kind, definitions.key], set: row })
      .run();
  }

  remove({ kind, key }: DefinitionId): void {
    this.#touch({ kind, key });
    this.#db
      .delete(definitions)
      .where(and(eq(definitions.kind, kind), eq(definitions.key, key)))
      .run();
  }

  /**
   * Forgets the queues of an app, deleted ones too, which were last changed at `upTo` or before: that the app was deleted then
   * says it of all of them.
   */
  removeQueuesOf(app: string, upTo: Version): void {
    this.#isAllTouched = true;
    this.#db
      .delete(definitions)
      .where(and(eq(definitions.kind, "queue"), isQueueKeyOf(app), lte(definitions.version, upTo)))
      .run();
  }

  /** Whether `forgetDeletedBefore` has anything to do. */
  hasDeletedBefore(version: Version): boolean {
    const isOld = lt(definitions.deletedVersion, version);
    return this.#db.select({ key: definitions.key }).from(definitions).where(isOld).limit(1).get() !== undefined;
  }

  /** Forgets deletions before `version`. */
  forgetDeletedBefore(version: Version): void {
    this.#isAllTouched = true;
    const isOld = lt(definitions.deletedVersion, version);
    this.#db
      .delete(definitions)
      .where(and(isOld, eq(definitions.deletedVersion, definitions.version)))
      .run();
    this.#db.update(definitions).set({ deletedVersion: null }).where(isOld).run();
  }

  #touch(id: DefinitionId): void {
    this.#touched.set(`${id.kind} ${id.key}`, id);
  }
}

/** "0" follows "/": every key that starts with the app's name and a slash. */
const isQueueKeyOf = (app: string) => and(gte(definitions.key, `${app}/`), lt(definitions.key, `${app}0`));
