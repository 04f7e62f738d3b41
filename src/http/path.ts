import { invalid } from "../domain/errors.ts";

/** A path as the table of routes is asked for it. */
export interface ParsedPath {
  readonly segments: readonly string[];
  /** The text after the ?, undecoded. */
  readonly query: string;
  /** Whether `!/` stood in it: the caller does not want to wait. */
  readonly nowait: boolean;
}

/** After these `!/` may stand. */
export const NOUNS: readonly string[] = ["instances", "instance", "queues", "branches", "task", "query"];

/**
 * Takes a request URL apart by its text, since what a URL parser makes of it is not always what was routed. A trailing
 * slash is optional; `!/` stands at the start or after a noun. Throws `invalid` for broken percent signs.
 */
export function parsePath(url: string): ParsedPath {
  // Without a Host header Bun gives the bare path.
  const path = url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3));
  const mark = path.indexOf("?");
  const query = mark < 0 ? "" : path.slice(mark + 1);
  const raw = (mark < 0 ? path : path.slice(0, mark)).slice(1).split("/");
  if (raw.length > 1 && raw.at(-1) === "") raw.pop();
  if (raw.length === 1 && raw[0] === "") return { segments: [], query, nowait: false };
  const bang = raw.indexOf("!");
  const nowait = bang === 0 || (bang > 0 && NOUNS.includes(raw[bang - 1] ?? ""));
  const segments = raw.filter((_, at) => !nowait || at !== bang).map(decode);
  return { segments, query, nowait };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid("the path", "percent signs followed by two hexadecimal digits of UTF-8", segment);
  }
}
