import type { StartedFor } from "../store/workers.ts";
import type { TermReason } from "./plan.ts";

/** `count` starts within `periodMs`; written `n/s`, `n/m` or `n/h`. */
export interface Rate {
  readonly count: number;
  readonly periodMs: number;
  readonly text: string;
}

const PERIODS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };

/** undefined where the text is no rate. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,6})\/([smh])$/.exec(text.trim());
  const periodMs = PERIODS_MS[match?.[2] ?? ""];
  if (!match || periodMs === undefined) return undefined;
  return { count: Number(match[1]), periodMs, text: text.trim() };
}

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
 * `expected`: it was stopped by wish. `blameless`: the broker is away, start it again, later and later. `counted`: start it
 * again at once. `too many`: disable it, the rate is used up. `failed`: disable it, it never came up for who asked for it.
 */
export type Verdict = "expected" | "blameless" | "counted" | "too many" | "failed";

export function judge(death: Death, rate: Rate): Verdict {
  if (death.termReason === "wish") return "expected";
  if (!death.isBrokerUsable) return "blameless";
  if (!death.hasAnswered && death.startedFor === "people") return "failed";
  return death.deathsBefore + 1 > rate.count ? "too many" : "counted";
}
