#!/bin/sh
# Installs Cyme, upgrades it, removes it, or shows it at work: see usage below. From a checkout, from an unpacked release, or
# alone with --from. Plain POSIX sh, for dash and busybox.
set -u
umask 022
unset CDPATH # By which cd would go elsewhere, and print where.

usage() {
  cat <<'END'
usage: ./install.sh [choice] [--from <file or URL>]   installs Cyme, or upgrades what is installed
       ./install.sh [choice] --uninstall [--purge]    removes it again
       ./install.sh --demo                            shows it at work with real RabbitMQ and Celery

choice
  (none)             for the machine, as root: /usr/local, a systemd unit, the user cyme, /etc/cyme, /var/lib/cyme
  --user             for you alone: ~/.local, a unit of your own systemd, ~/.config/cyme, ~/.local/state/cyme
  --prefix <folder>  nothing but program, completions and manual pages

what is installed
  (none)             the program beside install.sh, as in an unpacked release; in a checkout what it builds
  --from <what>      this tarball or binary, a file or a URL. It must be named in the SHA256SUMS beside it
  --sha256 <hex>     its checksum, in place of SHA256SUMS

  --uninstall        with the same choice. Stored data and configuration stay
  --purge            with --uninstall: they go too
  --help             prints this

Installing over what is there upgrades it: the unit's branch is started again, its workers go on. Building takes Node.js with
npm, which apt-get installs where they are missing. DESTDIR=<folder> puts all files below that folder, for packagers, and
touches neither users nor systemd.
END
}

say() { printf '%s\n' "$*" >&2; }

# die <words…>: says why, and what to do, and ends with status 1.
die() {
  say "install.sh: $*"
  exit 1
}

# misused <what>: usage is longer than a small terminal, above which this would stand.
misused() {
  say "install.sh: $*; install.sh --help says how it is used"
  exit 2
}

