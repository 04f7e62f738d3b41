import { invalid } from "./errors.ts";

/** What somebody may do, each more than the one before: read without secrets; work with instances, consumers and tasks; all. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whether somebody with the role `had` may do what takes `wanted`. */
export const isAtLeast = (had: Role, wanted: Role) => ROLES.indexOf(had) >= ROLES.indexOf(wanted);

/** Throws `invalid`. */
export function role(name: string, raw: unknown): Role {
  const known = ROLES.find((one) => one === raw);
  if (!known) throw invalid(name, `one of ${ROLES.join(", ")}`, raw);
  return known;
}

/**
 * How it is known who asks: by the socket of the instance directory (or in the same process); not at all, where there are no
 * users; by what was sent along; or by the branch that was asked first.
 */
export type Proof = "socket" | "open" | "password" | "token" | "session" | "branch";

/** Who asks. */
export interface Who {
  /** Of the user or token; null where there is none. */
  readonly name: string | null;
  readonly role: Role;
  readonly by: Proof;
  /** The address that the request came from; null where it came over none. */
  readonly from: string | null;
}
