import { eq } from "drizzle-orm";
import type { Db } from "./database.ts";
import { settings } from "./schema.ts";

/**
 * What the branch remembers of itself: its id, and the default broker (a URL with its password), command, and what URL tasks may reach
 * (JSON) that it was last started with, for commands that work on the directory while no daemon runs.
 */
export type SettingKey = "branch_id" | "broker" | "command" | "webhook_allow";

export class SettingTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  get(key: SettingKey): string | undefined {
    return this.#db.select().from(settings).where(eq(settings.key, key)).get()?.value;
  }

  set(key: SettingKey, value: string): void {
    this.#db.insert(settings).values({ key, value }).onConflictDoUpdate({ target: settings.key, set: { value } }).run();
  }
}
