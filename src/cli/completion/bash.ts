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

const words = (options: readonly Option[]) => options.flatMap(dashed).join(" ");
const patterns = (options: readonly Option[]) => options.flatMap(dashed).join(" | ");

/** What a case does to offer it: `offers` are words, `ask` is whom. */
const offering = (offer: Offer) => {
  if (typeof offer === "object") return `offers="${offer.join(" ")}"`;
  return offer === "command" ? "offers=$commands" : `ask="${offer}"`;
};

const choose = (pattern: string, does: string) => `    ${pattern}) ${does} ;;\n`;

/** For bash 4.2 and newer, with or without the package bash-completion, whatever the shell's options. */
export function bash(): string {
  const valued = everyOption().filter(({ value }) => value !== undefined);
  const values = byOffer(valued, offerOf).map(([offer, some]) => choose(patterns(some), offering(offer)));
  const args = byOffer(everyArgument(), (one) => one.offer).map(([offer, some]) =>
    choose(some.map(({ command, position }) => `"${command} ${position}"`).join(" | "), offering(offer)),
  );
  const nouns = [...verbs()].map(([noun, some]) => choose(noun, `offers="${some.join(" ")}"`));
  const own = sameOptions().map(({ names, options }) => choose(names.join(" | "), `offers="${words(options)}"`));
  return `# Made by: cyme completion bash
_cyme() {
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} words=() word piece i last command="" option="" value prefix="" stem
  local position=0 offers="" ask="" literal="" cyme=$1 names
  local commands="${COMMAND_NAMES.join(" ")}"
  # Up to the cursor, and together again what COMP_WORDBREAKS takes apart, such as http://host and --app=shop.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if [[ $i == 0 || $line == [[:space:]]* ]]; then words+=(""); fi
    line=\${line#"\${line%%[![:space:]]*}"}
    if [[ $i == "$COMP_CWORD" ]]; then piece=$line; else piece=\${COMP_WORDS[i]}; fi
    words[\${#words[@]} - 1]+=$piece
    line=\${line#"$piece"}
  done
  last=$((\${#words[@]} - 1))
  value=\${words[last]}
  # What the shell keeps of the word before that which it replaces.
  stem=\${value%"$2"}
  stem=\${stem//[\\"\\']/}

  [[ \${words[0]##*/} != cyme-branch ]] || command=branch
  for ((i = 1; i < last; i++)); do
    word=\${words[i]}
    if [[ -z $literal ]]; then
      case $word in
      --) literal=yes && continue ;;
      ${patterns(valued)})
        ((i += 1))
        [[ $i != "$last" ]] || option=$word
        continue
        ;;
      -*) continue ;;
      esac
    fi
    if [[ -z $command ]]; then
      command=$word
    elif [[ $position == 0 && " $commands " == *" $command.$word "* ]]; then
      command+=.$word
    else
      ((position += 1))
    fi
  done
  if [[ -z $option && -z $literal ]]; then
    case $value in
    --*=*)
      option=\${value%%=*}
      prefix=$option=
      ;;
    -[!-]?*)
      option=\${value:0:2}
      prefix=$option
      ;;
    esac
    value=\${value#"$prefix"}
  fi
  value=\${value#[\\"\\']}

  if [[ -n $option ]]; then
    case $option in
${values.join("")}    esac
  elif [[ $value == -* && -z $literal ]]; then
    case $command in
${own.join("")}    esac
    case $command in
    ${OTHERS.map(({ name }) => name).join(" | ")}) ;;
    *) offers+=" ${words(SHARED_OPTIONS)}" ;;
    esac
  elif [[ -z $command ]]; then
    offers=$commands
  else
    case $command in
${nouns.join("")}    esac
    [[ $position == 0 ]] || offers=""
    case "$command $position" in
${args.join("").replaceAll('offers="', 'offers+=" ')}    esac
  fi

  COMPREPLY=()
  case $ask in
  file) compopt -o default 2>/dev/null ;;
  folder) compopt -o dirnames 2>/dev/null ;;
  system-user) offers=$(compgen -u) ;;
  live)
    type -P "$cyme" >/dev/null || cyme=cyme
    names=$(printf '%s\\0' "\${words[@]:1}" | command "$cyme" ${ASKED_BY_SHELLS} quoted 2>/dev/null)
    if [[ -n $names ]]; then
      mapfile -t COMPREPLY <<<"$names"
      [[ -z $prefix ]] || mapfile -t COMPREPLY <<<"$(printf -- "$prefix%s\\n" "\${COMPREPLY[@]}")"
      COMPREPLY=("\${COMPREPLY[@]#"$stem"}")
    fi
    ;;
  esac
  for word in $offers; do
    [[ $word == "$value"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("\${word#"$stem"}")
  done
}
complete -F _cyme cyme cyme-branch
`;
}
