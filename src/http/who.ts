import type { Controller } from "../controller/controller.ts";
import type { Who } from "../domain/access.ts";
import { CymeError } from "../domain/errors.ts";

/** By what a request is judged. */
export interface Asking {
  readonly headers: Headers;
  /** Where only the owner of the instance directory can ask: by its socket, or in the same process. */
  readonly isTrusted: boolean;
  readonly address: string | null;
}

/** Who tells by what is brought who somebody is. */
export type Doorkeeper = Pick<Controller["logins"], "isNobodyKnown" | "byToken" | "byPassword" | "bySession">;

export interface AccessOptions {
  /** Whether everybody who reaches the address is admin while there is no user and no token. */
  readonly isOpen: boolean;
  /** Pages of that site get no further by cookies. */
  readonly corsOrigin: string | undefined;
  /** Whose sessions count. */
  readonly branchId: string;
}

/** What a branch calls its cookie: browsers send cookies to all ports of a host, and other branches may be at those. */
export const sessionCookie = (branchId: string) => `cyme_session_${branchId}`;

/** Who asks. Rejects `unauthorized` where that cannot be told, or where what was brought is wrong. */
export async function whoAsks(
  { headers, isTrusted, address: from }: Asking,
  logins: Doorkeeper,
  { isOpen, corsOrigin, branchId }: AccessOptions,
): Promise<Who> {
  if (isTrusted) return { name: null, role: "admin", by: "socket", from: null };
  const authorization = headers.get("authorization");
  // Also where everybody may: whoever brings something wants to be somebody.
  if (authorization !== null) return { ...(await byAuthorization(authorization, from, logins)), from };
  const session = isOfSite(headers, corsOrigin) ? undefined : sessionOf(headers, branchId);
  const known = session === undefined ? undefined : logins.bySession(session);
  if (known) return { ...known, from };
  if (!logins.isNobodyKnown) throw unauthorized(session === undefined ? WANTED : "The session has ended: log in again");
  if (isOpen) return { name: null, role: "admin", by: "open", from };
  throw unauthorized(`There is no user yet: add one on the machine of the branch with \`${CREATE}\``);
}

const CREATE = "cyme createsuperuser -L -D <instance dir>";
const WANTED = "This takes a token (Authorization: Bearer …), a name and a password (Basic), or a session of the page";

const unauthorized = (message: string) => new CymeError("unauthorized", message);

async function byAuthorization(authorization: string, from: string | null, logins: Doorkeeper) {
  const [, scheme = "", value = ""] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return logins.byToken(value);
    case "basic": {
      const text = Buffer.from(value, "base64").toString("utf8");
      const colon = text.indexOf(":");
      if (colon < 0) throw unauthorized("Cannot read Authorization: wanted Basic and base64 of name:password");
      return logins.byPassword(text.slice(0, colon), text.slice(colon + 1), from ?? "");
    }
    default:
      throw unauthorized("Cannot read Authorization: wanted Bearer and a token, or Basic and base64 of name:password");
  }
}

const isOfSite = (headers: Headers, site: string | undefined) => site !== undefined && headers.get("origin") === site;

const SESSION = /^[A-Za-z0-9_-]{43}$/;

/** The id of the session at that branch that a browser brings; undefined where it brings none. */
export function sessionOf(headers: Headers, branchId: string): string | undefined {
  const start = `${sessionCookie(branchId)}=`;
  const pairs = (headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
  const ids = pairs.filter((pair) => pair.startsWith(start)).map((pair) => pair.slice(start.length));
  return ids.find((id) => SESSION.test(id));
}

/**
 * How to come back with something better. Nothing of Basic, which needs none: browsers would ask their user for a password, and
 * from then on send it along with what any page makes them load.
 */
export const CHALLENGE = 'Bearer realm="cyme"';
