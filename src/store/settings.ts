import { eq } from "drizzle-orm";
import type { Db } from "./database.ts";
import { settings } from "./schema.ts";

/** What the branch remembers of itself. */
export class SettingTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** The id that the branch generated or was given last. */
  get branchId(): string | undefined {
    return this.#db.select().from(settings).where(eq(settings.key, "branch_id")).get()?.value;
  }

  set branchId(value: string) {
    const row = { key: "branch_id", value };
    this.#db.insert(settings).values(row).onConflictDoUpdate({ target: settings.key, set: { value } }).run();
  }
}
