import { invalid } from "./errors.ts";

/**
 * Parameters as they came: from a query or form every value is text, from JSON any value. `null` (JSON only) means
 * "back to the default"; an absent key means "not given".
 */
export type Params = Readonly<Record<string, unknown>>;

const TEXT_LENGTH = 16_384;

/** Text without NUL; "" means null, as in a form. `secret` values are never shown in the error. */
export function text(
  name: string,
  raw: unknown,
  options: { secret?: boolean; maxLength?: number } = {},
): string | null {
  if (raw === null || raw === "") return null;
  const maxLength = options.maxLength ?? TEXT_LENGTH;
  const shown = options.secret ? undefined : raw;
  if (typeof raw !== "string") throw invalid(name, "text", shown);
  if (raw.length > maxLength) throw invalid(name, `at most ${maxLength} characters`, shown);
  if (raw.includes("\0")) throw invalid(name, "text without a NUL character", shown);
  return raw;
}

/** A whole number in [min, max], as a JSON number or decimal text. */
export function integer(name: string, raw: unknown, min: number, max: number): number {
  const wanted = `a whole number from ${min} to ${max}`;
  const value = typeof raw === "string" && /^[+-]?\d{1,15}$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, wanted, raw);
  }
  return value;
}

/** A number of seconds in [min, max], fractions allowed, as a JSON number or decimal text. */
export function seconds(name: string, raw: unknown, min: number, max: number): number {
  const value = typeof raw === "string" && /^\d{1,15}(\.\d{1,6})?$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) {
    throw invalid(name, `a number of seconds from ${min} to ${max}`, raw);
  }
  return value;
}

const FLAGS = new Map<unknown, boolean>([
  ...["1", "true", "yes", "on", 1, true].map((value) => [value, true] as const),
  ...["0", "false", "no", "off", 0, false].map((value) => [value, false] as const),
]);

/** `1 true yes on` or `0 false no off`, in any case. */
export function flag(name: string, raw: unknown): boolean {
  const value = FLAGS.get(typeof raw === "string" ? raw.trim().toLowerCase() : raw);
  if (value === undefined) throw invalid(name, "1, true, yes or on, or 0, false, no or off", raw);
  return value;
}

/** A JSON object, or the text of one. */
export function object(name: string, raw: unknown, options: { secret?: boolean } = {}): Record<string, unknown> {
  const shown = options.secret ? undefined : raw;
  let value = raw;
  if (typeof raw === "string") {
    try {
      value = JSON.parse(raw);
    } catch {
      throw invalid(name, "a JSON object", shown);
    }
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(name, "a JSON object", shown);
  }
  refuseDeep(name, value);
  return value as Record<string, unknown>;
}

const MAX_DEPTH = 20;

/** Throws `invalid` for JSON that is nested so deep that whoever takes it apart later would run out of stack. */
export function refuseDeep(name: string, value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw invalid(name, `values nested at most ${MAX_DEPTH} deep`);
  for (const part of Object.values(value)) refuseDeep(name, part, depth + 1);
}

/** A JSON list of texts, or comma-separated text; order is kept, repeats are dropped. */
export function list(name: string, raw: unknown): string[] {
  const items = typeof raw === "string" ? parseList(raw) : raw;
  if (!Array.isArray(items) || items.some((item) => typeof item !== "string")) {
    throw invalid(name, "a list of names, or names separated by commas", raw);
  }
  return [...new Set(items as string[])];
}

function parseList(raw: string): unknown {
  if (raw.trimStart().startsWith("[")) {
    try {
      return JSON.parse(raw);
    } catch {
      return undefined;
    }
  }
  const items = raw.split(",").map((item) => item.trim());
  return items.filter((item) => item !== "");
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Environment variables: a JSON object of texts. Values may be secrets and are never shown. */
export function environment(name: string, raw: unknown, reserved: readonly string[]): Record<string, string> {
  const variables = object(name, raw, { secret: true });
  for (const [key, value] of Object.entries(variables)) {
    if (!ENV_NAME.test(key)) throw invalid(name, "names of letters, digits and _", key);
    if (reserved.includes(key)) throw invalid(name, `no ${key}, which is set from the broker parameter`);
    if (typeof value !== "string") throw invalid(name, `text as the value of ${key}`, typeof value);
    if (value.includes("\0")) throw invalid(name, `a value of ${key} without a NUL character`);
    if (value.length > 65_536) throw invalid(name, `at most 65536 characters in ${key}`);
  }
  return variables as Record<string, string>;
}

/**
 * Calls `parse` on a given parameter. An absent one is left out of the result; a `null` one becomes `fallback`.
 * So a change holds exactly the fields that somebody gave.
 */
export function given<K extends string, T>(
  params: Params,
  key: K,
  fallback: T,
  parse: (name: string, raw: unknown) => T,
): { [P in K]?: T } {
  const raw = params[key];
  if (raw === undefined) return {};
  return { [key]: raw === null ? fallback : parse(key, raw) } as { [P in K]?: T };
}
