import { differences, NO_ITEMS, type LiveItem, type LiveItems } from "./live-items.ts";

/** What another branch is told of the items here: null as the value of one that is gone. */
export interface JournalPart {
  /** To be given back in the next question. */
  readonly position: string;
  /** Whether it begins with nothing: what was told before counts no more. */
  readonly isWhole: boolean;
  /** Whether that is all up to now; else there is more behind `position`. */
  readonly isAll: boolean;
  readonly changes: readonly Change[];
}

export type Change = readonly [event: string, names: Readonly<Record<string, string>>, value: unknown];

interface Entry {
  readonly number: number;
  readonly item: LiveItem;
  readonly isGone: boolean;
}

/** One answer stays far below what the bus carries. */
const PART_ITEMS = 1_000;
const PART_LENGTH = 2 * 1024 * 1024;
/** Who was not told of more of those that went than that is told all anew. */
const KEPT_GONE = 2_000;

/** Which item changed when, so that who asks again is told no more than what changed since. */
export class Journal {
  /** Another one after a restart, when numbers begin anew. */
  readonly #epoch = crypto.randomUUID().slice(0, 8);
  /** By key, in the order of their numbers. */
  readonly #entries = new Map<string, Entry>();
  #items: LiveItems = NO_ITEMS;
  #last = 0;
  #gone = 0;
  /** What went up to this number is forgotten. */
  #forgotten = 0;

  /** Notes what is there now. */
  update(items: LiveItems): void {
    if (items === this.#items) return;
    const { changed, gone } = differences(this.#items, items);
    this.#items = items;
    for (const item of changed) this.#enter(item, false);
    for (const item of gone) this.#enter(item, true);
    if (this.#gone > KEPT_GONE) this.#forgetGone();
  }

  /** What changed after `position`, which a part said; all of it without one, and where too much was forgotten since. */
  since(position: string | undefined): JournalPart {
    const after = this.#numberOf(position);
    const isWhole = after === undefined;
    const from = after ?? 0;
    const changes: Change[] = [];
    let reached = from;
    let length = 0;
    for (const { number, item, isGone } of this.#entries.values()) {
      if (number <= from) continue;
      if (changes.length === PART_ITEMS || length > PART_LENGTH) return this.#part(reached, isWhole, false, changes);
      reached = number;
      if (isWhole && isGone) continue;
      length += item.json.length;
      changes.push([item.event, item.names, isGone ? null : item.value]);
    }
    return this.#part(this.#last, isWhole, true, changes);
  }

  #part(number: number, isWhole: boolean, isAll: boolean, changes: readonly Change[]): JournalPart {
    return { position: `${this.#epoch}:${number}`, isWhole, isAll, changes };
  }

  /** Undefined where what changed since cannot be told. */
  #numberOf(position: string | undefined): number | undefined {
    const [epoch, number] = position?.split(":") ?? [];
    const known = Number(number);
    return epoch === this.#epoch && known >= this.#forgotten && known <= this.#last ? known : undefined;
  }

  #enter(item: LiveItem, isGone: boolean): void {
    const before = this.#entries.get(item.key);
    this.#gone += Number(isGone) - Number(before?.isGone ?? false);
    this.#entries.delete(item.key);
    this.#entries.set(item.key, { number: ++this.#last, item, isGone });
  }

  #forgetGone(): void {
    for (const [key, { isGone }] of this.#entries) if (isGone) this.#entries.delete(key);
    this.#gone = 0;
    this.#forgotten = this.#last;
  }
}
