import { CymeError, invalid, unavailable } from "../domain/errors.ts";
import { systemClock, type Clock } from "../kit/clock.ts";
import { lossOf, type Way } from "./lost.ts";
import { noAnswer, type ClientRequest, type ClientResponse, type Transport } from "./transport.ts";

export interface HttpOptions {
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Of a user, sent as `Authorization: Basic …` instead of a token. */
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts: of the authority that the certificate of the branch is from, and of the client's own certificate. */
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  /** The socket file to connect to; the URL then only names the host. Bun only. */
  readonly unix?: string | undefined;
  /** Measures the deadlines; the machine's without it. */
  readonly clock?: Clock;
}

/**
 * Speaks to the branch at `url` (http or https, a path is kept as prefix; `name:password@` is sent as Basic instead of the
 * token). Follows no redirect, so that nobody else is sent either. Throws `invalid` for another URL.
 */
export function httpTransport(url: string, options: HttpOptions = {}): Transport {
  const { base, authorization = bearer(options.token) } = parseUrl(url);
  const where = options.unix ?? base;
  const way = wayTo(base, options);
  const clock = options.clock ?? systemClock;
  return async (request) => {
    const deadline = new AbortController();
    // Without signal.any: a stream goes on after its head has come in time.
    const stop = () => deadline.abort();
    const cancelDeadline = clock.after(request.timeoutMs, stop);
    request.signal?.addEventListener("abort", stop, { once: true });
    if (request.signal?.aborted) stop();
    try {
      const response = await fetch(`${base}${request.path}${queryText(request)}`, {
        ...init(request, authorization, options),
        signal: deadline.signal,
      });
      return await answer(response, request, cancelDeadline);
    } catch (error) {
      throw failure(error, { where, way }, request, deadline.signal.aborted);
    } finally {
      cancelDeadline();
      request.signal?.removeEventListener("abort", stop);
    }
  };
}

const bearer = (token: string | undefined) => (token === undefined ? undefined : `Bearer ${token}`);

function parseUrl(url: string): { base: string; authorization?: string } {
  const wanted = "a URL such as http://127.0.0.1:8000, without query or fragment";
  // What was given is not shown where it may hold a password.
  const refused = () => invalid("url", wanted, url.includes("@") ? undefined : url);
  if (!URL.canParse(url)) throw refused();
  const { protocol, host, pathname, username, password, search, hash } = new URL(url);
  if (!["http:", "https:"].includes(protocol) || `${search}${hash}` !== "") throw refused();
  const base = `${protocol}//${host}${pathname.replace(/\/+$/, "")}`;
  if (`${username}${password}` === "") return { base };
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { base, authorization: `Basic ${Buffer.from(login).toString("base64")}` };
}

function queryText({ query = {} }: ClientRequest): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

/** What Bun's fetch takes besides. */
type Init = RequestInit & { unix?: string; tls?: object };

function init(request: ClientRequest, authorization: string | undefined, { tls, unix }: HttpOptions): Init {
  const body = bodyOf(request);
  return {
    method: request.method,
    redirect: "manual",
    headers: {
      Accept: "application/json",
      ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...request.headers,
    },
    ...body,
    ...(unix === undefined ? {} : { unix }),
    ...(tls === undefined ? {} : { tls: withoutAbsent(tls) }),
  };
}

const withoutAbsent = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Uncopied: fetch takes any bytes, its types only those that are not shared. */
function bodyOf({ json, body }: ClientRequest): { body?: string | Uint8Array<ArrayBuffer> } {
  if (json !== undefined) return { body: JSON.stringify(json) };
  return body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> };
}

async function answer(response: Response, request: ClientRequest, began: () => void): Promise<ClientResponse> {
  const { status, headers } = response;
  if (!request.onText || !response.ok || !response.body) return { status, headers, text: await response.text() };
  began();
  const decoder = new TextDecoder();
  for await (const bytes of response.body) request.onText(decoder.decode(bytes, { stream: true }));
  const rest = decoder.decode();
  if (rest !== "") request.onText(rest);
  return { status, headers, text: "" };
}

const wayTo = (base: string, { unix, tls }: HttpOptions): Way => ({
  isHttps: base.startsWith("https:"),
  isSocket: unix !== undefined,
  host: new URL(base).hostname,
  hasCa: tls?.ca !== undefined,
  hasCert: tls?.cert !== undefined,
});

function failure(
  error: unknown,
  { where, way }: { where: string; way: Way },
  request: ClientRequest,
  aborted: boolean,
): CymeError {
  if (error instanceof CymeError) return error;
  if (aborted) {
    if (!request.signal?.aborted) return noAnswer(request, ` at ${where}`);
    const message = `The request was ended: ${request.method} ${request.path} at ${where}`;
    return new CymeError("timeout", message, { reached: true });
  }
  const unknown = { why: error instanceof Error ? error.message : String(error), reached: true };
  const { why, reached } = lossOf(codeOf(error), way) ?? unknown;
  return unavailable(`Cannot reach a branch at ${where}: ${why}`, { reached });
}

/** Bun puts the code on the error, Node on its cause. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return String(code ?? cause?.code ?? "");
}
