import { isRecord, type Json, type JsonRecord } from "../record.ts";

/*
 * Reading an answer of which an older branch may leave out a part, and a newer one says more.
 */

export const textOf = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);
export const numberOf = (value: Json | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;
export const fields = (value: Json | undefined): JsonRecord => (isRecord(value) ? value : {});
export const records = (value: Json | undefined): JsonRecord[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** How long it is since then, in ms; undefined where that is no time. */
export function since(value: Json | undefined, nowMs: number): number | undefined {
  const thenMs = Date.parse(textOf(value) ?? "");
  return Number.isNaN(thenMs) ? undefined : Math.max(0, nowMs - thenMs);
}

/** `1 message`, `1,200 messages`. */
export const several = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;

/** Some names, and how many more there are. */
export function named(names: readonly string[], most = 3): string {
  const left = names.length - most;
  return left > 0 ? `${names.slice(0, most).join(", ")} and ${left.toLocaleString("en")} more` : names.join(", ");
}

/** `950 running, 2 backoff`, in the order of the first of each kind. */
export function counted(kinds: readonly string[]): string {
  const counts = Map.groupBy(kinds, (kind) => kind);
  return [...counts].map(([kind, all]) => `${all.length.toLocaleString("en")} ${kind}`).join(", ");
}
