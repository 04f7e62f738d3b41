import { CymeError, OUTCOMES } from "../../domain/errors.ts";
import { systemClock, type Clock } from "../../kit/clock.ts";
import { parse, toError } from "./answers.ts";
import { untilTaken, type Repeated } from "./retry.ts";
import { withAnyOf } from "./signals.ts";
import { watchSilence } from "./silence.ts";
import type { ClientRequest, ClientResponse, Transport } from "../transport.ts";
import type { HealthAnswer, Ok } from "../types.ts";

/** How calls are made. */
export interface ApiOptions {
  /** Deadline of each call in seconds, told to the branch where a call waits there; 60 without it. */
  readonly timeoutS?: number | undefined;
  /** Writes are answered as soon as the wish is stored or sent to its owner; reads are not changed by it. */
  readonly nowait?: boolean | undefined;
  /** Called with the branches that did not answer, so that what was heard may not be all. */
  readonly onSilent?: ((branches: string[]) => void) | undefined;
  /** Each ends running calls, which then reject with its reason. */
  readonly signals?: readonly AbortSignal[];
  /** What is the same when it is done twice is asked again, within the deadline, where the connection was lost. */
  readonly repeats?: boolean;
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
  /** One more that is no error. */
  readonly goodStatus?: number;
}

type Query = Readonly<Record<string, string>>;
type Unsent = Omit<ClientRequest, "timeoutMs">;

interface Write {
  readonly query?: Query;
  readonly json?: unknown;
  /** Doing it twice is the same as doing it once. */
  readonly isSame?: boolean;
}

/** How text is followed. */
interface Following {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Where something comes more often than that: once nothing did, the connection is lost, which is `unavailable`. */
  readonly silenceMs?: number;
}

/** What the classes of calls share: deadlines, nowait, repetition, and answers or errors out of responses. */
export class Api {
  readonly #transport: Transport;
  readonly #options: ApiOptions;

