#!/bin/sh
# The gate: types, format, lint, unused code, shell syntax. Ends at the first that is red and says which.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/lib.sh
PATH="$PWD/node_modules/.bin:$PATH"

# check <name> <command…>: shows the command's output only where it fails.
check() {
  name=$1
  shift
  if output=$("$@" 2>&1); then
    say "verify: $name ok"
  else
    printf '%s\n' "$output" >&2
    die "verify: $name is red ($*)"
  fi
}

shell_files() { find install.sh .ci scripts -type f \( -name '*.sh' -o -name run \); }

shell_syntax() {
  for file in $(shell_files); do
    case $(head -n 1 "$file") in
    *bash*) bash -n "$file" ;;
    *) sh -n "$file" ;;
    esac || return 1
  done
}

check types bun check
# Apart, since a browser is another world: its types are not to be had by the rest.
check "types of the page" bun check -p src/admin
check format bun fmt --check src test scripts
# By Bun and not by Node: Debian's own Node.js is older than what they want.
check lint bun --bun node_modules/.bin/oxlint --deny-warnings
check "unused code" bun --bun node_modules/.bin/knip --no-progress
check "shell syntax" shell_syntax
if command -v shellcheck >/dev/null; then
  # shellcheck disable=SC2046 # The names of our own files hold no spaces.
  check shellcheck shellcheck -x $(shell_files)
fi
