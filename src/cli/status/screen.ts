import { span } from "../../kit/span.ts";
import { cut, wrapped } from "../fit.ts";
import type { Look } from "../look.ts";
import { printable, type JsonRecord } from "../record.ts";
import { fields, numberOf, since, textOf } from "./facts.ts";
import { sections, type Section } from "./sections.ts";
import { troubles, UNBROKEN } from "./troubles.ts";

/** Of a heading, one row and a fold: with less a list says nothing. */
const LEAST = 3;
/** Of troubles, so that something else has room too. */
const TROUBLE_SHARE = 0.4;

/**
 * What matters of a branch on one screen: how it is, what is wrong and what can be done, its instances, queues and other branches. Lists
 * that have no room are folded, with what needs somebody first. A part that an older branch does not send is left out.
 */
export function statusScreen(status: JsonRecord, look: Look): string {
  const head = [...branchLines(status, look), ...healthLines(status, look), ...heldLines(status, look)];
  const lists = folded(sections(status, look), look.rows - head.length - 1).map((line) => cut(line, look.columns));
  return `${[...head, ...lists].join("\n").trimStart()}\n`;
}

function branchLines(status: JsonRecord, { paint, columns, nowMs }: Look): string[] {
  const branch = fields(status["branch"]);
  if (Object.keys(branch).length === 0) return [];
  const forMs = since(branch["started_at"], nowMs);
  const running = forMs === undefined ? "" : `, up ${span(forMs)}`;
  const isAway = branch["running"] === false;
  const name = `Branch ${printable(String(branch["id"]))}`;
  const version = textOf(branch["version"]);
  const facts = [
    textOf(branch["url"]) ?? (isAway ? undefined : "no HTTP"),
    numberOf(branch["pid"]) === undefined ? undefined : `pid ${numberOf(branch["pid"])}`,
    Array.isArray(branch["load_average"]) ? `load ${branch["load_average"].join(" ")}` : undefined,
    numberOf(branch["disk_use"]) === undefined ? undefined : `disk ${numberOf(branch["disk_use"])} % used`,
  ].filter((fact) => fact !== undefined);
  const lines = [
    cut(`${paint.heading(name)}${version === undefined ? "" : `, version ${printable(version)}`}${running}`, columns),
    cut(`  ${printable(facts.join(" · "))}`, columns),
  ];
  if (!isAway) return lines;
  const start = `cyme branch -D ${textOf(branch["instance_dir"]) ?? "<instance dir>"}`;
  return [
    ...lines,
    cut(
      paint.warning(`Its daemon does not run: nobody starts workers that die. Start it: ${printable(start)}`),
      columns,
    ),
  ];
}

function healthLines(status: JsonRecord, { paint, columns, rows, nowMs }: Look): string[] {
  const state = textOf(fields(status["health"])["state"]);
  const isRunning = fields(status["branch"])["running"] !== false;
  const all = troubles(isRunning ? status : { ...status, health: {} }, nowMs);
  if (all.length === 0)
    return state === undefined || !isRunning ? [] : [healthIs(paint.state("running", printable(state)))];
  const most = Math.max(1, Math.floor((rows * TROUBLE_SHARE) / 2));
  const shown = all.slice(0, all.length > most ? most - 1 || 1 : most);
  const left = all.length - shown.length;
  const isWell = state === "ok" || state === undefined;
  return [
    isWell
      ? paint.warning("Needs attention")
      : healthIs((state === "failed" ? paint.error : paint.warning)(printable(state))),
    ...shown.flatMap(({ what, todo }) => [
      ...bullet(paint.warning("! "), printable(what), columns),
      ...bullet("  ", printable(todo), columns),
    ]),
    ...(left > 0 ? [`  … ${left} more: cyme status -F json`] : []),
  ];
}

const healthIs = (state: string) => `Health: ${state}`;

/** On a terminal in lines that do not break within a word, or a command. */
function bullet(mark: string, words: string, columns: number): string[] {
  const lines = Number.isFinite(columns) ? wrapped(words, columns - 4) : [words];
  return lines.map((line, at) => cut(`  ${at === 0 ? mark : "  "}${line.replaceAll(UNBROKEN, " ")}`, columns));
}

function heldLines(status: JsonRecord, { paint, columns }: Look): string[] {
  const { held } = status;
  if (!held) return [];
  const who = typeof held === "number" ? `Instances held stopped by shutdown-all: ${held}` : "Held by shutdown-all";
  return [cut(paint.warning(`${who}; cyme start-all starts them`), columns)];
}

/** The lists in `room` lines, a blank one before each. */
function folded(lists: readonly Section[], room: number): string[] {
  const overheads = lists.map(({ length }) => (length === 0 ? 2 : LEAST));
  const needs = lists.map(({ length }) => length);
  const left = room - overheads.reduce((all, one) => all + one, 0);
  const given = shared(Math.max(left, needs.length), needs);
  return lists.flatMap((section, at) => {
    const { title, length } = section;
    if (length === 0) return ["", title];
    const rows = given[at] ?? 0;
    // The line that says how many there are more takes the place of a row.
    const shown = rows >= length ? length : Math.max(1, rows - 1);
    const more = shown < length ? [`… ${(length - shown).toLocaleString("en")} more: ${section.rest(shown)}`] : [];
    return ["", title, ...section.lines(shown), ...more];
  });
}

/** Shares `room` lines out: one in turn to each that needs more, the first of them twice as many. */
function shared(room: number, needs: readonly number[]): number[] {
  if (!Number.isFinite(room)) return [...needs];
  const given = needs.map(() => 0);
  const order = [0, ...needs.keys()];
  for (let left = room; left > 0;) {
    const open = order.filter((at) => (given[at] ?? 0) < (needs[at] ?? 0));
    if (open.length === 0) break;
    for (const at of open.slice(0, left)) given[at] = Math.min(needs[at] ?? 0, (given[at] ?? 0) + 1);
    left -= open.length;
  }
  return given;
}
