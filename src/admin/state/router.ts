import { signal } from "@preact/signals";

/** Where the page is: `#/instances/web?tab=log` is `["instances", "web"]` and its query. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Takes a hash apart; parts that are not well encoded stay as they are. */
export function parseHash(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The hash of a place, for links: `href("instances", "web")`. A query goes last, as an object. */
export function href(...parts: (string | Readonly<Record<string, string>>)[]): string {
  const path = parts.filter((part) => typeof part === "string").map(encodeURIComponent);
  const query = new URLSearchParams(Object.assign({}, ...parts.filter((part) => typeof part !== "string")));
  return `#/${path.join("/")}${query.size > 0 ? `?${query}` : ""}`;
}

export const route = signal<Route>(parseHash(globalThis.location?.hash ?? ""));

/** Goes to a place that href() gave. */
export function go(hash: string): void {
  location.hash = hash;
}

/** Changes the query of where the page is, without a step in the browser's history; "" takes a value out. */
export function setQuery(changes: Readonly<Record<string, string>>): void {
  const { path, query } = route.value;
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") next.delete(key);
    else next.set(key, value);
  }
  const hash = `#/${path.map(encodeURIComponent).join("/")}${next.size > 0 ? `?${next}` : ""}`;
  history.replaceState(null, "", hash);
  route.value = parseHash(hash);
}

/** Follows the address bar. */
export function followAddress(): void {
  window.addEventListener("hashchange", () => {
    route.value = parseHash(location.hash);
  });
}
