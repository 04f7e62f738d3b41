import { eq } from "drizzle-orm";
import type { Db } from "./database.ts";
import { settings } from "./schema.ts";

/**
 * What the branch remembers of itself:
 * - `branch_id`, and `branch_key`: a secret by which it is told apart from another that was given the same id;
 * - `broker` (a URL with its password), `command`, and `webhook_allow`: what URL tasks may reach (JSON): what it was last started
 *   with, for commands that work on the directory while no daemon runs;
 * - `arriving`: names of instances that are being moved here (JSON), removed by the next start where that did not end;
 * - `halted`: of each app the last rolling restart that was halted, see HaltTable (JSON);
 * - `former_ids`: ids that it had before, and until when (JSON): their results are still to come;
 * - `together_at`: when it was last on the bus as one of several branches, in milliseconds.
 */
export type SettingKey =
  | "branch_id"
  | "branch_key"
  | "broker"
  | "command"
  | "webhook_allow"
  | "together_at"
  | "arriving"
  | "halted"
  | "former_ids";

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

  /** The secret of this branch, made when it is first asked for. */
  branchKey(): string {
    const known = this.get("branch_key");
    if (known !== undefined) return known;
    const made = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
    // Another process may have made one at the same moment.
    this.#db.insert(settings).values({ key: "branch_key", value: made }).onConflictDoNothing().run();
    return this.get("branch_key") ?? made;
  }
}
