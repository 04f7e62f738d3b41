import { conflict, CymeError, unavailable } from "../domain/errors.ts";
import type { Clock } from "../kit/clock.ts";
import type { BusCallOptions, Gathered, Json } from "./bus.ts";
import {
  encode,
  failureError,
  PROTOCOL,
  type Answer,
  type Failure,
  type Foreign,
  type Presence,
  type Ready,
  type Request,
} from "./messages.ts";
import type { Listed, Roll } from "./roll.ts";
import type { Sent, Wire } from "./wire.ts";

/** `answered` with a value or an error of the other side; `silent` where nothing was heard, and why. */
type Outcome =
  | { readonly is: "answered"; readonly result: Json }
  | { readonly is: "failed"; readonly error: CymeError }
  | { readonly is: "silent"; readonly error: CymeError };

/** Where a branch is spoken to: requests go to its inbox, what is said of them to its ear. */
type Address = Pick<Presence, "inbox" | "ear" | "incarnation">;

interface Pending {
  readonly to: string;
  readonly incarnation: string;
  /** Whether it may have been begun: a write only once this branch let it. */
  mayHaveBegun: boolean;
  settle(outcome: Outcome): void;
}

/** How long a cast may wait for who is to hear it. */
const CAST_MS = 60_000;
/** Whoever is about to begin waits for our word no longer. */
export const GO_MS = 5_000;
/** So long a branch may be held up, and still hear that it need not go on. */
const CANCEL_MS = 60_000;

export interface CallsParts {
  readonly self: { readonly id: string; readonly incarnation: string };
  readonly maxBytes: number | undefined;
  readonly clock: Clock;
  readonly wire: Wire;
  readonly roll: Roll;
  /** Of ourselves, who are not in the roll. */
  readonly ownAddress: () => Address;
  /** Why nothing can be sent now. */
  readonly whyNot: () => string | undefined;
}

/** What this branch asks of others. */
export class Calls {
  readonly #parts: CallsParts;
  readonly #pending = new Map<string, Pending>();

  constructor(parts: CallsParts) {
    this.#parts = parts;
  }

  async call(to: string, method: string, args: Json, timeoutMs: number, options?: BusCallOptions): Promise<Json> {
    const outcome = await this.#ask(to, method, args, timeoutMs, options);
    if (outcome.is === "answered") return outcome.result;
    throw outcome.error;
  }

