import { CymeError, OUTCOMES, type Facts } from "../domain/errors.ts";
import type { Environment, Io } from "./io.ts";
import { painter } from "./paint.ts";
import { printable } from "./record.ts";

/** Writes what went wrong and what to do next to standard error; returns the exit code. */
export function reportError(
  error: unknown,
  { io, env, isJson, app }: { io: Io; env: Environment; isJson: boolean; app: string | undefined },
): number {
  const known = error instanceof CymeError ? error : unexpected(error);
  const { message, code, facts } = known;
  if (isJson) io.stderr(`${JSON.stringify({ nok: message, error: code, ...facts })}\n`);
  else {
    const label = painter(() => io.stderrIsTTY, env).error("error:");
    const lines = [`${label} ${printable(forPeople(message))}`, ...nextSteps(known, app ?? "<app>").map(printable)];
    io.stderr(`${lines.join("\n")}\n`);
  }
  return OUTCOMES[code].exit;
}

/** What the branch tells programs, by a header; people are told the option. */
const SEND_AGAIN = /; send it again with X-Cyme-Task: \S+$/;
/** The same, by a method; people are told the command. */
const CHANGE_IT = / exists already: change it with PUT$/;
const HEALTH = /\(GET \/health\/ tells\)$/;

/** Of who shows nothing; what is wrong with what was shown says itself what to do. */
const NOTHING_SHOWN = /^This takes a token /;
const HOW_TO_SHOW = [
  "Give a token in CYME_TOKEN or ~/.config/cyme/config.json, or https://name:password@… in CYME_URL.",
  "On the machine of the branch -L -D <instance dir> needs neither.",
];

/** Of a URL that nobody answers at. */
const HOW_TO_REACH = [
  "Another branch: -u <url> or CYME_URL. On its machine, whether it runs or not: -L -D <instance dir>.",
];
const SAYS_WHAT_TO_DO = /: start it with |^Cannot listen on /;
const NOT_AWAY = / is up: only a branch that is away can be forgotten$/;
const NOT_RUNNING = / is not running: it is /;
const WANTS_ROLE = / takes the role (\w+): yours is /;

const forPeople = (message: string) =>
  message.replace(SEND_AGAIN, "").replace(CHANGE_IT, " exists already").replace(HEALTH, "(cyme status tells)");

function unexpected(error: unknown): CymeError {
  const message = error instanceof Error ? error.message : String(error);
  return new CymeError("internal", `Internal error: ${message}`);
}

/** A worker that did not come up is disabled: what is stored waits for somebody. */
const STORED: Partial<Record<CymeError["code"], string>> = {
  "worker-failed": "The change is stored; mend what is wrong and enable the instance again.",
};

function nextSteps(error: CymeError, app: string): string[] {
  const { code, facts } = error;
  const lines: string[] = [];
  if (typeof facts["usage"] === "string") lines.push(`usage: ${facts["usage"]}`);
  lines.push(...logLines(facts));
  if (facts["stored"] === true) lines.push(STORED[code] ?? "It is stored and will be done.");
  if (facts["stored"] === false && facts["maybe_sent"] !== true)
    lines.push(`Nothing was stored; it can be tried again${asTheSame(facts)}.`);
  if (facts["stored"] === null) lines.push(...whatIsNotKnown(facts, app));
  if (CHANGE_IT.test(error.message)) lines.push(howToChange(facts, app));
  if (typeof facts["uuid"] === "string") lines.push(...whatBecameOf(error, app));
  if (typeof facts["token_from"] === "string") lines.push(`The token is that of ${facts["token_from"]}.`);
  if (typeof facts["unused"] === "string") lines.push(`${facts["unused"]}.`);
  if (NOTHING_SHOWN.test(error.message)) lines.push(...HOW_TO_SHOW);
  if (code === "not-found") lines.push(...whatThereIs(facts, app));
  lines.push(...howToGoOn(error, app));
  if (code === "internal" && facts["id"] !== undefined) lines.push(`The branch's log says more under ${facts["id"]}.`);
  return lines;
}

