import { CymeError, invalid, unavailable } from "../domain/errors.ts";
import { systemClock, type Clock } from "../kit/clock.ts";
import type { Carrier, Incoming, Tls } from "./carrier.ts";
import { lossOf, type Spelling, type Way } from "./lost.ts";
import { noAnswer, type ClientRequest, type ClientResponse, type Transport } from "./transport.ts";

export interface HttpOptions {
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Of a user, sent as `Authorization: Basic …` instead of a token. */
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  /** What to check the certificate of the branch by, and the client's own. */
  readonly tls?: Tls | undefined;
  /** The socket file to connect to; the URL then only names the host. */
  readonly unix?: string | undefined;
}

/** What a program does not say, but its tests and the command line do. */
export interface TransportOptions extends HttpOptions {
  /** Measures the deadlines; the machine's without it. */
  readonly clock?: Clock;
  /** Sends what is to be sent; without it what fits Bun or Node.js, whichever this is. */
  readonly carrier?: Carrier;
  /** What `tls` is called where it is to be told. */
  readonly spelling?: Spelling;
}

/**
 * Speaks to the branch at `url` (http or https, a path is kept as prefix; `name:password@` is sent as Basic instead of the
 * token). Follows no redirect, so that nobody else is sent either. Throws `invalid` for another URL.
 */
export function httpTransport(url: string, options: TransportOptions = {}): Transport {
  const { origin, prefix, login } = parseUrl(url);
  const authorization = login ?? credentials(options);
  const where = options.unix ?? `${origin}${prefix}`;
  const way = wayTo(origin, options);
  const clock = options.clock ?? systemClock;
  let check: Promise<void> | undefined;
  return async (request) => {
    const deadline = new AbortController();
    // Without signal.any: a stream goes on after its head has come in time.
    const stop = () => deadline.abort();
    const cancelDeadline = clock.after(request.timeoutMs, stop);
    request.signal?.addEventListener("abort", stop, { once: true });
    if (request.signal?.aborted) stop();
    let hasBegun = false;
    try {
      if (options.tls !== undefined) await (check ??= refuseUnusable(options.tls, way.spelling));
      const carry = options.carrier ?? (await machineCarrier());
      const incoming = await carry({
        method: request.method,
        origin,
        target: `${prefix}${request.path}${queryText(request)}`,
        headers: headersOf(request, authorization),
        body: request.json === undefined ? request.body : JSON.stringify(request.json),
        tls: options.tls,
        unix: options.unix,
        signal: deadline.signal,
      });
      hasBegun = true;
      return await answer(incoming, request, cancelDeadline);
    } catch (error) {
      if (error instanceof Thrown) throw error.cause;
      throw failure(error, { where, way, hasBegun }, request, deadline.signal.aborted);
    } finally {
      cancelDeadline();
      request.signal?.removeEventListener("abort", stop);
    }
  };
}

/** Loaded when it is first used: commands of the command line start without the other one. */
async function machineCarrier(): Promise<Carrier> {
  const isBun = process.versions["bun"] !== undefined;
  return isBun ? (await import("./fetch-carrier.ts")).fetchCarrier : (await import("./node-carrier.ts")).nodeCarrier;
}

async function refuseUnusable(tls: Tls, spelling: Spelling): Promise<void> {
  (await import("./tls.ts")).refuseUnusable(tls, spelling);
}

function credentials({ token, name, password }: HttpOptions): string | undefined {
  if (name === undefined && password === undefined) return token === undefined ? undefined : `Bearer ${token}`;
  if (token !== undefined) throw invalid("token", "either a token, or name and password");
  if (name === undefined || password === undefined) throw invalid("name", "both name and password, or neither");
  return basic(name, password);
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

function parseUrl(url: string): { origin: string; prefix: string; login?: string } {
  const wanted = "a URL such as http://127.0.0.1:8000, without query or fragment";
  // What was given is not shown where it may hold a password.
  const refused = () => invalid("url", wanted, url.includes("@") ? undefined : url);
  const parsed = parseOrUndefined(url);
  if (parsed === undefined) throw refused();
  const { protocol, host, pathname, username, password, search, hash } = parsed;
  if (!["http:", "https:"].includes(protocol) || `${search}${hash}` !== "") throw refused();
  const at = { origin: `${protocol}//${host}`, prefix: pathname.replace(/\/+$/, "") };
  if (`${username}${password}` === "") return at;
  const [name, secret] = [username, password].map(decodedOrUndefined);
  if (name === undefined || secret === undefined) throw refused();
  return { ...at, login: basic(name, secret) };
}

function decodedOrUndefined(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Not URL.canParse, which Debian's Node.js does not have. */
function parseOrUndefined(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

function queryText({ query = {} }: ClientRequest): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

const headersOf = (request: ClientRequest, authorization: string | undefined) => ({
  Accept: "application/json",
  ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
  ...(authorization === undefined ? {} : { Authorization: authorization }),
  ...request.headers,
});

async function answer(incoming: Incoming, request: ClientRequest, began: () => void): Promise<ClientResponse> {
  const { status, headers } = incoming;
  const isGood = status >= 200 && status <= 299;
  if (!request.onText || !isGood) return { status, headers, text: await incoming.text() };
  began();
  const decoder = new TextDecoder();
  const tell = telling(request.onText);
  for await (const bytes of incoming.pieces()) tell(decoder.decode(bytes, { stream: true }));
  const rest = decoder.decode();
  if (rest !== "") tell(rest);
  return { status, headers, text: "" };
}

/** That a taker of text threw its cause, which is no failure of the request. */
class Thrown extends Error {}

function telling(onText: (text: string) => void): (text: string) => void {
  return (text) => {
    try {
      onText(text);
    } catch (cause) {
      throw new Thrown("A taker of text threw", { cause });
    }
  };
}

const wayTo = (
  origin: string,
  { unix, tls, spelling = { ca: "tls.ca", cert: "tls.cert", key: "tls.key" } }: TransportOptions,
): Way => ({
  isHttps: origin.startsWith("https:"),
  isSocket: unix !== undefined,
  host: new URL(origin).hostname,
  hasCa: tls?.ca !== undefined,
  hasCert: tls?.cert !== undefined,
  spelling,
});

function failure(
  error: unknown,
  { where, way, hasBegun }: { where: string; way: Way; hasBegun: boolean },
  request: ClientRequest,
  aborted: boolean,
): CymeError {
  if (error instanceof CymeError) return error;
  if (aborted) {
    if (!request.signal?.aborted) return noAnswer(request, ` at ${where}`);
    const message = `The request was ended: ${request.method} ${request.path} at ${where}`;
    return new CymeError("timeout", message, { reached: true });
  }
  if (hasBegun) return unavailable(`The answer of the branch at ${where} was cut off`, { reached: true });
  const unknown = { why: error instanceof Error ? error.message : String(error), reached: true };
  const { why, reached } = lossOf(codeOf(error), way) ?? unknown;
  return unavailable(`Cannot reach a branch at ${where}: ${why}`, { reached });
}

/** Bun puts the code on the error, Node on its cause. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return String(code ?? cause?.code ?? "");
}
