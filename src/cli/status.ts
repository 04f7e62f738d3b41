import type { Paint } from "./paint.ts";
import { isRecord, record, type Json, type JsonRecord } from "./record.ts";
import { table } from "./text-table.ts";

const COLUMNS = ["name", "app", "state", "pid", "since", "restarts", "queues", "why"];

/** The branch and its workers on one screen; a field that an older or newer branch does not send is left out. */
export function statusScreen(status: JsonRecord, paint: Paint): string {
  const branch = isRecord(status["branch"]) ? record(status["branch"]) : "";
  const parts = [branch, held(status["held"], paint), instances(status["instances"], paint)];
  return parts.filter((part) => part !== "").join("\n");
}

function held(value: Json | undefined, paint: Paint): string {
  if (!value) return "";
  const who = typeof value === "number" ? `Instances held stopped by shutdown-all: ${value}` : "Held by shutdown-all";
  return paint.warning(`${who}; cyme start-all starts them`) + "\n";
}

function instances(value: Json | undefined, paint: Paint): string {
  const all = Array.isArray(value) ? value.filter(isRecord) : [];
  if (all.length === 0) return "No instances.\n";
  const rows = all.map((instance) => ({ ...instance, why: instance["why"] ?? instance["disabled_reason"] }));
  return table(COLUMNS, rows, paint);
}
