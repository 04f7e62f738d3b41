import type { Role } from "../../api/types.ts";

/** One of GET /api/users/. */
export interface User {
  readonly name: string;
  readonly role: Role;
  readonly created_at: string;
}

/** One of GET /api/tokens/. */
export interface Token extends User {
  /** Null: never. */
  readonly expires_at: string | null;
}

/** What a role may do, least first. */
export const ROLES: readonly { readonly value: Role; readonly label: string }[] = [
  { value: "viewer", label: "viewer: sees all but secrets, users and the audit" },
  { value: "operator", label: "operator: and works with instances, consumers, tasks" },
  { value: "admin", label: "admin: everything" },
];
