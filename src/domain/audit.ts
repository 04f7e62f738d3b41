import type { Proof, Role } from "./access.ts";

/** A change, or a log-in, that somebody asked for; also one that was refused. */
export interface AuditEntry {
  readonly atMs: number;
  /** Of the user or token; null where nobody was named. */
  readonly who: string | null;
  /** Null where it was not known who asked. */
  readonly role: Role | null;
  readonly by: Proof | null;
  /** The address that it came from; null where it came over none. */
  readonly from: string | null;
  readonly method: string;
  readonly path: string;
  /** Without secrets. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Of the answer. */
  readonly status: number;
}
