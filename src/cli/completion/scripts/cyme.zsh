#compdef cyme cyme-branch
# Made by: cyme completion zsh
_cyme_commands() {
  local -a commands
  commands=(
    # @rows@
  )
  _describe -t commands command commands
}

# What may follow the noun of a command as a word of its own.
_cyme_verbs() {
  local -a verbs
  case "$1" in
  # @verbs@
  esac
  (( $#verbs )) && _describe -t commands subcommand verbs
}

# The names that only a branch knows; it may be away.
_cyme_live() {
  local cyme="${(Q)words[1]}"
  # A press of a key runs nothing that lies in some folder: whoever typed ./cyme has not run it yet.
  [[ "$cyme" != */* ]] && whence -p -- "$cyme" >/dev/null || cyme=cyme
  local -a names
  names=("${(@f)$(printf '%s\0' "${(@)words[2,CURRENT-1]}" "$QIPREFIX$IPREFIX$PREFIX" |
    command "$cyme" @asked@ quoted 2>/dev/null)}")
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
    word="${(Q)words[i]}"
    if [[ -z "$literal" ]]; then
      # Flags may stand together, before an option with a value too: -La shop.
      while [[ "$word" == -[@flags@]?* ]]; do word="-${word[3,-1]}"; done
      case "$word" in
      --) literal=yes; continue ;;
      @valued@) (( i++ )); continue ;;
      -*) continue ;;
      esac
    fi
    if [[ -z "$command" ]]; then
      command="$word" parts=1
    elif (( ! position )) && [[ " @commands@ " == *" $command.$word "* ]]; then
      command="$command.$word" parts=2
    else
      (( position++ ))
    fi
  done

  case "$command" in
  @others@) ;;
  *)
    options=(
      # @shared@
    )
    ;;
  esac
  case "$command" in
  # @options@
  esac
  case "$command" in
  # @arguments@
  esac
  # The words of the command are arguments as well.
  for (( i = 0; i < parts; i++ )); do specs+=(': :()'); done
  _arguments -s -S "$options[@]" "$specs[@]" "$arguments[@]"
}

if [[ "$funcstack[1]" == _cyme ]]; then _cyme "$@"; else compdef _cyme cyme cyme-branch; fi
