import { and, asc, count, desc, eq, exists, gte, inArray, isNotNull, lt, sql, sum } from "drizzle-orm";
import type { Broker } from "../domain/broker.ts";
import { replaces, type SentTask, type Task, type TaskReport } from "../domain/task.ts";
import type { BrokerTable } from "./brokers.ts";
import type { Db } from "./database.ts";
import { brokers, tasks } from "./schema.ts";

/** Rows dropped at once, so that dropping many does not hold up everything else. */
const DROPPED_AT_ONCE = 1000;

/** How many tasks, and the bytes of their results. */
export interface Size {
  readonly tasks: number;
  readonly bytes: number;
}

/** Which tasks are listed; times in ms since the epoch. */
export interface TaskFilter {
  readonly app?: string | undefined;
  readonly state?: string | undefined;
  readonly limit: number;
  readonly beforeMs?: number | undefined;
}

/** A task that was sent, and what was last heard of it, without its result. */
export type SentAndHeard = Omit<SentTask, "fingerprint"> & Pick<Task, "state" | "touchedAtMs">;

/** A filter that fits few must not hold up everything else while it looks for them. */
const LOOKED_THROUGH = 20_000;
/** How many that were heard of in one millisecond are told together at the end of a list. */
const LEAST_TIED = 1_000;

type Row = typeof tasks.$inferSelect;

/** Tasks that were sent and what was heard of them; either may come first. */
export class TaskTable {
  readonly #db: Db;
  readonly #brokers: BrokerTable;
  readonly #row;
  readonly #state;
  readonly #insertSent;
  readonly #insertReport;

  constructor(db: Db, brokerTable: BrokerTable) {
    this.#db = db;
    this.#brokers = brokerTable;
    const isId = eq(tasks.id, sql.placeholder("id"));
    // Prepared, since thousands a second go this way.
    this.#row = db.select().from(tasks).where(isId).prepare();
    this.#state = db.select({ state: tasks.state }).from(tasks).where(isId).prepare();
    this.#insertSent = db
      .insert(tasks)
      .values({
        ...placeholders(SENT_COLUMNS),
        id: given("id"),
        state: "PENDING",
        touchedAtMs: given("sentAtMs"),
        bytes: 0,
      })
      .onConflictDoUpdate({ target: tasks.id, set: excluded(SENT_COLUMNS) })
      .prepare();
    this.#insertReport = db
      .insert(tasks)
      .values({ ...placeholders(REPORT_COLUMNS), id: given("id") })
      .onConflictDoUpdate({ target: tasks.id, set: excluded(REPORT_COLUMNS) })
      .prepare();
  }

  get(id: string): Task | undefined {
    const row = this.#row.get({ id });
    return row && toTask(row);
  }

  /** Keeps what was sent; what has been heard of it already stays. */
  addSent(sent: SentTask, broker: Broker): void {
    this.#insertSent.run({ ...sent, brokerId: this.#brokers.idOf(broker) });
  }

