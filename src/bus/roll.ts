import type { Clock } from "../kit/clock.ts";
import type { Json, Member, MemberChange } from "./bus.ts";
import type { Presence } from "./messages.ts";
import { outranks } from "./rank.ts";
import { Recent } from "./recent.ts";
import { Skew } from "./skew.ts";

/** So many heartbeats may be missed. */
export const MISSED_BEATS = 3;
/** A timer that comes later than this was held up: this process was frozen, and could hear nobody. */
const LATE_MS = 1_000;
/** Incarnations of which something is remembered. */
const REMEMBERED = 1_000;

/** A member, and where it is spoken to. */
export interface Listed {
  readonly member: Member;
  readonly presence: Presence;
}

interface Entry extends Listed {
  readonly cancel: () => void;
}

/** The other branches that are up, by what was heard of them. */
export class Roll {
  readonly #clock: Clock;
  readonly #onChange: (change: MemberChange, listed: Listed) => void;
  readonly #entries = new Map<string, Entry>();
  /** Incarnations that will not come again: what is still on its way of them counts no more. */
  readonly #gone = new Recent(REMEMBERED);

  /** By incarnation, and longer than it is listed: what was sent before it was lost may still come. */
  readonly #skews = new Map<string, Skew>();

  constructor(clock: Clock, onChange: (change: MemberChange, listed: Listed) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#entries.size;
  }

  members(): Member[] {
    return [...this.#entries.values()].map(({ member }) => member);
  }

  get(id: string): Listed | undefined {
    return this.#entries.get(id);
  }

  /** Takes a sign of life. False when its facts must be asked for first. */
  heard(presence: Presence): boolean {
    const { branch, incarnation, factsHash } = presence;
    if (this.#gone.has(incarnation)) return true;
    const entry = this.#entries.get(branch);
    const isSame = entry?.presence.incarnation === incarnation;
    if (!isSame && !this.#mayEnter(presence, entry)) return true;
    const isKnown = isSame && entry.presence.factsHash === factsHash;
    if (!isKnown && presence.facts === undefined) return false;
    if (entry && isSame) this.#refresh(entry, presence);
    else this.#enter(presence, entry);
    return true;
  }

  /** It said goodbye: `incarnation` does not come back. */
  leave(id: string, incarnation: string): void {
    this.#gone.add(incarnation);
    this.lost(id, incarnation);
  }

  /** There is no way to it; a sign of life brings it back. */
  lost(id: string, incarnation: string): void {
    const entry = this.#entries.get(id);
    if (entry?.presence.incarnation === incarnation) this.#remove(entry);
  }

  /** When a message that has just come was sent, by our clock. */
  sentAtMs(incarnation: string, sentMs: number): number {
    return this.#skew(incarnation).toOurs(this.#clock.now(), sentMs);
  }

  clear(): void {
    for (const { cancel } of this.#entries.values()) cancel();
    this.#entries.clear();
  }

  /** One that still asks for its id is listed only in the place of an earlier incarnation of itself. */
  #mayEnter(presence: Presence, listed: Entry | undefined): boolean {
    if (!listed) return presence.isServing;
    const isItself = listed.presence.keyHash === presence.keyHash;
    return (presence.isServing || isItself) && outranks(presence, listed.presence);
  }

  #enter(presence: Presence, before: Entry | undefined): void {
    if (before) {
      if (before.presence.keyHash === presence.keyHash) this.#gone.add(before.presence.incarnation);
      this.#remove(before);
    }
    const entry = this.#put(presence, presence.facts ?? null);
    this.#onChange("joined", entry);
  }

  #refresh(before: Entry, presence: Presence): void {
    before.cancel();
    const entry = this.#put(presence, presence.facts ?? before.member.facts);
    if (before.presence.factsHash !== presence.factsHash) this.#onChange("changed", entry);
  }

  #put(presence: Presence, facts: Json): Entry {
    const nowMs = this.#clock.now();
    const { branch: id, incarnation, startedAtMs, version } = presence;
    const entry: Entry = {
      member: { id, incarnation, startedAtMs, version, facts, heardMs: nowMs },
      presence,
      cancel: this.#expire(id, incarnation, MISSED_BEATS * presence.everyMs),
    };
    this.#entries.set(id, entry);
    this.#skew(incarnation).heard(nowMs, presence.sentMs);
    return entry;
  }

  #skew(incarnation: string): Skew {
    const skew = this.#skews.get(incarnation) ?? new Skew();
    // Again at the end: the one of which nothing was heard for longest is the first to be forgotten.
    this.#skews.delete(incarnation);
    this.#skews.set(incarnation, skew);
    const [oldest] = this.#skews.keys();
    if (this.#skews.size > REMEMBERED && oldest !== undefined) this.#skews.delete(oldest);
    return skew;
  }

  #expire(id: string, incarnation: string, afterMs: number): () => void {
    const dueMs = this.#clock.now() + afterMs;
    let cancel = this.#clock.after(afterMs, () => {
      // Silence counts only while somebody listened.
      if (this.#clock.now() - dueMs > LATE_MS) cancel = this.#expire(id, incarnation, afterMs);
      else this.lost(id, incarnation);
    });
    return () => cancel();
  }

  #remove(entry: Entry): void {
    entry.cancel();
    this.#entries.delete(entry.member.id);
    this.#onChange("left", entry);
  }
}
