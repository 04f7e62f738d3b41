import { invalid } from "./errors.ts";

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

/** The text of a rate of at least one start, or `invalid` naming the parameter. */
export function rateText(name: string, given: unknown): string {
  const rate = typeof given === "string" ? parseRate(given) : undefined;
  if (!rate || rate.count === 0) throw invalid(name, "n/s, n/m or n/h, such as 1/m", given);
  return rate.text;
}
