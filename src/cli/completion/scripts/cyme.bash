# Made by: cyme completion bash
_cyme() {
  local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} words=() word piece i last command="" option="" value prefix="" stem
  local position=0 offers="" ask="" literal="" cyme=$1 names
  local commands="@commands@"
  local valued="@valued@"

  # The words up to the cursor. What COMP_WORDBREAKS takes apart is put together again, such as http://host and --app=shop.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if [[ $i == 0 || $line == [[:space:]]* ]]; then words+=(""); fi
    line=${line#"${line%%[![:space:]]*}"}
    if [[ $i == "$COMP_CWORD" ]]; then piece=$line; else piece=${COMP_WORDS[i]}; fi
    words[${#words[@]} - 1]+=$piece
    line=${line#"$piece"}
  done
  last=$((${#words[@]} - 1))
  value=${words[last]}
  # What the shell keeps of the word before that which it replaces.
  stem=${value%"$2"}
  stem=${stem//[\"\']/}

  # The command, how many arguments stand behind it, and the option whose value is wanted.
  [[ ${words[0]##*/} != cyme-branch ]] || command=branch
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    # Flags may stand together, before an option with a value too: -La shop.
    while [[ -z $literal && $word == -[@flags@]?* ]]; do word=-${word:2}; done
    if [[ -z $literal && " $valued " == *" $word "* ]]; then
      ((i += 1))
      [[ $i != "$last" ]] || option=$word
      continue
    fi
    if [[ -z $literal ]]; then
      case $word in
      --) literal=yes && continue ;;
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
  # An option may hold its value itself.
  if [[ -z $option && -z $literal ]]; then
    case $value in
    --*=*)
      option=${value%%=*}
      prefix=$option=
      ;;
    -[!-]?*)
      word=$value
      while [[ $word == -[@flags@]?* ]]; do word=-${word:2}; done
      option=${word:0:2}
      prefix=${value%"${word:2}"}
      ;;
    esac
    value=${value#"$prefix"}
  fi
  value=${value#[\"\']}

  # What there is: `offers` are words, `ask` says who knows.
  if [[ -n $option ]]; then
    case $option in
    # @values@
    esac
  elif [[ $value == -* && -z $literal ]]; then
    case $command in
    # @options@
    esac
    case $command in
    @others@) ;;
    *) offers+=" @shared@" ;;
    esac
  elif [[ -z $command ]]; then
    offers=$commands
  else
    case $command in
    # @verbs@
    esac
    [[ $position == 0 ]] || offers=""
    case "$command $position" in
    # @arguments@
    esac
  fi

  COMPREPLY=()
  case $ask in
  file) compopt -o default 2>/dev/null ;;
  folder) compopt -o dirnames 2>/dev/null ;;
  system-user) offers=$(compgen -u) ;;
  live)
    # A press of a key runs nothing that lies in some folder: whoever typed ./cyme has not run it yet.
    [[ $cyme != */* ]] && type -P "$cyme" >/dev/null || cyme=cyme
    names=$(printf '%s\0' "${words[@]:1}" | command "$cyme" @asked@ quoted 2>/dev/null)
    if [[ -n $names ]]; then
      mapfile -t COMPREPLY <<<"$names"
      [[ -z $prefix ]] || mapfile -t COMPREPLY <<<"$(printf -- "$prefix%s\n" "${COMPREPLY[@]}")"
      COMPREPLY=("${COMPREPLY[@]#"$stem"}")
    fi
    ;;
  esac
  for word in $offers; do
    [[ $word == "$value"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("${word#"$stem"}")
  done
}
complete -F _cyme cyme cyme-branch