  constructor(transport: Transport, options: ApiOptions) {
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

  async read<T>(path: string, query: Query = {}): Promise<T> {
    return parse(await this.#same(() => ({ method: "GET", path, query })));
  }

  /** A read which asks a worker or other branches, and so takes the deadline along. */
  async ask<T>(path: string, query: Query = {}): Promise<T> {
    return parse(
      await this.#same((leftMs) => ({ method: "GET", path, query: { ...query, ...this.#deadline(leftMs) } })),
    );
  }

  async write<T>(method: "PUT" | "POST" | "DELETE", path: string, write: Write = {}): Promise<T> {
    const { query = {}, json, isSame = false } = write;
    const requestFor = (leftMs: number) => ({
      method,
      path,
      query: { ...query, ...this.#deadline(leftMs) },
      json,
    });
    return parse(await (isSame ? this.#same(requestFor) : this.#once(requestFor(this.timeoutMs))));
  }

  /** Deletes; where a repetition finds nothing, what was asked before has done it. */
  async remove(path: string, query: Query = {}): Promise<Ok> {
    let asked = 0;
    try {
      return parse(
        await this.#same((leftMs) => {
          asked++;
          return { method: "DELETE", path, query: { ...query, ...this.#deadline(leftMs) } };
        }),
      );
    } catch (error) {
      if (asked > 1 && error instanceof CymeError && error.code === "not-found") return { ok: "ok" };
      throw error;
    }
  }

  /** What is not well is an answer too, though its status is that of an error. */
  async health(): Promise<HealthAnswer> {
    const request = { method: "GET", path: "/health/" } as const;
    return parse(await this.persist(() => request, { goodStatus: OUTCOMES.unavailable.http }, "after a loss"));
  }

  /** Any request, of which only a GET is known to be the same when it is done twice. */
  async request(request: Unsent): Promise<unknown> {
    const response = await (request.method === "GET" ? this.#same(() => request) : this.#once(request));
    return response.headers.get("Content-Type")?.includes("json") ? parse(response) : response.text;
  }

  /**
   * What may be done twice: repeated within the deadline while nobody can take it. `requestFor` is given the milliseconds that
   * are left.
   */
  persist(
    requestFor: (leftMs: number) => Unsent,
    patience: Patience = {},
    repeat: Repeated = "whenever it was not taken",
  ): Promise<ClientResponse> {
    const { clock = systemClock } = this.#options;
    let attempts = 0;
    return this.#signalled(undefined, (signal) => {
      const send = (leftMs: number) => {
        const isQuiet = patience.isNew === true && ++attempts === 1;
        return this.#send(requestFor(leftMs), { signal, timeoutMs: leftMs, isQuiet, ...patience });
      };
      return untilTaken(send, { clock, timeoutMs: this.timeoutMs, signal, repeat });
    });
  }

  async text(path: string, query: Query): Promise<string> {
    return (await this.#same(() => ({ method: "GET", path, query }))).text;
  }

  /** Gives text to `onText` until the branch, `signal` or the client's own signal ends it; being ended is no error. */
  async follow(path: string, query: Query, onText: (text: string) => void, following: Following = {}): Promise<void> {
    const { clock = systemClock } = this.#options;
    const { timeoutMs } = this;
    await this.#signalled(following.signal, async (stop) => {
      const silence = watchSilence(clock, timeoutMs + GRACE_MS, following.silenceMs);
      const take = (text: string) => {
        silence.heard();
        onText(text);
      };
      const request = { method: "GET", path, query, onText: take } as const;
      try {
        const { text } = await withAnyOf([...(stop ? [stop] : []), silence.signal], (signal) =>
          this.#send(request, { signal, timeoutMs }),
        );
        if (text !== "") onText(text);
      } catch (error) {
        if (!stop?.aborted) throw error;
      } finally {
        silence.end();
      }
    });
  }

  #deadline(leftMs: number): Query {
    return this.#options.timeoutS === undefined ? {} : { timeout: inQuery(leftMs) };
  }

  #once(request: Unsent): Promise<ClientResponse> {
    return this.#signalled(undefined, (signal) => this.#send(request, { signal, timeoutMs: this.timeoutMs }));
  }

  #same(requestFor: (leftMs: number) => Unsent): Promise<ClientResponse> {
    if (!this.#options.repeats) return this.#once(requestFor(this.timeoutMs));
    return this.persist(requestFor, {}, "after a loss");
  }

  #signalled<T>(more: AbortSignal | undefined, use: (signal: AbortSignal | undefined) => Promise<T>): Promise<T> {
    const { signals = [] } = this.#options;
    return withAnyOf(more === undefined ? signals : [...signals, more], use);
  }

  async #send(
    request: Unsent,
    { signal, timeoutMs, graceMs = GRACE_MS, explain, goodStatus, isQuiet = false }: Patience & Attempt,
  ): Promise<ClientResponse> {
    const response = await this.#answer({
      ...request,
      timeoutMs: timeoutMs + graceMs,
      ...(signal === undefined ? {} : { signal }),
    });
    const isGood = (response.status >= 200 && response.status <= 299) || response.status === goodStatus;
    if (!isGood) throw explain?.(response) ?? toError(response);
    const silent = response.headers.get("X-Cyme-Silent");
    if (silent && !isQuiet) this.#options.onSilent?.(silent.split(",").map((id) => id.trim()));
    return response;
  }

  async #answer(request: ClientRequest): Promise<ClientResponse> {
    request.signal?.throwIfAborted();
    try {
      return await this.#transport(request);
    } catch (error) {
      request.signal?.throwIfAborted(); // In the words of whoever ended it, as fetch does.
      throw error;
    }
  }
}

interface Attempt {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly isQuiet?: boolean;
}

/** Milliseconds as the branch is told them: in seconds. */
export const inQuery = (ms: number) => String(Math.max(0, Math.round(ms)) / 1000);
