import { span } from "../../kit/span.ts";
import type { Look } from "../look.ts";
import type { JsonRecord } from "../record.ts";
import { table } from "../text-table.ts";
import { counted, numberOf, records, several, since, textOf } from "./facts.ts";

/** A list under a title of which only the first rows may be shown. */
export interface Section {
  readonly title: string;
  readonly length: number;
  /** Its first rows under a heading, as lines. */
  lines(shown: number): string[];
  /** What the rows from there on are, in words. */
  rest(from: number): string;
}

/** The lists of a status, in the order in which they are shown; those in which there is nothing are left out, but for the instances. */
export function sections(status: JsonRecord, look: Look): Section[] {
  const lists = [
    instances(records(status["instances"]), look),
    queues(records(status["queues"]), look),
    branches(records(status["branches"]), look),
  ];
  return lists.filter((section, at) => at === 0 || section.length > 0);
}

const toLines = (text: string) => text.trimEnd().split("\n");

/** Those that may need somebody first. */
const STATES = ["unresponsive", "disabled", "backoff", "unknown", "stopping", "starting", "stopped", "running"];

const rank = (instance: JsonRecord) => {
  const at = STATES.indexOf(textOf(instance["state"]) ?? "");
  // Disabled by people, who know it.
  const isWished = instance["state"] === "disabled" && !textOf(instance["disabled_reason"]);
  return isWished ? STATES.indexOf("running") - 0.5 : at < 0 ? STATES.length : at;
};

function instances(all: readonly JsonRecord[], look: Look): Section {
  const rows = all
    .toSorted((a, b) => rank(a) - rank(b))
    .map((instance) => ({
      ...instance,
      for: ago(instance["since"], look.nowMs),
      why: instance["why"] ?? instance["disabled_reason"],
    }));
  const states = (some: readonly JsonRecord[]) => counted(some.map(({ state }) => textOf(state) ?? "unknown"));
  const columns = ["name", "app", "state", "for", "pid", "restarts", ...(rows.some(({ why }) => why) ? ["why"] : [])];
  return {
    title: rows.length === 0 ? "No instances." : `Instances: ${states(rows)}`,
    length: rows.length,
    lines: (shown) => toLines(table(columns, rows.slice(0, shown), look.paint, look.columns)),
    rest: (from) => states(rows.slice(from)),
  };
}

function queues(all: readonly JsonRecord[], look: Look): Section {
  const waiting = (queue: JsonRecord) => numberOf(queue["messages"]) ?? 0;
  const isAbandoned = (queue: JsonRecord) => queue["consumers"] === 0 && waiting(queue) > 0;
  const rows = all.toSorted((a, b) => Number(isAbandoned(b)) - Number(isAbandoned(a)) || waiting(b) - waiting(a));
  const sum = (some: readonly JsonRecord[]) => some.reduce((total, queue) => total + waiting(queue), 0);
  const isCounted = rows.some((queue) => numberOf(queue["messages"]) !== undefined);
  const words = (some: readonly JsonRecord[]) =>
    isCounted
      ? `${several(some.length, "queue")} with ${several(sum(some), "message")}`
      : several(some.length, "queue");
  return {
    title: `Queues: ${isCounted ? `${several(sum(rows), "message")} in ${several(rows.length, "queue")}` : several(rows.length, "queue")}`,
    length: rows.length,
    lines: (shown) =>
      toLines(table(["name", "app", "messages", "consumers"], rows.slice(0, shown), look.paint, look.columns)),
    rest: (from) => words(rows.slice(from)),
  };
}

const presence = ({ is_up: isUp }: JsonRecord) => (isUp === true ? "up" : isUp === false ? "away" : "not known");

function branches(all: readonly JsonRecord[], look: Look): Section {
  const order = ["away", "not known", "up"];
  const rows = all
    .toSorted((a, b) => order.indexOf(presence(a)) - order.indexOf(presence(b)))
    .map((branch) => ({
      branch: branch["id"],
      is: presence(branch),
      heard: branch["is_up"] === true ? "now" : heard(branch["seen_at"], look.nowMs),
      instances: branch["instances"],
      version: branch["version"],
      url: branch["url"],
    }));
  const words = (some: readonly JsonRecord[]) => counted(some.map(({ is }) => String(is)));
  const columns = ["branch", "is", "heard", "instances", "version", "url"];
  return {
    title: `Other branches: ${words(rows)}`,
    length: rows.length,
    lines: (shown) => toLines(table(columns, rows.slice(0, shown), look.paint, look.columns)),
    rest: (from) => words(rows.slice(from)),
  };
}

const ago = (value: JsonRecord[string], nowMs: number) => {
  const ms = since(value, nowMs);
  return ms === undefined ? null : span(ms);
};

const heard = (value: JsonRecord[string], nowMs: number) => {
  const time = ago(value, nowMs);
  return time === null ? null : `${time} ago`;
};
