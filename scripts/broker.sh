#!/bin/sh
# Runs a private RabbitMQ in the foreground: own ports, own directory, own port mapper (epmd). For tests and the demo.
#
#   sh scripts/broker.sh <directory>
#
# Once it answers it prints one line: its URL. It runs until
#   standard input ends   its owner has gone: it ends and the directory is removed, so that nothing is ever left behind
#   TERM, INT or HUP      it stops and keeps the directory; the same command starts it again with its queues
# In the directory: `pid` (of the broker itself), `ctl` (rabbitmqctl for this broker), `eval` (has it evaluate the Erlang on
# standard input: milliseconds, where rabbitmqctl takes a second to start), `log/`.
set -u
# In braces, so that the shell has read all of it before it runs: it may run for hours while the file is edited.
{
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

[ $# = 1 ] || die "usage: sh scripts/broker.sh <directory>"
mkdir -p "$1" || exit 1
directory=$(cd "$1" && pwd)
bin=$RABBITMQ_BIN
[ -x "$bin/rabbitmq-server" ] || die "RabbitMQ is wanted in $bin but is not there: run sh scripts/setup.sh"

# The ports stay the same over stop and start, since clients know them.
if [ ! -f "$directory/ports" ]; then
  free_ports 3 >"$directory/ports" || exit 1
fi
read -r port dist_port epmd_port <"$directory/ports"
node="cyme$port@localhost"

export HOME="$directory"
export ERL_EPMD_PORT="$epmd_port" ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_NODENAME="$node" RABBITMQ_DIST_PORT="$dist_port"
export RABBITMQ_MNESIA_BASE="$directory/data" RABBITMQ_LOG_BASE="$directory/log" RABBITMQ_PID_FILE="$directory/pid"
export RABBITMQ_CONF_ENV_FILE="$directory/none" RABBITMQ_CONFIG_FILE="$directory/rabbitmq.conf"
export RABBITMQ_ADVANCED_CONFIG_FILE="$directory/none.config"
export RABBITMQ_ENABLED_PLUGINS_FILE="$directory/enabled_plugins" RABBITMQ_GENERATED_CONFIG_DIR="$directory/config"
# One scheduler leaves the cores to what is tested; `+B i`: Ctrl-C is for this script, not for Erlang's own menu.
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +B i -kernel inet_dist_use_interface {127,0,0,1}"
# rabbitmq-server then becomes the broker instead of staying in front of it, so its pid is the broker's.
export RUNNING_UNDER_SYSTEMD=true
# Left to itself every Erlang starts an epmd where none listens, and that one outlives the broker.
export ERL_FLAGS="-start_epmd false" ERL_CRASH_DUMP_SECONDS=0
unset NOTIFY_SOCKET RABBITMQ_NODE_PORT RABBITMQ_NODE_IP_ADDRESS ERL_AFLAGS ERL_ZFLAGS ERL_LIBS
cat >"$RABBITMQ_CONFIG_FILE" <<END
listeners.tcp.1 = 127.0.0.1:$port
disk_free_limit.absolute = 1MB
END
echo '[].' >"$RABBITMQ_ENABLED_PLUGINS_FILE"
cat >"$directory/ctl" <<END
#!/bin/sh
export HOME='$directory' ERL_EPMD_PORT=$epmd_port RABBITMQ_NODENAME=$node RABBITMQ_CONF_ENV_FILE='$directory/none'
export RABBITMQ_CTL_ERL_ARGS='+S 1:1' ERL_FLAGS='$ERL_FLAGS' ERL_CRASH_DUMP_SECONDS=0
exec $bin/rabbitmqctl "\$@"
END
cat >"$directory/eval" <<END
#!/bin/sh
HOME='$directory' exec erl_call -h "cyme\$\$" -address localhost:$dist_port -e
END
rm -f "$directory/pid"

owner=here
stopping=''
server=''
stop() {
  trap '' TERM INT HUP
  stopping=yes
  [ -n "$server" ] || return 0
  kill -CONT "$server" 2>/dev/null # A frozen broker would not see the TERM.
  kill -TERM "$server" 2>/dev/null
}
abandon() {
  owner=gone
  stop
  # Nobody wants its data any more.
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
}
trap stop TERM INT HUP
trap abandon USR1

# `read` rather than cat: a builtin leaves no process behind that holds the pipe.
exec 3<&0
(
  trap - TERM INT HUP USR1
  while read -r _; do :; done
  kill -USR1 $$
) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-

epmd -port "$epmd_port" -address 127.0.0.1 </dev/null >/dev/null 2>&1 &
epmd=$!
until epmd -port "$epmd_port" -names >/dev/null 2>&1; do
  kill -0 "$epmd" || die "epmd did not start on port $epmd_port"
  sleep 0.05
done
"$bin/rabbitmq-server" </dev/null >"$directory/output" 2>&1 &
server=$!
[ -z "$stopping" ] || stop
[ "$owner" = here ] || abandon

# In the background, since a shell heeds signals only while it waits for such.
wait_for_amqp "$port" 90 "$server" 2>"$directory/refused" &
if wait $!; then
  echo "amqp://guest:guest@127.0.0.1:$port//"
elif [ -z "$stopping" ]; then
  cat "$directory/refused" >&2
  tail -n 20 "$directory/output" >&2
  stop
fi

# A trap ends the wait; the broker has ended only when kill -0 says so.
asked=0
while kill -0 "$server" 2>/dev/null; do
  if [ -z "$stopping" ]; then
    wait "$server"
  else
    # Erlang loses a TERM that comes while it boots: asked again every 2 s, ended after 20.
    sleep 0.1
    asked=$((asked + 1))
    [ $((asked % 20)) != 0 ] || kill -TERM "$server" 2>/dev/null
    [ "$asked" -lt 200 ] || kill -KILL "$server" 2>/dev/null
  fi
done
kill "$watcher" "$epmd" 2>/dev/null
wait
[ "$owner" = here ] || rm -rf "$directory"
exit
}
