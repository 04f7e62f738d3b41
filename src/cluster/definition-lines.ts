import type { DefinitionStamp } from "../domain/definition.ts";
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
  #digest: { readonly revision: number; readonly horizon: Version; readonly value: string } | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Without deletions that are forgotten, in one order everywhere. */
  all(): DefinitionLine[] {
    const horizon = horizonAt(this.#clock.now());
    return this.#store.definitions.all().flatMap(({ kind, key, version, deletedVersion }) => {
      const isForgotten = deletedVersion !== null && deletedVersion < horizon;
      if (isForgotten && version === deletedVersion) return [];
      return [{ kind, key, version, deletedVersion: isForgotten ? null : deletedVersion }];
    });
  }

  /** Equal on branches that have the same definitions and remember the same deletions. */
  get digest(): string {
    const { revision } = this.#store.definitions;
    const horizon = horizonAt(this.#clock.now());
    if (this.#digest?.revision !== revision || this.#digest.horizon !== horizon) {
      const hash = new Bun.CryptoHasher("sha256");
      for (const line of this.all()) hash.update(`${JSON.stringify(lineToJson(line))}\n`);
      this.#digest = { revision, horizon, value: hash.digest("hex").slice(0, 32) };
    }
    return this.#digest.value;
  }
}

/** Those of `lines` of which `known` has an older change or deletion, or nothing. */
export function newerThan(known: readonly DefinitionLine[], lines: readonly DefinitionLine[]): DefinitionLine[] {
  const own = new Map(known.map((line) => [`${line.kind} ${line.key}`, line]));
  return lines.filter(({ kind, key, version, deletedVersion }) => {
    const line = own.get(`${kind} ${key}`);
    return !line || version > line.version || (deletedVersion ?? "") > (line.deletedVersion ?? "");
  });
}