# absolute <path>: prints it as seen from everywhere, without a slash at the end, be it there or not.
absolute() {
  if found=$(cd -- "$1" 2>/dev/null && pwd); then
    printf '%s\n' "${found%/}"
  else
    case $1 in
    /*) path=$1 ;;
    *) path=$PWD/$1 ;;
    esac
    printf '%s/%s\n' "$(absolute "$(dirname -- "$path")")" "$(basename -- "$path")"
  fi
}

# ---- Where it goes. All paths are those of the installed system; $root (DESTDIR) stands in front where files are touched.

choose_places() {
  root=''
  if [ -n "${DESTDIR:-}" ]; then
    root=$(absolute "$DESTDIR")
    [ -n "$root" ] || misused "DESTDIR is for a folder that is packed later, and / is this machine: leave it out"
  fi
  units='' # None with --prefix.
  base=$prefix # What is recorded is seen from here, so that another spelling, a copy or a move mean the same.
  case $choice in
  system)
    base=''
    prefix=/usr/local
    # Not in /etc, which is the administrator's: a unit there is used instead of ours.
    units=$prefix/lib/systemd/system
    config=/etc/cyme
    data=/var/lib/cyme
    ;;
  user)
    [ -n "${HOME:-}" ] || die "--user installs into the home folder, but HOME is not set: set it"
    base=$(absolute "$HOME")
    prefix=$base/.local
    units=$base/.config/systemd/user
    config=$base/.config/cyme
    data=$prefix/state/cyme
    ;;
  esac
  share=$prefix/share
  fish=$share/fish/vendor_completions.d
  # Where every fish looks.
  [ "$choice" != user ] || fish=$base/.config/fish/completions
  # The choice, and what was installed, one `file` or `folder` a line: what the next version, or --uninstall, is to remove.
  record=$share/cyme/installed
}

# relative <path>: as it is recorded.
relative() {
  if [ "$1" = "$base" ]; then echo .; else printf '%s\n' "${1#"$base"/}"; fi
}

refuse_wrong_user() {
  if [ "$(id -u)" != 0 ]; then
    [ "$choice" != system ] || [ -n "$root" ] ||
      die "what is for the machine takes root: run it as root (sudo ./install.sh), or choose --user or --prefix <folder>"
  elif [ "$choice" = user ] && [ -z "$root" ]; then
    die "--user is for one ordinary user, but this is root: leave it out to install for the machine, or run it as that user"
  fi
}

# has_systemd: whether there is one to talk to.
has_systemd() {
  [ -z "$root" ] && command -v systemctl >/dev/null || return 1
  case $choice in
  system) [ -d /run/systemd/system ] ;;
  user) systemctl --user show-environment >/dev/null 2>&1 ;;
  *) return 1 ;;
  esac
}

# has_unit: whether branches are to be started by one. The program alone brings none, and leaves the one that is there.
has_unit() { [ -n "$units" ] && [ -f "$root$units/cyme-branch.service" ]; }

# ---- Lists of what is ours: the record, and $notes: what this run has written so far, for the next one where a kill -9 ends it.

# check_list <file>: ends where it has us touch what install.sh puts nowhere, or where others could tell root what to remove.
check_list() {
  if [ "$(id -u)" = 0 ] && [ -n "$(find "$1" -prune ! -user 0)" ]; then
    die "$1 says what is to be removed, but is not root's, so it may name any file. Where you trust all that it says: chown -h root $1"
  fi
  strange=''
  while read -r kind path; do
    case $kind:$base/$path in
    choice:*) ;;
    *:*/../* | *:*/.. | *:*//*) strange=$path ;;
    folder:*) ;;
    file:"$prefix"/* | file:"${units:-$prefix}"/* | file:"$fish"/*) ;;
    *) strange=$path ;;
    esac
  done <"$1"
  [ -z "$strange" ] || die "$1 names what install.sh puts nowhere: $strange. Remove that line, which is not its own; nothing was changed"
}

# check_record: whether what is there was installed with this choice, which another one would take away wrongly.
check_record() {
  [ -f "$root$record" ] || return 0
  read -r word was <"$root$record"
  case $word:$was in
  choice:"$choice") ;;
  choice:system) die "what is in $root$prefix was installed for the machine: leave the choice out" ;;
  choice:user) die "what is in $root$prefix was installed with --user: give that" ;;
  choice:prefix) die "what is in $root$prefix was installed with --prefix $prefix: give that" ;;
  *) die "$root$record does not say how it was installed: remove what it names, and it, by hand" ;;
  esac
  check_list "$root$record"
}

# note <kind> <path>
note() { printf '%s %s\n' "$1" "$(relative "$2")" >>"$notes" || unwritable "$notes"; }

# of_kind <file or folder> <list>: the paths, relative ones.
of_kind() { sed -n "s/^$1 //p" "$2"; }

# lock: one install.sh at a time, as long as it runs.
lock() {
  [ "$mode" != install ] || make_folder "$share/cyme"
  [ -d "$root$share/cyme" ] && command -v flock >/dev/null || return 0
  exec 9<"$root$share/cyme"
  flock -n 9 || die "another install.sh is at work in $root$prefix: wait until it has ended, and run this again"
}

# keep_notes: where the next run finds them. What a killed one left is taken back; its folders become those of this run.
keep_notes() {
  kept=$root$share/cyme/installing
  if [ -f "$kept" ]; then
    check_list "$kept"
    drop_staged "$kept"
    cat "$notes" >>"$kept" || unwritable "$kept"
    notes=$kept
    [ "$mode" = install ] || unstage
  elif [ "$mode" = install ]; then
    cp "$notes" "$kept" || unwritable "$kept"
    notes=$kept
  fi
}

# drop_staged <list>
drop_staged() {
  of_kind file "$1" | while read -r path; do rm -f "$(beside "$base/$path")"; done
}

# drop_folders <list>: as far as nothing of others or of the configuration is in them.
drop_folders() {
  of_kind folder "$1" | sed '1!G;h;$!d' | while read -r path; do
    [ "$path" != . ] || path=''
    rmdir "$root$base/$path" 2>/dev/null
  done
}

# unstage: takes back what was not moved into place.
unstage() {
  drop_staged "$notes"
  [ "$notes" = "$scratch/notes" ] || mv "$notes" "$scratch/notes"
  notes=$scratch/notes
  drop_folders "$notes"
}

# ---- What is installed

# take_source: sets $binary, and $extras: the folder of completions/, man/ and contrib/, empty where there is none.
take_source() {
  extras=''
  if [ -n "$from" ]; then
    take_from
  elif [ -n "$here" ] && [ -f "$here/cyme" ] && [ ! -f "$here/package.json" ]; then
    binary=$here/cyme extras=$here
  elif [ -n "$here" ] && [ -f "$here/scripts/setup.sh" ] && grep -q '"name": "cyme"' "$here/package.json"; then
    extras=$here
    for path in "$here" "$here/dist" "$here/node_modules"; do
      [ ! -e "$path" ] || [ -w "$path" ] ||
        die "building takes a checkout that is yours, and $path is not: clone it yourself, or give --from <file or URL of a release>"
    done
    (cd "$here" && sh scripts/setup.sh build && node_modules/.bin/bun scripts/build.ts) || exit 1
    binary=$here/dist/cyme
  else
    die "there is nothing to install beside it: give --from <file or URL of a release>, or run it in a checkout or an unpacked release"
  fi
  [ -d "$extras/contrib/systemd" ] || extras=''
}

# take_from: what --from names, once its checksum is right.
take_from() {
  # A copy of our own, so that what is checked is what is installed.
  got=$scratch/from
  case $from in
  http://* | https://*)
    # In messages without what may be a secret.
    shown=$(printf '%s\n' "${from%%[?#]*}" | sed 's,^\(https*://\)[^/]*@,\1,')
    say "Fetching $shown"
    fetch "$from" "$got" || die "could not fetch $shown: is the address right, and does this machine reach it?"
    ;;
  *)
    shown=$(absolute "$from")
    [ -f "$shown" ] || die "--from wants a file or a URL, but there is no file $from"
    cp "$shown" "$got" || die "could not copy $from: is there room in ${TMPDIR:-/tmp}? Another folder is given as TMPDIR"
    ;;
  esac
  name=$(basename -- "$shown")
  wanted=$sha256
  [ -n "$wanted" ] || wanted=$(listed_sum) || exit 1
  sum=$(sha256_of "$got") || exit 1
  [ "$sum" = "$(printf '%s' "$wanted" | tr 'A-F' 'a-f')" ] ||
    die "the checksum of $shown is wrong: wanted $wanted, it has $sum. Fetch it again${sha256:+, or look at what --sha256 was given}"
  unpack
}

# fetch <URL> <file>
fetch() {
  if command -v curl >/dev/null; then
    # From https to nothing that others can change on the way.
    case $1 in https:*) safely='=https' ;; *) safely='=http,https' ;; esac
    curl --fail --silent --show-error --location --proto-redir "$safely" --connect-timeout 20 --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    die "curl or wget is wanted to fetch $shown: install one, or fetch it and its SHA256SUMS yourself and give --from <file>"
  fi
}

# listed_sum: prints what the SHA256SUMS beside $from says of it.
listed_sum() {
  without="put it there, or give --sha256 <hex> with a checksum that you trust"
  case $from in
  http://* | https://*)
    address=${from%%[?#]*}
    sums=$scratch/SHA256SUMS
    fetch "${address%/*}/SHA256SUMS" "$sums" || die "there is no ${shown%/*}/SHA256SUMS to check $name with: $without"
    ;;
  *)
    sums=$(dirname -- "$shown")/SHA256SUMS
    [ -f "$sums" ] || die "there is no $sums to check $name with: $without"
    ;;
  esac
  # 64 digits, a blank, a blank or an asterisk, the name; perhaps with the line ends of Windows.
  listed=$(name=$name awk '{ sub(/\r$/, "") } substr($0, 67) == ENVIRON["name"] { print tolower(substr($0, 1, 64)) }' "$sums" | sort -u)
  case $listed in
  '') die "${shown%/*}/SHA256SUMS does not name $name: $without" ;;
  *[!0-9A-Fa-f]*) die "${shown%/*}/SHA256SUMS has more than one checksum for $name: $without" ;;
  esac
  printf '%s\n' "$listed"
}

# sha256_of <file>
sha256_of() {
  command -v sha256sum >/dev/null || die "sha256sum is wanted to check what is installed, but is not there: install coreutils"
  sum=$(sha256sum <"$1") || die "could not read $1"
  printf '%s\n' "${sum%% *}"
}

# unpack: sets $binary, and $extras where $got is a tarball.
unpack() {
  binary=$got
  [ "$(bytes "$got" 0 2)" = 1f8b ] || return 0
  if ! { mkdir "$scratch/unpacked" && tar -xzf "$got" -C "$scratch/unpacked"; }; then
    die "could not unpack $name: is there room in ${TMPDIR:-/tmp}? Another folder is given as TMPDIR"
  fi
  for extras in "$scratch"/unpacked/*; do
    [ ! -f "$extras/cyme" ] || break
  done
  binary=$extras/cyme
  [ -f "$binary" ] || die "$name holds no program cyme: a release is called cyme-<version>-linux-<x64 or arm64>.tar.gz"
}

# bytes <file> <offset> <count>: in hexadecimal.
bytes() { od -A n -t x1 -j "$2" -N "$3" "$1" | tr -d ' \n'; }

# check_kind: whether $binary is for this kind of machine.
check_kind() {
  [ "$(bytes "$binary" 0 4)" = 7f454c46 ] || die "${shown:-$binary} is no program for linux: wanted is a release of Cyme, or its binary"
  case $(bytes "$binary" 18 2) in
  3e00) kind='x64' machine=x86_64 loader=/lib64/ld-linux-x86-64.so.2 ;;
  b700) kind='arm64' machine=aarch64 loader=/lib/ld-linux-aarch64.so.1 ;;
  *) die "${shown:-$binary} is for a machine that Cyme is not made for" ;;
  esac
  [ -z "$root" ] || return 0 # A packager's machine may be another one.
  [ "$(uname -m)" = "$machine" ] ||
    die "this program is for $kind ($machine), and this machine is $(uname -m): take the release for it, or build it there from a checkout"
  [ -e "$loader" ] ||
    die "this program wants glibc ($loader), which is not here: systems with musl, such as Alpine, need one with glibc, as in a container of Debian"
}

# check_runs <file>: sets $version to what the program says of itself. Of a packager's other machine nobody knows.
check_runs() {
  if said=$("$1" --version 2>&1); then
    version=$(first_line "$said")
  elif status=$? && [ -n "$root" ]; then
    version="cyme for $kind"
  elif [ "$status" = 132 ]; then
    die "this processor is too old for the program: it wants AVX2."
  else
    die "the program does not run here: $said"
  fi
}

first_line() { printf '%s\n' "$1" | sed 1q; }

# ---- Files: first all are written beside their places, then all are moved. So whatever goes wrong leaves nothing half.

unwritable() {
  case $choice in
  system) advice="is there room for 120 MB, and is the file system not read-only?" ;;
  *) advice="it takes a folder of yours, with room for 120 MB. --prefix chooses another one" ;;
  esac
  die "$1 could not be written: $advice"
}

# make_folder <path>: with those above it; notes which it made, as far as they are ours.
make_folder() {
  [ ! -d "$root$1" ] || return 0
  make_folder "$(dirname "$1")"
  # Where it is there meanwhile (a/../b, another install.sh) it is not ours.
  if ! mkdir "$root$1" 2>"$scratch/why"; then
    [ -d "$root$1" ] && return
    cat "$scratch/why" >&2
    unwritable "$root$1"
  fi
  case $1 in
  "$base" | "$base"/*) note folder "$1" ;;
  esac
}

# beside <path>: where it is written first. Always the same name, so that what a kill -9 left is found again.
beside() { printf '%s\n' "$root$(dirname "$1")/.$(basename "$1").cyme-new"; }

# stage <file> <path> <mode>
stage() {
  begin_staging "$2"
  if ! { cp "$1" "$new" && chmod "$3" "$new"; }; then unwritable "$root$2"; fi
}

# stage_link <target> <path>
stage_link() {
  begin_staging "$2"
  ln -s "$1" "$new" || unwritable "$root$2"
}

begin_staging() {
  make_folder "$(dirname "$1")"
  [ ! -d "$root$1" ] || die "$root$1 is to be a file, but is a folder: move it away"
  note file "$1"
  new=$(beside "$1")
  rm -f "$new" || unwritable "$root$1"
}

stage_completions() {
  if [ -n "$extras" ]; then
    bash=$extras/completions/cyme.bash zsh=$extras/completions/_cyme fishes=$extras/completions/cyme.fish
  else
    bash=$scratch/bash zsh=$scratch/zsh fishes=$scratch/fish
    for shell in bash zsh fish; do
      "$(beside "$prefix/bin/cyme")" completion "$shell" >"$scratch/$shell" || die "the program does not print its completions for $shell"
    done
  fi
  stage "$bash" "$share/bash-completion/completions/cyme" 644
  stage "$zsh" "$share/zsh/site-functions/_cyme" 644
  stage "$fishes" "$fish/cyme.fish" 644
  # bash and fish look for a file of the name of what is completed.
  stage_link cyme "$share/bash-completion/completions/cyme-branch"
  stage_link cyme.fish "$fish/cyme-branch.fish"
}

stage_pages() {
  for page in "$extras"/man/*.[1-8]; do
    [ ! -f "$page" ] || stage "$page" "$share/man/man${page##*.}/$(basename "$page")" 644
  done
}

stage_units() {
  case $choice in
  system) folder=$extras/contrib/systemd ;;
  user) folder=$extras/contrib/systemd/user ;;
  esac
  for unit in "$folder"/*.service; do stage "$unit" "$units/$(basename "$unit")" 644; done
}

# stage_record: writes down what is installed, and in $scratch/stale what the version before had and this one has not.
stage_record() {
  make_folder "$(dirname "$record")"
  if [ -f "$root$record" ]; then cp "$root$record" "$scratch/before"; else : >"$scratch/before"; fi || unwritable "$scratch/before"
  {
    printf 'choice %s\n' "$choice"
    # The program alone brings neither pages nor units, so what is there stays.
    [ -n "$extras" ] || sed -n '/^file /p' "$scratch/before"
    sed -n '/^file /p' "$notes"
    printf 'file %s\n' "$(relative "$record")"
    # Folders of the first installation are ours for good.
    cat "$scratch/before" "$notes" | sed -n '/^folder /p'
  } | awk '!seen[$0]++' >"$scratch/record" || unwritable "$scratch/record"
  sed -n '/^file /p' "$scratch/before" | grep -vxF -f "$scratch/record" >"$scratch/stale"
  stage "$scratch/record" "$record" 644
}

commit() {
  trap '' INT TERM HUP
  # The record first: a kill -9 leaves nothing that it does not name.
  { relative "$record"; of_kind file "$notes" | grep -vxF "$(relative "$record")"; } >"$scratch/staged" || unwritable "$scratch/staged"
  while read -r path; do
    mv -f "$(beside "$base/$path")" "$root$base/$path" || die "could not write $root$base/$path: run this again"
  done <"$scratch/staged"
  of_kind file "$scratch/stale" | while read -r path; do rm -f "$root$base/$path"; done
  rm -f "$notes"
  notes=$scratch/notes
  : >"$notes"
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# ---- What a branch needs besides files

make_user() {
  [ -z "$root" ] && ! id cyme >/dev/null 2>&1 || return 0
  command -v useradd >/dev/null ||
    die "useradd is wanted to make the user cyme: install the package passwd, or make a system user and group cyme yourself, and run this again"
  useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin cyme ||
    die "could not make the user cyme (useradd says why): make it yourself, and run this again"
}

# make_data: only its owner may look into it, since it holds passwords.
make_data() {
  [ ! -d "$root$data" ] || return 0
  make_folder "$data"
  chmod 700 "$root$data" || unwritable "$root$data"
  [ "$choice" != system ] || [ -n "$root" ] || chown cyme:cyme "$data" || unwritable "$data"
}

# configure <file> <path> <mode>: after commit. Puts it there where there is none; what is there is the administrator's.
configure() {
  [ ! -e "$root$2" ] || return 0
  new=$(beside "$2")
  if ! { cp "$1" "$new" && chmod "$3" "$new" && mv -f "$new" "$root$2"; }; then
    rm -f "$new"
    unwritable "$root$2"
  fi
}

configure_branches() {
  configure "$extras/contrib/systemd/branch.env" "$config/branch.env" 600
  [ "$choice" != system ] || configure "$extras/contrib/logrotate/cyme" /etc/logrotate.d/cyme 644
}

# ---- Installing

install_cyme() {
  take_source
  check_kind
  before=$(first_line "$("$root$prefix/bin/cyme" --version 2>/dev/null)")
  stage "$binary" "$prefix/bin/cyme" 755
  check_runs "$(beside "$prefix/bin/cyme")"
  stage_link cyme "$prefix/bin/cyme-branch"
  stage_completions
  if [ -n "$extras" ]; then
    stage_pages
    [ -z "$units" ] || stage_units
  fi
  if [ -n "$units" ] && [ -n "$extras" ]; then
    [ "$choice" != system ] || make_user
    make_data
    make_folder "$config"
    [ "$choice" != system ] || make_folder /etc/logrotate.d
  fi
  stage_record
  commit
  [ -z "$units" ] || [ -z "$extras" ] || configure_branches
  restart_branches
  report
}

# restart_branches: those of the units; their workers go on.
restart_branches() {
  has_systemd || return 0
  systemctl_here daemon-reload
  [ "$choice" = system ] && systemctl_here cat cyme-branch.service >/dev/null 2>&1 || return 0
  systemctl_here try-restart cyme-branch.service 'cyme-branch@*.service' ||
    say "install.sh: the branch did not start again: systemctl status cyme-branch says why. Its workers go on"
}

# running [suffix]: pids of those that run our program; the path of a replaced one has " (deleted)" behind it.
running() {
  [ -z "$root" ] && program=$(cd -P -- "$prefix/bin" 2>/dev/null && pwd -P)/cyme || return 0
  # Of one `ls -l`: "… /proc/<pid>/exe -> <path>".
  # shellcheck disable=SC2012 # The names before the arrow are /proc's own.
  ls -l /proc/[0-9]*/exe 2>/dev/null | wanted="/exe -> $program${1:-}" awk '
    (at = index($0, ENVIRON["wanted"])) && substr($0, at) == ENVIRON["wanted"] {
      count = split(substr($0, 1, at - 1), parts, "/")
      printf "%s ", parts[count]
    }'
}

