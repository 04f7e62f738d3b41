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
  /** When it is gone if nothing is heard of it. */
  readonly dueMs: number;
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

  /** Looks at who is due: one for all, and not set anew with every sign of life. */
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

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
    if (!isSame && !(presence.isServing && (!entry || outranks(presence, entry.presence)))) return true;
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
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#entries.clear();
  }

  #enter(presence: Presence, before: Entry | undefined): void {
    if (before) {
      if (before.presence.keyHash === presence.keyHash) this.#gone.add(before.presence.incarnation);
      this.#remove(before);
    }
    this.#onChange("joined", this.#put(presence, presence.facts ?? null));
  }

  #refresh(before: Entry, presence: Presence): void {
    const entry = this.#put(presence, presence.facts ?? before.member.facts);
    if (before.presence.factsHash !== presence.factsHash) this.#onChange("changed", entry);
  }

  #put(presence: Presence, facts: Json): Entry {
    const nowMs = this.#clock.now();
    const { branch: id, incarnation, startedAtMs, version, everyMs, sentMs } = presence;
    const member: Member = { id, incarnation, startedAtMs, version, facts, heardMs: nowMs };
    const entry: Entry = { member, presence, dueMs: nowMs + MISSED_BEATS * everyMs };
    this.#entries.set(id, entry);
    this.#skew(incarnation).heard(nowMs, sentMs);
    this.#lookAt(entry.dueMs);
    return entry;
  }

  #lookAt(atMs: number): void {
    if (this.#timer && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    this.#timer = { atMs, cancel: this.#clock.after(atMs - this.#clock.now(), () => this.#look(atMs)) };
  }

  /** Removes of whom nothing was heard for too long. Silence counts only while somebody listened. */
  #look(wantedMs: number): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const wasFrozen = nowMs - wantedMs > LATE_MS;
    for (const [id, entry] of this.#entries) {
      if (wasFrozen) this.#entries.set(id, { ...entry, dueMs: nowMs + MISSED_BEATS * entry.presence.everyMs });
      else if (entry.dueMs <= nowMs) this.#remove(entry);
    }
    const dues = [...this.#entries.values()].map(({ dueMs }) => dueMs);
    if (dues.length > 0) this.#lookAt(Math.min(...dues));
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

  #remove(entry: Entry): void {
    this.#entries.delete(entry.member.id);
    this.#onChange("left", entry);
  }
}
