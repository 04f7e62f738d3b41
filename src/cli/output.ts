import type { View } from "./command.ts";
import type { Look } from "./look.ts";
import { asText, isRecord, record, type Json, type JsonRecord } from "./record.ts";
import { resultScreen } from "./result.ts";
import { sentScreen } from "./sent.ts";
import { statusScreen } from "./status/screen.ts";
import { table } from "./text-table.ts";

const DECLARATION = ["name", "exchange", "exchange_type", "routing_key", "options"];

/** An answer for people, ending in a line break; "" where there is nothing to show. */
export function pretty(answer: unknown, view: View | undefined, look: Look): string {
  const value = answer as Json; // It came as JSON, or is text.
  if (typeof value === "string") return lines(value, look);
  if (view === "status" && isRecord(value)) return statusScreen(value, look);
  if (view === "by name" && isRecord(value)) return byName(value, look);
  if (view === "result" && isRecord(value)) return resultScreen(value);
  if (view === "sent" && isRecord(value)) return sentScreen(withoutPassword(value));
  if (Array.isArray(value)) return list(value, look);
  if (isRecord(value) && Object.keys(value).length === 1 && typeof value["ok"] === "string") return `${value["ok"]}\n`;
  return isRecord(value) ? record(withoutPassword(value)) : `${String(value)}\n`;
}

/** What others wrote: as it is where a program may read it, on a terminal so that it moves no cursor. */
function lines(text: string, { columns }: Look): string {
  const shown = Number.isFinite(columns) ? asText(text) : text;
  return shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`;
}

/** Of its broker: people show others what is on their screens. */
function withoutPassword(value: JsonRecord): JsonRecord {
  const { broker } = value;
  return isRecord(broker) && "password" in broker ? { ...value, broker: { ...broker, password: undefined } } : value;
}

function list(values: readonly Json[], look: Look): string {
  if (values.length > 0 && values.every(isRecord)) {
    const rows = values.map(withoutPassword);
    return table([...new Set(rows.flatMap((row) => Object.keys(row)))], rows, look.paint, look.columns);
  }
  return values.map((value) => pretty(value, undefined, look)).join("");
}

function byName(values: JsonRecord, look: Look): string {
  const rows = Object.entries(values).map(([name, value]) => ({ name, ...(isRecord(value) ? value : {}) }));
  return rows.length === 0 ? "" : table(DECLARATION, rows, look.paint, look.columns);
}
