/** What every answer says to browsers; what the page says of itself stays. */
const ALWAYS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
/** By TLS: half a year. */
const HSTS = "max-age=15552000";

/** Adds them; `isSecure` where the answer goes by TLS. */
export function addSecurityHeaders(headers: Headers, isSecure: boolean): void {
  for (const [name, value] of Object.entries(ALWAYS)) if (!headers.has(name)) headers.set(name, value);
  if (isSecure) headers.set("strict-transport-security", HSTS);
}
