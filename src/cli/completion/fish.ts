import { COMMANDS } from "../table.ts";
import type { Option } from "../option.ts";
import { ASKED_BY_SHELLS } from "./asked-by-shells.ts";
import {
  byOffer,
  COMMAND_NAMES,
  dashed,
  everyArgument,
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
import script from "./scripts/cyme.fish" with { type: "text" };

const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** How the value of an option is offered. */
function value(offer: Offer | undefined): string {
  if (offer === undefined) return " -x";
  if (typeof offer === "object") return ` -x -a ${quoted(offer.join(" "))}`;
  const values = {
    live: " -x -a '(__cyme_live)'",
    file: " -r -F",
    folder: " -x -a '(__fish_complete_directories)'",
    "system-user": " -x -a '(__fish_complete_users)'",
    command: " -x -a '(__cyme_commands)'",
  };
  return values[offer];
}

function optionLine(condition: string, option: Option): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  const takes = option.value === undefined ? "" : value(offerOf(option));
  return `complete -c cyme -n '${condition}'${short} -l ${option.name}${takes} -d ${quoted(option.about)}\n`;
}

/** What a function does to offer an argument. */
function printed(offer: Offer): string {
  if (typeof offer === "object") return `printf '%s\\n' ${offer.map(quoted).join(" ")}`;
  return offer === "command" ? "__cyme_commands" : "__cyme_live";
}

/** For fish 3.3 and newer. */
export function fish(): string {
  const others = OTHERS.map(({ name }) => name).join(" ");
  const args = byOffer(everyArgument(), ({ offer }) => offer).map(([offer, some]) => {
    const cases = some.map(({ command, position }) => quoted(`${command} ${position}`)).join(" ");
    return `        case ${cases}\n            ${printed(offer)}\n`;
  });
  return filled(script, {
    commands: COMMAND_NAMES.join(" "),
    rows: `${COMMANDS.map(({ name, about }) => `        ${name} ${quoted(about)}`).join(" \\\n")}\n`,
    valued: valuedOptions().flatMap(dashed).join(" "),
    verbs: [...verbs()]
      .map(([noun, some]) => `            case ${noun}\n                printf '%s\\n' ${some.join(" ")}\n`)
      .join(""),
    arguments: args.join(""),
    options: [
      ...SHARED_OPTIONS.map((option) => optionLine(`not __cyme_runs ${others}`, option)),
      ...sameOptions().flatMap(({ names, options }) =>
        options.map((option) => optionLine(`__cyme_runs ${names.join(" ")}`, option)),
      ),
    ].join(""),
    flags: shortFlags(),
    asked: ASKED_BY_SHELLS,
  });
}
