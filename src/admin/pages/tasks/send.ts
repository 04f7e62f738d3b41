import { ApiError, errorOf, loginWanted, PAGE_HEADERS, path, request } from "../../api/request.ts";

/** What a browser may ask for; TRACE and CONNECT it may not. */
export const VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;
/** Those whose request can carry a body. */
const WITH_BODY: readonly string[] = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export const hasBody = (verb: string) => WITH_BODY.includes(verb);

export interface UrlSend {
  readonly app: string;
  readonly queue: string;
  readonly verb: string;
  readonly url: string;
  /** "" is none. */
  readonly body: string;
  /** Of the body. */
  readonly type: string;
}

/** Queues a URL; gives the id of its task. Rejects ApiError. */
export async function sendUrl({ app, queue, verb, url: typed, body, type }: UrlSend): Promise<string> {
  const url = targetOf(typed);
  const isWithBody = body !== "" && hasBody(verb);
  // Encoded as a whole: the browser would resolve dots in the URL's path and take its # for its own.
  const response = await fetch(path(app, "queue", queue) + encodeURIComponent(url), {
    method: verb,
    credentials: "same-origin",
    headers: { ...PAGE_HEADERS, ...(isWithBody && type !== "" && { "content-type": type }) },
    ...(isWithBody && { body }),
  });
  const id = response.headers.get("x-cyme-task");
  if (response.ok && id !== null) return id;
  if (response.status === 401) loginWanted.value += 1;
  throw errorOf(response.status, await response.json().catch(() => null));
}

/** A URL as it was typed. Throws ApiError as the API would, which takes what has no scheme for a part of the path. */
export function targetOf(typed: string): string {
  const url = typed.trim();
  if (/^https?:\/\/[^/?#]/i.test(url)) return url;
  const message = `Cannot use url: wanted a URL that begins with http:// or https://, got "${url}"`;
  throw new ApiError(400, message, { error: "invalid", parameter: "url" });
}

export interface NamedSend {
  readonly app: string;
  readonly queue: string;
  readonly task: string;
  /** The parameters of the route; those that are "" are left out. */
  readonly params: Readonly<Record<string, string>>;
}

/** Sends a task of the app's own; gives its id. Rejects ApiError. */
export async function sendNamed({ app, queue, task, params }: NamedSend): Promise<string> {
  const given = Object.fromEntries(Object.entries(params).filter(([, value]) => value.trim() !== ""));
  const { uuid } = await request<{ uuid: string }>("POST", path(app, "task", queue, task), given);
  return uuid;
}
