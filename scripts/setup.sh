#!/bin/sh
# Installs what is missing on a Debian machine with Python, Node.js with npm, and apt. What is there is left as it is.
#
#   sh scripts/setup.sh build   node_modules (with Bun)
#   sh scripts/setup.sh demo    node_modules, RabbitMQ, some Celery, curl
#   sh scripts/setup.sh test    node_modules, RabbitMQ, Debian's Celery, Chromium, zsh, fish, mandoc, busybox and systemd and, where pip can fetch them, the newest Celery and schemathesis
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/lib.sh

case ${1:-} in
build) ensure_modules ;;
demo) ensure_modules && ensure_rabbitmq && ensure_celery && ensure_curl ;;
test) ensure_modules && ensure_rabbitmq && ensure_debian_celery && ensure_chromium && ensure_shells && ensure_documented && ensure_install_tools && ensure_newest_celery && ensure_schemathesis ;;
*)
  say "usage: sh scripts/setup.sh build|demo|test"
  exit 2
  ;;
esac