report() {
  older=$(printf '%s\n%s\n' "$before" "$version" | sort -V 2>/dev/null | sed 1q)
  case $before in
  '') say "Installed $version:" ;;
  "$version") say "Installed $version again:" ;;
  *)
    if [ "$older" = "$version" ]; then
      say "Went back from $before to $version, which may not read what the newer one has stored: then put a backup of before in its place."
    else
      say "Upgraded $before to $version:"
    fi
    ;;
  esac
  say "  $root$prefix/bin/cyme and its link cyme-branch"
  if [ -z "$extras" ]; then
    say "  completions for bash, zsh and fish. The program alone has no manual pages and no unit (those of before stay): a release's tarball has them"
  else
    say "  completions for bash, zsh and fish, and manual pages, below $root$share"
    [ -z "$units" ] || say "  units in $root$units, which read $root$config; stored data in $root$data"
  fi
  old=$(running ' (deleted)')
  [ -z "$old" ] || say "Still at work with the version before, until they are ended and started again (workers go on): ${old% }"
  shadowed
  [ -n "$root" ] || next_steps
}

# shadowed: units of the administrator hide ours.
shadowed() {
  [ "$choice" = system ] || return 0
  for unit in cyme-branch.service cyme-branch@.service; do
    [ ! -e "$root/etc/systemd/system/$unit" ] ||
      say "$root/etc/systemd/system/$unit is used in place of $units/$unit: remove it, or make it a drop-in, to have ours"
  done
}

