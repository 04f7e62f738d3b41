import { statSync, type Stats } from "node:fs";
import { namesOf, type Definition, type DefinitionId } from "../domain/definition.ts";
import { CymeError, unavailable } from "../domain/errors.ts";
import { changedStamp, deletedStamp, horizonAt, nextVersion, type Version } from "../domain/version.ts";
import { AppTable } from "./apps.ts";
import { AuditTable } from "./audit.ts";
import { BrokerTable } from "./brokers.ts";
import { asCymeError, openDatabase, type Opened } from "./database.ts";
import { DefinitionTable } from "./definitions.ts";
import { EarlyInstanceTable } from "./early-instances.ts";
import { HaltTable } from "./halts.ts";
import { HistoryTable } from "./history.ts";
import { InstanceTable } from "./instances.ts";
import { KnownBranchTable } from "./known-branches.ts";
import { LeftoverTable } from "./leftovers.ts";
import { OwnerTable } from "./owners.ts";
import { QueueTable } from "./queues.ts";
import { SessionTable } from "./sessions.ts";
import { SettingTable } from "./settings.ts";
import { StandinTable } from "./standins.ts";
import { TaskTable } from "./tasks.ts";
import { TokenTable } from "./tokens.ts";
import { UserTable } from "./users.ts";
import { WorkerTable } from "./workers.ts";

/** Of all tables whose rows carry one: those with many rows have an index for it. */
const LATEST_VERSION = `SELECT max(latest) AS latest FROM (
  SELECT max(version) AS latest FROM definitions
  UNION ALL SELECT max(version) FROM owners
  UNION ALL SELECT max(version) FROM known_branches)`;

/** Another file is where the database was: only a process that starts anew would use that one. */
export class StoreReplaced extends CymeError {
  constructor(path: string) {
    const message = `The branch's database ${path} was replaced by another file: start the branch again to use that one`;
    super("unavailable", message, { stored: false });
  }
}

/** All that a branch keeps: one repository per noun over one SQLite database. Everything is synchronous. */
export class Store {
  readonly brokers: BrokerTable;
  readonly apps: AppTable;
  readonly queues: QueueTable;
  readonly instances: InstanceTable;
  readonly workers: WorkerTable;
  readonly standins: StandinTable;
  readonly history: HistoryTable;
  readonly leftovers: LeftoverTable;
  readonly settings: SettingTable;
  readonly halts: HaltTable;
  readonly tasks: TaskTable;
  readonly definitions: DefinitionTable;
  readonly owners: OwnerTable;
  readonly knownBranches: KnownBranchTable;
  readonly earlyInstances: EarlyInstanceTable;
  readonly users: UserTable;
  readonly tokens: TokenTable;
  readonly sessions: SessionTable;
  readonly audit: AuditTable;
  readonly #opened: Opened;
  readonly #path: string;
  /** The file as it was opened; undefined in memory. */
  readonly #file: Stats | undefined;
  #isSuspect = false;

  /** Opens or creates the database at `path`; throws StoreError. */
  constructor(path: string) {
    this.#opened = openDatabase(path);
    this.#path = path;
    this.#file = statSync(path, { throwIfNoEntry: false });
    const { db } = this.#opened;
    this.brokers = new BrokerTable(db);
    this.apps = new AppTable(db, this.brokers);
    this.queues = new QueueTable(db);
    this.instances = new InstanceTable(db, this.brokers);
    this.workers = new WorkerTable(db);
    this.standins = new StandinTable(db);
    this.history = new HistoryTable(db);
    this.leftovers = new LeftoverTable(db, this.brokers);
    this.settings = new SettingTable(db);
    this.halts = new HaltTable(this.settings);
    this.tasks = new TaskTable(db, this.brokers);
    this.definitions = new DefinitionTable(db);
    this.owners = new OwnerTable(db);
    this.knownBranches = new KnownBranchTable(db);
    this.earlyInstances = new EarlyInstanceTable(db);
    this.users = new UserTable(db);
    this.tokens = new TokenTable(db);
    this.sessions = new SessionTable(db);
    this.audit = new AuditTable(db);
  }

