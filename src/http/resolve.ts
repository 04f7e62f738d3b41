import { CymeError } from "../domain/errors.ts";
import { parsePath, type ParsedPath } from "./path.ts";
import { SEND_ROLE, type Wanted } from "./roles.ts";
import { routes, type Method, type Route } from "./routes.ts";
import { parseSendPath, type SendPath } from "./send-path.ts";

interface Match {
  readonly route: Route;
  /** Names in the path, by the name in the pattern. */
  readonly path: Record<string, string>;
}

/** What a request is about, before anything is asked of anybody, and which role that takes. */
export type Resolved = { readonly role: Wanted } & (
  | { readonly is: "send"; readonly path: SendPath }
  | { readonly is: "route"; readonly match: Match; readonly method: Method; readonly parsed: ParsedPath }
  | { readonly is: "options"; readonly allow: readonly string[] }
  /** There is no such thing; said to those alone who may know what there is. */
  | { readonly is: "nothing"; readonly error: unknown }
);

/** Never throws. What is checked and what is done is this one answer, so that both look at the same path. */
export function resolve(request: Pick<Request, "method" | "url">): Resolved {
  try {
    const path = parseSendPath(request.url);
    if (path && !FIXED.has(path.app)) return { is: "send", role: SEND_ROLE, path };
    return resolveRoute(request.method, parsePath(request.url));
  } catch (error) {
    return { is: "nothing", role: "viewer", error };
  }
}

function resolveRoute(asked: string, parsed: ParsedPath): Resolved {
  const candidates = matching(withAliases(parsed.segments));
  const [first] = candidates;
  if (!first) throw new CymeError("not-found", `There is nothing at ${pathOf(parsed)}`);
  const allow = allowed(candidates);
  // Of the rows of one pattern either all are open or none.
  const role = first.route.role === "open" ? "open" : "viewer";
  if (asked === "OPTIONS") return { is: "options", role, allow };
  const method = asked === "HEAD" ? "GET" : asked;
  const match = candidates.find(({ route }) => route.methods.includes(method as Method));
  if (!match) {
    const message = `${asked} is not possible at ${pathOf(parsed)}: wanted ${allow.join(", ")}`;
    return { is: "nothing", role, error: new CymeError("method-not-allowed", message, { allow }) };
  }
  if (parsed.nowait && method === "GET") {
    throw new CymeError("not-implemented", "A read answers at once: leave !/ out of the path");
  }
  return { is: "route", role: match.route.role, match, method: method as Method, parsed };
}

const compiled = routes.map((route) => ({ route, parts: route.pattern.split("/").filter((part) => part !== "") }));
/** By the number of parts, since no other pattern can fit a path. */
const compiledByLength = Map.groupBy(compiled, ({ parts }) => parts.length);
/** Words that are no app, so that no pattern with a name for an app matches them. */
const FIXED = new Set(["ping", "health", "branches", "api", "instances", "openapi.json"]);

/** The routes of the first pattern that fits, one per row with that pattern. */
function matching(segments: readonly string[]): Match[] {
  const found: Match[] = [];
  for (const { route, parts } of compiledByLength.get(segments.length) ?? []) {
    if (found[0] && found[0].route.pattern !== route.pattern) continue;
    const path = matchParts(parts, segments);
    if (path) found.push({ route, path });
  }
  return found;
}

function matchParts(parts: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const path: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const segment = segments[at] ?? "";
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
    } else if (part === ":app" && FIXED.has(segment)) {
      return undefined;
    } else {
      path[part.slice(1)] = segment;
    }
  }
  return path;
}

/** Documented other spellings: `/<app>/instance/…`, and `/instances/<name>/…` for an instance whose app is not named. */
function withAliases(segments: readonly string[]): readonly string[] {
  const [first, second, ...rest] = segments;
  if (first === "instances" && second !== undefined) return ["", "instances", second, ...rest];
  if (first !== undefined && second === "instance") return [first, "instances", ...rest];
  return segments;
}

function allowed(candidates: readonly Match[]): string[] {
  const methods = candidates.flatMap(({ route }) => route.methods);
  return [
    ...(methods.includes("GET") ? ["GET", "HEAD"] : []),
    ...methods.filter((method) => method !== "GET"),
    "OPTIONS",
  ];
}

/** For messages and logs: without the query, which may hold a password. */
export const pathOf = ({ segments }: ParsedPath) => `/${segments.join("/")}`.slice(0, 200);