next_steps() {
  cyme=cyme
  case :$PATH: in
  *:"$prefix/bin":*) ;;
  *)
    cyme=$prefix/bin/cyme
    say "$prefix/bin is not in your PATH: add it in your shell's profile"
    ;;
  esac
  say "Next:"
  if ! has_unit; then
    say "  CYME_BROKER=amqp://… $prefix/bin/cyme branch -D <folder> --detach"
  elif ! has_systemd; then
    say "  put the broker into $config/branch.env"
    by_hand
  elif [ "$choice" = system ]; then
    say "  put the broker into $config/branch.env"
    say "  systemctl enable --now cyme-branch"
  else
    say "  put the broker into $config/branch.env"
    say "  systemctl --user enable --now cyme-branch    (restart, where it runs)"
    say "  loginctl enable-linger                       so that it runs while you are not logged in"
  fi
  say "  $cyme branches"
}

# by_hand: how to start a branch where there is no systemd, with its file read as systemd does: nothing in it is evaluated.
by_hand() {
  start="$prefix/bin/cyme branch -D $data --detach"
  [ "$choice" != system ] || start="su -s /bin/sh cyme -c '$start'"
  say "  and, since there is no systemd here, start it with:"
  cat >&2 <<END
  (while read -r line || [ -n "\$line" ]; do
    value=\${line#*=}
    case \$value in \"*\" | \'*\') value=\${value#?} value=\${value%?} ;; esac
    case \$line in CYME_*=*) export "\${line%%=*}=\$value" ;; esac
  done <$config/branch.env; cd /; $start)
END
}

