import { Database, SQLiteError } from "bun:sqlite";
import { drizzle, type BunSQLiteDatabase } from "drizzle-orm/bun-sqlite";
import { CymeError } from "../domain/errors.ts";
import { migrations as embedded } from "./migrations/index.ts";

export type Db = BunSQLiteDatabase;

/** Thrown where a database cannot be used at all; the message says which file, why and what to do. */
export class StoreError extends Error {}

const BUSY_TIMEOUT_MS = 5000;
const WAL_TRIES = 20;

export interface Opened {
  readonly db: Db;
  readonly client: Database;
}

/**
 * Opens the database at `path` (":memory:" too), creating and migrating it as needed. Any number of processes may do so at
 * the same time. Throws StoreError for a damaged, read-only, or newer database.
 */
export function openDatabase(path: string, migrations: readonly { tag: string; sql: string }[] = embedded): Opened {
  let client: Database | undefined;
  try {
    client = new Database(path, { create: true, readwrite: true, strict: true });
    client.run(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MS}`);
    useWriteAheadLog(client);
    client.run("PRAGMA synchronous=NORMAL");
    migrate(client, path, migrations);
    return { db: drizzle(client), client };
  } catch (error) {
    client?.close();
    throw explained(path, error);
  }
}

/** Turning the log on can be refused with SQLITE_BUSY while others open the same new file, in spite of the timeout. */
function useWriteAheadLog(client: Database): void {
  for (let tries = 1; ; tries++) {
    try {
      client.run("PRAGMA journal_mode=WAL");
      return;
    } catch (error) {
      if (tries === WAL_TRIES || !isSqliteError(error, "SQLITE_BUSY")) throw error;
      Bun.sleepSync(10 * tries);
    }
  }
}

/**
 * All that is missing, in one immediate transaction. Not drizzle's own migrator: concurrent first starts fail with it, a
 * merged older migration is skipped in silence, and foreign keys cannot be off inside of its transaction, so rebuilding
 * a table would delete its children.
 */
function migrate(client: Database, path: string, migrations: readonly { tag: string; sql: string }[]): void {
  client.run("PRAGMA foreign_keys=OFF");
  client
    .transaction(() => {
      client.run("CREATE TABLE IF NOT EXISTS _migration (tag TEXT PRIMARY KEY, at INTEGER NOT NULL)");
      // Even an immediate transaction only reads where the file is read-only, without a word.
      client.run("UPDATE _migration SET at = at WHERE tag IS NULL");
      const rows = client.query<{ tag: string }, []>("SELECT tag FROM _migration").all();
      const applied = new Set(rows.map((row) => row.tag));
      const known = new Set(migrations.map((migration) => migration.tag));
      const newer = [...applied].filter((tag) => !known.has(tag));
      if (newer.length > 0) {
        throw new StoreError(
          `${path} was written by a newer Cyme (it has ${newer.join(", ")}): install that version, or use another instance directory`,
        );
      }
      for (const { tag, sql } of migrations.filter((migration) => !applied.has(migration.tag))) {
        for (const statement of sql.split("--> statement-breakpoint")) client.run(statement);
        client.run("INSERT INTO _migration VALUES (?, ?)", [tag, Date.now()]);
      }
      if (client.query("PRAGMA foreign_key_check").all().length > 0) {
        throw new StoreError(`${path} is damaged: rows refer to rows that are not there; restore it from a backup`);
      }
    })
    .immediate();
  client.run("PRAGMA foreign_keys=ON");
}

const ADVICE: [RegExp, string][] = [
  [/^SQLITE_(NOTADB|CORRUPT)/, "is damaged or no database: move it away or restore it from a backup"],
  [/^SQLITE_READONLY/, "is read-only: make it and its directory writable for the user of the branch"],
  [/^SQLITE_CANTOPEN/, "cannot be opened: check that its directory is there and writable for the user of the branch"],
  [/^SQLITE_(FULL|IOERR)/, "cannot be written: is the disk full?"],
  [/^SQLITE_BUSY/, "is locked by another program: end that program and try again"],
];

function explained(path: string, error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  const advice = ADVICE.find(([code]) => code.test(error.code ?? ""))?.[1];
  return advice ? new StoreError(`${path} ${advice} (${error.message})`) : error;
}

/** A failing disk or lock during work, as an error for the user; anything else comes back as it is. */
export function asCymeError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  const advice = ADVICE.find(([code]) => code.test(error.code ?? ""))?.[1];
  if (!advice) return error;
  return new CymeError("unavailable", `The branch's database ${advice}`, { stored: false, retry_after: 10 });
}

function isSqliteError(error: unknown, code?: string): error is SQLiteError {
  return error instanceof SQLiteError && (code === undefined || error.code === code);
}
