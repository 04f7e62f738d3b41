#!/bin/sh
# npm test [-- <folder or pattern>…]: sets everything up and runs the tests, all of them or those given. The last line on
# standard output is "N passed, N failed"; everything else goes to standard error. Whatever the tests start has our
# scratch folder as TMPDIR, by which it is found and ended, whether the tests pass, fail or are interrupted.
set -u
# In braces, so that the shell has read all of it before it runs: it runs for minutes while files are edited.
{
cd "$(dirname "$0")/.." || exit 1
. scripts/lib.sh

passed=0
failed=1 # Until the tests have run and say otherwise.
tests='' # Process ids, once they are started.
reader=''
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cyme-test-XXXXXX") || exit 1
chmod 711 "$scratch" # Some of what is tested runs as another user.

# shellcheck disable=SC2317 # Called by the trap.
finish() {
  status=$?
  trap '' INT TERM HUP
  # shellcheck disable=SC2086 # One or none each.
  kill -TERM $tests $reader 2>/dev/null
  stop_broker
  end_processes_in "$scratch"
  rm -rf "$scratch"
  [ "$failed" = 0 ] || [ "$status" != 0 ] || status=1
  echo "$passed passed, $failed failed"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

sh scripts/setup.sh test || exit 1
PATH="$PWD/node_modules/.bin:$PATH"
export TMPDIR="$scratch"
start_broker "$scratch/broker"

say "test: building"
bun scripts/build.ts 9>&- || exit 1
gate_failures=0
is_whole=0
if [ $# = 0 ]; then
  is_whole=1
  sh scripts/verify.sh 9>&- || gate_failures=1
  set -- ./src ./test
fi

say "test: waiting for RabbitMQ"
await_broker "$scratch/broker" || die "test: RabbitMQ did not start"
export CYME_TEST_BROKER="$BROKER_URL" CYME_TEST_BROKER_DIR="$scratch/broker"

# On a terminal each test is shown as progress; elsewhere only what failed, which in a long log nobody would find.
if [ -t 2 ]; then shown=''; else shown=--only-failures; fi

# run_tests <folders, files or options…>: sets passed, failed and status. In the background, since a shell heeds signals only
# while it waits for such. To a file and not a pipe: whoever is left over could hold a pipe open for ever.
log="$scratch/log"
run_tests() {
  : >"$log"
  # shellcheck disable=SC2086 # One option or none.
  bun test $shown --timeout 60000 "$@" >"$log" 2>&1 9>&- &
  tests=$!
  tail -n +1 -f --pid="$tests" "$log" >&2 9>&- &
  reader=$!
  wait "$tests"
  status=$?
  tests=''
  wait "$reader"
  reader=''
  passed=$(count pass)
  passed=${passed:-0}
  failed=$(count fail)
  failed=${failed:-0}
  if [ "$((passed + failed))" = 0 ]; then
    say "test: no test ran"
    [ "$status" != 0 ] || status=1
  elif [ "$status" != 0 ] && [ "$failed" = 0 ]; then
    failed=1 # Bun itself broke down.
  fi
}

# count pass|fail: from Bun's closing lines; its fail counts files that could not be loaded too, which its JUnit report leaves out.
count() { sed -n "s/^ *\([0-9][0-9]*\) $1\$/\1/p" "$log" | tail -n 1; }

# failed_files: those in which something failed, each once.
failed_files() {
  awk '/^[0-9]+ tests? failed:/ { exit } # What follows is a list without files.
    /^(src|test)\/[^ ]*\.test\.tsx?:$/ { file = substr($0, 1, length($0) - 1) }
    /^\(fail\)|^# Unhandled error/ { if (!(file in seen)) print "./" file; seen[file] = 1 }' "$log"
}

# The slowest files first, else one of them runs alone at the end: `npm test -- --update-timings ./src ./test` measures anew.
run_tests --parallel=3 --timings=test/timings.json "$@"

# What fails while three files share the machine is tried once more with the machine to itself. It counts as passed then,
# but is named, since it has to be mended. Where more is broken a second try would only take time.
again=$(failed_files | tr '\n' ' ')
if [ "$is_whole" = 1 ] && [ -n "$again" ] && [ "$(echo "$again" | wc -w)" -le 5 ]; then
  say "test: once more, one after the other:" "$again"
  first_passed=$passed
  first_failed=$failed
  # shellcheck disable=SC2086 # The names of our own files hold no spaces.
  run_tests $again
  passed=$((first_passed + first_failed - failed))
  say "test: of $first_failed that failed beside others, $failed failed alone; the rest is flaky, in:" "$again"
fi
failed=$((failed + gate_failures))
exit "$status"
}
