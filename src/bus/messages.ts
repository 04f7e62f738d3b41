import { CymeError, OUTCOMES, type ErrorCode, type Facts } from "../domain/errors.ts";
import type { Json } from "./bus.ts";

/** The version of what is said on the bus. Branches of different ones do not understand each other. */
export const PROTOCOL = 1;
/** Of a message, where bodies of requests are no larger: RabbitMQ 4 takes no more unless it is told to. */
const USUAL_BYTES = 16 * 1024 * 1024;
/** For all that is said beside a body. */
const HEAD_BYTES = 1024 * 1024;

/** Bytes that a message may have to carry the body of a request of at most `bodyBytes`, which is base64 at worst. */
export const messageBytes = (bodyBytes: number) => Math.max(USUAL_BYTES, Math.ceil((bodyBytes * 4) / 3) + HEAD_BYTES);

/** A request. Times are by the sender's clock: it asks for `method` to be begun no later than `forMs` after `sentMs`. */
export interface Request {
  readonly kind: "call" | "cast";
  readonly id: string;
  /** Id and incarnation of the branch that asks. */
  readonly from: string;
  readonly incarnation: string;
  /** Where the answer goes; empty in a cast. */
  readonly replyTo: string;
  readonly method: string;
  readonly args: Json;
  readonly sentMs: number;
  readonly forMs: number;
  /** It is begun only once who asks has said that it still waits: see Ready. */
  readonly isWrite: boolean;
}

/** Whoever got a write is about to begin, and does when it is told to go on. */
export interface Ready {
  readonly kind: "ready";
  /** Of the call. */
  readonly id: string;
  readonly replyTo: string;
}

/** The answer to Ready. */
export interface Go {
  readonly kind: "go";
  /** Of the call. */
  readonly id: string;
  readonly isWanted: boolean;
}

/** Who asked waits no longer. */
export interface Cancel {
  readonly kind: "cancel";
  /** Of the call. */
  readonly id: string;
}

export interface Answer {
  readonly kind: "answer";
  /** Of the call. */
  readonly id: string;
  readonly result: Json;
}

export interface Failure {
  readonly kind: "failure";
  /** Of the call. */
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly facts: Facts;
}

/** Who is there. */
export interface Presence {
  readonly kind: "presence";
  /** Wants everybody to answer with the same. */
  readonly hello: boolean;
  readonly branch: string;
  readonly incarnation: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly keyHash: string;
  readonly storeHash: string;
  /** False while it still asks whether its id is free. */
  readonly isServing: boolean;
  readonly host: string;
  readonly pid: number;
  readonly inbox: string;
  readonly ear: string;
  /** The ear that it was sent to, which proves that its sender lives; empty where it was sent to everybody. */
  readonly answerTo: string;
  /** The next comes within this time. */
  readonly everyMs: number;
  readonly sentMs: number;
  /** Of the facts. Who does not know them asks. */
  readonly factsHash: string;
  readonly facts?: Json;
}

/** Wants the presence of whoever gets it, with facts. */
export interface Ask {
  readonly kind: "ask";
  readonly replyTo: string;
}

export interface Goodbye {
  readonly kind: "goodbye";
  readonly branch: string;
  readonly incarnation: string;
}

export type Message = Request | Ready | Go | Cancel | Answer | Failure | Presence | Ask | Goodbye;

/**
 * A message of another version. `v`, `kind` and, of calls and what answers them, `id` and `replyTo` have the same place and
 * meaning in every version, so that a call can be answered by whoever gets it.
 */
export interface Foreign {
  readonly kind: "foreign";
  readonly of: string;
  readonly version: number;
  readonly id: string;
  readonly replyTo: string;
}

/** Rejects `too-large` above `maxBytes`. */
export function encode(message: Message, maxBytes = USUAL_BYTES): Uint8Array {
  const bytes = Buffer.from(JSON.stringify({ v: PROTOCOL, ...message }));
  if (bytes.byteLength > maxBytes) {
    throw new CymeError(
      "too-large",
      `A message between branches may have ${maxBytes} bytes (more with a larger --max-body), this one has ${bytes.byteLength}`,
    );
  }
  return bytes;
}

/** What was sent, or why it cannot be read. Fields that are not known are left out. How large it may be, says who sends it, and the broker. */
export function parse(body: Uint8Array): Message | Foreign | { readonly kind: "unreadable"; readonly why: string } {
  try {
    return read(new Fields(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))));
  } catch (error) {
    return { kind: "unreadable", why: error instanceof Error ? error.message : String(error) };
  }
}

