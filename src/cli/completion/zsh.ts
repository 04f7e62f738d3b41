import { COMMANDS, commandNamed } from "../table.ts";
import type { Option } from "../option.ts";
import { ASKED_BY_SHELLS } from "./asked-by-shells.ts";
import {
  dashed,
  everyOption,
  offer,
  offerOf,
  OTHERS,
  sameOptions,
  SHARED_OPTIONS,
  verbs,
  type Offer,
} from "./facts.ts";

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
const optionLines = (indent: string, options: readonly Option[]) => lines(indent, options.flatMap(optionSpecs));

/** The commands, what is the noun of some but none itself, and no command yet. */
const nouns = (): string[] => ["", ...new Set([...COMMANDS.map(({ name }) => name), ...verbs().keys()])];

/** The specifications of the arguments of a command, each a word of zsh. */
function argumentSpecs(name: string): string {
  if (name === "") return "':command:_cyme_commands'";
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
  const valued = everyOption().filter(({ value }) => value !== undefined);
  const rows = COMMANDS.map(({ name, about }) => quoted(`${plain(name)}:${plain(about)}`));
  const own = sameOptions().map(({ names, options }) => {
    return `  ${names.join("|")})\n    options+=(\n${optionLines("      ", options)}    )\n    ;;\n`;
  });
  const args = [...Map.groupBy(nouns(), argumentSpecs)].map(([specs, names]) => {
    return `  ${names.map((name) => (name === "" ? "''" : name)).join("|")}) arguments=(${specs}) ;;\n`;
  });
  return `#compdef cyme cyme-branch
# Made by: cyme completion zsh
_cyme_commands() {
  local -a commands
  commands=(
${lines("    ", rows)}  )
  _describe -t commands command commands
}

# What may follow the noun of a command as a word of its own.
_cyme_verbs() {
  local -a verbs
  case "$1" in
${[...verbs()].map(([noun, some]) => `  ${noun}) verbs=(${some.join(" ")}) ;;\n`).join("")}  esac
  (( $#verbs )) && _describe -t commands subcommand verbs
}

# The names that only a branch knows; it may be away.
_cyme_live() {
  local cyme="\${(Q)words[1]}"
  whence -p -- "$cyme" >/dev/null || cyme=cyme
  local -a names
  names=("\${(@f)$(printf '%s\\0' "\${(@)words[2,CURRENT-1]}" "$QIPREFIX$IPREFIX$PREFIX" |
    command "$cyme" ${ASKED_BY_SHELLS} quoted 2>/dev/null)}")
  [[ -n "$names[1]" ]] && compadd "$@" -a names
}

# The first argument of a command whose name may go on.
_cyme_first() {
  local found=1
  _cyme_verbs "$1" && found=0
  shift
  (( $# )) && "$@" && found=0
  return $found
}

_cyme() {
  local curcontext="$curcontext" word command="" literal=""
  local -a options arguments specs
  integer i position=0 parts=0

  [[ "$service" == cyme-branch ]] && command=branch
  for (( i = 2; i < CURRENT; i++ )); do
    word="\${(Q)words[i]}"
    if [[ -z "$literal" ]]; then
      case "$word" in
      --) literal=yes; continue ;;
      ${valued.flatMap(dashed).join("|")}) (( i++ )); continue ;;
      -*) continue ;;
      esac
    fi
    if [[ -z "$command" ]]; then
      command="$word" parts=1
    elif (( ! position )) && [[ " ${COMMANDS.map(({ name }) => name).join(" ")} " == *" $command.$word "* ]]; then
      command="$command.$word" parts=2
    else
      (( position++ ))
    fi
  done

  case "$command" in
  ${OTHERS.map(({ name }) => name).join("|")}) ;;
  *)
    options=(
${optionLines("      ", SHARED_OPTIONS)}    )
    ;;
  esac
  case "$command" in
${own.join("")}  esac
  case "$command" in
${args.join("")}  esac
  # The words of the command are arguments as well.
  for (( i = 0; i < parts; i++ )); do specs+=(': :()'); done
  _arguments -s -S "$options[@]" "$specs[@]" "$arguments[@]"
}

if [[ "$funcstack[1]" == _cyme ]]; then _cyme "$@"; else compdef _cyme cyme cyme-branch; fi
`;
}
