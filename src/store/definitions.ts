import { and, asc, eq, gte, lt, sql } from "drizzle-orm";
import { queueKey, type DefinitionKind } from "../domain/definition.ts";
import type { Stamp, Version } from "../domain/version.ts";
import type { Db } from "./database.ts";
import { definitions } from "./schema.ts";

/** When an app or a queue was last changed; what it is stands in the table of its kind. */
export interface DefinitionStamp extends Stamp {
  readonly kind: DefinitionKind;
  readonly key: string;
}

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

  get(kind: DefinitionKind, key: string): DefinitionStamp | undefined {
    return this.#row.get({ kind, key });
  }

  put(stamp: DefinitionStamp): void {
    this.#revision++;
    const row = { ...stamp, ancestry: { ...stamp.ancestry } };
    this.#db
      .insert(definitions)
      .values(row)
      .onConflictDoUpdate({ target: [definitions.kind, definitions.key], set: row })
      .run();
  }

  remove(kind: DefinitionKind, key: string): void {
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
    const ofApp = and(gte(definitions.key, queueKey(app, "")), lt(definitions.key, `${app}0`));
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
