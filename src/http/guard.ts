import { isIP } from "node:net";
import { hostname } from "node:os";
import { CymeError } from "../domain/errors.ts";

export interface GuardOptions {
  /** Names besides IP addresses, localhost and this machine's own under which the API may be called. */
  readonly allowedHosts: readonly string[];
  /** The other site whose pages may call the API. */
  readonly corsOrigin: string | undefined;
}

/**
 * Refuses what a browser may have been tricked into: a Host that some foreign name was made to point at (DNS rebinding),
 * and requests from pages of other sites. Throws `forbidden`.
 */
export function guard(headers: Headers, options: GuardOptions): void {
  const host = headers.get("host");
  if (host !== null && !isOwnHost(host, options.allowedHosts)) {
    throw new CymeError("forbidden", `Host "${host.slice(0, 100)}" is not served here: allow it with --allowed-host`);
  }
  const origin = headers.get("origin");
  if (origin !== null && origin === options.corsOrigin) return;
  const isSameOrigin = origin === null || origin === `http://${host}` || origin === `https://${host}`;
  const site = headers.get("sec-fetch-site");
  const isSameSite = site === null || site === "same-origin" || site === "none";
  if (!isSameOrigin || !isSameSite) {
    throw new CymeError(
      "forbidden",
      `Pages of another site (${(origin ?? site ?? "").slice(0, 100)}) may not call this API`,
    );
  }
}

/** What lets pages of the allowed site read answers. */
export function corsHeaders(headers: Headers, { corsOrigin }: GuardOptions): Record<string, string> {
  if (corsOrigin === undefined || headers.get("origin") !== corsOrigin) return {};
  return {
    "access-control-allow-origin": corsOrigin,
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, OPTIONS",
    "access-control-allow-headers": "content-type, authorization",
    vary: "origin",
  };
}

function isOwnHost(host: string, allowed: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, "").toLowerCase();
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  return isIP(bare) !== 0 || name === "localhost" || name === hostname().toLowerCase() || allowed.includes(name);
}
