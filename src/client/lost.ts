/** What the authority and the certificate are given by, in the words of who gives them. */
export interface Spelling {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How somebody was to be reached, as far as it tells what a failure means. */
export interface Way {
  readonly isHttps: boolean;
  /** Whether it is a socket file. */
  readonly isSocket: boolean;
  readonly host: string;
  /** Whether the authority was given, and a certificate of one's own. */
  readonly hasCa: boolean;
  readonly hasCert: boolean;
  readonly spelling: Spelling;
}

/** Why nobody could be reached; `reached` says whether the request may have got there all the same. */
export interface Loss {
  readonly why: string;
  readonly reached: boolean;
}

const START = "is the branch running? start it with `cyme branch`";
const NO_HTTP = "what listens there does not speak HTTP";
const CLOSED = "the connection was closed before the answer";

const NOT_LISTENING: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ConnectionRefused: "connection refused",
  ENOENT: "there is no such socket",
  FailedToOpenSocket: "cannot connect",
};
const UNKNOWN_AUTHORITY = [
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
];

/** By the code of the failure; undefined where it says nothing that is known. */
export function lossOf(code: string, way: Way): Loss | undefined {
  const notListening = NOT_LISTENING[code];
  if (notListening !== undefined) return { why: `${notListening}; ${START}`, reached: false };
  if (code === "ENOTFOUND") return { why: "unknown host", reached: false };
  if (code === "ECONNRESET") return { why: `${CLOSED}${closedBy(way)}`, reached: true };
  if (code === "Malformed_HTTP_Response" || code.startsWith("HPE_")) return { why: NO_HTTP, reached: false };
  const untrusted = way.isHttps ? distrust(code, way) : undefined;
  return untrusted === undefined ? undefined : { why: untrusted, reached: false };
}

/** The branch looks at the certificate when it has let the connection in, and closes it without a word. */
function closedBy({ isHttps, isSocket, hasCert, spelling }: Way): string {
  if (isHttps && hasCert) return `; does the branch accept the certificate of ${spelling.cert}?`;
  if (isHttps) return `; does the branch want a client certificate, ${spelling.cert} and ${spelling.key}?`;
  return isSocket ? "" : "; does it serve https?";
}

function distrust(code: string, { host, hasCa, hasCert, spelling }: Way): string | undefined {
  if (UNKNOWN_AUTHORITY.includes(code)) {
    return hasCa
      ? `its certificate is not of the authority of ${spelling.ca}: give its authority with ${spelling.ca}`
      : `its certificate is of an authority that is not known here: give its authority with ${spelling.ca}`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is not for ${host}`;
  if (code === "CERT_HAS_EXPIRED") return "its certificate has expired";
  if (code !== "EPROTO" && !code.startsWith("ERR_SSL_")) return undefined;
  const pair = `${spelling.cert} and ${spelling.key}`;
  const wanted = hasCert ? `another client certificate (${pair})` : `a client certificate: ${pair}`;
  return `the TLS handshake failed: the branch wants ${wanted}, or serves http at that port`;
}
