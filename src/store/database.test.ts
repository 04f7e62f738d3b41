import { Database, SQLiteError } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asCymeError, openDatabase, StoreError } from "./database.ts";
import { migrations } from "./migrations/index.ts";
import * as schema from "./schema.ts";
import { Store } from "./store.ts";
import { scratchFolder } from "./test-support.ts";

const FOLDER = join(import.meta.dir, "migrations");

/** What was said where a database could not be opened. */
function refusal(path: string, steps = migrations): string {
  try {
    openDatabase(path, steps).client.close();
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
  throw new Error(`${path} was opened`);
}

const tablesOf = (client: Database) =>
  client
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => name)
    .toSorted();

const parents = { tag: "0000_parents", sql: "CREATE TABLE parents (id INTEGER PRIMARY KEY)" };
const children = {
  tag: "0001_children",
  sql: `CREATE TABLE children (parent INTEGER NOT NULL REFERENCES parents(id) ON DELETE CASCADE);
--> statement-breakpoint
INSERT INTO parents VALUES (1);
--> statement-breakpoint
INSERT INTO children VALUES (1);`,
};

describe("the embedded migrations", () => {
  test("are all the files of the folder, in their order, with their text", () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith(".sql"));
    expect(migrations.map(({ tag }) => `${tag}.sql`)).toEqual(files.toSorted());
    expect(migrations.map(({ sql }) => sql)).toEqual(
      files.toSorted().map((file) => readFileSync(join(FOLDER, file), "utf8")),
    );
  });

  test("make the tables and columns that the schema says", () => {
    const { client } = openDatabase(":memory:");
    const tables = Object.values(schema as Record<string, SQLiteTable>).map(getTableConfig);
    expect(tablesOf(client)).toEqual(["_migration", ...tables.map(({ name }) => name)].toSorted());
    for (const { name, columns } of tables) {
      const made = client
        .query<{ name: string; type: string; notnull: number }, []>(`PRAGMA table_info(${name})`)
        .all();
      const wanted = columns.map((column) => `${column.name} ${column.getSQLType()} ${column.notNull}`);
      expect(
        made.map((column) => `${column.name} ${column.type.toLowerCase()} ${column.notnull === 1}`).toSorted(),
      ).toEqual(wanted.toSorted());
    }
    client.close();
  });
});

describe("opening a database", () => {
  test("makes a new one, which survives power cuts, waits for others and keeps its references whole", () => {
    using folder = scratchFolder();
    const { client } = openDatabase(folder.file("branch.db"));
    const pragma = (name: string) =>
      Object.values(client.query<Record<string, unknown>, []>(`PRAGMA ${name}`).get() ?? {})[0];
    expect([pragma("journal_mode"), pragma("foreign_keys"), pragma("busy_timeout"), pragma("synchronous")]).toEqual([
      "wal",
      1,
      5000,
      1,
    ]);
    client.close();
  });

  test("applies each migration once, however often it is opened", () => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    openDatabase(path, [parents]).client.close();
    for (let times = 0; times < 3; times++) {
      const { client } = openDatabase(path, [parents, children]);
      expect(client.query("SELECT tag FROM _migration ORDER BY tag").values()).toEqual([[parents.tag], [children.tag]]);
      expect(client.query("SELECT * FROM children").values()).toEqual([[1]]);
      client.close();
    }
  });

  test("applies an older one too that came in by a merge", () => {
    const between = { tag: "0000_z_between", sql: "CREATE TABLE between_both (id INTEGER)" };
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    openDatabase(path, [parents, children]).client.close();
    const { client } = openDatabase(path, [parents, between, children]);
    expect(tablesOf(client)).toEqual(["_migration", "between_both", "children", "parents"]);
    client.close();
  });

  test("rebuilds a table without deleting the rows that refer to it", () => {
    const rebuild = {
      tag: "0002_rebuild",
      sql: `CREATE TABLE new_parents (id INTEGER PRIMARY KEY, name TEXT);
--> statement-breakpoint
INSERT INTO new_parents (id) SELECT id FROM parents;
--> statement-breakpoint
DROP TABLE parents;
--> statement-breakpoint
ALTER TABLE new_parents RENAME TO parents;`,
    };
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    openDatabase(path, [parents, children]).client.close();
    const { client } = openDatabase(path, [parents, children, rebuild]);
    expect(client.query("SELECT * FROM children").values()).toEqual([[1]]);
    client.run("DELETE FROM parents");
    expect(client.query("SELECT * FROM children").values()).toEqual([]);
    client.close();
  });

  test("leaves all as it was where a migration fails in the middle", () => {
    const broken = {
      tag: "0002_broken",
      sql: "CREATE TABLE half (id INTEGER);\n--> statement-breakpoint\nno SQL at all",
    };
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    openDatabase(path, [parents]).client.close();
    expect(() => openDatabase(path, [parents, children, broken])).toThrow();
    const { client } = openDatabase(path, [parents]);
    expect(tablesOf(client)).toEqual(["_migration", "parents"]);
    client.close();
  });
});

