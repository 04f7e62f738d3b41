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

/** What a branch shows of its store, whatever its id is: who has the same is a copy of it. */
export function storeHash(key: string): string {
  return new Bun.CryptoHasher("sha256").update(`store\0${key}`).digest("hex");
}

/**
 * Of two that say the same id, whether the id is `a`'s. Everybody who knows both says the same, and never that it is both's:
 * the one that has it already keeps it; where both have it, or both ask for it, it is of one branch the later incarnation's, and of
 * different branches the earlier one's.
 */
export function outranks(a: Claimant, b: Claimant): boolean {
  if (a.isServing !== b.isServing) return a.isServing;
  return a.keyHash === b.keyHash ? isLater(a, b) : isLater(b, a);
}

/** Whether `a` was started after `b`; never so of both. */
export const isLater = (a: Claimant, b: Claimant) =>
  a.startedAtMs === b.startedAtMs ? a.incarnation > b.incarnation : a.startedAtMs > b.startedAtMs;
