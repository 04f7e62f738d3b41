import { AppTable } from "./apps.ts";
import { BrokerTable } from "./brokers.ts";
import { asCymeError, openDatabase, type Opened } from "./database.ts";
import { HistoryTable } from "./history.ts";
import { InstanceTable } from "./instances.ts";
import { LeftoverTable } from "./leftovers.ts";
import { QueueTable } from "./queues.ts";
import { SettingTable } from "./settings.ts";
import { TaskTable } from "./tasks.ts";
import { WorkerTable } from "./workers.ts";

/** All that a branch keeps: one repository per noun over one SQLite database. Everything is synchronous. */
export class Store {
  readonly brokers: BrokerTable;
  readonly apps: AppTable;
  readonly queues: QueueTable;
  readonly instances: InstanceTable;
  readonly workers: WorkerTable;
  readonly history: HistoryTable;
  readonly leftovers: LeftoverTable;
  readonly settings: SettingTable;
  readonly tasks: TaskTable;
  readonly #opened: Opened;
  #isSuspect = false;

  /** Opens or creates the database at `path`; throws StoreError. */
  constructor(path: string) {
    this.#opened = openDatabase(path);
    const { db } = this.#opened;
    this.brokers = new BrokerTable(db);
    this.apps = new AppTable(db, this.brokers);
    this.queues = new QueueTable(db);
    this.instances = new InstanceTable(db, this.brokers);
    this.workers = new WorkerTable(db);
    this.history = new HistoryTable(db);
    this.leftovers = new LeftoverTable(db, this.brokers);
    this.settings = new SettingTable(db);
    this.tasks = new TaskTable(db, this.brokers);
  }

  /**
   * Runs `work`, which must not be async, in one immediate transaction: all of it or, where it throws, nothing. Nested
   * calls join the outer one. A full disk or a lock becomes `unavailable`.
   */
  write<T>(work: () => T): T {
    try {
      const { client } = this.#opened;
      return client.inTransaction ? work() : client.transaction(work).immediate();
    } catch (error) {
      this.brokers.forgetRead();
      this.instances.forgetRead();
      const cause = asCymeError(error);
      // What works on the rows may throw as well, and says nothing of the database.
      if (cause !== error) this.#isSuspect = true;
      throw cause;
    }
  }

  /** Throws where the database cannot be read, or, after a write that failed, still cannot be written. */
  check(): void {
    const { client } = this.#opened;
    client.query("SELECT 1 FROM apps LIMIT 1").get();
    if (!this.#isSuspect) return;
    client.run("INSERT INTO settings VALUES ('check', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", [
      String(Date.now()),
    ]);
    this.#isSuspect = false;
  }

  close(): void {
    this.#opened.client.close();
  }
}
