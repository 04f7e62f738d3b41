import { asc, eq, sql } from "drizzle-orm";
import type { App } from "../domain/app.ts";
import type { BrokerTable } from "./brokers.ts";
import type { Db } from "./database.ts";
import { apps } from "./schema.ts";

export class AppTable {
  readonly #db: Db;
  readonly #brokers: BrokerTable;
  readonly #row;
  #revision = 0;

  constructor(db: Db, brokers: BrokerTable) {
    this.#db = db;
    this.#brokers = brokers;
    // Prepared, since every request below an app reads it.
    this.#row = db
      .select()
      .from(apps)
      .where(eq(apps.name, sql.placeholder("name")))
      .prepare();
  }

  /** Another number after every write: what was made of the rows may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Names of all apps but those being deleted, sorted. */
  names(): string[] {
    const rows = this.#db
      .select({ name: apps.name })
      .from(apps)
      .where(eq(apps.isDeleted, false))
      .orderBy(asc(apps.name))
      .all();
    return rows.map((row) => row.name);
  }

  /** All apps, also those being deleted, sorted by name. */
  all(): App[] {
    const rows = this.#db.select().from(apps).orderBy(asc(apps.name)).all();
    return rows.map((row) => this.#app(row));
  }

  get(name: string): App | undefined {
    const row = this.#row.get({ name });
    return row && this.#app(row);
  }

  /** Writes an app, new or changed. */
  put(app: App): void {
    this.#revision++;
    const { broker, ...fields } = app;
    const row = {
      ...fields,
      env: fields.env === null ? null : { ...fields.env },
      brokerId: this.#brokers.idOrNull(broker),
    };
    this.#db.insert(apps).values(row).onConflictDoUpdate({ target: apps.name, set: row }).run();
  }

  /** Throws where instances or queues still refer to it. */
  remove(name: string): void {
    this.#revision++;
    this.#db.delete(apps).where(eq(apps.name, name)).run();
  }

  #app({ brokerId, ...row }: typeof apps.$inferSelect): App {
    return { ...row, broker: this.#brokers.find(brokerId) };
  }
}
