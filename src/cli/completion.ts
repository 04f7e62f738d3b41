import { invalid } from "../domain/errors.ts";
import type { Command } from "./command.ts";
import { CLIENT_OPTIONS, COMMON_OPTIONS, type Option } from "./option.ts";
import { COMMANDS, optionsOf } from "./table.ts";
import type { Takes } from "./takes.ts";

const SHELLS: Record<string, () => string> = { bash, zsh, fish };

/** The script that completes `cyme` in that shell. Throws `invalid` for an unknown one. */
export function completion(shell: string): string {
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (!script) throw invalid("shell", `one of ${Object.keys(SHELLS).join(", ")}`, shell);
  return script();
}

const header = (shell: string) => `# Made by: cyme completion ${shell}\n`;
const shells = () => Object.keys(SHELLS).join(" ");
const isPath = (takes: Takes | undefined) => takes === "file" || takes === "folder";
const names = () => COMMANDS.map(({ name }) => name).join(" ");
const dashed = ({ name, short }: Option) => (short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`]);
const words = (options: readonly Option[]) => options.flatMap(dashed).join(" ");

/** Options that most commands share are written once: `CLIENTS` are the commands that take them all. */
const SHARED_OPTIONS = [...CLIENT_OPTIONS, ...COMMON_OPTIONS];
const CLIENTS = COMMANDS.filter((command) => CLIENT_OPTIONS.every((option) => optionsOf(command).includes(option)));
const OTHERS = COMMANDS.filter((command) => !CLIENTS.includes(command));
const ownOptions = (command: Command) => (CLIENTS.includes(command) ? (command.options ?? []) : optionsOf(command));
const withOwnOptions = () => COMMANDS.filter((command) => ownOptions(command).length > 0);

/** One option of each name, for what is the same whichever command has it. */
function everyOption(): Option[] {
  return [...new Map(COMMANDS.flatMap(optionsOf).map((option) => [option.name, option])).values()];
}

const alternatives = (options: readonly Option[]) => options.flatMap(dashed).join("|");

function bash(): string {
  const valued = everyOption().filter(({ value }) => value !== undefined);
  const choices = valued
    .filter((option) => option.choices)
    .map((option) => `    ${alternatives([option])}) words="${option.choices?.join(" ")}" ;;\n`);
  const own = withOwnOptions().map((command) => `    ${command.name}) words="${words(ownOptions(command))}" ;;\n`);
  return `${header("bash")}_cyme() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}" command="" words="" i
  case "$before" in
${choices.join("")}    ${alternatives(valued.filter(({ takes }) => isPath(takes)))})
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    ${alternatives(valued.filter(({ takes, choices: some }) => !isPath(takes) && !some))})
      COMPREPLY=()
      return
      ;;
  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
    ${alternatives(valued)}) ((i++)) ;;
    -*) ;;
    *)
      command="\${COMP_WORDS[i]}"
      break
      ;;
    esac
  done
  case "$command" in
    "") words="${names()}" ;;
${own.join("")}    completion) words="${shells()}" ;;
    help) words="${names()}" ;;
  esac
  case "$command" in
    ${OTHERS.map(({ name }) => name).join("|")}) ;;
    *) words="$words ${words(SHARED_OPTIONS)}" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _cyme cyme
`;
}

const zshText = (text: string) => text.replaceAll("'", "'\\''");

function zshOption(option: Option): string[] {
  const about = zshText(option.about).replaceAll(/[[\]]/g, "\\$&");
  const action = isPath(option.takes) ? "_files" : option.choices ? `(${option.choices.join(" ")})` : " ";
  const value = option.value === undefined ? "" : `:${option.name}:${action}`;
  const repeat = option.multiple ? "*" : "";
  return dashed(option).map((dash) => `'${repeat}${dash}[${about}]${value}'`);
}

const zshOptions = (options: readonly Option[]) => options.flatMap(zshOption).join(" ");

function zsh(): string {
  const described = COMMANDS.map(({ name, about }) => `    '${name}:${zshText(about)}'\n`);
  const own = withOwnOptions().map((command) => {
    const shared = CLIENTS.includes(command) ? '"$shared[@]" ' : "";
    return `    ${command.name}) _arguments ${shared}${zshOptions(ownOptions(command))} '*: : ' ;;\n`;
  });
  return `#compdef cyme
${header("zsh")}_cyme() {
  local curcontext="$curcontext" state line
  local -a commands shared
  commands=(
${described.join("")}  )
  shared=(${zshOptions(SHARED_OPTIONS)})
  _arguments -C "$shared[@]" '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe command commands; return ;;
    argument) ;;
    *) return ;;
  esac
  case "$line[1]" in
${own.join("")}    completion) _arguments "$shared[@]" '1:shell:(${shells()})' ;;
    help) _arguments "$shared[@]" '1:command:(${names()})' ;;
    *) _arguments "$shared[@]" '*: : ' ;;
  esac
}
if [[ "$funcstack[1]" == _cyme ]]; then _cyme "$@"; else compdef _cyme cyme; fi
`;
}

const seen = (commands: string) => `complete -c cyme -n '__fish_seen_subcommand_from ${commands}'`;
const unseen = (commands: string) => `complete -c cyme -n 'not __fish_seen_subcommand_from ${commands}'`;
const fishText = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fishOption(option: Option): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  const takes = option.value === undefined ? "" : isPath(option.takes) ? " -r -F" : " -x";
  const choices = option.choices === undefined ? "" : ` -a ${fishText(option.choices.join(" "))}`;
  return `${short} -l ${option.name}${takes}${choices} -d ${fishText(option.about)}\n`;
}

function fish(): string {
  const others = OTHERS.map(({ name }) => name).join(" ");
  return [
    header("fish"),
    "complete -c cyme -f\n",
    `set -l commands ${names()}\n`,
    ...COMMANDS.map(({ name, about }) => {
      return `complete -c cyme -n "not __fish_seen_subcommand_from $commands" -a ${name} -d ${fishText(about)}\n`;
    }),
    ...SHARED_OPTIONS.map((option) => unseen(others) + fishOption(option)),
    ...withOwnOptions().flatMap((command) => {
      return ownOptions(command).map((option) => seen(command.name) + fishOption(option));
    }),
    `${seen("completion")} -a '${shells()}'\n`,
    `${seen("help")} -a '${names()}'\n`,
  ].join("");
}
