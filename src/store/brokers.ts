import { and, eq } from "drizzle-orm";
import { brokerUrl, type Broker } from "../domain/broker.ts";
import type { Db } from "./database.ts";
import { brokers } from "./schema.ts";

/** Brokers that rows refer to, each once. Rows are never changed, so what was read once may be kept. */
export class BrokerTable {
  readonly #db: Db;
  readonly #byId = new Map<number, Broker>();
  readonly #idByUrl = new Map<string, number>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** The broker of that id; throws where there is none, which foreign keys rule out. */
  get(id: number): Broker {
    const known = this.#byId.get(id);
    if (known) return known;
    const row = this.#db.select().from(brokers).where(eq(brokers.id, id)).get();
    if (!row) throw new Error(`no broker ${id}`);
    const { id: _id, ...broker } = row;
    this.#byId.set(id, broker);
    return broker;
  }

  /** After a transaction that was rolled back: ids of rows that it read may be given again. */
  forgetRead(): void {
    this.#byId.clear();
    this.#idByUrl.clear();
  }

  /** The same for a reference that may be NULL. */
  find(id: number | null): Broker | null {
    return id === null ? null : this.get(id);
  }

  /** The id of a broker, which is stored where it is new. */
  idOf(broker: Broker): number {
    const url = brokerUrl(broker);
    const known = this.#idByUrl.get(url) ?? this.#stored(broker);
    this.#idByUrl.set(url, known);
    return known;
  }

  #stored(broker: Broker): number {
    const { scheme, hostname, port, userid, password, virtualHost } = broker;
    const fields = { scheme, hostname, port, userid, password, virtualHost };
    this.#db.insert(brokers).values(fields).onConflictDoNothing().run();
    const row = this.#db
      .select({ id: brokers.id })
      .from(brokers)
      .where(
        and(
          eq(brokers.scheme, scheme),
          eq(brokers.hostname, hostname),
          eq(brokers.port, port),
          eq(brokers.userid, userid),
          eq(brokers.password, password),
          eq(brokers.virtualHost, virtualHost),
        ),
      )
      .get();
    if (!row) throw new Error("the broker that was just stored is gone");
    return row.id;
  }

  /** `undefined` (not given) stays so, `null` is the default broker. */
  idOrNull(broker: Broker | null): number | null {
    return broker === null ? null : this.idOf(broker);
  }
}
