# Made by: cyme completion bash
_cyme() {
  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}" command="" words="" i
  case "$before" in
    -l|--loglevel) words="DEBUG INFO WARNING ERROR CRITICAL" ;;
    -F|--format) words="pretty json" ;;
    -X|--method) words="HEAD GET POST PUT DELETE TRACE OPTIONS CONNECT PATCH" ;;
    --role) words="viewer operator admin" ;;
    -D|--instance-dir|-f|--logfile|--pidfile|--tls-cert|--tls-key|--tls-ca|--ca|--cert|--key|--cwd)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    -i|--id|-b|--broker|-C|--numc|--sup-interval|--log-max-size|--command|--restart-max-rate|--retry-disabled|--wait-after-broker-revived|--unresponsive-after|--webhook-allow|--result-expires|--allowed-host|--cors-origin|--max-body|-a|--app|-u|--url|--token|--timeout|--arguments|--extra-config|--env|--stop-timeout|--hostname|--port|--userid|--password|--virtual-host|--branch|--pool|--queues|--max-concurrency|--min-concurrency|--is-enabled|--user|--max-memory|--max-age|--lines|-d|--data|--content-type|--uuid|--expires|--limit)
      COMPREPLY=()
      return
      ;;
  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${COMP_WORDS[i]}" in
    -i|--id|-b|--broker|-D|--instance-dir|-C|--numc|--sup-interval|-l|--loglevel|-f|--logfile|--log-max-size|--pidfile|--command|--restart-max-rate|--retry-disabled|--wait-after-broker-revived|--unresponsive-after|--webhook-allow|--result-expires|--allowed-host|--cors-origin|--tls-cert|--tls-key|--tls-ca|--max-body|-F|--format|-a|--app|-u|--url|--token|--ca|--cert|--key|--timeout|--arguments|--extra-config|--cwd|--env|--stop-timeout|--hostname|--port|--userid|--password|--virtual-host|--branch|--pool|--queues|--max-concurrency|--min-concurrency|--is-enabled|--user|--max-memory|--max-age|--lines|-X|--method|-d|--data|--content-type|--uuid|--role|--expires|--limit) ((i++)) ;;
    -*) ;;
    *)
      command="${COMP_WORDS[i]}"
      break
      ;;
    esac
  done
  case "$command" in
    "") words="branch status start-all restart-all shutdown-all branches branches.get branches.shutdown branches.forget apps apps.add apps.get apps.set apps.delete instances instances.add instances.get instances.set instances.delete instances.stats instances.restart instances.enable instances.disable instances.move instances.autoscale instances.log instances.history queues queues.add queues.get queues.delete consumers consumers.add consumers.delete tasks.send tasks.state tasks.result tasks.wait createsuperuser users users.add users.set users.delete tokens tokens.add tokens.delete audit completion help" ;;
    branch) words="-i --id -b --broker -D --instance-dir -C --numc --sup-interval --without-httpd --without-http -l --loglevel -f --logfile --log-max-size --detach --pidfile --command --restart-max-rate --retry-disabled --wait-after-broker-revived --unresponsive-after --webhook-allow --result-expires --allowed-host --cors-origin --tls-cert --tls-key --tls-ca --max-body --insecure -h --help --version -F --format" ;;
    restart-all) words="--rolling" ;;
    apps.add) words="--arguments --extra-config --command --cwd --env --stop-timeout --hostname --port --userid --password --virtual-host" ;;
    apps.set) words="--arguments --extra-config --command --cwd --env --stop-timeout --hostname --port --userid --password --virtual-host" ;;
    instances.add) words="--arguments --extra-config --command --cwd --env --stop-timeout --branch --pool --queues --max-concurrency --min-concurrency --is-enabled --restart-max-rate --user --max-memory --max-age" ;;
    instances.set) words="--arguments --extra-config --command --cwd --env --stop-timeout --branch --pool --queues --max-concurrency --min-concurrency --is-enabled --restart-max-rate --user --max-memory --max-age" ;;
    instances.restart) words="--rolling" ;;
    instances.log) words="--lines --follow" ;;
    tasks.send) words="-X --method -d --data --content-type --uuid" ;;
    createsuperuser) words="--stdin" ;;
    users.add) words="--role --stdin" ;;
    users.set) words="--role --new-password --stdin" ;;
    tokens.add) words="--role --expires" ;;
    audit) words="--limit" ;;
    completion) words="bash zsh fish" ;;
    help) words="branch status start-all restart-all shutdown-all branches branches.get branches.shutdown branches.forget apps apps.add apps.get apps.set apps.delete instances instances.add instances.get instances.set instances.delete instances.stats instances.restart instances.enable instances.disable instances.move instances.autoscale instances.log instances.history queues queues.add queues.get queues.delete consumers consumers.add consumers.delete tasks.send tasks.state tasks.result tasks.wait createsuperuser users users.add users.set users.delete tokens tokens.add tokens.delete audit completion help" ;;
  esac
  case "$command" in
    branch) ;;
    *) words="$words -a --app -u --url -n --nowait -L --local -D --instance-dir -l --loglevel -f --logfile -b --broker --token --ca --cert --key --timeout -h --help --version -F --format" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _cyme cyme