  async gather(to: readonly string[], method: string, args: Json, timeoutMs: number): Promise<Gathered> {
    const asked = [...new Set(to)];
    const outcomes = await Promise.all(
      asked.map(async (id) => [id, await this.#ask(id, method, args, timeoutMs)] as const),
    );
    const answers = new Map<string, Json>();
    const errors = new Map<string, CymeError>();
    const silent: string[] = [];
    for (const [id, outcome] of outcomes) {
      if (outcome.is === "answered") answers.set(id, outcome.result);
      else if (outcome.is === "failed") errors.set(id, outcome.error);
      else silent.push(id);
    }
    return { answers, errors, silent };
  }

  async cast(to: string | null, method: string, args: Json): Promise<void> {
    const { wire, whyNot } = this.#parts;
    const body = encode(this.#request("cast", method, args, CAST_MS, false), this.#parts.maxBytes);
    const why = whyNot();
    if (why !== undefined) throw away(to, why, false);
    if (to === null) {
      if ((await wire.broadcast(body, CAST_MS)) === "lost") throw away(to, "the connection was lost", true);
      return;
    }
    const address = this.#address(to);
    if (!address) throw unknown(to);
    const sent = await wire.send(address.inbox, body, CAST_MS);
    // Who has no inbox has gone.
    if (sent === "returned") this.#parts.roll.lost(to, address.incarnation);
    const error = undelivered(to, sent);
    if (error) throw error;
  }

  /** What came back. Late and unknown ones are for nobody. */
  hear(message: Answer | Failure | Foreign): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    switch (message.kind) {
      case "answer":
        return pending.settle({ is: "answered", result: message.result });
      case "failure":
        return pending.settle({ is: "failed", error: failureError(message) });
      case "foreign":
        return pending.settle({ is: "failed", error: versionConflict(pending.to, message.version) });
      default:
        message satisfies never;
    }
  }

  /** Another branch is about to begin with a write: only what is still waited for. */
  isReady({ id, replyTo }: Ready): void {
    const pending = this.#pending.get(id);
    if (pending) pending.mayHaveBegun = true;
    const isWanted = pending !== undefined;
    void this.#parts.wire.send(replyTo, encode({ kind: "go", id, isWanted }), GO_MS);
  }

  /** Who left will not answer any more. */
  left({ member }: Listed): void {
    for (const pending of this.#pending.values()) {
      if (pending.incarnation !== member.incarnation) continue;
      pending.settle({ is: "silent", error: away(pending.to, "it has gone", pending.mayHaveBegun) });
    }
  }

  /** The connection is lost, and what was to come over it. */
  lost(reason: string): void {
    for (const pending of this.#pending.values()) {
      pending.settle({ is: "silent", error: away(pending.to, reason, pending.mayHaveBegun) });
    }
  }

  /** Rejects only `too-large`. */
  async #ask(
    to: string,
    method: string,
    args: Json,
    timeoutMs: number,
    { isWrite = false, signal }: BusCallOptions = {},
  ): Promise<Outcome> {
    const { clock, wire, whyNot } = this.#parts;
    const request = this.#request("call", method, args, timeoutMs, isWrite);
    const body = encode(request, this.#parts.maxBytes);
    const why = whyNot();
    if (why !== undefined) return { is: "silent", error: away(to, why, false) };
    if (signal?.aborted) return { is: "silent", error: givenUp(to, false) };
    const address = this.#address(to);
    if (!address) return { is: "silent", error: unknown(to) };

    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const pending: Pending = { to, incarnation: address.incarnation, mayHaveBegun: !isWrite, settle: resolve };
    const cancel = clock.after(timeoutMs, () =>
      resolve({ is: "silent", error: silence(to, timeoutMs, pending.mayHaveBegun) }),
    );
    const giveUp = () => {
      resolve({ is: "silent", error: givenUp(to, pending.mayHaveBegun) });
      this.#cancel(to, request.id);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#pending.set(request.id, pending);
    void wire.send(address.inbox, body, timeoutMs).then((sent) => {
      const error = undelivered(to, sent, pending.mayHaveBegun);
      if (error) resolve({ is: "silent", error });
      if (sent === "returned") this.#parts.roll.lost(to, address.incarnation);
    });
    const outcome = await promise;
    cancel();
    signal?.removeEventListener("abort", giveUp);
    this.#pending.delete(request.id);
    return outcome;
  }

  /** To the ear: in the inbox it would wait behind requests. */
  #cancel(to: string, id: string): void {
    const { wire } = this.#parts;
    const ear = this.#address(to)?.ear;
    if (ear !== undefined) void wire.send(ear, encode({ kind: "cancel", id }), CANCEL_MS);
  }

  #address(to: string): Address | undefined {
    return to === this.#parts.self.id ? this.#parts.ownAddress() : this.#parts.roll.get(to)?.presence;
  }

  #request(kind: Request["kind"], method: string, args: Json, forMs: number, isWrite: boolean): Request {
    const { self, clock, wire } = this.#parts;
    const replyTo = kind === "call" ? wire.ear : "";
    const { id: from, incarnation } = self;
    const id = crypto.randomUUID();
    return { kind, id, from, incarnation, replyTo, method, args, sentMs: clock.now(), forMs, isWrite };
  }
}

/** The error of a message that did not reach an inbox. */
function undelivered(to: string, sent: Sent, mayHaveBegun = true): CymeError | undefined {
  switch (sent) {
    case "taken":
      return undefined;
    case "returned":
      return away(to, "there is no way to it", false);
    case "refused":
      return away(to, "the broker does not take messages for it now", false);
    case "lost":
      return away(to, "the connection was lost", mayHaveBegun);
    default:
      return sent satisfies never;
  }
}

/** Another version of the protocol is spoken by `branch`. */
function versionConflict(branch: string, version: number): CymeError {
  return conflict(
    `Cannot speak with branch ${branch}: it speaks version ${version} of the bus, this one version ${PROTOCOL}. Install the same release of Cyme on both`,
    { branch, version, wanted: PROTOCOL },
  );
}

const givenUp = (to: string, begun: boolean) => away(to, "its answer is waited for no longer", begun);

const unknown = (to: string) => away(to, "no such branch is up", false);

const silence = (branch: string, timeoutMs: number, begun: boolean) =>
  new CymeError("timeout", `Branch ${branch} did not answer within ${timeoutMs / 1000} s`, { branch, begun });

function away(to: string | null, reason: string, begun: boolean): CymeError {
  if (to === null) return unavailable(`Cannot reach the other branches: ${reason}`, { begun });
  return unavailable(`Cannot reach branch ${to}: ${reason}`, { branch: to, begun });
}
