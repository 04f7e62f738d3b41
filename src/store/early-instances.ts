import { eq } from "drizzle-orm";
import type { Db } from "./database.ts";
import { earlyInstances } from "./schema.ts";

/** An instance of this branch whose name no cluster gave: see `earlyInstances` of the schema. */
export interface EarlyInstance {
  readonly name: string;
  /** The branch that has the name by now, once that was told. */
  readonly rival: string | null;
}

export class EarlyInstanceTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Undefined for one whose name was given by the cluster. */
  get(name: string): EarlyInstance | undefined {
    return this.#db.select().from(earlyInstances).where(eq(earlyInstances.name, name)).get();
  }

  setRival(name: string, rival: string): void {
    this.#db.update(earlyInstances).set({ rival }).where(eq(earlyInstances.name, name)).run();
  }

  /** From now on all names are the cluster's. */
  clear(): void {
    this.#db.delete(earlyInstances).run();
  }
}