# ---- Removing

uninstall_cyme() {
  [ -z "$purge" ] || refuse_while_working
  stop_branches
  left=$(running)
  [ -z "$left" ] || [ -z "$purge" ] || die "branches run still (pids ${left% }): kill ${left% } ends them. Then run this again"
  if [ -f "$root$record" ]; then
    unlink_units
    remove_recorded
    say "Removed Cyme from $root$prefix"
  elif [ -e "$root$prefix/bin/cyme" ]; then
    die "$root$prefix/bin/cyme was not put there by this install.sh (there is no $root$record): install over it first, or remove it and cyme-branch by hand"
  else
    say "There is no Cyme in $root$prefix"
  fi
  [ -z "$left" ] || say "Branches are still at work, without their program: kill ${left% } ends them, and not their workers"
  ! has_systemd || systemctl_here daemon-reload
  if [ -n "$purge" ]; then
    purge_all
  elif [ -n "$units" ]; then
    say_kept
  fi
}

# systemctl_here <words…>: without the lock, which what is started might keep.
systemctl_here() {
  if [ "$choice" = user ]; then systemctl --user "$@" 9<&-; else systemctl "$@" 9<&-; fi
}

# stop_branches: of the units, and that none is started with the machine.
stop_branches() {
  has_systemd && systemctl_here cat cyme-branch.service >/dev/null 2>&1 || return 0
  systemctl_here stop cyme-branch.service 'cyme-branch@*.service'
  # That of the template is that of all which were made of it.
  systemctl_here disable cyme-branch.service cyme-branch@.service
}

