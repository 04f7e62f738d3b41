import type { AuditEntry } from "../domain/audit.ts";
import type { Log } from "../kit/log.ts";
import type { Parts } from "./context.ts";

/** Who was asked for what, on this branch. */
export class Audit {
  readonly #parts: Pick<Parts, "store" | "clock"> & { readonly log: Log };

  constructor(parts: Pick<Parts, "store" | "clock"> & { readonly log: Log }) {
    this.#parts = parts;
  }

  /** Never throws: what was done is done, and the log says that it was not written down. */
  add(entry: Omit<AuditEntry, "atMs">): void {
    const { store, clock, log } = this.#parts;
    try {
      store.write(() => store.audit.add({ ...entry, atMs: clock.now() }));
    } catch (error) {
      const { who, method, path, status } = entry;
      log.error("a change cannot be written to the audit", { error, who, method, path, status });
    }
  }

  /** Newest first: `limit` that were made before `beforeMs`, and those of the same millisecond as the last of them. */
  list(limit: number, beforeMs: number): AuditEntry[] {
    return this.#parts.store.audit.list(limit, beforeMs);
  }
}
