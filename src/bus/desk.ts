import { CymeError, conflict, unavailable } from "../domain/errors.ts";
import type { BusOptions } from "./bus.ts";
import { GO_MS } from "./calls.ts";
import { encode, PROTOCOL, type Cancel, type Foreign, type Go, type Request } from "./messages.ts";
import { Recent } from "./recent.ts";
import type { Listed, Roll } from "./roll.ts";
import type { Send, Wire } from "./wire.ts";

/** Far more than the broker gives again when a connection is lost, which is what has a place there. */
const REMEMBERED = 5_000;
/**
 * Work that was begun leaves its place on the connection to what comes next, however long it takes: requests wait for workers
 * and results. When so much is under way, work keeps its place, and the rest waits at the broker.
 */
export const MAX_UNDER_WAY = 4_000;
/** For answers to those of whom nobody knows how long they wait. */
const ANSWER_MS = 10_000;
/** Of an error that cannot be told as it is. */
const MESSAGE_LENGTH = 1_000;

export interface DeskParts extends Pick<BusOptions, "self" | "handle" | "maxBytes" | "clock" | "log"> {
  readonly wire: Wire;
  readonly roll: Roll;
  /** Whether our id is ours; nothing is done before that is known. */
  readonly isOurs: () => Promise<boolean>;
}

/** Work that was begun; `ending` tells it that nobody waits for it any more. */
interface Running {
  readonly request: Request;
  readonly done: Promise<void>;
  readonly ending: AbortController;
}

/** Does what others ask of this branch: each request once, and none that nobody waits for any more. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #begun = new Recent(REMEMBERED);
  /** By id. */
  readonly #running = new Map<string, Running>();
  /** Writes that wait for the word of who asked, by id. */
  readonly #ready = new Map<string, (isWanted: boolean) => void>();
  #isClosed = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Resolves when it is begun, or, where too much is under way, when it is done or its time is over; never rejects. */
  async receive(request: Request, answer: Send): Promise<void> {
    // The broker gives again what was not acknowledged when a connection was lost.
    if (!this.#begun.add(request.id)) return;
    if (!(await this.#parts.isOurs())) return;
    const { clock, roll } = this.#parts;
    const sentMs = roll.sentAtMs(request.incarnation, request.sentMs);
    const leftMs = sentMs + request.forMs - clock.now();
    if (leftMs <= 0) return this.#giveUp(request, answer);
    if (this.#isClosed) return this.#fail(request, answer, this.#stopping());
    const ending = new AbortController();
    const done = this.#perform(request, answer, leftMs, ending.signal);
    this.#running.set(request.id, { request, done, ending });
    const cancel = clock.after(leftMs, () => ending.abort());
    void done.finally(() => {
      cancel();
      this.#running.delete(request.id);
    });
    if (this.#running.size < MAX_UNDER_WAY) return;
    // Work that does not heed its signal must not keep a place.
    await Promise.race([done, aborted(ending.signal)]);
  }

  /** The word for a write that is about to begin. */
  hear({ id, isWanted }: Go): void {
    this.#ready.get(id)?.(isWanted);
  }

  /** Who asked waits no longer. */
  cancel({ id }: Cancel): void {
    // It may come before the request, which is not begun then.
    this.#begun.add(id);
    this.#running.get(id)?.ending.abort();
  }

  /** Who has gone waits for nothing. */
  left({ member }: Listed): void {
    for (const { request, ending } of this.#running.values()) {
      if (request.kind === "call" && request.incarnation === member.incarnation) ending.abort();
    }
  }

  /** A call that cannot be understood is answered all the same. */
  async receiveForeign({ id, of, version, replyTo }: Foreign, answer: Send): Promise<void> {
    this.#parts.log.warning("a request in another version of the bus is refused", { version, wanted: PROTOCOL });
    if (of !== "call" || replyTo === "" || !(await this.#parts.isOurs())) return;
    const branch = this.#parts.self.id;
    const error = conflict(
      `Branch ${branch} speaks version ${PROTOCOL} of the bus, the one that asks speaks version ${version}. Install the same release of Cyme on both`,
      { branch, version: PROTOCOL, wanted: version },
    );
    await this.#fail({ id, replyTo, kind: "call" }, answer, error);
  }

  /** Lets what is being done end until `deadlineMs` (clock time), then tells it to. New requests are refused. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosed = true;
    const { clock } = this.#parts;
    const enough = new AbortController();
    const all = Promise.all([...this.#running.values()].map(({ done }) => done));
    await Promise.race([all, clock.sleep(deadlineMs - clock.now(), enough.signal)]);
    enough.abort();
    for (const { ending } of this.#running.values()) ending.abort();
  }

  async #perform(request: Request, answer: Send, leftMs: number, signal: AbortSignal): Promise<void> {
    const { handle } = this.#parts;
    if (request.isWrite && !(await this.#isWanted(request, answer, Math.min(GO_MS, leftMs)))) {
      return this.#giveUp(request, answer);
    }
    try {
      const result = await handle(request.method, request.args, request.from, signal);
      if (request.kind === "call") {
        await answer(request.replyTo, encode({ kind: "answer", id: request.id, result }, this.#parts.maxBytes), leftMs);
      }
    } catch (error) {
      await this.#fail(request, answer, this.#shown(request, error));
    }
  }

  /** Whether who asked for a write waits still: it may have given up while this branch was frozen or cut off. */
  async #isWanted({ id, replyTo }: Request, tell: Send, forMs: number): Promise<boolean> {
    const { clock, wire } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const cancel = clock.after(forMs, () => resolve(false));
    this.#ready.set(id, resolve);
    void tell(replyTo, encode({ kind: "ready", id, replyTo: wire.ear }), forMs).then((sent) => {
      if (sent !== "taken") resolve(false);
    });
    const isWanted = await promise;
    cancel();
    this.#ready.delete(id);
    return isWanted;
  }

  async #giveUp(request: Request, answer: Send): Promise<void> {
    const { log, self } = this.#parts;
    log.info("a request came too late and is not begun", { from: request.from, method: request.method });
    await this.#fail(request, answer, tooLate(self.id));
  }

  /** What the other side may see of an error. */
  #shown({ method, from }: Request, error: unknown): CymeError {
    if (error instanceof CymeError) return error;
    const id = crypto.randomUUID();
    this.#parts.log.error("a request of another branch failed", { id, method, from, error });
    const branch = this.#parts.self.id;
    return new CymeError("internal", `Internal error; the log of branch ${branch} has it under ${id}`, { id, branch });
  }

  async #fail({ kind, id, replyTo }: Pick<Request, "kind" | "id" | "replyTo">, answer: Send, error: CymeError) {
    if (kind === "cast") this.#parts.log.warning("what another branch told could not be done", { error });
    else await answer(replyTo, this.#failure(id, error), ANSWER_MS);
  }

  #failure(id: string, { code, message, facts }: CymeError): Uint8Array {
    try {
      return encode({ kind: "failure", id, code, message, facts }, this.#parts.maxBytes);
    } catch (error) {
      // Too large, or no JSON: whoever waits is to hear of it all the same.
      this.#parts.log.error("an error cannot be told to another branch as it is", { error });
      return encode({ kind: "failure", id, code, message: message.slice(0, MESSAGE_LENGTH), facts: {} });
    }
  }

  #stopping(): CymeError {
    const branch = this.#parts.self.id;
    return unavailable(`Cannot reach branch ${branch}: it is stopping`, { branch, begun: false });
  }
}

const tooLate = (branch: string) =>
  new CymeError("timeout", `Branch ${branch} got the request too late and did not begin with it`, {
    branch,
    begun: false,
  });

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
