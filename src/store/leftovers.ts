import { and, eq, lt } from "drizzle-orm";
import type { Db } from "./database.ts";
import type { BrokerTable } from "./brokers.ts";
import type { Broker } from "../domain/broker.ts";
import { leftovers } from "./schema.ts";

/** A direct queue of a deleted instance that is still on a broker. */
export interface Leftover {
  readonly queue: string;
  readonly broker: Broker;
}

export class LeftoverTable {
  readonly #db: Db;
  readonly #brokers: BrokerTable;

  constructor(db: Db, brokers: BrokerTable) {
    this.#db = db;
    this.#brokers = brokers;
  }

  all(): Leftover[] {
    const rows = this.#db.select().from(leftovers).all();
    return rows.map(({ queue, brokerId }) => ({ queue, broker: this.#brokers.get(brokerId) }));
  }

  add({ queue, broker }: Leftover, atMs: number): void {
    this.#db
      .insert(leftovers)
      .values({ queue, brokerId: this.#brokers.idOf(broker), atMs })
      .onConflictDoNothing()
      .run();
  }

  /** Drops those that were left before `atMs`: their broker will hardly come back. */
  forgetBefore(atMs: number): void {
    this.#db.delete(leftovers).where(lt(leftovers.atMs, atMs)).run();
  }

  remove({ queue, broker }: Leftover): void {
    const brokerId = this.#brokers.idOf(broker);
    this.#db
      .delete(leftovers)
      .where(and(eq(leftovers.queue, queue), eq(leftovers.brokerId, brokerId)))
      .run();
  }
}