  /** Keeps a report unless what is known outweighs it; whether it did. */
  addReport({ id, state, result, error }: TaskReport, atMs: number): boolean {
    const known = this.#state.get({ id });
    if (known && !replaces(known.state, state)) return false;
    const text = result === null ? null : JSON.stringify(result);
    this.#insertReport.run({
      id,
      state,
      result: text,
      errorType: error?.type ?? null,
      errorMessage: error?.message ?? null,
      touchedAtMs: atMs,
      bytes: text === null ? 0 : Buffer.byteLength(text),
    });
    return true;
  }

  /**
   * Tasks that were sent and match, the last heard of first: of the `LOOKED_THROUGH` that were last heard of before `beforeMs`. As many as
   * `limit`, and those that were heard of in the same millisecond as the last of them.
   */
  latest({ app, state, limit, beforeMs }: TaskFilter): SentAndHeard[] {
    const before = beforeMs === undefined ? undefined : lt(tasks.touchedAtMs, beforeMs);
    const recent = this.#db
      .select(LISTED)
      .from(tasks)
      .where(before)
      .orderBy(desc(tasks.touchedAtMs))
      .limit(LOOKED_THROUGH)
      .as("recent");
    const isWanted = and(
      isNotNull(recent.sentAtMs),
      app === undefined ? undefined : eq(recent.app, app),
      state === undefined ? undefined : eq(recent.state, state),
    );
    const found = this.#db
      .select()
      .from(recent)
      .where(isWanted)
      .orderBy(desc(recent.touchedAtMs))
      .limit(limit + LEAST_TIED)
      .all();
    const last = found[limit - 1]?.touchedAtMs;
    return found.filter((row, at) => at < limit || row.touchedAtMs === last).filter(isListed);
  }

  /** Tasks that were sent and were heard of since `sinceMs`, the last heard of first, at most `limit`. */
  since(sinceMs: number, limit: number): SentAndHeard[] {
    const rows = this.#db
      .select(LISTED)
      .from(tasks)
      .where(gte(tasks.touchedAtMs, sinceMs))
      .orderBy(desc(tasks.touchedAtMs))
      .limit(limit)
      .all();
    return rows.filter(isListed);
  }

  /** Brokers on which tasks were sent that are still kept: results may be waiting there. */
  brokersInUse(): Broker[] {
    const isUsed = exists(
      this.#db
        .select({ one: sql`1` })
        .from(tasks)
        .where(eq(tasks.brokerId, brokers.id)),
    );
    const rows = this.#db.select({ id: brokers.id }).from(brokers).where(isUsed).all();
    return rows.map(({ id }) => this.#brokers.get(id));
  }

  /** How many are kept, and the bytes of their results. */
  size(): Size {
    const row = this.#db
      .select({ tasks: count(), bytes: sum(tasks.bytes).mapWith(Number) })
      .from(tasks)
      .get();
    return { tasks: row?.tasks ?? 0, bytes: row?.bytes ?? 0 };
  }

  /** Drops some of those that nothing was heard of since `atMs`, the oldest first; how many. */
  dropBefore(atMs: number): number {
    const oldest = this.#oldest().where(lt(tasks.touchedAtMs, atMs)).all();
    return this.#drop(oldest).tasks;
  }

  /** Drops some of the oldest, until that many are gone and their results had that many bytes; what was dropped. */
  dropOldest(excess: Size): Size {
    let tooMany = excess.tasks;
    let tooMuch = excess.bytes;
    const rows = this.#oldest().all();
    const kept = rows.findIndex(({ bytes }) => {
      if (tooMany <= 0 && tooMuch <= 0) return true;
      tooMany -= 1;
      tooMuch -= bytes;
      return false;
    });
    return this.#drop(kept < 0 ? rows : rows.slice(0, kept));
  }

  #oldest() {
    const columns = { id: tasks.id, bytes: tasks.bytes };
    return this.#db.select(columns).from(tasks).orderBy(asc(tasks.touchedAtMs)).limit(DROPPED_AT_ONCE).$dynamic();
  }

  #drop(rows: readonly { readonly id: string; readonly bytes: number }[]): Size {
    const ids = rows.map(({ id }) => id);
    this.#db.delete(tasks).where(inArray(tasks.id, ids)).run();
    return { tasks: rows.length, bytes: rows.reduce((total, row) => total + row.bytes, 0) };
  }
}

const SENT_COLUMNS = ["app", "brokerId", "queue", "name", "sentAtMs", "method", "url", "fingerprint"] as const;
const REPORT_COLUMNS = ["state", "result", "errorType", "errorMessage", "touchedAtMs", "bytes"] as const;

/** What a list shows of a task: no result, which may be long. */
const LISTED = {
  id: tasks.id,
  app: tasks.app,
  queue: tasks.queue,
  name: tasks.name,
  method: tasks.method,
  url: tasks.url,
  state: tasks.state,
  sentAtMs: tasks.sentAtMs,
  touchedAtMs: tasks.touchedAtMs,
};

type Listed = Pick<Row, keyof typeof LISTED>;

const isListed = (row: Listed): row is Listed & SentAndHeard =>
  row.app !== null && row.queue !== null && row.name !== null && row.sentAtMs !== null;

const given = (name: string) => sql.placeholder(name);

type Column = (typeof SENT_COLUMNS)[number] | (typeof REPORT_COLUMNS)[number];

const placeholders = <C extends Column>(names: readonly C[]) =>
  Object.fromEntries(names.map((name) => [name, given(name)])) as Record<C, ReturnType<typeof given>>;

/** In an upsert: the values that could not be inserted. */
const excluded = (names: readonly Column[]) =>
  Object.fromEntries(names.map((name) => [name, sql.raw(`excluded.${tasks[name].name}`)]));

function toTask(row: Row): Task {
  const { id, state, result, errorType, errorMessage, touchedAtMs, brokerId: _brokerId, bytes: _bytes, ...sent } = row;
  return {
    id,
    state,
    result: result === null ? null : (JSON.parse(result) as unknown),
    error: errorType === null ? null : { type: errorType, message: errorMessage ?? "" },
    sent: isSent(sent) ? { id, ...sent } : null,
    touchedAtMs,
  };
}

type SentRow = Pick<Row, "app" | "queue" | "name" | "sentAtMs" | "method" | "url" | "fingerprint">;

const isSent = (row: SentRow): row is SentRow & Pick<SentTask, "app" | "queue" | "name" | "sentAtMs" | "fingerprint"> =>
  row.app !== null && row.queue !== null && row.name !== null && row.sentAtMs !== null && row.fingerprint !== null;
