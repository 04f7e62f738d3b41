#!/bin/sh
# Shell functions shared by the scripts here and install.sh; sourced, never run, with the repository as working directory.

# Debian's own scripts; the wrappers in /usr/sbin insist on the user rabbitmq.
export RABBITMQ_BIN=/usr/lib/rabbitmq/bin
# Where the newest Celery is put for the tests.
NEWEST_CELERY=.cache/celery
# Where the API fuzzer is put.
SCHEMATHESIS=.cache/schemathesis
# Debian's; test/page/chromium.ts looks for it in the same place.
CHROMIUM=/usr/bin/chromium

# say <words…>: one line of progress, on standard error.
say() { printf '%s\n' "$*" >&2; }

# die <words…>: says why on standard error and ends the script with status 1.
die() {
  say "$*"
  exit 1
}

# any_python: prints the Python for small chores: any version 3, no packages wanted.
any_python() { command -v python3 || die "python3 is wanted but is not there: apt-get install python3"; }

# can_import_celery <python>
can_import_celery() { "$1" -c 'import celery; assert celery.VERSION >= (5, 2)' >/dev/null 2>&1; }

# celery_python: prints a Python that has Celery (≥ 5.2); fails where there is none.
celery_python() {
  for python in python3 /usr/bin/python3; do
    if can_import_celery "$python"; then
      command -v "$python"
      return
    fi
  done
  return 1
}

# apt_install <packages…>: installs Debian packages, as root or through sudo.
apt_install() {
  command -v apt-get >/dev/null || die "setup: $* must be installed by hand, since there is no apt-get here"
  if [ "$(id -u)" = 0 ]; then
    root=
  elif command -v sudo >/dev/null; then
    root=sudo
  else
    die "setup: $* must be installed, which takes root: run 'apt-get install $*' as root, or install sudo, and try again"
  fi
  say "setup: installing $*"
  # A list that cannot be refreshed may still be good enough.
  $root apt-get update -q >&2 || say "setup: apt-get update failed, going on with the package lists that are there"
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@" >&2
}

# ensure_npm: Node.js with npm, of any kind.
ensure_npm() {
  command -v npm >/dev/null && return
  apt_install nodejs npm
  command -v npm >/dev/null || die "setup: npm could not be installed"
}

