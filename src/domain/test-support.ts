import { CymeError } from "./errors.ts";

/** The error that a user would read of `work`; throws where it succeeds, or fails otherwise. */
export function refusal(work: () => unknown): CymeError {
  try {
    work();
  } catch (error) {
    if (error instanceof CymeError) return error;
    throw error;
  }
  throw new Error("a refusal was wanted, but it was accepted");
}

/** Its sentence. */
export const words = (work: () => unknown): string => refusal(work).message;

/** Numbers in [0, 1) that are the same in every run: a failure can be seen again (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
