/** One who says that an id is its own. */
export interface Claimant {
  readonly incarnation: string;
  readonly startedAtMs: number;
  /** Equal for incarnations of one branch. */
  readonly keyHash: string;
  /** It has the id, as far as it knows; else it still asks for it. */
  readonly isServing: boolean;
}

/** What a branch shows of its key: enough to tell who has another. */
export function keyHash(id: string, key: string): string {
  return new Bun.CryptoHasher("sha256").update(`${id}\0${key}`).digest("hex");
}

/**
 * Of two that say the same id, whether the id is `a`'s. Everybody who knows both says the same, and never that it is both's:
 * of one branch the later incarnation has it; of different branches the one that has it already, then the earlier one.
 */
export function outranks(a: Claimant, b: Claimant): boolean {
  if (a.keyHash === b.keyHash) return isLater(a, b);
  if (a.isServing !== b.isServing) return a.isServing;
  return isLater(b, a);
}

const isLater = (a: Claimant, b: Claimant) =>
  a.startedAtMs === b.startedAtMs ? a.incarnation > b.incarnation : a.startedAtMs > b.startedAtMs;
