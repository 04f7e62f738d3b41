import { hostname } from "node:os";
import { conflict, type CymeError } from "../domain/errors.ts";
import type { BusOptions, Json, Member } from "./bus.ts";
import { encode, type Ask, type Goodbye, type Presence } from "./messages.ts";
import { isLater, keyHash, outranks, storeHash } from "./rank.ts";
import { Recent } from "./recent.ts";
import { MISSED_BEATS, type Roll } from "./roll.ts";
import type { Wire } from "./wire.ts";

/** How long a branch that comes asks whether its id is free before it serves: joins are to be seen within a second. */
const CLAIM_MS = 300;
const BEAT_MS = 2_000;
/** All heartbeats of all members to all members. */
const DELIVERIES_PER_S = 1_000;
/** Of announcements, the first goes at once. */
const ANNOUNCE_EVERY_MS = 200;
const TOLD_OF = 100;

/** Time between two heartbeats in a cluster of `members`, so that all of them together stay within DELIVERIES_PER_S. */
export const beatMs = (members: number) => Math.max(BEAT_MS, Math.ceil((members * members * 1_000) / DELIVERIES_PER_S));

/**
 * claiming → serving → gone, or claiming → gone: while claiming it asks whether its id is free; gone is who said goodbye or was
 * refused. Connections come and go meanwhile.
 */
type Phase = "claiming" | "serving" | "gone";

export interface PresenceParts extends Pick<BusOptions, "self" | "clock" | "log"> {
  readonly wire: Wire;
  readonly roll: Roll;
  /** The id is ours. */
  readonly onServing: () => void;
  /** The id is another's. */
  readonly onRefused: (why: CymeError) => void;
}

/** Tells the others that this branch is there, and hears it of them. */
export class Announcer {
  readonly #parts: PresenceParts;
  readonly #incarnation: string;
  readonly #startedAtMs: number;
  readonly #keyHash: string;
  readonly #storeHash: string;
  readonly #claim = Promise.withResolvers<boolean>();
  readonly #warnedOf = new Recent(TOLD_OF);
  #phase: Phase = "claiming";
  #isOpen = false;
  /** Counts connections, so that what was begun on an earlier one is not gone on with. */
  #session = 0;
  #cancelNext = () => {};
  #cancelAnnounce: (() => void) | undefined;
  #isAnnounceWanted = false;
  #facts: { readonly value: Json; readonly hash: string } = { value: null, hash: "" };
  #toldHash: string | undefined;
  /** Our last heartbeat came back to us. */
  #isEchoed = true;

  constructor(parts: PresenceParts, incarnation: string) {
    const { self, clock } = parts;
    this.#parts = parts;
    this.#incarnation = incarnation;
    this.#startedAtMs = clock.now();
    this.#keyHash = keyHash(self.id, self.key);
    this.#storeHash = storeHash(self.key);
  }

  /** Whether the id is ours: resolves once that is known. */
  get isOurs(): Promise<boolean> {
    return this.#claim.promise;
  }

  get isServing(): boolean {
    return this.#phase === "serving";
  }

  /** Ourselves, as others see us. */
  get member(): Member {
    const { self, clock } = this.#parts;
    return {
      id: self.id,
      incarnation: this.#incarnation,
      startedAtMs: this.#startedAtMs,
      version: self.version,
      facts: this.#lookAtFacts().value,
      heardMs: clock.now(),
    };
  }