# ensure_modules: node_modules as in package-lock.json, with a Bun that runs.
ensure_modules() {
  if [ ! -x node_modules/.bin/bun ] ||
    [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
    [ ! -L node_modules ] || die "setup: node_modules is a link, and npm ci would empty what it leads to: remove the link, or bring up to date what is there"
    ensure_npm
    say "setup: npm ci"
    # Bun is a development dependency: an environment that says production would leave it out.
    env -u NODE_ENV npm ci --include=dev --no-audit --no-fund >&2 || die "setup: npm ci failed"
  fi
  if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
    # Where npm was told to run no install scripts, the package's own one has not fetched the binary.
    node node_modules/bun/install.js >&2
    node_modules/.bin/bun --version >/dev/null || die "setup: the bun of node_modules does not run"
  fi
  # npm leaves out optional packages that want a newer Node.js than Debian's, as the linter's own code; here Bun runs them.
  if [ -z "$(find node_modules/@oxlint -name 'binding-*' 2>/dev/null)" ]; then
    node_modules/.bin/bun install --frozen-lockfile --ignore-scripts >&2 || die "setup: bun install failed"
  fi
}

# ensure_rabbitmq: Debian's RabbitMQ, for private brokers. A broker that Debian starts by itself is not ours and is left alone.
ensure_rabbitmq() {
  [ -x "$RABBITMQ_BIN/rabbitmq-server" ] && return
  apt_install rabbitmq-server || say "setup: apt-get reported an error for rabbitmq-server"
  # Its service may fail to start (no systemd, port in use), which does not concern us.
  [ -x "$RABBITMQ_BIN/rabbitmq-server" ] || die "setup: RabbitMQ could not be installed"
}

# ensure_curl: curl, for the demo to show.
ensure_curl() {
  command -v curl >/dev/null && return
  apt_install curl
  command -v curl >/dev/null || die "setup: curl could not be installed"
}

# ensure_celery: some Celery.
ensure_celery() { celery_python >/dev/null || ensure_debian_celery; }

# ensure_debian_celery: Debian's own Celery.
ensure_debian_celery() {
  can_import_celery /usr/bin/python3 && return
  apt_install python3-celery
  can_import_celery /usr/bin/python3 || die "setup: Celery could not be installed"
}

# ensure_chromium: Debian's Chromium, for the tests of the page, which are left out where it cannot be had.
ensure_chromium() {
  [ -x "$CHROMIUM" ] && return
  # In a subshell, since apt_install may end the script.
  (apt_install chromium) && [ -x "$CHROMIUM" ] && return
  say "setup: Chromium could not be installed: the tests of the page (test/page) are left out; 'apt-get install chromium' brings them back"
}

# ensure_shells: the shells whose completions are tested, and a judge of the manual pages; what cannot be had is left out.
ensure_shells() {
  wanted=''
  for program in bash zsh fish mandoc; do
    command -v "$program" >/dev/null || wanted="$wanted $program"
  done
  [ -f /usr/share/bash-completion/bash_completion ] || wanted="$wanted bash-completion"
  [ -n "$wanted" ] || return 0
  # shellcheck disable=SC2086 # Each is a word. In a subshell, since apt_install may end the script.
  (apt_install $wanted) ||
    say "setup: not all of$wanted could be installed: the tests of completion and manual pages (test/completion, src/cli/man) that need them are left out; 'apt-get install$wanted' brings them back"
}

# ensure_documented: programs that commands in the documents use; documents that use one which cannot be had are left out of the tests.
ensure_documented() {
  missing=
  for program in curl jq sqlite3 openssl; do command -v "$program" >/dev/null || missing="$missing $program"; done
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # One word each. In a subshell, since apt_install may end the script.
  (apt_install $missing) || say "setup:$missing could not be installed: documents that use them are not tested"
}

# ensure_install_tools: other shells and systems that the installation is tried with; tests that want one are left out without it.
ensure_install_tools() {
  for tool in busybox:busybox systemd-analyze:systemd; do
    command -v "${tool%:*}" >/dev/null || (apt_install "${tool#*:}") ||
      say "setup: ${tool#*:} could not be installed: tests of test/install that want ${tool%:*} are left out"
  done
}

# ensure_newest_celery: the latest Celery in $NEWEST_CELERY. Where it cannot be had the tests run without it.
ensure_newest_celery() {
  can_import_celery "$NEWEST_CELERY/bin/python" && return
  say "setup: fetching the newest Celery"
  if make_venv "$NEWEST_CELERY" &&
    "$NEWEST_CELERY/bin/python" -m pip install --quiet --retries 1 --timeout 20 --disable-pip-version-check celery >&2; then
    return
  fi
  rm -rf "$NEWEST_CELERY"
  say "setup: the newest Celery could not be fetched: the tests run with Debian's alone"
}

# ensure_schemathesis: the API fuzzer in $SCHEMATHESIS. Where it cannot be had the tests run with their own fuzzer alone.
ensure_schemathesis() {
  [ -x "$SCHEMATHESIS/bin/schemathesis" ] && return
  say "setup: fetching schemathesis"
  if make_venv "$SCHEMATHESIS" &&
    "$SCHEMATHESIS/bin/python" -m pip install --quiet --retries 1 --timeout 20 --disable-pip-version-check \
      schemathesis==4.32.5 >&2; then
    return
  fi
  rm -rf "$SCHEMATHESIS"
  say "setup: schemathesis could not be fetched: the API is fuzzed by the tests' own fuzzer alone"
}

# make_venv <folder>: a virtual environment with pip, by whichever Python can; Debian's needs a package for it.
make_venv() {
  mkdir -p "$(dirname "$1")"
  for python in python3 /usr/bin/python3; do
    rm -rf "$1"
    "$python" -m venv "$1" >/dev/null 2>&1 && return
  done
  rm -rf "$1"
  (apt_install python3-venv) && /usr/bin/python3 -m venv "$1" >&2
}

# free_ports <n>: prints n different ports on 127.0.0.1 that nobody listens on, all below the range which the
# system hands out for outgoing connections.
free_ports() {
  "$(any_python)" - "$1" <<'END'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    probe = socket.socket()
    try:
        probe.bind(("127.0.0.1", random.randrange(10240, 32000)))
        found.append(probe)
    except OSError:
        probe.close()
print(*(probe.getsockname()[1] for probe in found))
END
}

# wait_for_amqp <port> <seconds> <pid>: waits until a broker on 127.0.0.1 answers an AMQP greeting; fails when the time
# is over or the process <pid> has ended.
wait_for_amqp() {
  "$(any_python)" - "$@" <<'END'
import socket, sys, time
port, seconds, pid = map(int, sys.argv[1:])
deadline = time.monotonic() + seconds
def has_ended():
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
while time.monotonic() < deadline:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.settimeout(5)
            client.sendall(b"AMQP\x00\x00\x09\x01")
            if client.recv(1) == b"\x01":
                sys.exit(0)
    except OSError:
        pass
    if has_ended():
        sys.exit(f"the broker ended before it listened on port {port}")
    time.sleep(0.05)
sys.exit(f"the broker did not answer on port {port} within {seconds} s")
END
}

# start_broker <directory>: begins to start a private broker in a new directory. It lives as long as our file descriptor 9 is
# open, so not even a kill -9 of ours leaves it behind: give no child that outlives us fd 9 (9>&-).
start_broker() {
  mkdir -p "$1"
  mkfifo "$1/owner"
  sh scripts/broker.sh "$1" <"$1/owner" >"$1/url" &
  BROKER_PID=$!
  exec 9>"$1/owner"
}

# await_broker <directory>: waits for the broker that start_broker began, and sets BROKER_URL.
await_broker() {
  while [ ! -s "$1/url" ]; do
    kill -0 "$BROKER_PID" 2>/dev/null || return 1
    sleep 0.1
  done
  # shellcheck disable=SC2034 # Read by those who source this.
  BROKER_URL=$(cat "$1/url")
}

# stop_broker: stops it, if it was started; its directory goes too.
stop_broker() {
  [ -n "${BROKER_PID:-}" ] || return 0
  exec 9>&-
  wait "$BROKER_PID"
  BROKER_PID=
}

# processes_in <folder>: pids of those that were started with TMPDIR=<folder>, also of those that left our session.
processes_in() {
  # First all, then those that are still there: the grep itself is among them.
  # shellcheck disable=SC2013 # Names of files, without spaces.
  for environ in $(grep -lzxF "TMPDIR=$1" /proc/[0-9]*/environ 2>/dev/null); do
    process=${environ%/environ}
    [ ! -e "$process/exe" ] || echo "${process#/proc/}"
  done
}

# end_processes_in <folder>: kills and names what processes_in finds; succeeds where there was something.
end_processes_in() {
  ended=1
  # More than once, since a branch may have started another worker meanwhile.
  for _ in 1 2 3 4 5; do
    pids=$(processes_in "$1")
    [ -n "$pids" ] || return "$ended"
    ended=0
    for pid in $pids; do
      say "still running, ended: $pid $({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null)"
      kill -KILL "$pid" 2>/dev/null
    done
  done
  return 0
}
