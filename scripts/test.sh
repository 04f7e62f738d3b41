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
if [ $# = 0 ]; then
  sh scripts/verify.sh 9>&- || gate_failures=1
  set -- ./src ./test
fi

say "test: waiting for RabbitMQ"
await_broker "$scratch/broker" || die "test: RabbitMQ did not start"
export CYME_TEST_BROKER="$BROKER_URL" CYME_TEST_BROKER_DIR="$scratch/broker"

# In the background, since a shell heeds signals only while it waits for such. To a file and not a pipe: whoever is left
# over could hold a pipe open for ever.
log="$scratch/log"
: >"$log"
# The slowest files first, else one of them runs alone at the end: `npm test -- --update-timings ./src ./test` measures anew.
bun test --parallel=3 --timings=test/timings.json --timeout 60000 "$@" >"$log" 2>&1 9>&- &
tests=$!
tail -n +1 -f --pid="$tests" "$log" >&2 9>&- &
reader=$!
wait "$tests"
status=$?
tests=''
wait "$reader"
reader=''

# failures: what was printed before each "(fail)" since the test before it, which in a long log is far above.
failures() {
  awk '/^\((pass|skip|todo)\)/ { n = 0; next } { lines[n++] = $0 }
    /^[0-9]+ tests? failed:/ { exit }
    /^\(fail\)/ { for (i = n > 60 ? n - 60 : 0; i < n; i++) print lines[i]; n = 0 }' "$log"
}
if [ "$status" != 0 ]; then
  say "test: what failed, once more:"
  failures >&2
fi

# count pass|fail: from Bun's closing lines; its fail counts files that could not be loaded too, which its JUnit report leaves out.
count() { sed -n "s/^ *\([0-9][0-9]*\) $1\$/\1/p" "$log" | tail -n 1; }
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
failed=$((failed + gate_failures))
exit "$status"
}
