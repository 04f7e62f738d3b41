import type { Fields, LogLevel } from "./log.ts";

/** One line, ending in a newline. */
export function formatLine(date: Date, level: LogLevel, message: string, fields: Fields): string {
  let line = `${date.toISOString()} ${level} ${oneLine(message)}`;
  let stack = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (value instanceof Error) {
      line += ` ${key}=${quoteIfNeeded(value.message)}`;
      if (level !== "INFO" && level !== "WARNING" && value.stack) stack += `\n${value.stack}`;
    } else {
      line += ` ${key}=${quoteIfNeeded(typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)))}`;
    }
  }
  return `${line}${stack}\n`;
}

// A name or a worker's output must not be able to forge a second log line.
const oneLine = (text: string) => text.replaceAll(/[\r\n]+/g, " ");
const quoteIfNeeded = (text: string) => (/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
