import { CymeError } from "../../domain/errors.ts";
import { backoffMs } from "../../kit/backoff.ts";
import type { Clock } from "../../kit/clock.ts";

const FIRST_MS = 250;
const MAX_MS = 5000;
// Who closes every connection is no branch that starts again.
const MAX_LOSSES = 4;

/** Which failures something is repeated after. */
export type Repeated = "whenever it was not taken" | "after a loss";

interface Patience {
  readonly clock: Clock;
  /** How long everything may take together. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
  readonly repeat: Repeated;
}

/**
 * Does what may be done twice until it succeeds: after an answer that names a time, then, and after a lost connection,
 * since branches come back; "after a loss" only then. Rejects with the last failure that said why when there is no time for
 * another attempt, and at once where the first one reached nobody. `attempt` is given the milliseconds that are left.
 */
export async function untilTaken<T>(
  attempt: (leftMs: number) => Promise<T>,
  { clock, timeoutMs, signal, repeat }: Patience,
): Promise<T> {
  const deadlineMs = clock.now() + timeoutMs;
  let reason: CymeError | undefined;
  let losses = 0;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt(deadlineMs - clock.now());
    } catch (error) {
      if (!isUnavailable(error)) throw reason && isSilence(error) ? reason : error;
      if (error.facts["reached"] === true) losses++;
      if (repeat === "after a loss" && (isAnswer(error) || losses > MAX_LOSSES)) throw error;
      // Of this attempt alone: whether a later one was taken is not known.
      reason = error.withFacts({ stored: undefined });
      const pauseMs = pauseAfter(error, failures);
      if (pauseMs === undefined || clock.now() + pauseMs >= deadlineMs) throw error;
      await clock.sleep(pauseMs, signal);
      signal?.throwIfAborted();
    }
  }
}

const isUnavailable = (error: unknown): error is CymeError =>
  error instanceof CymeError && error.code === "unavailable";

/** A branch's own word for it; else nobody was reached, or the connection lost. */
const isAnswer = ({ facts }: CymeError) => facts["reached"] === undefined;

/** A deadline that passed without an answer, which is the branch's own word for it otherwise. */
export const isSilence = (error: unknown): error is CymeError =>
  error instanceof CymeError && error.code === "timeout" && error.facts["reached"] !== undefined;

function pauseAfter({ facts }: CymeError, failures: number): number | undefined {
  const { reached, retry_after: retryAfterS } = facts;
  if (reached === undefined && typeof retryAfterS === "number") return retryAfterS * 1000;
  const isNobodyThere = reached === false && failures === 0;
  return isNobodyThere ? undefined : backoffMs(failures, FIRST_MS, MAX_MS);
}
