import { and, asc, count, eq, isNotNull, or, sql } from "drizzle-orm";
import type { Broker } from "../domain/broker.ts";
import type { Instance } from "../domain/instance.ts";
import type { BrokerTable } from "./brokers.ts";
import type { Db } from "./database.ts";
import { consumers, instances } from "./schema.ts";

/** Instances of this branch. Those whose deletion was asked for are only seen by `get` and `all`, for the supervisor. */
export class InstanceTable {
  readonly #db: Db;
  readonly #brokers: BrokerTable;
  readonly #names;
  readonly #row;
  readonly #queuesOf;
  readonly #places;
  readonly #withBrokers;
  readonly #knownNames = new Map<string, readonly string[]>();
  #revision = 0;

  constructor(db: Db, brokers: BrokerTable) {
    this.#db = db;
    this.#brokers = brokers;
    // Prepared, since lists and the supervisor's rounds read these most.
    this.#names = db
      .select({ name: instances.name })
      .from(instances)
      .where(and(eq(instances.app, sql.placeholder("app")), eq(instances.isDeleted, false)))
      .orderBy(asc(instances.name))
      .prepare();
    this.#row = db
      .select()
      .from(instances)
      .where(eq(instances.name, sql.placeholder("name")))
      .prepare();
    this.#queuesOf = db
      .select({ queue: consumers.queue })
      .from(consumers)
      .where(eq(consumers.instance, sql.placeholder("name")))
      .orderBy(asc(consumers.queue))
      .prepare();
    this.#places = db
      .select({ name: instances.name, app: instances.app, isDeleted: instances.isDeleted })
      .from(instances)
      .prepare();
    this.#withBrokers = db
      .select({ name: instances.name, brokerId: instances.brokerId })
      .from(instances)
      .orderBy(asc(instances.name))
      .prepare();
  }

  /** Another number after every write: what was made of the rows may be kept until then. */
  get revision(): number {
    return this.#revision;
  }

  /** Names of the instances of an app, sorted. Kept until one changes, since lists are what is asked for most. */
  names(app: string): readonly string[] {
    const known = this.#knownNames.get(app);
    if (known) return known;
    const names = this.#names.all({ app }).map((row) => row.name);
    this.#knownNames.set(app, names);
    return names;
  }

  /** After a transaction that was rolled back: what was read in it never was. */
  forgetRead(): void {
    this.#knownNames.clear();
  }

  /** All instances, also those being deleted, sorted by name. */
  all(): Instance[] {
    const rows = this.#db.select().from(instances).orderBy(asc(instances.name)).all();
    return rows.map((row) => this.#instance(row));
  }

  /** The instances of an app, also those being deleted, sorted by name. */
  ofApp(app: string): Instance[] {
    const rows = this.#db.select().from(instances).where(eq(instances.app, app)).orderBy(asc(instances.name)).all();
    return rows.map((row) => this.#instance(row));
  }

  /** The instances whose workers are replaced for what they use, also those being deleted, sorted by name. */
  limited(): Instance[] {
    const hasLimit = or(isNotNull(instances.maxMemory), isNotNull(instances.maxAgeS));
    const rows = this.#db.select().from(instances).where(hasLimit).orderBy(asc(instances.name)).all();
    return rows.map((row) => this.#instance(row));
  }

  get(name: string): Instance | undefined {
    const row = this.#row.get({ name });
    return row && this.#instance(row);
  }

  /** Names of all instances and their apps, and whether they are being deleted. */
  places(): Pick<Instance, "name" | "app" | "isDeleted">[] {
    return this.#places.all();
  }

  /** Names of all instances, also of those being deleted, sorted, with the broker that each has of its own. */
  brokers(): { name: string; broker: Broker | null }[] {
    const rows = this.#withBrokers.all();
    return rows.map(({ name, brokerId }) => ({ name, broker: brokerId === null ? null : this.#brokers.get(brokerId) }));
  }

  count(): number {
    const row = this.#db.select({ n: count() }).from(instances).where(eq(instances.isDeleted, false)).get();
    return row?.n ?? 0;
  }

  /** Writes an instance, new or changed, with the queues that it is wanted to consume from. */
  put(instance: Instance): void {
    this.#revision++;
    this.#knownNames.clear();
    const { broker, queues, ...fields } = instance;
    const row = {
      ...fields,
      env: fields.env === null ? null : { ...fields.env },
      brokerId: this.#brokers.idOrNull(broker),
    };
    this.#db.insert(instances).values(row).onConflictDoUpdate({ target: instances.name, set: row }).run();
    this.#db.delete(consumers).where(eq(consumers.instance, instance.name)).run();
    for (const queue of queues) {
      this.#db.insert(consumers).values({ instance: instance.name, app: instance.app, queue }).run();
    }
  }

  /** Changes some fields; returns whether there was such an instance. */
  set(name: string, fields: Partial<Pick<Instance, SettableField>>): boolean {
    this.#revision++;
    this.#knownNames.clear();
    const rows = this.#db
      .update(instances)
      .set(fields)
      .where(eq(instances.name, name))
      .returning({ name: instances.name })
      .all();
    return rows.length > 0;
  }

  remove(name: string): void {
    this.#revision++;
    this.#knownNames.clear();
    this.#db.delete(instances).where(eq(instances.name, name)).run();
  }

  #instance({ brokerId, ...row }: typeof instances.$inferSelect): Instance {
    return {
      ...row,
      broker: this.#brokers.find(brokerId),
      queues: this.#queuesOf.all({ name: row.name }).map(({ queue }) => queue),
    };
  }
}

type SettableField =
  | "isEnabled"
  | "disabledReason"
  | "limitedAtMs"
  | "isHeld"
  | "isDeleted"
  | "restartSeq"
  | "isRolling"
  | "hasStandin"
  | "restartFor";
