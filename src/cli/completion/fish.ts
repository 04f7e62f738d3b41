import { COMMANDS } from "../table.ts";
import type { Option } from "../option.ts";
import { ASKED_BY_SHELLS } from "./asked-by-shells.ts";
import {
  byOffer,
  COMMAND_NAMES,
  dashed,
  everyArgument,
  everyOption,
  offerOf,
  OTHERS,
  sameOptions,
  SHARED_OPTIONS,
  verbs,
  type Offer,
} from "./facts.ts";

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
  const valued = everyOption().filter((option) => option.value !== undefined);
  const args = byOffer(everyArgument(), ({ offer }) => offer).map(([offer, some]) => {
    const cases = some.map(({ command, position }) => quoted(`${command} ${position}`)).join(" ");
    return `        case ${cases}\n            ${printed(offer)}\n`;
  });
  return `# Made by: cyme completion fish
complete -c cyme -e
complete -c cyme-branch -e

set -g __cyme_names ${COMMAND_NAMES.join(" ")}

function __cyme_commands
    printf '%s\\t%s\\n' \\
${COMMANDS.map(({ name, about }) => `        ${name} ${quoted(about)}`).join(" \\\n")}
end

# Prints the command before the cursor, an empty line where there is none yet, and then its arguments, a line each.
function __cyme_call
    set -l words (commandline -opc)
    set -l command
    set -l arguments
    set -l skipped
    set -l literal
    string match -q -r '(^|/)cyme-branch$' -- $words[1]; and set command branch
    for word in $words[2..-1]
        if test -n "$skipped"
            set skipped
            continue
        end
        if test -z "$literal"
            switch "$word"
                case --
                    set literal yes
                    continue
                case ${valued.flatMap(dashed).join(" ")}
                    set skipped yes
                    continue
                case '-*'
                    continue
            end
        end
        if test -z "$command"
            set command $word
        else if test (count $arguments) = 0; and contains -- "$command.$word" $__cyme_names
            set command $command.$word
        else
            set -a arguments "$word"
        end
    end
    printf '%s\\n' "$command" $arguments
end

function __cyme_runs
    set -l call (__cyme_call)
    contains -- "$call[1]" $argv
end

# The names that only a branch knows; it may be away.
function __cyme_live
    set -l words (commandline -opc) (commandline -ct | string trim -l -c '\\'"')
    set -l cyme $words[1]
    command -q -- $cyme; or set cyme cyme
    command -q -- $cyme; or return
    printf '%s\\0' $words[2..-1] | command $cyme ${ASKED_BY_SHELLS} 2>/dev/null
end

function __cyme_arguments
    set -l call (__cyme_call)
    set -l position (math (count $call) - 1)
    if test -z "$call[1]"
        __cyme_commands
        return
    end
    if test $position = 0
        switch $call[1]
${[...verbs()].map(([noun, some]) => `            case ${noun}\n                printf '%s\\n' ${some.join(" ")}\n`).join("")}        end
    end
    switch "$call[1] $position"
${args.join("")}    end
end

complete -c cyme -f -a '(__cyme_arguments)'
${SHARED_OPTIONS.map((option) => optionLine(`not __cyme_runs ${OTHERS.map(({ name }) => name).join(" ")}`, option)).join("")}${sameOptions()
    .flatMap(({ names, options }) => options.map((option) => optionLine(`__cyme_runs ${names.join(" ")}`, option)))
    .join("")}complete -c cyme-branch -w 'cyme branch'
`;
}
