import { and, asc, eq, gte, lt, sql } from "drizzle-orm";
import type { DefinitionId, DefinitionStamp } from "../domain/definition.ts";
import type { Version } from "../domain/version.ts";
import type { Db } from "./database.ts";
import { definitions } from "./schema.ts";

/** When apps and queues were last changed and deleted; what they are stands in the table of their kind. */
export class DefinitionTable {
  readonly #db: Db;
  readonly #row;
  #revision = 0;

  constructor(db: Db) {
    this.#db = db;
    this.#row = db
      .select()
      .from(definitions)
      .where(and(eq(definitions.kind, sql.placeholder("kind")), eq(definitions.key, sql.placeholder("key"))))
      .prepare();
  }

  /** Another number after every write: what was made of the rows may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Of all definitions and of those deleted, sorted by kind and key: an app comes before its queues. */
  all(): DefinitionStamp[] {
    return this.#db.select().from(definitions).orderBy(asc(definitions.kind), asc(definitions.key)).all();
  }

  get({ kind, key }: DefinitionId): DefinitionStamp | undefined {
    return this.#row.get({ kind, key });
  }

  put({ kind, key, version, deletedVersion, ancestry }: DefinitionStamp): void {
    this.#revision++;
    const row = { kind, key, version, deletedVersion, ancestry: { ...ancestry } };
    this.#db
      .insert(definitions)
      .values(row)
      .onConflictDoUpdate({ target: [definitions.kind, definitions.key], set: row })
      .run();
  }

  remove({ kind, key }: DefinitionId): void {
    this.#revision++;
    this.#db
      .delete(definitions)
      .where(and(eq(definitions.kind, kind), eq(definitions.key, key)))
      .run();
  }

  /** Forgets the queues of an app, deleted ones too: that the app was deleted says it of all of them. */
  removeQueuesOf(app: string): void {
    this.#revision++;
    // "0" follows "/": every key that starts with the app's name and a slash.
    const ofApp = and(gte(definitions.key, `${app}/`), lt(definitions.key, `${app}0`));
    this.#db
      .delete(definitions)
      .where(and(eq(definitions.kind, "queue"), ofApp))
      .run();
  }

  /** Forgets deletions before `version`; returns how many definitions are gone with that. */
  forgetDeletedBefore(version: Version): number {
    const isOld = lt(definitions.deletedVersion, version);
    const gone = this.#db
      .delete(definitions)
      .where(and(isOld, eq(definitions.deletedVersion, definitions.version)))
      .returning({ key: definitions.key })
      .all();
    this.#db.update(definitions).set({ deletedVersion: null }).where(isOld).run();
    this.#revision++;
    return gone.length;
  }
}
