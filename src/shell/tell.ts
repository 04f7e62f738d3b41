import { inspect } from "node:util";
import { CymeError } from "../domain/errors.ts";

/** A value for people; "" for undefined. */
export const shown = (value: unknown, colors: boolean): string =>
  value === undefined ? "" : `${inspect(value, { colors, depth: 6, maxArrayLength: 1000, breakLength: 80 })}\n`;

/** An error in one sentence, with its code where it has one. */
export function sentence(error: unknown): string {
  if (error instanceof CymeError) return `error: ${printable(error.message)} (${error.code})\n`;
  if (error instanceof Error)
    return `error: ${error.name === "Error" ? "" : `${error.name}: `}${printable(error.message)}\n`;
  return `error: ${inspect(error)}\n`;
}

/** What others wrote must not move the cursor. */
const printable = (text: string) =>
  text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (char) =>
    char === "\n" || char === "\t" ? char : JSON.stringify(char).slice(1, -1),
  );
