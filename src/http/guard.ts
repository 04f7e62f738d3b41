import { isIP } from "node:net";
import { hostname } from "node:os";
import { CymeError } from "../domain/errors.ts";

export interface GuardOptions {
  /** Names besides IP addresses, localhost and this machine's own under which the API may be called. */
  readonly allowedHosts: readonly string[];
  /** The other site whose pages may call the API. */
  readonly corsOrigin: string | undefined;
}

/** How a URL task calls itself, and what it says where `--webhook-allow` names its target (celery/webhook/cyme_webhook.py). */
const URL_TASK_AGENT = "Celery/cyme ";
const NAMED_TARGET = { header: "x-cyme-webhook", value: "allowed" } as const;

/** On loopback everybody is admin, the workers of other branches too: what they are told to fetch is not to be this API. */
function refuseUrlTask(headers: Headers): void {
  if (!headers.get("user-agent")?.startsWith(URL_TASK_AGENT)) return;
  if (headers.get(NAMED_TARGET.header) === NAMED_TARGET.value) return;
  throw new CymeError(
    "forbidden",
    "URL tasks may not call the API of a branch, unless --webhook-allow of the branch that performs them names its address",
  );
}

/**
 * Refuses what a browser may have been tricked into: a Host that some foreign name was made to point at (DNS rebinding),
 * and requests from pages of other sites and from URL tasks. Throws `forbidden`.
 */
export function guard(headers: Headers, options: GuardOptions): void {
  refuseUrlTask(headers);
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
