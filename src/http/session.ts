import { CymeError, invalid } from "../domain/errors.ts";
import { respond } from "./respond.ts";
import type { Call } from "./routes.ts";
import { time } from "./views.ts";
import { sessionCookie, sessionOf } from "./who.ts";

/* The routes by which a browser logs in and out. */

/** No script reads it, and no other site has it sent. */
const RULES = "; HttpOnly; SameSite=Strict; Path=/";

/** Of a name that was tried, in the audit: that of a user is no longer. */
const NAME_LENGTH = 128;

export async function logIn(call: Call): Promise<Response> {
  const { controller, params, from, tellAudit } = call;
  const { name, password } = params;
  if (typeof name !== "string" || name === "") throw invalid("name", "that of a user");
  tellAudit({ who: name.slice(0, NAME_LENGTH), role: null, by: null });
  if (typeof password !== "string" || password === "") throw invalid("password", "that of the user");
  if (controller.logins.isNobodyKnown) throw new CymeError("unauthorized", "There are no users");
  const { user, session, expiresAtMs, maxAgeS } = await controller.logins.logIn(name, password, from ?? "");
  tellAudit({ who: user.name, role: user.role, by: "password" });
  const view = { name: user.name, role: user.role, expires_at: time(expiresAtMs) };
  return respond(200, view, { "set-cookie": cookie(session, maxAgeS, call) });
}

/** Who is logged in, by whatever; 401 where nobody is. */
export async function showSession(call: Call): Promise<Response> {
  const { name, role, by } = await call.identify();
  const { id, version } = call.controller.branches.own();
  return respond(200, { name, role, by, branch: id, version, is_open: by === "open" });
}

/** Also where no session was brought: there is none afterwards. */
export function logOut(call: Call): Response {
  const { controller, headers, branchId, tellAudit } = call;
  const session = sessionOf(headers, branchId);
  const known = session === undefined ? undefined : controller.logins.bySession(session);
  if (known) tellAudit({ who: known.name, role: known.role, by: known.by });
  if (session !== undefined) controller.logins.logOut(session);
  return respond(200, { ok: "ok" }, { "set-cookie": cookie("", 0, call) });
}

const cookie = (value: string, maxAgeS: number, { branchId, isSecure }: Call) =>
  `${sessionCookie(branchId)}=${value}${RULES}; Max-Age=${maxAgeS}${isSecure ? "; Secure" : ""}`;
