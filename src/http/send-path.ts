import { invalid } from "../domain/errors.ts";
import { parseTarget } from "../domain/task.ts";

/** A request whose path asks for a URL task. */
export interface SendPath {
  readonly app: string;
  /** Undefined where none was named. */
  readonly queue: string | undefined;
  /** The target with its query, byte for byte. */
  readonly url: string;
  readonly nowait: boolean;
}

const PREFIX = /^\/([^/?#]+)\/queue(?=[/?#]|$)\/?/;
const SCHEME = /^https?(:|%3a)/i;
const DECODED_ONCE = /^https?%3a/i;

/**
 * `/<app>/queue/[!/][<queue>/]<url>`, taken from the text of a request URL: the target is not to be decoded, and its slashes
 * and question marks are its own. Undefined for all other paths. Throws `invalid`.
 */
export function parseSendPath(requestUrl: string): SendPath | undefined {
  // Without a Host header Bun gives the bare path.
  const path = requestUrl.startsWith("/")
    ? requestUrl
    : requestUrl.slice(requestUrl.indexOf("/", requestUrl.indexOf("://") + 3));
  const prefix = PREFIX.exec(path);
  if (!prefix) return undefined;
  const app = decode(prefix[1] ?? "");
  const nowait = path.startsWith("!/", prefix[0].length);
  const rest = path.slice(prefix[0].length + (nowait ? 2 : 0));
  if (SCHEME.test(rest)) return { app, queue: undefined, url: target(rest), nowait };
  const slash = rest.indexOf("/");
  if (slash < 0) throw invalid("the path", "<app>/queue/<queue>/<url>", `${app}/queue/${rest}`);
  return { app, queue: decode(rest.slice(0, slash)), url: target(rest.slice(slash + 1)), nowait };
}

/** A target whose scheme is encoded was encoded as a whole, but for the query that may follow it. */
function target(raw: string): string {
  if (!DECODED_ONCE.test(raw)) return parseTarget(raw);
  const mark = raw.indexOf("?");
  if (mark < 0) return parseTarget(decode(raw));
  const url = decode(raw.slice(0, mark));
  return parseTarget(`${url}${url.includes("?") ? "&" : "?"}${raw.slice(mark + 1)}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("the path", "percent signs followed by two hexadecimal digits of UTF-8", text);
  }
}