/** By what the error says, and what it is about. */
function howToGoOn({ code, message, facts }: CymeError, app: string): string[] {
  const { reached, branch, instance, uuid } = facts;
  const name = String(instance ?? "<instance>");
  if (code === "unavailable" && reached === false) return HOW_TO_REACH;
  const isAway = code === "unavailable" && reached === undefined && uuid === undefined;
  if (isAway && !SAYS_WHAT_TO_DO.test(message)) return ["What is away: cyme status"];
  if (code === "timeout" && uuid === undefined && facts["stored"] !== null)
    return ["To wait longer: --timeout <seconds>"];
  if (NOT_AWAY.test(message)) return [`To stop it first: cyme branches.shutdown ${String(branch ?? "<id>")}`];
  if (NOT_RUNNING.test(message)) return [`Why: cyme -a ${app} instances.history ${name}`];
  const [, role] = WANTS_ROLE.exec(message) ?? [];
  return role === undefined ? [] : [`An admin makes such a token: cyme tokens.add <name> --role ${role}`];
}

const howToChange = ({ user, instance }: Facts, app: string) =>
  typeof user === "string"
    ? `To set a new password: cyme users.set ${user} --new-password`
    : `To change it: cyme -a ${app} instances.set ${String(instance)}`;

const asTheSame = ({ uuid }: Facts) => (typeof uuid === "string" ? `, with --uuid ${uuid} as the same task` : "");

/** Of a change that another branch had begun when it fell silent. */
function whatIsNotKnown({ instance, branch }: Facts, app: string): string[] {
  const when = typeof branch === "string" ? ` once ${branch} is back` : "";
  const look = typeof instance === "string" ? `cyme -a ${app} instances.get ${instance}` : `cyme -a ${app} instances`;
  return [`Nobody knows whether it was done: look${when} with ${look}`];
}

/** Of a task that may have been sent, or may still be worked on. */
function whatBecameOf({ code, message, facts }: CymeError, app: string): string[] {
  const { uuid, reached, stored, maybe_sent: maybeSent } = facts;
  const isNot = reached === false || (stored === false && maybeSent !== true);
  const isOpen = (code === "timeout" || code === "unavailable") && !isNot;
  if (!isOpen) return [];
  const isSend = reached === true || SEND_AGAIN.test(message);
  return [
    `What became of it: cyme -a ${app} tasks.state ${String(uuid)}`,
    ...(isSend ? [`It can be sent again${asTheSame(facts)}.`] : []),
  ];
}

function logLines({ log }: Facts): string[] {
  const lines = typeof log === "string" ? log.trimEnd().split("\n") : log;
  if (!Array.isArray(lines) || lines.length === 0) return [];
  return ["The log of the worker ends with:", ...lines.map((line) => `  ${String(line)}`)];
}

/** By the fact that names what was not found, the command that lists such things. */
const LISTS: Record<string, (app: string) => string> = {
  app: () => "cyme apps",
  instance: (app) => `cyme -a ${app} instances`,
  queue: (app) => `cyme -a ${app} queues`,
  consumer: () => "cyme consumers <instance>",
  branch: () => "cyme branches",
  user: () => "cyme users",
  token: () => "cyme tokens",
};

function whatThereIs(facts: Facts, app: string): string[] {
  const kind = Object.keys(LISTS).find((key) => key in facts);
  const list = kind === undefined ? undefined : LISTS[kind]?.(app);
  if (list === undefined) return [];
  const lines = [`To list them: ${list}`];
  if (kind === "app") lines.push(`To create it: cyme apps.add ${String(facts["app"])}`);
  if (kind === "queue") lines.push(`To declare it: cyme -a ${app} queues.add ${String(facts["queue"])}`);
  return lines;
}
