import { COMMANDS, commandNamed } from "../table.ts";
import type { Option } from "../option.ts";
import { ASKED_BY_SHELLS } from "./asked-by-shells.ts";
import {
  COMMAND_NAMES,
  dashed,
  offer,
  offerOf,
  OTHERS,
  sameOptions,
  SHARED_OPTIONS,
  shortFlags,
  valuedOptions,
  verbs,
  type Offer,
} from "./facts.ts";
import { filled } from "./filled.ts";
import script from "./scripts/cyme.zsh" with { type: "text" };

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** Inside of a description in brackets, of a message or of a row of `_describe`. */
const plain = (text: string) => text.replaceAll(/[\\[\]:]/g, "\\$&");

/** An action of `_arguments`. */
function action(offered: Offer | undefined): string {
  // Not the space that stands for "nothing": its message would keep the only option that fits from being inserted.
  if (offered === undefined) return "()";
  if (typeof offered === "object") return `(${offered.join(" ")})`;
  const actions = {
    live: "_cyme_live",
    file: "_files",
    folder: "_files -/",
    "system-user": "_users",
    command: "_cyme_commands",
  };
  return actions[offered];
}

/** The specifications of `_arguments`: one for each spelling, of which one is offered once the other is not there. */
function optionSpecs(option: Option): string[] {
  const { about, value, multiple } = option;
  const spellings = dashed(option);
  const takes = value === undefined ? "" : `:${plain(value)}:${action(offerOf(option))}`;
  return spellings.map((spelling) => {
    const joint = value === undefined ? "" : spelling.startsWith("--") ? "=" : "+";
    const once = multiple ? "*" : `(${spellings.join(" ")})`;
    return quoted(`${once}${spelling}${joint}[${plain(about)}]${takes}`);
  });
}

const lines = (indent: string, items: readonly string[]) => items.map((item) => `${indent}${item}\n`).join("");
const optionLines = (options: readonly Option[]) => lines("      ", options.flatMap(optionSpecs));

/** As a pattern. */
const NONE = "''";

/** The commands, what is the noun of some but none itself, and no command yet. */
const nouns = (): string[] => [NONE, ...new Set([...COMMANDS.map(({ name }) => name), ...verbs().keys()])];

/** The specifications of the arguments of a command, each a word of zsh. */
function argumentSpecs(name: string): string {
  if (name === NONE) return "':command:_cyme_commands'";
  const positionals = commandNamed(name)?.positionals ?? [];
  const specs = positionals.map((argument, position) => {
    const isFirst = position === 0 && verbs().has(name);
    const does = action(offer(argument.takes));
    return `:${argument.name}:${isFirst ? ` _cyme_first ${name} ${does}` : does}`;
  });
  if (specs.length === 0 && verbs().has(name)) specs.push(`:subcommand: _cyme_first ${name}`);
  return specs.map(quoted).join(" ");
}

export function zsh(): string {
  const others = OTHERS.map(({ name }) => name);
  return filled(script, {
    commands: COMMAND_NAMES.join(" "),
    rows: lines(
      "    ",
      COMMANDS.map(({ name, about }) => quoted(`${plain(name)}:${plain(about)}`)),
    ),
    verbs: lines(
      "  ",
      [...verbs()].map(([noun, some]) => `${noun}) verbs=(${some.join(" ")}) ;;`),
    ),
    valued: valuedOptions().flatMap(dashed).join("|"),
    others: others.join("|"),
    shared: optionLines(SHARED_OPTIONS),
    options: sameOptions()
      .map(({ names, options }) => `  ${names.join("|")})\n    options+=(\n${optionLines(options)}    )\n    ;;\n`)
      .join(""),
    arguments: lines(
      "  ",
      [...Map.groupBy(nouns(), argumentSpecs)].map(([specs, names]) => `${names.join("|")}) arguments=(${specs}) ;;`),
    ),
    flags: shortFlags(),
    asked: ASKED_BY_SHELLS,
  });
}
