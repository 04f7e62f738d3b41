#!/bin/sh
# Installs Cyme, or shows it at work. See usage below.
set -u
cd "$(dirname "$0")" || exit 1
. scripts/lib.sh

usage() {
  cat <<'END'
usage: ./install.sh [--prefix <folder>]    builds Cyme and installs <folder>/bin/cyme and cyme-branch (/usr/local)
       ./install.sh --demo                 builds Cyme and shows it at work with real RabbitMQ and Celery
       ./install.sh --help

Building takes Node.js with npm, which fetches Bun. --demo also installs RabbitMQ, Celery and curl where they are missing
(apt-get, as root or by sudo). It uses free ports and a temporary folder, stops all that it started, and installs nothing
outside of this folder and Debian's packages.
END
}

# misused <what>: says it with the usage, on standard error.
misused() {
  say "install.sh: $*"
  usage >&2
  exit 2
}

install_cyme() {
  sh scripts/setup.sh build || exit 1
  node_modules/.bin/bun scripts/build.ts || exit 1
  bin=$1/bin
  if ! mkdir -p "$bin" || ! [ -w "$bin" ]; then
    die "install.sh: $bin cannot be written: run this as root, or choose a folder of yours with --prefix"
  fi
  # Moved into place, since a binary that runs cannot be written to.
  if ! { cp dist/cyme "$bin/.cyme.new" && chmod 755 "$bin/.cyme.new" && mv "$bin/.cyme.new" "$bin/cyme" &&
    ln -sf cyme "$bin/cyme-branch"; }; then
    die "install.sh: could not install into $bin"
  fi
  say "Installed $bin/cyme and $bin/cyme-branch"
}

# shellcheck disable=SC2317 # Called by the trap.
finish_demo() {
  status=$?
  trap '' INT TERM HUP
  [ -z "$demo" ] || kill -TERM "$demo" 2>/dev/null
  # After a whole demo nothing may run any more; after a failure or Ctrl-C this is the way it ends.
  if end_processes_in "$scratch" && [ "$status" = 0 ]; then
    say "install.sh: the demo left that running"
    status=1
  fi
  stop_broker
  rm -rf "$scratch"
  exit "$status"
}

run_demo() {
  demo=''
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/cyme-demo-XXXXXX") || exit 1
  trap finish_demo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP

  sh scripts/setup.sh demo || exit 1
  python=$(celery_python) || exit 1
  start_broker "$scratch/broker"
  node_modules/.bin/bun scripts/build.ts 9>&- || exit 1
  say "demo: starting RabbitMQ"
  await_broker "$scratch/broker" || die "demo: RabbitMQ did not start"
  # By TMPDIR all that the demo starts is found again; Python leaves no __pycache__ in the example.
  export TMPDIR="$scratch" PYTHONDONTWRITEBYTECODE=1
  # shellcheck disable=SC2153 # Set by await_broker.
  CYME_BROKER="$BROKER_URL" DEMO_PYTHON="$python" DEMO_PORT="$(free_ports 1)" \
    node_modules/.bin/bun scripts/demo.ts 9>&- &
  demo=$!
  wait "$demo"
  status=$?
  demo=''
  exit "$status"
}

prefix=/usr/local
mode=install
while [ $# -gt 0 ]; do
  case $1 in
  --prefix)
    [ $# -gt 1 ] || misused "--prefix wants a folder"
    prefix=$2
    shift
    ;;
  --prefix=?*) prefix=${1#--prefix=} ;;
  --demo) mode=demo ;;
  --help | -h)
    usage
    exit 0
    ;;
  *) misused "unknown option $1" ;;
  esac
  shift
done

case $mode in
demo) run_demo ;;
install) install_cyme "$prefix" ;;
esac