# unlink_units: what `systemctl enable` made, where there is no systemd to ask.
unlink_units() {
  case $choice in
  system) enabled=$root/etc/systemd/system ;;
  user) enabled=$root$units ;;
  prefix) return ;;
  esac
  for link in "$enabled"/*.wants/cyme-branch.service "$enabled"/*.wants/cyme-branch@*.service; do
    case $(readlink "$link") in
    "$units"/cyme-branch*) rm -f "$link" && rmdir "$(dirname "$link")" 2>/dev/null ;;
    esac
  done
}

remove_recorded() {
  cp "$root$record" "$scratch/record" || exit 1
  of_kind file "$scratch/record" | grep -vxF "$(relative "$record")" >"$scratch/files"
  stays=''
  while read -r path; do
    rm -f "$root$base/$path" || stays="$stays $root$base/$path"
  done <"$scratch/files"
  # The record is the last, so that this can be run again.
  [ -z "$stays" ] || die "could not remove$stays: are you the owner? Move what is a folder away. Then run this again"
  rm -f "$root$record" || die "could not remove $root$record: are you its owner?"
  drop_folders "$scratch/record"
}

# workers: pids of those that live in $data.
workers() {
  [ -z "$root" ] || return 0
  for file in "$data"/*/worker.pid "$data"/@*/*/worker.pid; do
    folder=$(dirname "$file")
    # Its pid may be another's by now.
    [ -f "$file" ] && read -r pid <"$file" &&
      tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -e "$folder/worker.statedb" -e "${folder##*/}@" && printf '%s ' "$pid"
  done
}

