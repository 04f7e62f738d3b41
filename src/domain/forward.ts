/*
 * A request of a client on its way to the branch whose matter it is, and the answer on its way back. Both cross the bus as
 * JSON, so they are type aliases, which count as JSON where they are made of it, and not interfaces.
 */

/** The header by which a command on the instance directory says that it is about the instances of that branch alone. */
export const SCOPE_HEADER = "x-cyme-scope";
export const BRANCH_SCOPE = "branch";

/** `text` where the bytes are text in UTF-8, and JSON writes it with no more of them than base64 takes. */
export type ForwardedBody = { readonly text: string } | { readonly base64: string };

export type ForwardedRequest = {
  readonly method: string;
  /** With the query, undecoded: what the client sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ForwardedBody | null;
  /** Whether an instance may be added by it: the branch that sends it made sure that the name is free. */
  readonly mayAdd: boolean;
};

export type ForwardedAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ForwardedBody;
};

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function toForwardedBody(bytes: Uint8Array): ForwardedBody {
  const text = textOf(bytes);
  const isShort = text !== undefined && jsonBytes(text) <= (bytes.length * 4) / 3;
  return isShort ? { text } : { base64: Buffer.from(bytes).toString("base64") };
}

/** Undefined where the bytes are no UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Without its quotes. Written to be counted, which is far faster than looking at each byte. */
const jsonBytes = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;

export const bytesOf = (body: ForwardedBody): Uint8Array<ArrayBuffer> =>
  "text" in body ? new TextEncoder().encode(body.text) : Uint8Array.from(Buffer.from(body.base64, "base64"));

/** What another branch sent as a request; throws TypeError where it is none. */
export function parseForwardedRequest(value: unknown): ForwardedRequest {
  const { method, path, headers, body, mayAdd } = objectOf(value, "a forwarded request");
  if (typeof method !== "string" || typeof path !== "string" || !path.startsWith("/")) {
    throw new TypeError("A forwarded request needs a method and a path");
  }
  const parsed = body === null || body === undefined ? null : parseBody(body);
  return { method, path, headers: parseHeaders(headers), body: parsed, mayAdd: mayAdd === true };
}

/** What another branch answered; throws TypeError where it is no answer. */
export function parseForwardedAnswer(value: unknown): ForwardedAnswer {
  const { status, headers, body } = objectOf(value, "a forwarded answer");
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError("A forwarded answer needs a status");
  }
  return { status, headers: parseHeaders(headers), body: parseBody(body) };
}

function parseBody(value: unknown): ForwardedBody {
  const { text, base64 } = objectOf(value, "the body of a forwarded request or answer");
  if (typeof text === "string") return { text };
  if (typeof base64 === "string") return { base64 };
  throw new TypeError("The body of a forwarded request or answer needs text or base64");
}

function parseHeaders(value: unknown): Record<string, string> {
  const pairs = Object.entries(objectOf(value, "the headers of a forwarded request or answer"));
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"));
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`Cannot read ${what}: it is no object`);
}
