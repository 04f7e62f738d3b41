import { GROUPS, type Command } from "./command.ts";
import { wrapped } from "./fit.ts";
import { CLIENT_OPTIONS, COMMON_OPTIONS, type Option } from "./option.ts";
import { findCommandByName } from "./parse.ts";
import { COMMANDS, optionsOf } from "./table.ts";

const COLUMNS = 80;
const COMMAND_WIDTH = 37;
const OPTION_WIDTH = 28;

const FIRST_STEPS = [
  ["cyme branch --detach", "Run a branch on this machine"],
  ["cyme apps.add shop", "An app, with the broker of the branch"],
  ["cyme -a shop instances.add web", "A Celery worker that is kept running"],
  ["cyme status", "How all that is"],
] as const;

/** Help on the command of that name, or on all. Throws `invalid` for an unknown one. */
export function help(names: readonly string[]): string {
  return names.length === 0 ? overview() : helpOf(findCommandByName(names));
}

/** All commands, one line each, and the options that they share. */
export function overview(): string {
  const groups = GROUPS.map((group) => {
    const rows = COMMANDS.filter((command) => command.group === group);
    return `${group}\n${rows.map((command) => line(shortUsage(command), command.about, COMMAND_WIDTH)).join("")}`;
  });
  return [
    "cyme [options] <command> [arguments]\n\nKeeps Celery workers running: apps, their instances, queues and consumers.\n",
    `First steps\n${FIRST_STEPS.map(([example, about]) => line(example, about, COMMAND_WIDTH)).join("")}`,
    ...groups,
    `Options of all commands, before or after the command\n${optionLines([...CLIENT_OPTIONS, ...COMMON_OPTIONS])}`,
    "More on one command: cyme help <command>. `instances add` is `instances.add`.\n",
  ].join("\n");
}

export function helpOf(command: Command): string {
  const own = command.options ?? [];
  const shared = optionsOf(command).filter((option) => !own.includes(option));
  return [
    `cyme ${own.length > 0 ? "[options] " : ""}${command.usage}\n\n${command.about}.\n`,
    ...(command.details === undefined ? [] : [`${command.details}\n`]),
    `Examples\n${command.examples.map((example) => `  ${example}\n`).join("")}`,
    ...(own.length > 0 ? [`Options\n${optionLines(own)}`] : []),
    `Options of all commands\n${optionLines(shared)}`,
  ].join("\n");
}

/** Only what must be given: all of it is in the help of the command. */
const shortUsage = (command: Command) => command.usage.replaceAll(/ \[[^\]]*\]/g, "");

function optionLines(options: readonly Option[]): string {
  return options.map((option) => line(optionText(option), aboutOption(option), OPTION_WIDTH)).join("");
}

function optionText({ name, short, value }: Option): string {
  const long = value === undefined ? `--${name}` : `--${name} ${value}`;
  return `${short === undefined ? "    " : `-${short}, `}${long}`;
}

function aboutOption({ about, variable, default: fallback }: Option): string {
  const facts = [variable, fallback === undefined ? undefined : `default ${fallback}`].filter(Boolean);
  return facts.length === 0 ? about : `${about} (${facts.join(", ")})`;
}

/** Two columns, the second one wrapped; what does not fit into the first has a line of its own. */
function line(left: string, right: string, width: number): string {
  const indent = " ".repeat(width + 2);
  const start = left.length < width ? `  ${left}`.padEnd(width + 2) : `  ${left}\n${indent}`;
  return `${start}${wrapped(right, COLUMNS - indent.length).join(`\n${indent}`)}\n`;
}
