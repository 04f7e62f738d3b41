#!/bin/sh
# Tries install.sh in a Debian that has nothing: no Node.js, no npm, no Celery. The demo, installing, removing; then, where
# systemd-nspawn is there, the units under a systemd that boots in it. What is tried is the last commit. Run by hand, as root:
#
#   sh scripts/try-install.sh <new folder>     takes debootstrap, 1.5 GB there, and some five minutes; keeps the folder
set -u
# In braces, so that the shell has read all of it before it runs.
{
cd "$(dirname "$0")/.." || exit 1
. scripts/lib.sh

[ $# = 1 ] || die "usage: sh scripts/try-install.sh <new folder>"
[ "$(id -u)" = 0 ] || die "this takes root, for debootstrap and chroot"
[ ! -e "$1" ] || die "$1 is there already: wanted is a new folder"
mkdir -p "$1" || exit 1
root=$(cd "$1" && pwd)
nspawn=''

# shellcheck disable=SC2317 # Called by the trap.
finish() {
  status=$?
  trap '' INT TERM HUP
  [ -z "$nspawn" ] || { kill -TERM "$nspawn" && wait "$nspawn"; } 2>/dev/null
  umount "$root/proc" 2>/dev/null
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

step() { say "== $*"; }

# inside <command…>: in the bare Debian.
inside() { chroot "$root" env HOME=/root LANG=C.UTF-8 "$@"; }

# hand_over <path>: this machine's own settings of registries and certificates, where it has some.
hand_over() {
  [ -e "$1" ] || return 0
  mkdir -p "$root$(dirname "$1")"
  cp -aL "$1" "$root$(dirname "$1")/"
}

# listing: all files, without those that belong to Debian's packages, to caches of this try, or to the system's own books.
listing() {
  (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./root -o -path ./tmp -o -path ./var/log \
    -o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/apt \) -prune -o -print) | sort
}

step "a bare Debian"
debootstrap --variant=minbase bookworm "$root" >"$root.log" 2>&1 || die "debootstrap failed: see $root.log"
for path in /etc/apt /etc/resolv.conf /etc/hosts /etc/ssl /usr/local/share/ca-certificates /etc/npmrc /root/.npmrc /etc/pip.conf; do hand_over "$path"; done
mount -t proc proc "$root/proc" || die "could not mount /proc there"
mkdir "$root/root/cyme"
git archive HEAD | tar -x -C "$root/root/cyme" || die "this is to be run in a checkout with git"
for program in node npm celery rabbitmq-server; do
  ! inside sh -c "command -v $program" || die "it is not bare: it has $program"
done

step "./install.sh --demo"
inside sh -c 'cd /root/cyme && ./install.sh --demo' || die "the demo failed"
listing >"$root.before"

step "./install.sh"
inside sh -c 'cd /root/cyme && ./install.sh' || die "install.sh failed"
inside cyme --version || die "cyme does not run"
inside sh -c 'cd / && /root/cyme/install.sh --prefix /opt/cyme --from /root/cyme/dist/cyme' && die "without a checksum it must refuse"

step "./install.sh --uninstall --purge"
inside sh -c 'cd /root/cyme && ./install.sh --uninstall --purge' || die "install.sh --uninstall failed"
listing >"$root.after"
# What is behind by now is of useradd's books alone, as /etc/passwd-.
diff "$root.before" "$root.after" && say "no file more and no file less than before"
say "of ours is left: $(listing | grep -i cyme || echo nothing)"

if ! command -v systemd-nspawn >/dev/null; then
  say "There is no systemd-nspawn: the units are not tried (apt-get install systemd-container)"
  exit 0
fi
step "the units under systemd"
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd systemd-sysv libpam-systemd dbus dbus-user-session procps >>"$root.log" 2>&1 ||
  die "systemd could not be installed there: see $root.log"
mkdir "$root/srv/release"
for path in dist/cyme install.sh completions man contrib; do cp -a "$root/root/cyme/$path" "$root/srv/release/"; done
umount "$root/proc"
echo bare >"$root/etc/hostname"
echo "127.0.0.1 bare" >>"$root/etc/hosts"
# Its own network: a broker of Debian's, on its usual port, and nothing outside.
systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit --console=pipe --private-network </dev/null >"$root.boot" 2>&1 &
nspawn=$!
# booted <command…>: under that systemd.
booted() {
  leader=$(cat "/proc/$nspawn/task/$nspawn/children") && leader=${leader%% *}
  nsenter --target "${leader:-0}" --all --root --wd env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
tries=0
until booted systemctl is-active multi-user.target >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || die "systemd did not boot there: see $root.boot"
  sleep 1
done
booted systemctl start rabbitmq-server || die "RabbitMQ did not start there"
booted sh /root/cyme/scripts/try-systemd.sh /srv/release amqp://guest:guest@127.0.0.1:5672// || die "the units failed"
exit
}
