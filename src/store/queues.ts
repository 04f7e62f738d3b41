import { and, asc, eq, ne, sql } from "drizzle-orm";
import type { Queue } from "../domain/queue.ts";
import type { Db } from "./database.ts";
import { consumers, queues } from "./schema.ts";

export class QueueTable {
  readonly #db: Db;
  readonly #row;
  #revision = 0;

  constructor(db: Db) {
    this.#db = db;
    // Prepared, since every task that is sent reads its queue.
    this.#row = db
      .select()
      .from(queues)
      .where(and(eq(queues.app, sql.placeholder("app")), eq(queues.name, sql.placeholder("name"))))
      .prepare();
  }

  /** Another number after every write: what was made of the rows may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Names of the queues of an app, sorted. */
  names(app: string): string[] {
    return this.all(app).map((queue) => queue.name);
  }

  /** The queues of an app, sorted by name. */
  all(app: string): Queue[] {
    return this.#db.select().from(queues).where(eq(queues.app, app)).orderBy(asc(queues.name)).all();
  }

  get(app: string, name: string): Queue | undefined {
    return this.#row.get({ app, name });
  }

  /** Declarations of the same name in other apps. */
  namesakes(app: string, name: string): Queue[] {
    return this.#db
      .select()
      .from(queues)
      .where(and(ne(queues.app, app), eq(queues.name, name)))
      .all();
  }

  /** Writes a declaration, new or changed. */
  put(queue: Queue): void {
    this.#revision++;
    const row = { ...queue, options: queue.options === null ? null : { ...queue.options } };
    this.#db
      .insert(queues)
      .values(row)
      .onConflictDoUpdate({ target: [queues.app, queues.name], set: row })
      .run();
  }

  /** Removes a declaration and the wish of every instance to consume from it; returns the names of those instances. */
  remove(app: string, name: string): string[] {
    this.#revision++;
    const consumed = and(eq(consumers.app, app), eq(consumers.queue, name));
    const rows = this.#db.delete(consumers).where(consumed).returning({ instance: consumers.instance }).all();
    this.#db
      .delete(queues)
      .where(and(eq(queues.app, app), eq(queues.name, name)))
      .run();
    return rows.map((row) => row.instance);
  }
}