  /**
   * Runs `work`, which must not be async, in one immediate transaction: all of it or, where it throws, nothing. Nested
   * calls join the outer one. A full disk or a lock becomes `unavailable`.
   */
  write<T>(work: () => T): T {
    try {
      const { client } = this.#opened;
      if (client.inTransaction) return work();
      this.#expectInPlace();
      return client.transaction(work).immediate();
    } catch (error) {
      this.brokers.forgetRead();
      this.instances.forgetRead();
      this.definitions.forgetRead();
      const cause = asCymeError(error);
      // What works on the rows may throw as well, and says nothing of the database.
      if (cause !== error) this.#isSuspect = true;
      throw cause;
    }
  }

  /**
   * A version for a change that this branch makes now, later than all that it knows. Read from the tables each time, so that
   * neither a restart, a clock that was set back nor a transaction that was undone gives one twice.
   */
  nextVersion(nowMs: number): Version {
    const row = this.#opened.client.query<{ latest: string | null }, []>(LATEST_VERSION).get();
    return nextVersion(row?.latest ?? undefined, nowMs, this.settings.get("branch_id") ?? "branch");
  }

  /** Notes that this branch changes a definition now; in the transaction that does. */
  noteChanged(id: DefinitionId, nowMs: number): void {
    this.#note(id, changedStamp, nowMs);
  }

  /** Notes that this branch deletes a definition now; in the transaction that does. Queues of a deleted app are forgotten. */
  noteDeleted(id: DefinitionId, nowMs: number): void {
    const version = this.#note(id, deletedStamp, nowMs);
    if (id.kind === "app") this.definitions.removeQueuesOf(id.key, version);
  }

  /** What is known of a definition, deleted or not; undefined where nothing is. */
  definition(id: DefinitionId): Definition | undefined {
    const stamp = this.definitions.get(id);
    if (!stamp) return undefined;
    const isDeleted = stamp.version === stamp.deletedVersion;
    if (isDeleted) return { ...stamp, value: null };
    const { kind, key } = stamp;
    switch (kind) {
      case "app":
        return { ...stamp, kind, value: this.apps.get(key) ?? null };
      case "queue": {
        const { app, queue } = namesOf(id);
        return { ...stamp, kind, value: this.queues.get(app, queue) ?? null };
      }
      case "user":
        return { ...stamp, kind, value: this.users.get(key) ?? null };
      case "token":
        return { ...stamp, kind, value: this.tokens.get(key) ?? null };
      default:
        return kind satisfies never;
    }
  }

  #note(id: DefinitionId, stampOf: typeof changedStamp, nowMs: number): Version {
    const stamp = stampOf(this.definitions.get(id), this.nextVersion(nowMs), horizonAt(nowMs));
    this.definitions.put({ ...id, ...stamp });
    return stamp.version;
  }

  /**
   * Throws where the database cannot be read, or, after a write that failed, still cannot be written; `unavailable` where
   * the cause is known and comes from outside.
   */
  check(): void {
    this.#expectInPlace();
    try {
      this.#tryOut();
    } catch (error) {
      throw asCymeError(error);
    }
  }

  /** What is written to a file that was deleted or replaced would be lost with the last that has it open. */
  #expectInPlace(): void {
    if (!this.#file) return;
    const present = statSync(this.#path, { throwIfNoEntry: false });
    if (present?.ino === this.#file.ino && present.dev === this.#file.dev) return;
    if (present) throw new StoreReplaced(this.#path);
    const advice = "put it back, or start the branch again to begin with an empty one";
    throw unavailable(`The branch's database ${this.#path} is gone: ${advice}`, { stored: false });
  }

  #tryOut(): void {
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
