import { span } from "../../kit/span.ts";
import type { Json, JsonRecord } from "../record.ts";
import { fields, named, numberOf, records, several, since, textOf } from "./facts.ts";

/** Something that is wrong, and what can be done. */
export interface Trouble {
  readonly what: string;
  readonly todo: string;
}

const FULL_PERCENT = 90;
/** Stands for the blanks of a command, which is to be copied from one line. */
export const UNBROKEN = "\u00A0";
const command = (words: string) => words.replaceAll(" ", UNBROKEN);

/** What is wrong with a branch and what it knows of, by its status, the most pressing first. */
export function troubles(status: JsonRecord, nowMs: number): Trouble[] {
  const instances = records(status["instances"]);
  return [
    ...parts(fields(status["health"]), nowMs),
    ...branches(records(status["branches"]), nowMs),
    ...disabled(instances),
    ...unresponsive(instances),
    ...abandoned(records(status["queues"]), instances),
    ...fullDisk(fields(status["branch"])),
  ];
}

const PARTS: Record<string, string> = {
  store: "Nothing can be changed until it is written again: look at the disk and the rights of the instance directory.",
  supervisor: "Nobody starts workers that die: start the branch again, its workers go on meanwhile.",
  http: "Commands reach it with -L on its machine: start the branch again, its workers go on meanwhile.",
  results: "Results of tasks wait at the broker: the log of the branch says more.",
};

function parts(health: JsonRecord, nowMs: number): Trouble[] {
  const failed = Object.entries(PARTS).flatMap(([name, todo]) =>
    isBad(health[name])
      ? [{ what: `The ${name === "http" ? "HTTP server" : name} ${how(health[name], nowMs)}`, todo }]
      : [],
  );
  const away = Object.entries(fields(health["brokers"])).filter(([, broker]) => isBad(broker));
  const brokers = away.map(([label, broker]) => ({
    what: `Broker ${label} ${how(broker, nowMs)}`,
    todo: brokerTodo(broker),
  }));
  // What the broker's absence says already is not said once more.
  const bus = away.length === 0 && isBad(health["bus"]) ? [busTrouble(health["bus"], nowMs)] : [];
  return [...failed, ...brokers, ...bus];
}

const busTrouble = (bus: Json | undefined, nowMs: number): Trouble => ({
  what: `The bus between branches ${how(bus, nowMs)}`,
  todo: "Other branches are not heard until it is back: it is tried again and again.",
});

const isBad = (component: Json | undefined) => ["away", "failed"].includes(textOf(fields(component)["state"]) ?? "");

/** `is away for 2 min: connection refused`. */
function how(component: Json | undefined, nowMs: number): string {
  const { state, since: then, why } = fields(component);
  const forMs = since(then, nowMs);
  const time = forMs === undefined ? "" : ` for ${span(forMs)}`;
  return `${state === "failed" ? "has failed" : "is away"}${time}${textOf(why) ? `: ${textOf(why)}` : ""}`;
}

const REFUSED = /ACCESS_REFUSED|login|403|vhost|virtual host/i;

function brokerTodo(broker: Json | undefined): string {
  if (REFUSED.test(textOf(fields(broker)["why"]) ?? "")) {
    return "Look at user, password and virtual host: CYME_BROKER of the branch, or --broker of the app or instance.";
  }
  return "Start it, or see whether it can be reached from here. Workers go on, and all is taken up once it is back.";
}

function branches(others: readonly JsonRecord[], nowMs: number): Trouble[] {
  return others
    .filter((branch) => branch["is_up"] === false)
    .map((branch) => {
      const id = String(branch["id"]);
      const forMs = since(branch["seen_at"], nowMs);
      const count = numberOf(branch["instances"]) ?? 0;
      return {
        what: `Branch ${id} is away${forMs === undefined ? "" : ` for ${span(forMs)}`}; it has ${several(count, "instance")}`,
        todo: `Start it on its machine, where its workers may go on. If it is gone for good: ${command(`cyme branches.forget ${id}`)}`,
      };
    });
}

const nameOf = ({ name }: JsonRecord) => String(name);

/** Those that died too often: who was disabled by people has no reason. */
function disabled(instances: readonly JsonRecord[]): Trouble[] {
  const dead = instances.filter((instance) => instance["state"] === "disabled" && textOf(instance["disabled_reason"]));
  const [first] = dead;
  if (!first) return [];
  const one = nameOf(first);
  const reason = textOf(first["disabled_reason"]) ?? "";
  return [
    {
      what: `Disabled, since ${dead.length === 1 ? "it" : "they"} did not stay up: ${named(dead.map(nameOf))} (${reason})`,
      todo: `Mend what ${command(`cyme instances.log ${one}`)} says, then: ${command(`cyme instances.enable ${one}`)}`,
    },
  ];
}

function unresponsive(instances: readonly JsonRecord[]): Trouble[] {
  const mute = instances.filter(({ state }) => state === "unresponsive").map(nameOf);
  if (mute.length === 0) return [];
  return [
    {
      what: `No answer from ${named(mute)}`,
      todo: `The branch restarts what stays silent. What a worker does: ${command(`cyme instances.log ${mute[0]}`)}`,
    },
  ];
}

/** Of queues in which something waits, those that nobody takes from. */
function abandoned(queues: readonly JsonRecord[], instances: readonly JsonRecord[]): Trouble[] {
  const left = queues.filter((queue) => queue["consumers"] === 0 && (numberOf(queue["messages"]) ?? 0) > 0);
  const [first] = left;
  if (!first) return [];
  const app = String(first["app"]);
  const worker = instances.find((instance) => instance["app"] === app);
  const name = worker ? nameOf(worker) : "<instance>";
  const waiting = left.reduce((all, queue) => all + (numberOf(queue["messages"]) ?? 0), 0);
  return [
    {
      what: `${several(waiting, "message")} that nobody consumes: ${named(left.map(nameOf))}`,
      todo: `To have an instance consume: ${command(`cyme -a ${app} consumers.add ${name} ${nameOf(first)}`)}`,
    },
  ];
}

function fullDisk(branch: JsonRecord): Trouble[] {
  const use = numberOf(branch["disk_use"]) ?? 0;
  if (use < FULL_PERCENT) return [];
  const where = textOf(branch["instance_dir"]);
  return [
    {
      what: `${use} % of the disk is used${where === undefined ? "" : ` that holds ${where}`}`,
      todo: "Make room: workers that cannot write their log or state end.",
    },
  ];
}
