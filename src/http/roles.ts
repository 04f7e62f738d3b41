import type { Role } from "../domain/access.ts";

/** What a route takes: a role at least, or nothing at all. */
export type Wanted = "open" | Role;

/** For who is not logged in yet, and who watches whether the branch lives. */
const OPEN: readonly string[] = ["/ping", "/api/session"];
/** Who may do what, and what was done with it. */
const ADMIN = ["/api/users", "/api/tokens", "/api/audit"];
/** What is changed day by day, of what admins have declared. */
const OPERATED = ["/:app/instances", "/:app/task", "/api/workers"];

/**
 * By the path, so that no route can be forgotten: reading takes a viewer, and a change that nobody thought of an admin, as
 * those of apps, queues and branches do.
 */
export function wantedRole(methods: readonly string[], pattern: string): Wanted {
  const isBelow = (path: string) => pattern === path || pattern.startsWith(`${path}/`);
  if (OPEN.includes(pattern)) return "open";
  if (ADMIN.some(isBelow)) return "admin";
  if (methods.includes("GET")) return "viewer";
  return OPERATED.some(isBelow) ? "operator" : "admin";
}

/** Tasks are sent by whatever method. */
export const SEND_ROLE: Role = "operator";