  /** There is a connection. */
  async open(): Promise<void> {
    if (this.#phase === "gone") return;
    this.#isOpen = true;
    const session = ++this.#session;
    // Whoever came while there was no connection does not know our facts.
    this.#toldHash = undefined;
    await this.#tellAll(true);
    if (session !== this.#session || !this.#isOpen) return;
    if (this.#phase === "serving") this.#beatLater();
    else this.#cancelNext = this.#parts.clock.after(CLAIM_MS, () => this.#serve());
  }

  /** The connection is lost. */
  close(): void {
    this.#isOpen = false;
    this.#cancelNext();
    this.#cancelAnnounce?.();
    this.#cancelAnnounce = undefined;
  }

  announce(): void {
    if (!this.#isOpen || this.#phase !== "serving") return;
    if (this.#cancelAnnounce) {
      this.#isAnnounceWanted = true;
      return;
    }
    void this.#tellAll(false);
    this.#cancelAnnounce = this.#parts.clock.after(ANNOUNCE_EVERY_MS, () => {
      this.#cancelAnnounce = undefined;
      if (!this.#isAnnounceWanted) return;
      this.#isAnnounceWanted = false;
      this.announce();
    });
  }

  hear(message: Presence | Ask | Goodbye): void {
    switch (message.kind) {
      case "presence":
        return this.#hearPresence(message);
      case "ask":
        return this.#tellOne(message.replyTo);
      case "goodbye":
        return this.#parts.roll.leave(message.branch, message.incarnation);
      default:
        message satisfies never;
    }
  }

  async sayGoodbye(): Promise<void> {
    const wasOpen = this.#isOpen;
    this.#end();
    const goodbye: Goodbye = { kind: "goodbye", branch: this.#parts.self.id, incarnation: this.#incarnation };
    if (wasOpen) await this.#parts.wire.broadcast(encode(goodbye), MISSED_BEATS * BEAT_MS);
  }

  #hearPresence(presence: Presence): void {
    if (presence.incarnation === this.#incarnation) this.#isEchoed = true;
    if (presence.incarnation === this.#incarnation || this.#phase === "gone") return;
    if (presence.hello) this.#tellOne(presence.ear);
    if (presence.branch === this.#parts.self.id) this.#contest(presence);
    else if (presence.storeHash === this.#storeHash) this.#meetCopy(presence);
    else if (!this.#parts.roll.heard(presence)) this.#ask(presence.ear);
  }

  /** Another says that it has our id. */
  #contest(other: Presence): void {
    const own = this.#presence({ hello: false, withFacts: false });
    const isSame = other.keyHash === own.keyHash;
    if (isSame && other.isServing && this.#mayBeDead(other)) return;
    if (outranks(other, own)) return this.#refuse(other);
    if (isSame) return;
    // It may have missed that we are here.
    if (other.isServing) this.#tellOne(other.ear);
    if (!this.#warnedOf.add(other.incarnation)) return;
    this.#parts.log.warning("another branch says that it has our id; it is refused", describe(other));
  }

  /** Another branch has our store under an id of its own: what is in it belongs to the one that was there first. */
  #meetCopy(other: Presence): void {
    const own = this.#presence({ hello: false, withFacts: false });
    if (!other.isServing || this.#mayBeDead(other)) return;
    if (!this.isServing || isLater(own, other)) this.#refuse(other);
  }

  /** What was said before its sender was killed may come late: who comes believes only who answers. */
  #mayBeDead(other: Presence): boolean {
    return !this.isServing && other.answerTo !== this.#parts.wire.ear;
  }

  #refuse(other: Presence): void {
    const { self, onRefused } = this.#parts;
    const why = `Cannot run as branch ${self.id}: ${this.#refusal(other)}`;
    void this.sayGoodbye();
    onRefused(conflict(why, { branch: self.id, ...describe(other) }));
  }

  #refusal({ branch, keyHash: theirs, storeHash: theirStore, host, pid, startedAtMs }: Presence): string {
    const where = `on ${host}, process ${pid}, since ${isoTime(startedAtMs)}`;
    const remedy =
      "Stop one of the two; if one is a copy of the other, give it an instance directory and an id of its own";
    if (theirs === this.#keyHash) return `the same branch runs ${where}. ${remedy}`;
    if (theirStore === this.#storeHash) return `the same branch runs as ${branch} ${where}. ${remedy}`;
    return `another branch of that id runs ${where}. Give one of the two another id with --id, or stop the other first`;
  }

  #serve(): void {
    this.#phase = "serving";
    this.#claim.resolve(true);
    // Who heard the hello took no notice of the facts of one that does not serve yet.
    this.#toldHash = undefined;
    this.#beat();
    this.#parts.onServing();
  }

  #beat(): void {
    if (!this.#isEchoed) void this.#parts.wire.repair();
    this.#isEchoed = false;
    void this.#tellAll(false);
    this.#beatLater();
  }

  #beatLater(): void {
    this.#cancelNext();
    this.#cancelNext = this.#parts.clock.after(this.#everyMs(), () => this.#beat());
  }

  #end(): void {
    this.close();
    this.#phase = "gone";
    this.#claim.resolve(false);
  }

  #everyMs(): number {
    return beatMs(this.#parts.roll.size + 1);
  }

  /** Never rejects. */
  async #tellAll(hello: boolean): Promise<void> {
    const { wire, log } = this.#parts;
    try {
      const { hash } = this.#lookAtFacts();
      const message = this.#presence({ hello, withFacts: hello || hash !== this.#toldHash });
      const sent = await wire.broadcast(encode(message), MISSED_BEATS * message.everyMs);
      if (sent === "taken") this.#toldHash = hash;
    } catch (error) {
      log.error("this branch cannot be announced", { error });
    }
  }

  #tellOne(ear: string): void {
    if (this.#phase === "gone") return;
    try {
      this.#lookAtFacts();
      void this.#parts.wire.send(
        ear,
        encode(this.#presence({ hello: false, withFacts: true, answerTo: ear })),
        MISSED_BEATS * BEAT_MS,
      );
    } catch (error) {
      this.#parts.log.error("this branch cannot be announced", { error });
    }
  }

  #ask(ear: string): void {
    const { wire } = this.#parts;
    void wire.send(ear, encode({ kind: "ask", replyTo: wire.ear }), BEAT_MS);
  }

  #presence({ hello, withFacts, answerTo = "" }: { hello: boolean; withFacts: boolean; answerTo?: string }): Presence {
    const { self, clock, wire } = this.#parts;
    const { value, hash } = this.#facts;
    return {
      kind: "presence",
      hello,
      branch: self.id,
      incarnation: this.#incarnation,
      startedAtMs: this.#startedAtMs,
      version: self.version,
      keyHash: this.#keyHash,
      storeHash: this.#storeHash,
      isServing: this.isServing,
      host: hostname(),
      pid: process.pid,
      inbox: wire.inbox,
      ear: wire.ear,
      answerTo,
      everyMs: this.#everyMs(),
      sentMs: clock.now(),
      factsHash: hash,
      ...(withFacts && { facts: value }),
    };
  }

  /** The facts of this moment; those before where they cannot be had. */
  #lookAtFacts(): { readonly value: Json; readonly hash: string } {
    try {
      const value = this.#parts.self.facts();
      this.#facts = { value, hash: Bun.hash(JSON.stringify(value)).toString(36) };
    } catch (error) {
      this.#parts.log.error("the facts of this branch cannot be had", { error });
    }
    return this.#facts;
  }
}

const describe = ({ host, pid, startedAtMs }: Presence) => ({ host, pid, started_at: isoTime(startedAtMs) });

/** Text for any number: it comes from another branch. */
function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
