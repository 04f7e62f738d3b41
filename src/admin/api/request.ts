import { signal } from "@preact/signals";

/** A request of the page was refused or did not get through. `message` is the API's own sentence. */
export class ApiError extends Error {
  /** 0 where the branch was not reached. */
  readonly status: number;
  readonly code: string;
  /** The parameter that is wrong, where it is one. */
  readonly parameter: string | undefined;
  /** Everything that the answer says besides. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, facts: Readonly<Record<string, unknown>>) {
    super(message);
    this.status = status;
    this.code = typeof facts["error"] === "string" ? facts["error"] : "unreachable";
    this.parameter = typeof facts["parameter"] === "string" ? facts["parameter"] : undefined;
    this.facts = facts;
  }
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Rises with each answer that wants a login: whoever shows the login form looks at it. */
export const loginWanted = signal(0);
/** Branches that did not answer the last change; they do it on their return. */
export const silentBranches = signal<readonly string[]>([]);

/** Marks requests as the page's own, so that the branch does not have the browser ask for a password. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = { "x-requested-with": "cyme" };

/**
 * Asks the API; `params` go as JSON. Gives the answer's JSON. Rejects ApiError; where it was a 401, the login form is shown as well, and what the
 * caller shows stays.
 */
export async function request<T>(method: Method, path: string, params?: object, abort?: AbortSignal): Promise<T> {
  const response = await send(method, path, params, abort);
  const silent = response.headers.get("x-cyme-silent");
  if (silent !== null && method !== "GET") silentBranches.value = silent.split(",");
  if (response.ok) return (await whole(response, abort)) as T;
  // Of an error the status says enough.
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401 && !path.startsWith("/api/session/")) {
    loginWanted.value += 1;
    throw errorOf(response.status, { ...answer, nok: "The session has ended: log in again, then try once more" });
  }
  throw errorOf(response.status, answer);
}

/** What breaks off in the middle is no answer. */
async function whole(response: Response, abort?: AbortSignal): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (abort?.aborted) throw error;
    throw new ApiError(0, "The answer of the branch broke off: look whether it was done, then try again", {});
  }
}

/** The error of an answer whose status is none of success. */
export function errorOf(status: number, answer: unknown): ApiError {
  const facts = typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
  const message = typeof facts["nok"] === "string" ? facts["nok"] : `The branch answered with status ${status}`;
  return new ApiError(status, message, { error: "internal", ...facts });
}

async function send(method: Method, path: string, params?: object, abort?: AbortSignal): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { ...PAGE_HEADERS, ...(params && { "content-type": "application/json" }) },
      ...(params && { body: JSON.stringify(params) }),
      ...(abort && { signal: abort }),
    });
  } catch (error) {
    if (abort?.aborted) throw error;
    throw new ApiError(0, "The branch cannot be reached: is it running, and this machine connected?", {});
  }
}

/** A path of the API, each part encoded: `path("shop", "instances", "web")` is `/shop/instances/web/`. */
export const path = (...parts: string[]) => `/${parts.map(encodeURIComponent).join("/")}/`;
