import type { Rate } from "../domain/rate.ts";
import type { StartedFor } from "../store/workers.ts";
import type { TermReason } from "./plan.ts";

/** What is known of a worker that ended, or could not even be started. */
export interface Death {
  readonly termReason: TermReason | null;
  readonly startedFor: StartedFor;
  readonly hasAnswered: boolean;
  /** Whether the broker could be reached and took the login. */
  readonly isBrokerUsable: boolean;
  /** Counted deaths within the period of the rate, this one not among them. */
  readonly deathsBefore: number;
}

/**
 * What follows from a death.
 * `expected`: it was stopped by wish, or told to end by somebody else. `blameless`: the broker is away, start it again, later and later. `counted`: start it
 * again at once. `early`: it never answered; counted, start it again, later and later. `too many`: disable it, the rate is
 * used up. `failed`: disable it, it never came up for who asked for it.
 */
export type Verdict = "expected" | "blameless" | "counted" | "early" | "too many" | "failed";

export function judge(death: Death, rate: Rate): Verdict {
  if (death.termReason === "wish" || death.termReason === "somebody else") return "expected";
  if (!death.isBrokerUsable) return "blameless";
  if (!death.hasAnswered && death.startedFor === "people") return "failed";
  if (death.deathsBefore + 1 > rate.count) return "too many";
  return death.hasAnswered ? "counted" : "early";
}
