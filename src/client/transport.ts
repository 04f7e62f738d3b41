import { CymeError } from "../domain/errors.ts";
import type { Verb } from "../domain/task.ts";

/** One request to the HTTP API. */
export interface ClientRequest {
  /** Of URL tasks any verb; everything else is GET, PUT, POST and DELETE. */
  readonly method: Verb;
  /** From the root of the API, percent-encoded, such as `/shop/instances/web/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as the JSON body; `undefined` sends no body. */
  readonly json?: unknown;
  /** A body that is sent as it is, instead of `json`; what it is, is said by the header Content-Type. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the answer may take; with `onText` only its head. */
  readonly timeoutMs: number;
  /** Ends the request early. */
  readonly signal?: AbortSignal;
  /** Takes the text of a good answer piece by piece as it comes; `text` of the answer is empty then. */
  readonly onText?: (text: string) => void;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * How requests get to a branch: the one seam of the client. Every answer of a branch resolves, errors too; rejects with
 * `unavailable` where no branch can be reached and with `timeout` after `timeoutMs`. The fact `reached` says whether the
 * request may have got there.
 */
export type Transport = (request: ClientRequest) => Promise<ClientResponse>;

/** The error of a request that was not answered in its time; `where` says by whom. */
export function noAnswer({ timeoutMs, method, path }: ClientRequest, where = ""): CymeError {
  return new CymeError("timeout", `No answer within ${inSeconds(timeoutMs)}: ${method} ${path}${where}`, {
    reached: true,
  });
}

/** Milliseconds for people: three digits say enough. */
export const inSeconds = (ms: number) => `${Number((ms / 1000).toPrecision(3))} s`;
