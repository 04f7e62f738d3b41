# Made by: cyme completion bash
_cyme() {
  local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} words=() word piece i last command="" option="" value prefix="" stem
  local position=0 offers="" ask="" literal="" cyme=$1 names
  local commands="branch status start-all restart-all shutdown-all branches branches.get branches.shutdown branches.forget apps apps.add apps.get apps.set apps.delete instances instances.add instances.get instances.set instances.delete instances.stats instances.restart instances.enable instances.disable instances.move instances.autoscale instances.log instances.history queues queues.add queues.get queues.delete consumers consumers.add consumers.delete tasks.send tasks.state tasks.result tasks.wait createsuperuser users users.add users.set users.delete tokens tokens.add tokens.delete audit shell completion help"
  local valued="-i --id -b --broker -D --instance-dir -C --numc --sup-interval -l --loglevel -f --logfile --log-max-size --pidfile --command --restart-max-rate --retry-disabled --wait-after-broker-revived --unresponsive-after --webhook-allow --result-expires --allowed-host --cors-origin --tls-cert --tls-key --tls-ca --max-body -F --format -a --app -u --url --token --ca --cert --key --timeout --arguments --extra-config --cwd --env --stop-timeout --hostname --port --userid --password --virtual-host --branch --pool --queues --max-concurrency --min-concurrency --is-enabled --user --max-memory --max-age --lines -X --method -d --data --content-type --uuid --role --expires --limit"

  # The words up to the cursor. What COMP_WORDBREAKS takes apart is put together again, such as http://host and --app=shop.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if [[ $i == 0 || $line == [[:space:]]* ]]; then words+=(""); fi
    line=${line#"${line%%[![:space:]]*}"}
    if [[ $i == "$COMP_CWORD" ]]; then piece=$line; else piece=${COMP_WORDS[i]}; fi
    words[${#words[@]} - 1]+=$piece
    line=${line#"$piece"}
  done
  last=$((${#words[@]} - 1))
  value=${words[last]}
  # What the shell keeps of the word before that which it replaces.
  stem=${value%"$2"}
  stem=${stem//[\"\']/}

  # The command, how many arguments stand behind it, and the option whose value is wanted.
  [[ ${words[0]##*/} != cyme-branch ]] || command=branch
  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    # Flags may stand together, before an option with a value too: -La shop.
    while [[ -z $literal && $word == -[hnL]?* ]]; do word=-${word:2}; done
    if [[ -z $literal && " $valued " == *" $word "* ]]; then
      ((i += 1))
      [[ $i != "$last" ]] || option=$word
      continue
    fi
    if [[ -z $literal ]]; then
      case $word in
      --) literal=yes && continue ;;
      -*) continue ;;
      esac
    fi
    if [[ -z $command ]]; then
      command=$word
    elif [[ $position == 0 && " $commands " == *" $command.$word "* ]]; then
      command+=.$word
    else
      ((position += 1))
    fi
  done
  # An option may hold its value itself.
  if [[ -z $option && -z $literal ]]; then
    case $value in
    --*=*)
      option=${value%%=*}
      prefix=$option=
      ;;
    -[!-]?*)
      word=$value
      while [[ $word == -[hnL]?* ]]; do word=-${word:2}; done
      option=${word:0:2}
      prefix=${value%"${word:2}"}
      ;;
    esac
    value=${value#"$prefix"}
  fi
  value=${value#[\"\']}

  # What there is: `offers` are words, `ask` says who knows.
  if [[ -n $option ]]; then
    case $option in
    -D | --instance-dir | --cwd) ask="folder" ;;
    -l | --loglevel) offers="DEBUG INFO WARNING ERROR CRITICAL" ;;
    -f | --logfile | --pidfile | --tls-cert | --tls-key | --tls-ca | --ca | --cert | --key) ask="file" ;;
    -F | --format) offers="pretty json" ;;
    -a | --app | --branch | --queues) ask="live" ;;
    --pool) offers="prefork threads solo" ;;
    --is-enabled) offers="yes no" ;;
    --user) ask="system-user" ;;
    -X | --method) offers="HEAD GET POST PUT DELETE TRACE OPTIONS CONNECT PATCH" ;;
    --role) offers="viewer operator admin" ;;
    esac
  elif [[ $value == -* && -z $literal ]]; then
    case $command in
    branch) offers="-i --id -b --broker -D --instance-dir -C --numc --sup-interval --without-httpd --without-http -l --loglevel -f --logfile --log-max-size --detach --pidfile --command --restart-max-rate --retry-disabled --wait-after-broker-revived --unresponsive-after --webhook-allow --result-expires --allowed-host --cors-origin --tls-cert --tls-key --tls-ca --max-body --insecure -h --help --version -F --format" ;;
    status) offers="--watch" ;;
    restart-all | instances.restart) offers="--rolling" ;;
    apps.add | apps.set) offers="--arguments --extra-config --command --cwd --env --stop-timeout --hostname --port --userid --password --virtual-host" ;;
    instances.add | instances.set) offers="--arguments --extra-config --command --cwd --env --stop-timeout --branch --pool --queues --max-concurrency --min-concurrency --is-enabled --restart-max-rate --user --max-memory --max-age" ;;
    instances.log) offers="--lines --follow" ;;
    tasks.send) offers="-X --method -d --data --content-type --uuid" ;;
    createsuperuser) offers="--stdin" ;;
    users.add) offers="--role --stdin" ;;
    users.set) offers="--role --new-password --stdin" ;;
    tokens.add) offers="--role --expires" ;;
    audit) offers="--limit" ;;
    esac
    case $command in
    branch) ;;
    *) offers+=" -a --app -u --url -n --nowait -L --local -D --instance-dir -l --loglevel -f --logfile -b --broker --token --ca --cert --key --timeout -h --help --version -F --format" ;;
    esac
  elif [[ -z $command ]]; then
    offers=$commands
  else
    case $command in
    branches) offers="get shutdown forget" ;;
    apps) offers="add get set delete" ;;
    instances) offers="add get set delete stats restart enable disable move autoscale log history" ;;
    queues) offers="add get delete" ;;
    consumers) offers="add delete" ;;
    tasks) offers="send state result wait" ;;
    users) offers="add set delete" ;;
    tokens) offers="add delete" ;;
    esac
    [[ $position == 0 ]] || offers=""
    case "$command $position" in
    "branches.get 0" | "branches.shutdown 0" | "branches.forget 0" | "apps.add 0" | "apps.get 0" | "apps.set 0" | "apps.delete 0" | "instances.get 0" | "instances.set 0" | "instances.delete 0" | "instances.stats 0" | "instances.restart 0" | "instances.enable 0" | "instances.disable 0" | "instances.move 0" | "instances.move 1" | "instances.autoscale 0" | "instances.log 0" | "instances.history 0" | "queues.add 0" | "queues.get 0" | "queues.delete 0" | "consumers 0" | "consumers.add 0" | "consumers.add 1" | "consumers.delete 0" | "consumers.delete 1" | "tasks.send 0" | "tasks.state 0" | "tasks.result 0" | "tasks.wait 0" | "users.set 0" | "users.delete 0" | "tokens.delete 0") ask="live" ;;
    "queues.add 2") offers+=" direct topic fanout headers" ;;
    "completion 0") offers+=" bash zsh fish" ;;
    "help 0") offers+=" $commands" ;;
    esac
  fi

  COMPREPLY=()
  case $ask in
  file) compopt -o default 2>/dev/null ;;
  folder) compopt -o dirnames 2>/dev/null ;;
  system-user) offers=$(compgen -u) ;;
  live)
    # A press of a key runs nothing that lies in some folder: whoever typed ./cyme has not run it yet.
    [[ $cyme != */* ]] && type -P "$cyme" >/dev/null || cyme=cyme
    names=$(printf '%s\0' "${words[@]:1}" | command "$cyme" __complete quoted 2>/dev/null)
    if [[ -n $names ]]; then
      mapfile -t COMPREPLY <<<"$names"
      [[ -z $prefix ]] || mapfile -t COMPREPLY <<<"$(printf -- "$prefix%s\n" "${COMPREPLY[@]}")"
      COMPREPLY=("${COMPREPLY[@]#"$stem"}")
    fi
    ;;
  esac
  for word in $offers; do
    [[ $word == "$value"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("${word#"$stem"}")
  done
}
complete -F _cyme cyme cyme-branch
