export type Json = string | number | boolean | null | readonly Json[] | JsonRecord;
export interface JsonRecord {
  readonly [key: string]: Json | undefined;
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `key: value` lines with the values aligned, an object inside as an indented block. */
export function record(value: JsonRecord, indent = ""): string {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const width = Math.max(0, ...entries.filter(([, item]) => !isBlock(item)).map(([key]) => printable(key).length));
  return entries
    .map(([key, item]) => {
      const name = `${indent}${printable(key)}:`;
      if (isBlock(item)) return `${name}\n${record(item, `${indent}  `)}`;
      return `${name.padEnd(indent.length + width + 2)}${cell(item)}\n`;
    })
    .join("");
}

const isBlock = (value: Json | undefined): value is JsonRecord => isRecord(value) && Object.keys(value).length > 0;

/** A value on one line: `-` for none, yes and no for flags, lists with commas. */
export function cell(value: Json | undefined): string {
  if (value === undefined || value === null || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "object") return printable(String(value));
  if (isRecord(value)) return Object.keys(value).length === 0 ? "-" : printable(JSON.stringify(value));
  if (value.length === 0) return "-";
  const isFlat = value.every((item) => typeof item !== "object" || item === null);
  return isFlat ? value.map(cell).join(", ") : printable(JSON.stringify(value));
}

/** Control characters escaped, also those that turn the direction of writing: a value must not move the cursor or forge a line. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (char) => SHORT_ESCAPES[char] ?? escaped(char));
}

/** Lines of text as they are, but that they do not move the cursor. */
export function asText(value: Json | undefined): string {
  return String(value)
    .split(/(\r?\n|\t)/)
    .map((part, at) => (at % 2 === 1 ? part : printable(part)))
    .join("");
}

const SHORT_ESCAPES: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };
const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
