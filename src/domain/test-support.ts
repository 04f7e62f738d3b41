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