refuse_while_working() {
  [ -n "$units" ] || misused "--purge goes with what is for the machine or --user: --prefix stores nothing"
  working=$(workers)
  [ -z "$working" ] ||
    die "workers run in $data (pids ${working% }): stop them first, with $prefix/bin/cyme -D $data shutdown-all. Nothing was removed"
}

# remove_user: that which make_user made, as its home shows.
remove_user() {
  [ -z "$root" ] || return 0
  case $(getent passwd cyme 2>/dev/null) in
  *:"$data":*) userdel cyme || say "install.sh: the user cyme could not be removed: userdel says why" ;;
  esac
}

purge_all() {
  stored=$(ls -d "$root$data" "$root$config" 2>/dev/null)
  rm -rf "$root$data" "$root$config"
  if [ "$choice" = system ]; then
    rm -rf "$root/etc/logrotate.d/cyme" "$root"/etc/systemd/system/cyme-branch.service.d "$root"/etc/systemd/system/cyme-branch@*.service.d
    remove_user
  fi
  [ ! -f "$scratch/record" ] || drop_folders "$scratch/record"
  [ -z "$stored" ] || say "Removed $root$data and $root$config, with all that was stored there"
}

say_kept() {
  working=$(workers)
  [ -z "$working" ] || say "Workers go on, without a branch: kill ${working% } ends them once their tasks have"
  kept=''
  for path in "$data" "$config" /etc/logrotate.d/cyme; do
    [ ! -e "$root$path" ] || kept="$kept $root$path"
  done
  [ -z "$kept" ] || say "Kept:$kept: --uninstall --purge removes them too"
}

