import type { DefinitionId, DefinitionStamp } from "../domain/definition.ts";
import { horizonAt, type Version } from "../domain/version.ts";
import type { Clock } from "../kit/clock.ts";
import type { Store } from "../store/store.ts";
import { lineToJson } from "./definition-json.ts";

/** Of one definition, what tells who has what is newer. */
export type DefinitionLine = Omit<DefinitionStamp, "ancestry">;

/** A line for each definition that this branch has or remembers the deletion of, and a digest of them all. */
export class DefinitionLines {
  readonly #store: Store;
  readonly #clock: Clock;
  /** Of each line, by its kind and key. */
  readonly #hashes = new Map<string, bigint>();
  /** Of all hashes: so a change costs as much as one line, which it is told with every heartbeat. */
  #xor = 0n;
  #horizon: Version = "";

  /** One for each store. */
  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Without deletions that are forgotten. */
  all(): DefinitionLine[] {
    const horizon = horizonAt(this.#clock.now());
    return this.#store.definitions.all().flatMap((stamp) => lineOf(stamp, horizon) ?? []);
  }

  /** Equal on branches that have the same definitions and remember the same deletions. */
  get digest(): string {
    const horizon = horizonAt(this.#clock.now());
    const touched = this.#store.definitions.takeTouched();
    if (touched === "all" || horizon !== this.#horizon) this.#readAll(horizon);
    else for (const id of touched) this.#setHash(id, this.#store.definitions.get(id));
    return this.#xor.toString(16).padStart(16, "0");
  }

  #readAll(horizon: Version): void {
    this.#horizon = horizon;
    this.#hashes.clear();
    this.#xor = 0n;
    for (const stamp of this.#store.definitions.all()) this.#setHash(stamp, stamp);
  }

  #setHash(id: DefinitionId, stamp: DefinitionStamp | undefined): void {
    const key = `${id.kind} ${id.key}`;
    const line = stamp && lineOf(stamp, this.#horizon);
    this.#xor ^= this.#hashes.get(key) ?? 0n;
    this.#hashes.delete(key);
    if (!line) return;
    const hash = hashOf(line);
    this.#xor ^= hash;
    this.#hashes.set(key, hash);
  }
}

/** Undefined for a deletion that is forgotten. */
function lineOf({ kind, key, version, deletedVersion }: DefinitionStamp, horizon: Version): DefinitionLine | undefined {
  const isForgotten = deletedVersion !== null && deletedVersion < horizon;
  if (isForgotten && version === deletedVersion) return undefined;
  return { kind, key, version, deletedVersion: isForgotten ? null : deletedVersion };
}

function hashOf(line: DefinitionLine): bigint {
  const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify(lineToJson(line)));
  return hash.digest().readBigUInt64BE();
}

/** Those of `lines` of which `known` has an older change or deletion, or nothing. */
export function newerThan(known: readonly DefinitionLine[], lines: readonly DefinitionLine[]): DefinitionLine[] {
  const own = new Map(known.map((line) => [`${line.kind} ${line.key}`, line]));
  return lines.filter(({ kind, key, version, deletedVersion }) => {
    const line = own.get(`${kind} ${key}`);
    return !line || version > line.version || (deletedVersion ?? "") > (line.deletedVersion ?? "");
  });
}
