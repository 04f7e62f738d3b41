#!/bin/sh
# Tries the units under a real systemd: start, notify, reload, upgrade, watchdog, stop, several branches, workers of other
# users, removing. Run by hand, as root, inside a machine or container that boots systemd and has Celery (scripts/try-install.sh makes one):
#
#   sh try-systemd.sh <folder of an unpacked release> <URL of a broker>
set -u
# In braces, so that the shell has read all of it before it runs.
{
release=$1
broker=$2
PATH=/usr/local/bin:$PATH
data=/var/lib/cyme

step() { printf '\n== %s\n' "$*"; }

# expect <what> <wanted> <got>
expect() {
  if [ "$2" = "$3" ]; then
    printf 'ok: %s: %s\n' "$1" "$3"
  else
    printf 'WRONG: %s: wanted %s, got %s\n' "$1" "$2" "$3"
    journalctl --no-pager -n 30 -u cyme-branch -u 'cyme-branch@*'
    exit 1
  fi
}

# of <property> [unit]
of() { systemctl show --value -p "$1" "${2:-cyme-branch}"; }
worker() { cat "$data/web/worker.pid"; }
runs() { if [ -d "/proc/$1" ]; then echo runs; else echo gone; fi; }
# await <seconds> <command…>
await() {
  seconds=$1
  shift
  until "$@" >/dev/null 2>&1; do
    seconds=$((seconds - 1))
    [ "$seconds" -gt 0 ] || return 1
    sleep 1
  done
}
# shellcheck disable=SC2317 # Called by await, as the next one is.
has_ended() { ! [ -d "/proc/$1" ]; }
# shellcheck disable=SC2317
answers() { cyme -u "http://127.0.0.1:$1" branches; }
# left: files of ours, wherever they are.
left() { find / -xdev \( -path /proc -o -path /root -o -path /srv -o -path /var/log \) -prune -o -iname '*cyme*' -print; }
# drop_in <name>: standard input becomes a drop-in of the unit.
drop_in() {
  mkdir -p /etc/systemd/system/cyme-branch.service.d
  cat >"/etc/systemd/system/cyme-branch.service.d/$1.conf"
  systemctl daemon-reload
}

step "install, configure, enable and start"
sh "$release/install.sh" || exit 1
printf 'CYME_BROKER=%s\nCYME_ADDRESS=127.0.0.1:18000\nCYME_ID=first\nCYME_COMMAND=python3 -m celery\n' "$broker" >/etc/cyme/branch.env
systemctl enable --now cyme-branch || exit 1
export CYME_URL=http://127.0.0.1:18000
expect "systemctl is-active" active "$(systemctl is-active cyme-branch)"
expect "type" notify "$(of Type)"
expect "user of the branch" cyme "$(ps -o user= -p "$(of MainPID)")"
echo "status: $(of StatusText)"
systemctl status --no-pager cyme-branch | head -n 12

step "a worker"
cyme apps.add shop >/dev/null && cyme -a shop instances.add web >/dev/null || exit 1
pid=$(worker)
expect "user of the worker" cyme "$(ps -o user= -p "$pid")"
grep -E '^(NoNewPrivs|Seccomp|CapBnd)' "/proc/$pid/status"

step "systemctl reload: RELOADING and READY"
systemctl reload cyme-branch || exit 1
expect "after the reload" active "$(systemctl is-active cyme-branch)"

step "upgrade: install.sh again"
before=$(of MainPID)
sh "$release/install.sh" || exit 1
await 20 answers 18000
expect "is-active" active "$(systemctl is-active cyme-branch)"
expect "the branch before" gone "$(runs "$before")"
expect "the worker, of the same pid" "$pid $(runs "$pid")" "$(worker) runs"

step "watchdog: a branch that hangs"
drop_in watchdog <<CONF
[Service]
WatchdogSec=6
CONF
systemctl restart cyme-branch
before=$(of MainPID)
sleep 13
expect "as long as it is well nothing happens" "$before" "$(of MainPID)"
kill -STOP "$before"
await 30 has_ended "$before"
await 20 answers 18000
await 20 systemctl is-active cyme-branch
expect "is-active, by itself" active "$(systemctl is-active cyme-branch)"
expect "starts by systemd" 1 "$(of NRestarts)"
journalctl --no-pager -u cyme-branch | grep -i watchdog
expect "the worker, of the same pid" "$pid $(runs "$pid")" "$(worker) runs"
rm -r /etc/systemd/system/cyme-branch.service.d
systemctl daemon-reload

step "kill -9 of the branch"
before=$(of MainPID)
kill -KILL "$before"
await 5 has_ended "$before"
await 20 systemctl is-active cyme-branch
expect "is-active, by itself" active "$(systemctl is-active cyme-branch)"

step "stop and start"
systemctl stop cyme-branch
expect "is-active" inactive "$(systemctl is-active cyme-branch)"
expect "result" success "$(of Result)"
expect "the worker" runs "$(runs "$pid")"
systemctl start cyme-branch
expect "the worker, of the same pid" "$pid $(runs "$pid")" "$(worker) runs"
expect "state" running "$(cyme -a shop -F json instances.get web | sed 's/.*"state":"\([a-z]*\)".*/\1/')"

step "a second branch, of the template"
printf 'CYME_BROKER=%s\nCYME_ADDRESS=127.0.0.1:18001\nCYME_COMMAND=python3 -m celery\n' "$broker" >/etc/cyme/second.env
systemctl enable --now cyme-branch@second || exit 1
expect "branches" 2 "$(cyme -F json branches | tr ',' '\n' | wc -l)"

step "workers of other users: a branch as root"
useradd --system worker2 2>/dev/null
systemctl stop cyme-branch
drop_in root <"$release/contrib/systemd/root.conf"
systemctl start cyme-branch || exit 1
expect "user of the branch" root "$(ps -o user= -p "$(of MainPID)")"
expect "the worker, of the same pid" "$pid $(runs "$pid")" "$(worker) runs"
cyme -a shop instances.add other --branch first --user worker2 || exit 1
expect "user of the other worker" worker2 "$(ps -o user:20= -p "$(cyme -a shop -F json instances.get other | sed 's/.*"pid":\([0-9]*\).*/\1/')")"

step "remove"
sh "$release/install.sh" --uninstall --purge && exit 1
cyme shutdown-all -D "$data" || exit 1
sh "$release/install.sh" --uninstall --purge || exit 1
expect "what is left" "" "$(left)"
expect "the user cyme" "" "$(getent passwd cyme)"
userdel worker2

step "for one user, by the user's own systemd"
useradd --create-home --shell /bin/sh someone
loginctl enable-linger someone
await 20 test -S "/run/user/$(id -u someone)/bus"
home=/home/someone
# as_user <command…>: as that user has it in a terminal.
as_user() { setpriv --reuid=someone --regid=someone --init-groups env -i HOME=$home PATH=$home/.local/bin:/usr/bin:/bin XDG_RUNTIME_DIR="/run/user/$(id -u someone)" CYME_URL=http://127.0.0.1:18002 "$@"; }
as_user sh "$release/install.sh" --user || exit 1
printf 'CYME_BROKER=%s\nCYME_ADDRESS=127.0.0.1:18002\nCYME_COMMAND=python3 -m celery\n' "$broker" >$home/.config/cyme/branch.env
as_user systemctl --user enable --now cyme-branch || exit 1
expect "is-active" active "$(as_user systemctl --user is-active cyme-branch)"
as_user cyme apps.add shop >/dev/null && as_user cyme -a shop instances.add web >/dev/null || exit 1
pid=$(cat $home/.local/state/cyme/web/worker.pid)
expect "user of the worker" someone "$(ps -o user= -p "$pid")"
as_user sh "$release/install.sh" --user || exit 1
as_user systemctl --user restart cyme-branch || exit 1
expect "the worker, of the same pid" "$pid $(runs "$pid")" "$(cat $home/.local/state/cyme/web/worker.pid) runs"
as_user cyme shutdown-all -D $home/.local/state/cyme || exit 1
as_user sh "$release/install.sh" --user --uninstall --purge || exit 1
expect "what is left" "" "$(left)"
loginctl terminate-user someone
loginctl disable-linger someone
printf '\nAll as it should be.\n'
exit
}