/** The error that a failure tells of. A code of a later version becomes `internal`. */
export function failureError({ code, message, facts }: Failure): CymeError {
  if (Object.hasOwn(OUTCOMES, code)) return new CymeError(code as ErrorCode, message, facts);
  return new CymeError("internal", message, { ...facts, code });
}

function read(fields: Fields): Message | Foreign {
  const version = fields.number("v");
  const kind = fields.text("kind");
  if (version !== PROTOCOL) {
    return { kind: "foreign", of: kind, version, id: fields.textOr("id", ""), replyTo: fields.textOr("replyTo", "") };
  }
  switch (kind) {
    case "call":
    case "cast":
      return readRequest(kind, fields);
    case "ready":
      return { kind, id: fields.text("id"), replyTo: fields.text("replyTo") };
    case "go":
      return { kind, id: fields.text("id"), isWanted: fields.flag("isWanted") };
    case "cancel":
      return { kind, id: fields.text("id") };
    case "answer":
      return { kind, id: fields.text("id"), result: fields.json("result") };
    case "failure":
      return {
        kind,
        id: fields.text("id"),
        code: fields.text("code"),
        message: fields.long("message"),
        facts: fields.record("facts"),
      };
    case "presence":
      return readPresence(fields);
    case "ask":
      return { kind, replyTo: fields.text("replyTo") };
    case "goodbye":
      return { kind, branch: fields.text("branch"), incarnation: fields.text("incarnation") };
    default:
      throw new Error(`its kind ${JSON.stringify(kind)} is not known`);
  }
}

function readRequest(kind: Request["kind"], fields: Fields): Request {
  return {
    kind,
    id: fields.text("id"),
    from: fields.text("from"),
    incarnation: fields.text("incarnation"),
    replyTo: kind === "call" ? fields.text("replyTo") : "",
    method: fields.text("method"),
    args: fields.json("args"),
    sentMs: fields.number("sentMs"),
    forMs: fields.number("forMs"),
    isWrite: fields.flag("isWrite"),
  };
}

function readPresence(fields: Fields): Presence {
  return {
    kind: "presence",
    hello: fields.flag("hello"),
    branch: fields.text("branch"),
    incarnation: fields.text("incarnation"),
    startedAtMs: fields.number("startedAtMs"),
    version: fields.text("version"),
    keyHash: fields.text("keyHash"),
    storeHash: fields.textOr("storeHash", ""),
    isServing: fields.flag("isServing"),
    host: fields.text("host"),
    pid: fields.number("pid"),
    inbox: fields.text("inbox"),
    ear: fields.text("ear"),
    answerTo: fields.textOr("answerTo", ""),
    // Neither a member that never has to say anything again nor one that is gone at once.
    everyMs: Math.min(Math.max(fields.number("everyMs"), 100), 600_000),
    sentMs: fields.number("sentMs"),
    factsHash: fields.text("factsHash"),
    ...(fields.has("facts") && { facts: fields.json("facts") }),
  };
}

/** Ids, names and addresses: no more than a name of the broker may have. */
const TEXT_LENGTH = 255;

/** The fields of a message, each as what it must be; throws where it is not. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it is no JSON object");
    this.#values = value as Record<string, unknown>;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name);
  }

  text(name: string): string {
    const value = this.long(name);
    if (Buffer.byteLength(value) > TEXT_LENGTH) throw new Error(`its ${name} is longer than ${TEXT_LENGTH} bytes`);
    return value;
  }

  textOr(name: string, other: string): string {
    return this.has(name) ? this.text(name) : other;
  }

  long(name: string): string {
    const value = this.#get(name);
    if (typeof value !== "string") throw new Error(`its ${name} is no text`);
    return value;
  }

  number(name: string): number {
    const value = this.#get(name);
    if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(`its ${name} is no number`);
    return value;
  }

  flag(name: string): boolean {
    return this.#get(name) === true;
  }

  record(name: string): Facts {
    const value = this.#get(name);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error(`its ${name} is no object`);
    return value as Facts;
  }

  /** Null where it is missing. */
  json(name: string): Json {
    // It comes from JSON.parse.
    return (this.#get(name) ?? null) as Json;
  }

  #get(name: string): unknown {
    return this.has(name) ? this.#values[name] : undefined;
  }
}
