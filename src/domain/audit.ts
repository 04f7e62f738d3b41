import type { Proof, Role } from "./access.ts";

/** Who asked, as far as that was known. */
export type AuditWho = Pick<AuditEntry, "who" | "role" | "by">;

/** A change, or a log-in, that somebody asked for; also one that was refused. */
export interface AuditEntry {
  readonly atMs: number;
  /** Of the user or token; null where nobody was named. At a log-in that failed the name that was tried. */
  readonly who: string | null;
  /** Null, as is `by`, where it was not known who asked. */
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

/**
 * Whether anybody, or any viewer, can ask for it as often as he likes: what was refused, and log-ins. That is not to drive out
 * what was done.
 */
export const isOfCrowd = ({ by, path, status }: AuditEntry) =>
  by === null || status === 401 || status === 403 || path === "/api/session";