# ---- The demo

# shellcheck disable=SC2317 # Called by the trap.
finish_demo() {
  status=$?
  trap '' INT TERM HUP PIPE
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
  [ -f "${here:-.none}/scripts/demo.ts" ] || die "--demo takes a checkout of Cyme, with its sources: this is none"
  cd "$here" || exit 1
  # shellcheck source=scripts/lib.sh
  . scripts/lib.sh
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


# ---- What was asked for

finish_install() {
  status=$?
  trap '' INT TERM HUP
  [ ! -f "$notes" ] || unstage
  rm -rf "$scratch"
  exit "$status"
}

begin() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/cyme-install-XXXXXX") || die "wanted is a folder for temporary files: set TMPDIR"
  trap finish_install EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  trap '' PIPE # Nobody need read what it says.
  notes=$scratch/notes
  : >"$notes"
  [ -z "$root" ] || mkdir -p "$root" || die "DESTDIR, $root, could not be made"
  lock
  check_record
  keep_notes
}

# choose <choice>: one of them at most.
choose() {
  [ "$choice" = system ] || misused "--user and --prefix do not go together"
  choice=$1
}

read_options() {
  choice=system mode=install from='' sha256='' purge='' prefix=''
  while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --from | --sha256)
      [ $# -gt 1 ] || misused "$1 wants a value"
      option=$1 value=$2
      shift
      ;;
    --prefix=* | --from=* | --sha256=*) option=${1%%=*} value=${1#*=} ;;
    *) option=$1 value=none ;;
    esac
    [ -n "$value" ] || misused "$option wants a value, and was given an empty one"
    case $option in
    --prefix)
      choose prefix
      prefix=$(absolute "$value")
      ;;
    --from) from=$value ;;
    --sha256) sha256=$value ;;
    --user) choose user ;;
    --uninstall) mode=uninstall ;;
    --purge) purge=yes ;;
    --demo) mode=demo ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) misused "unknown option $option" ;;
    esac
    shift
  done
}

refuse_odd_options() {
  [ -z "$sha256" ] || [ -n "$from" ] || misused "--sha256 goes with --from"
  [ -z "$purge" ] || [ "$mode" = uninstall ] || misused "--purge goes with --uninstall"
  [ -z "$from" ] || [ "$mode" = install ] || misused "--from goes with installing"
  case $sha256 in
  *[!0-9A-Fa-f]*) misused "--sha256 wants 64 hexadecimal digits, not $sha256" ;;
  esac
  [ -z "$sha256" ] || [ "${#sha256}" = 64 ] || misused "--sha256 wants 64 hexadecimal digits, not ${#sha256}"
  case $prefix in
  *'
'*) misused "--prefix wants a folder without a line break in its name" ;;
  esac
}

main() {
  # Empty where a shell was handed this by a pipe: $0 is its own name then, and what lies around here is nobody's release.
  here=''
  if [ -f "$0" ] && grep -q '^# Installs Cyme' "$0"; then
    here=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
  fi
  read_options "$@"
  refuse_odd_options
  [ "$mode" != demo ] || run_demo
  choose_places
  refuse_wrong_user
  begin
  case $mode in
  install) install_cyme ;;
  uninstall) uninstall_cyme ;;
  esac
}

# Last, so that a shell which is handed this by a pipe has read all of it.
main "$@"
