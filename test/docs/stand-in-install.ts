/**
 * The text of a script that stands in for the install.sh at `real`: what goes into a folder that one does; what is for the
 * machine is done by nobody, but refused where it has an option that the usage does not know.
 */
export const standInInstall = (real: string) => `#!/bin/sh
case " $* " in *" --prefix "* | *" --user "* | *" --help "*) exec sh '${real}' "$@" ;; esac
while [ $# -gt 0 ]; do
  case $1 in
  --from | --sha256) [ $# -gt 1 ] && shift ;;
  -*) sh '${real}' --help | grep -qw -e "$1" ;;
  *) false ;;
  esac || { echo "install.sh: that is no option, or wants a value: $1" >&2; exit 2; }
  shift
done
`;
