import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Proof } from "../domain/access.ts";
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
export function guard(request: Pick<Request, "headers" | "method" | "url">, options: GuardOptions): void {
  const { headers } = request;
  refuseUrlTask(headers);
  const host = headers.get("host");
  if (host !== null && !isOwnHost(host, options.allowedHosts)) {
    throw new CymeError("forbidden", `Host "${host.slice(0, 100)}" is not served here: allow it with --allowed-host`);
  }
  const origin = headers.get("origin");
  if (origin !== null && origin === options.corsOrigin) return;
  // A page of the same name without TLS may be anybody's. Behind a proxy that ends TLS it is the other way round.
  const isSecure = request.url.startsWith("https:");
  const isOwn = origin === `https://${host}` || (!isSecure && origin === `http://${host}`);
  const isSameOrigin = origin === null || isOwn;
  const site = headers.get("sec-fetch-site");
  const isSameSite = site === null || site === "same-origin" || site === "none" || isLinkToPage(request);
  if (!isSameOrigin || !isSameSite) {
    throw new CymeError(
      "forbidden",
      `Pages of another site (${(origin ?? site ?? "").slice(0, 100)}) may not call this API`,
    );
  }
}

/** Whoever follows a link to the page, as in a mail, gets the page, which holds no data. */
function isLinkToPage({ headers, method, url }: Pick<Request, "headers" | "method" | "url">): boolean {
  const isNavigation = headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return isNavigation && method === "GET" && /^(https?:\/\/[^/]*)?\/admin(\/[^?#]*)?([?#]|$)/.test(url);
}

/** What browsers show somebody by without being told to: tokens and the socket they know nothing of. */
const BY_BROWSERS: ReadonlySet<Proof> = new Set(["session", "password", "open"]);

/**
 * Browsers send a session or a password along with what another page makes them load, and without TLS do not say whose page it
 * is; where nobody is known there is nothing to send. What is done by any method, as sends are, is to come from a script of the
 * page then, or from no browser. Throws `forbidden`.
 */
export function refuseForged(headers: Headers, by: Proof, { corsOrigin }: GuardOptions): void {
  const site = headers.get("sec-fetch-site");
  if (!BY_BROWSERS.has(by) || headers.get("x-requested-with") === "cyme" || site === "same-origin") return;
  if (by !== "session") {
    const isOfAllowed = corsOrigin !== undefined && headers.get("origin") === corsOrigin;
    // `none`: the user went there by himself.
    if (site === "none" || isOfAllowed || !isOfBrowser(headers)) return;
  }
  throw new CymeError("forbidden", "A send by a browser takes the header X-Requested-With: cyme, or a token");
}

/** A page can have none of these left out, but the Referer. */
function isOfBrowser(headers: Headers): boolean {
  const isCalledSo = headers.get("user-agent")?.startsWith("Mozilla/") ?? false;
  return isCalledSo || headers.has("referer") || [...headers.keys()].some((name) => name.startsWith("sec-"));
}

/** What a browser asks before a page of the allowed site may ask something; undefined for everything else. */
export function preflight({ headers, method }: Request, { corsOrigin }: GuardOptions): Response | undefined {
  const isAsked = method === "OPTIONS" && headers.has("access-control-request-method");
  if (!isAsked || corsOrigin === undefined || headers.get("origin") !== corsOrigin) return undefined;
  return new Response(null, { status: 204 });
}

/** What lets pages of the allowed site read answers. Not by cookies: they bring a token of their own. */
export function corsHeaders(headers: Headers, { corsOrigin }: GuardOptions): Record<string, string> {
  if (corsOrigin === undefined || headers.get("origin") !== corsOrigin) return {};
  return {
    "access-control-allow-origin": corsOrigin,
    "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS",
    "access-control-allow-headers": "content-type, authorization, x-cyme-task",
    "access-control-expose-headers": "location, retry-after, x-cyme-silent, x-cyme-task",
    vary: "origin",
  };
}

function isOwnHost(host: string, allowed: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, "").toLowerCase();
  const bare = name.replace(/^\[(.*)\]$/, "$1");
  return isIP(bare) !== 0 || name === "localhost" || name === hostname().toLowerCase() || allowed.includes(name);
}