describe("opening is refused in words for the user where", () => {
  test("a newer Cyme wrote the database, which stays as it is", () => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    openDatabase(path, [parents, children]).client.close();
    expect(refusal(path, [parents])).toBe(
      `${path} was written by a newer Cyme (it has 0001_children): install that version, or use another instance directory`,
    );
    openDatabase(path, [parents, children]).client.close();
  });

  test("rows refer to rows that are not there", () => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    const { client } = openDatabase(path, [parents, children]);
    client.run("PRAGMA foreign_keys=OFF");
    client.run("INSERT INTO children VALUES (99)");
    client.close();
    expect(refusal(path, [parents, children])).toBe(
      `${path} is damaged: rows refer to rows that are not there; restore it from a backup`,
    );
  });

  test("the file is no database", () => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    const text =
      "this is a text, and long enough to be taken for a header of a database file by its length alone. ".repeat(20);
    writeFileSync(path, text);
    expect(refusal(path)).toStartWith(`${path} is damaged or no database: move it away or restore it from a backup (`);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("the database is damaged", () => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    const { client } = openDatabase(path);
    client.run("PRAGMA wal_checkpoint(TRUNCATE)");
    client.close();
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 100);
    writeFileSync(path, bytes);
    expect(refusal(path)).toContain("is damaged or no database");
  });

  test("its directory is not there, or a file", () => {
    using folder = scratchFolder();
    expect(refusal(folder.file("none/branch.db"))).toContain("cannot be opened: check that its directory is there");
    writeFileSync(folder.file("file"), "");
    expect(refusal(folder.file("file/branch.db"))).toContain("cannot be opened");
  });

  test.each([
    ["the file may not be written", (file: string) => chmodSync(file, 0o444)],
    ["nor its directory", (file: string) => chmodSync(join(file, ".."), 0o555)],
  ])("%s", async (_what, forbid) => {
    using folder = scratchFolder();
    const path = folder.file("branch.db");
    chmodSync(folder.path, 0o777);
    openDatabase(path).client.close();
    chmodSync(path, 0o666);
    forbid(path);
    const said = await openAsNobody(path);
    expect(said).toMatch(/^StoreError .*branch\.db (is read-only: make it and its directory|cannot be opened: check)/);
    expect(said).toContain("writable for the user of the branch");
    chmodSync(folder.path, 0o700);
  });
});

/** Permissions do not bind root: a child gives its rights away first. */
async function openAsNobody(path: string): Promise<string> {
  const source = `
    import { openDatabase } from ${JSON.stringify(join(import.meta.dir, "database.ts"))};
    if (process.getuid?.() === 0) process.setuid?.(65534);
    try { openDatabase(${JSON.stringify(path)}); console.log("opened"); }
    catch (error) { console.log(error.constructor.name, error.message); }`;
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe", stderr: "inherit" });
  return (await child.stdout.text()).trim();
}

test("any number of processes may open the same new database at the same time", async () => {
  using folder = scratchFolder();
  const source = `
    import { Store } from ${JSON.stringify(join(import.meta.dir, "store.ts"))};
    for await (const path of console) {
      try {
        const store = new Store(path);
        store.write(() => store.settings.set("branch_id", String(process.pid)));
        store.close();
        console.log("opened");
      } catch (error) { console.log(String(error)); }
    }`;
  const openers = Array.from({ length: 8 }, () => {
    const child = Bun.spawn([process.execPath, "-e", source], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const reader = child.stdout.getReader();
    const answer = async () => new TextDecoder().decode((await reader.read()).value).trim();
    return { child, answer };
  });
  for (let round = 0; round < 6; round++) {
    const path = folder.file(`${round}.db`);
    for (const { child } of openers) {
      child.stdin.write(`${path}\n`);
      await child.stdin.flush();
    }
    const answers = await Promise.all(openers.map(({ answer }) => answer()));
    expect(answers).toEqual(openers.map(() => "opened"));
    expect(new Store(path).settings.get("branch_id")).toBeDefined();
    expect(existsSync(path)).toBe(true);
  }
  for (const { child } of openers) child.stdin.end();
  expect(await Promise.all(openers.map(({ child }) => child.exited))).toEqual(openers.map(() => 0));
});

describe("an error during work", () => {
  function failure(work: () => unknown): unknown {
    try {
      work();
    } catch (error) {
      return asCymeError(error);
    }
    throw new Error("it went well");
  }

  const unavailable = (message: string) => ({
    code: "unavailable",
    message: `The branch's database ${message}`,
    facts: { stored: false, retry_after: 10 },
  });

  test("says that another program holds the lock", () => {
    using folder = scratchFolder();
    const { client } = openDatabase(folder.file("branch.db"));
    const other = new Database(folder.file("branch.db"));
    client.run("BEGIN IMMEDIATE");
    expect(failure(() => other.run("BEGIN IMMEDIATE"))).toMatchObject(
      unavailable("is locked by another program: end that program and try again"),
    );
    client.close();
    other.close();
  });

  test("says that the disk may be full", () => {
    const { client } = openDatabase(":memory:");
    client.run("PRAGMA max_page_count=1");
    const fill = () => client.run("INSERT INTO settings VALUES ('x', hex(zeroblob(100000)))");
    expect(failure(fill)).toMatchObject(unavailable("cannot be written: is the disk full?"));
    client.close();
  });

  test("stays as it is where it is ours", () => {
    const { client } = openDatabase(":memory:");
    expect(failure(() => client.run("no SQL"))).toBeInstanceOf(SQLiteError);
    const error = new Error("other");
    expect(asCymeError(error)).toBe(error);
    client.close();
  });
});
