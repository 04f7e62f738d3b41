import { CymeError, OUTCOMES, type ErrorCode, type Facts } from "../../domain/errors.ts";
import { systemClock, type Clock } from "../../kit/clock.ts";
import { untilTaken } from "./retry.ts";
import type { ClientRequest, ClientResponse, Transport } from "../transport.ts";

export interface ClientOptions {
  /** Deadline of each call in seconds, told to the branch where a call waits there; 60 without it. */
  readonly timeoutS?: number;
  /** Writes are answered as soon as the wish is stored or sent to its owner; reads are not changed by it. */
  readonly nowait?: boolean;
  /** Called with the branches that did not answer, so that what was heard may not be all. */
  readonly onSilent?: (branches: string[]) => void;
  /** Ends running calls. */
  readonly signal?: AbortSignal;
  /** Measures the time between repeated calls; the machine's without it. */
  readonly clock?: Clock;
}

const DEFAULT_TIMEOUT_S = 60;
// The branch keeps the deadline itself and says who was late; only a branch that is silent itself meets this one.
const GRACE_MS = 2_000;

interface Patience {
  /** How much longer than its deadline an answer may take. */
  readonly graceMs?: number;
  /** May say what an error answer means. */
  readonly explain?: (response: ClientResponse) => CymeError | undefined;
  /** It was never asked before: no branch can know anything of it, so who is silent at first is not told. */
  readonly isNew?: boolean;
}

type Query = Readonly<Record<string, string>>;
type Write = { readonly query?: Query; readonly json?: unknown };

/** What the classes of the client share: deadlines, nowait, and answers or errors out of responses. */
export class Api {
  readonly #transport: Transport;
  readonly #options: ClientOptions;

  constructor(transport: Transport, options: ClientOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /** What follows a noun in the path of a write. */
  get bang(): "" | "!/" {
    return this.#options.nowait ? "!/" : "";
  }

  get timeoutMs(): number {
    return (this.#options.timeoutS ?? DEFAULT_TIMEOUT_S) * 1000;
  }

  /** Whether the caller has ended its calls. */
  get isEnded(): boolean {
    return this.#options.signal?.aborted === true;
  }

  async read<T>(path: string, query: Query = {}): Promise<T> {
    return parse(await this.#send({ method: "GET", path, query }));
  }

  /** A read which asks a worker or other branches, and so takes the deadline along. */
  async ask<T>(path: string, query: Query = {}): Promise<T> {
    return parse(await this.#send({ method: "GET", path, query: { ...query, ...this.#deadline() } }));
  }

  async write<T>(method: "PUT" | "POST" | "DELETE", path: string, { query, json }: Write = {}): Promise<T> {
    return parse(await this.#send({ method, path, query: { ...query, ...this.#deadline() }, json }));
  }

  /**
   * What may be done twice: repeated within the deadline while nobody can take it. `requestFor` is given the milliseconds that
   * are left.
   */
  persist(
    requestFor: (leftMs: number) => Omit<ClientRequest, "timeoutMs">,
    patience: Patience = {},
  ): Promise<ClientResponse> {
    const { clock = systemClock, signal } = this.#options;
    let attempts = 0;
    const send = (leftMs: number) => {
      const isQuiet = patience.isNew === true && ++attempts === 1;
      return this.#send(requestFor(leftMs), leftMs, patience, isQuiet);
    };
    return untilTaken(send, {
      clock,
      timeoutMs: this.timeoutMs,
      signal,
    });
  }

  async text(path: string, query: Query): Promise<string> {
    return (await this.#send({ method: "GET", path, query })).text;
  }

  /** Gives text to `onText` until the branch, `signal` or the client's own signal ends it; being ended is no error. */
  async follow(path: string, query: Query, onText: (text: string) => void, signal?: AbortSignal): Promise<void> {
    const signals = [signal, this.#options.signal].filter((one) => one !== undefined);
    const stop = AbortSignal.any(signals);
    try {
      const { text } = await this.#send({ method: "GET", path, query, onText, signal: stop });
      if (text !== "") onText(text);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  }

  #deadline(): Query {
    const { timeoutS } = this.#options;
    return timeoutS === undefined ? {} : { timeout: String(timeoutS) };
  }

  async #send(
    request: Omit<ClientRequest, "timeoutMs">,
    timeoutMs = this.timeoutMs,
    { graceMs = GRACE_MS, explain }: Patience = {},
    isQuiet = false,
  ): Promise<ClientResponse> {
    const signal = request.signal ?? this.#options.signal;
    const response = await this.#transport({
      ...request,
      timeoutMs: timeoutMs + graceMs,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status < 200 || response.status > 299) throw explain?.(response) ?? toError(response);
    const silent = response.headers.get("X-Cyme-Silent");
    if (silent && !isQuiet) this.#options.onSilent?.(silent.split(",").map((id) => id.trim()));
    return response;
  }
}

/** The JSON of an answer; throws where it is none. */
export function parse<T>(response: ClientResponse): T {
  try {
    return JSON.parse(response.text) as T;
  } catch {
    throw foreign(response);
  }
}

function foreign({ status, text }: ClientResponse): CymeError {
  const start = text.trim().replaceAll(/\s+/g, " ").slice(0, 100);
  return new CymeError(
    "internal",
    `The answer is not one of a branch (status ${status}, ${JSON.stringify(start)}): does the URL name a branch?`,
    { status },
  );
}

function toError(response: ClientResponse): CymeError {
  const body = errorBody(response.text);
  if (!body) return foreign(response);
  const { nok, error, ...facts } = body;
  const code = Object.hasOwn(OUTCOMES, String(error)) ? (error as ErrorCode) : "internal";
  return new CymeError(code, String(nok), facts);
}

function errorBody(text: string): Facts | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "nok" in body ? (body as Facts) : undefined;
  } catch {
    return undefined;
  }
}
