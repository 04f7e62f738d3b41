# Made by: cyme completion fish
complete -c cyme -e
complete -c cyme-branch -e

set -g __cyme_names branch status start-all restart-all shutdown-all branches branches.get branches.shutdown branches.forget apps apps.add apps.get apps.set apps.delete instances instances.add instances.get instances.set instances.delete instances.stats instances.restart instances.enable instances.disable instances.move instances.autoscale instances.log instances.history queues queues.add queues.get queues.delete consumers consumers.add consumers.delete tasks.send tasks.state tasks.result tasks.wait createsuperuser users users.add users.set users.delete tokens tokens.add tokens.delete audit shell completion help

function __cyme_commands
    printf '%s\t%s\n' \
        branch 'Run the daemon that keeps workers alive' \
        status 'Show the branch and its workers' \
        start-all 'Start all workers of this branch' \
        restart-all 'Restart all workers of this branch' \
        shutdown-all 'Stop all workers and hold them stopped' \
        branches 'List the branches that are up' \
        branches.get 'Show one branch' \
        branches.shutdown 'Stop its daemon; its workers go on' \
        branches.forget 'Remove a branch that is away, for good' \
        apps 'List the apps' \
        apps.add 'Create an app, or change one' \
        apps.get 'Show one app' \
        apps.set 'Change it; its workers restart one by one' \
        apps.delete 'Delete an app with all that is in it' \
        instances 'List the instances of --app' \
        instances.add 'Add one to --app; its worker starts' \
        instances.get 'Show one instance and its state' \
        instances.set 'Change an instance' \
        instances.delete 'Stop and delete an instance' \
        instances.stats 'Ask its worker for statistics' \
        instances.restart 'Stop its worker and start a new one' \
        instances.enable 'Have its worker run' \
        instances.disable 'Stop its worker until it is enabled' \
        instances.move 'Give an instance to another branch' \
        instances.autoscale 'Show or set bounds of its processes' \
        instances.log 'Show the end of its worker\'s log' \
        instances.history 'Show what was done to it, and why' \
        queues 'List the queues of --app' \
        queues.add 'Declare a queue of --app, or change it' \
        queues.get 'Show one declaration' \
        queues.delete 'Delete it; nothing consumes from it then' \
        consumers 'List what an instance consumes from' \
        consumers.add 'Have it consume from a queue' \
        consumers.delete 'Have it stop consuming from a queue' \
        tasks.send 'Have a worker perform an HTTP request' \
        tasks.state 'Show how far a task is' \
        tasks.result 'Show its result, or why it failed' \
        tasks.wait 'The same once it is there' \
        createsuperuser 'Add a user who may do everything' \
        users 'List who may log in' \
        users.add 'Add a user' \
        users.set 'Change the role, or the password' \
        users.delete 'Delete a user, whose sessions end' \
        tokens 'List the tokens of programs' \
        tokens.add 'Make a token, which is shown this once' \
        tokens.delete 'Delete a token, which opens nothing then' \
        audit 'List who changed what, newest first' \
        shell 'Speak to a branch in JavaScript' \
        completion 'Print completions for bash, zsh or fish' \
        help 'Show help, of one command too'
end

# Prints the command before the cursor, an empty line where there is none yet, and then its arguments, a line each.
function __cyme_call
    set -l words (commandline -opc)
    set -l command
    set -l arguments
    set -l skipped
    set -l literal
    string match -q -r '(^|/)cyme-branch$' -- $words[1]; and set command branch
    for word in $words[2..-1]
        if test -n "$skipped"
            set skipped
            continue
        end
        if test -z "$literal"
            # Flags may stand together, before an option with a value too: -La shop.
            switch (string replace -r '^-[hnL]+(?=.)' - -- "$word")
                case --
                    set literal yes
                    continue
                case -i --id -b --broker -D --instance-dir -C --numc --sup-interval -l --loglevel -f --logfile --log-max-size --pidfile --command --restart-max-rate --retry-disabled --wait-after-broker-revived --unresponsive-after --webhook-allow --result-expires --allowed-host --cors-origin --tls-cert --tls-key --tls-ca --max-body -F --format -a --app -u --url --token --ca --cert --key --timeout --arguments --extra-config --cwd --env --stop-timeout --hostname --port --userid --password --virtual-host --branch --pool --queues --max-concurrency --min-concurrency --is-enabled --user --max-memory --max-age --lines -X --method -d --data --content-type --uuid --role --expires --limit
                    set skipped yes
                    continue
                case '-*'
                    continue
            end
        end
        if test -z "$command"
            set command $word
        else if test (count $arguments) = 0; and contains -- "$command.$word" $__cyme_names
            set command $command.$word
        else
            set -a arguments "$word"
        end
    end
    printf '%s\n' "$command" $arguments
end

function __cyme_runs
    set -l call (__cyme_call)
    contains -- "$call[1]" $argv
end

# The names that only a branch knows; it may be away.
function __cyme_live
    set -l words (commandline -opc) (commandline -ct | string trim -l -c '\'"')
    set -l cyme $words[1]
    # A press of a key runs nothing that lies in some folder: whoever typed ./cyme has not run it yet.
    string match -q -- '*/*' $cyme; and set cyme cyme
    command -q -- $cyme; or set cyme cyme
    command -q -- $cyme; or return
    printf '%s\0' $words[2..-1] | command $cyme __complete 2>/dev/null
end

function __cyme_arguments
    set -l call (__cyme_call)
    set -l position (math (count $call) - 1)
    if test -z "$call[1]"
        __cyme_commands
        return
    end
    if test $position = 0
        switch $call[1]
            case branches
                printf '%s\n' get shutdown forget
            case apps
                printf '%s\n' add get set delete
            case instances
                printf '%s\n' add get set delete stats restart enable disable move autoscale log history
            case queues
                printf '%s\n' add get delete
            case consumers
                printf '%s\n' add delete
            case tasks
                printf '%s\n' send state result wait
            case users
                printf '%s\n' add set delete
            case tokens
                printf '%s\n' add delete
        end
    end
    switch "$call[1] $position"
        case 'branches.get 0' 'branches.shutdown 0' 'branches.forget 0' 'apps.add 0' 'apps.get 0' 'apps.set 0' 'apps.delete 0' 'instances.get 0' 'instances.set 0' 'instances.delete 0' 'instances.stats 0' 'instances.restart 0' 'instances.enable 0' 'instances.disable 0' 'instances.move 0' 'instances.move 1' 'instances.autoscale 0' 'instances.log 0' 'instances.history 0' 'queues.add 0' 'queues.get 0' 'queues.delete 0' 'consumers 0' 'consumers.add 0' 'consumers.add 1' 'consumers.delete 0' 'consumers.delete 1' 'tasks.send 0' 'tasks.state 0' 'tasks.result 0' 'tasks.wait 0' 'users.set 0' 'users.delete 0' 'tokens.delete 0'
            __cyme_live
        case 'queues.add 2'
            printf '%s\n' 'direct' 'topic' 'fanout' 'headers'
        case 'completion 0'
            printf '%s\n' 'bash' 'zsh' 'fish'
        case 'help 0'
            __cyme_commands
    end
end

complete -c cyme -f -a '(__cyme_arguments)'
complete -c cyme -n 'not __cyme_runs branch' -s a -l app -x -a '(__cyme_live)' -d 'The app'
complete -c cyme -n 'not __cyme_runs branch' -s u -l url -x -d 'Any branch of the cluster'
complete -c cyme -n 'not __cyme_runs branch' -s n -l nowait -d 'Do not wait until it is done'
complete -c cyme -n 'not __cyme_runs branch' -s L -l local -d 'Work on --instance-dir itself'
complete -c cyme -n 'not __cyme_runs branch' -s D -l instance-dir -x -a '(__fish_complete_directories)' -d 'Directory of the branch'
complete -c cyme -n 'not __cyme_runs branch' -s l -l loglevel -x -a 'DEBUG INFO WARNING ERROR CRITICAL' -d 'Log level of --local'
complete -c cyme -n 'not __cyme_runs branch' -s f -l logfile -r -F -d 'Log file of --local'
complete -c cyme -n 'not __cyme_runs branch' -s b -l broker -x -d 'Broker of what is added or set'
complete -c cyme -n 'not __cyme_runs branch' -l token -x -d 'Who is asking; better the variable'
complete -c cyme -n 'not __cyme_runs branch' -l ca -r -F -d 'Authority of the branch\'s certificate'
complete -c cyme -n 'not __cyme_runs branch' -l cert -r -F -d 'Certificate of this client'
complete -c cyme -n 'not __cyme_runs branch' -l key -r -F -d 'Key of that certificate'
complete -c cyme -n 'not __cyme_runs branch' -l timeout -x -d 'Deadline of the command'
complete -c cyme -n 'not __cyme_runs branch' -s h -l help -d 'Show help, of a command too'
complete -c cyme -n 'not __cyme_runs branch' -l version -d 'Show the version'
complete -c cyme -n 'not __cyme_runs branch' -s F -l format -x -a 'pretty json' -d 'For people or programs'
complete -c cyme -n '__cyme_runs branch' -s i -l id -x -d 'Its id; else generated once and kept'
complete -c cyme -n '__cyme_runs branch' -s b -l broker -x -d 'Default broker; better the variable: ps shows this'
complete -c cyme -n '__cyme_runs branch' -s D -l instance-dir -x -a '(__fish_complete_directories)' -d 'Where store, logs and workers live'
complete -c cyme -n '__cyme_runs branch' -s C -l numc -x -d 'Connections that share what other branches ask'
complete -c cyme -n '__cyme_runs branch' -l sup-interval -x -d 'How often the supervisor looks around'
complete -c cyme -n '__cyme_runs branch' -l without-httpd -d 'Serve no HTTP, only branch.sock'
complete -c cyme -n '__cyme_runs branch' -l without-http -d 'The same'
complete -c cyme -n '__cyme_runs branch' -s l -l loglevel -x -a 'DEBUG INFO WARNING ERROR CRITICAL' -d 'DEBUG, INFO, WARNING, ERROR or CRITICAL'
complete -c cyme -n '__cyme_runs branch' -s f -l logfile -r -F -d 'Log file; else standard error'
complete -c cyme -n '__cyme_runs branch' -l log-max-size -x -d 'A log file this large is set aside, five are kept'
complete -c cyme -n '__cyme_runs branch' -l detach -d 'Run in the background, log in branch.log'
complete -c cyme -n '__cyme_runs branch' -l pidfile -r -F -d 'Write the process id there too'
complete -c cyme -n '__cyme_runs branch' -l command -x -d 'How to call Celery'
complete -c cyme -n '__cyme_runs branch' -l restart-max-rate -x -d 'How often it may die: n/s, n/m or n/h'
complete -c cyme -n '__cyme_runs branch' -l retry-disabled -x -d 'Enable what died too often again; 0: never'
complete -c cyme -n '__cyme_runs branch' -l wait-after-broker-revived -x -d 'No restart for silence so soon after an outage'
complete -c cyme -n '__cyme_runs branch' -l unresponsive-after -x -d 'A worker silent for so long is restarted'
complete -c cyme -n '__cyme_runs branch' -l webhook-allow -x -d 'Host or network for URL tasks; may be repeated'
complete -c cyme -n '__cyme_runs branch' -l result-expires -x -d 'How long results of tasks are kept'
complete -c cyme -n '__cyme_runs branch' -l allowed-host -x -d 'Host name to answer to; may be repeated'
complete -c cyme -n '__cyme_runs branch' -l cors-origin -x -d 'Web site that may call the API'
complete -c cyme -n '__cyme_runs branch' -l tls-cert -r -F -d 'Serve HTTPS with this certificate'
complete -c cyme -n '__cyme_runs branch' -l tls-key -r -F -d 'Key of the certificate'
complete -c cyme -n '__cyme_runs branch' -l tls-ca -r -F -d 'Authority of client certificates'
complete -c cyme -n '__cyme_runs branch' -l max-body -x -d 'Largest request body, also 512k or 10M'
complete -c cyme -n '__cyme_runs branch' -l insecure -d 'Allow an address beyond this machine without users'
complete -c cyme -n '__cyme_runs branch' -s h -l help -d 'Show help, of a command too'
complete -c cyme -n '__cyme_runs branch' -l version -d 'Show the version'
complete -c cyme -n '__cyme_runs branch' -s F -l format -x -a 'pretty json' -d 'For people or programs'
complete -c cyme -n '__cyme_runs status' -l watch -d 'Go on showing how it is now, until Ctrl-C or q'
complete -c cyme -n '__cyme_runs restart-all instances.restart' -l rolling -d 'Leave no queue alone meanwhile'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l arguments -x -d 'For celery worker: --arguments=\'-A proj\''
complete -c cyme -n '__cyme_runs apps.add apps.set' -l extra-config -x -d 'Celery settings, key=value'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l command -x -d 'How to call Celery, such as /path/venv/bin/celery'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l cwd -x -a '(__fish_complete_directories)' -d 'Where the worker runs; its own folder by default'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l env -x -d 'Variable of the worker; may be repeated'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l stop-timeout -x -d 'How long running tasks may take when it stops'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l hostname -x -d 'The broker\'s host, instead of --broker'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l port -x -d 'The broker\'s port, with --hostname'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l userid -x -d 'The broker\'s user, with --hostname'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l password -x -d 'The broker\'s password; ps shows it'
complete -c cyme -n '__cyme_runs apps.add apps.set' -l virtual-host -x -d 'The broker\'s virtual host, with --hostname'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l arguments -x -d 'For celery worker: --arguments=\'-A proj\''
complete -c cyme -n '__cyme_runs instances.add instances.set' -l extra-config -x -d 'Celery settings, key=value'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l command -x -d 'How to call Celery, such as /path/venv/bin/celery'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l cwd -x -a '(__fish_complete_directories)' -d 'Where the worker runs; its own folder by default'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l env -x -d 'Variable of the worker; may be repeated'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l stop-timeout -x -d 'How long running tasks may take when it stops'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l branch -x -a '(__cyme_live)' -d 'The branch that is to run it'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l pool -x -a 'prefork threads solo' -d 'prefork, threads, solo …'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l queues -x -a '(__cyme_live)' -d 'Queues to consume from, separated by commas'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l max-concurrency -x -d 'Upper bound of its processes'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l min-concurrency -x -d 'Lower bound of its processes'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l is-enabled -x -a 'yes no' -d 'Whether its worker is to run'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l restart-max-rate -x -d 'How often its worker may die: n/s, n/m or n/h'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l user -x -a '(__fish_complete_users)' -d 'Whom its worker runs as; the branch must be root'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l max-memory -x -d 'Replace its worker above that, such as 512M or 2G'
complete -c cyme -n '__cyme_runs instances.add instances.set' -l max-age -x -d 'Replace its worker once it is that old'
complete -c cyme -n '__cyme_runs instances.log' -l lines -x -d 'How many of its last lines'
complete -c cyme -n '__cyme_runs instances.log' -l follow -d 'Go on with what is added, until Ctrl-C'
complete -c cyme -n '__cyme_runs tasks.send' -s X -l method -x -a 'HEAD GET POST PUT DELETE TRACE OPTIONS CONNECT PATCH' -d 'Verb of the request; GET, with --data POST'
complete -c cyme -n '__cyme_runs tasks.send' -s d -l data -x -d 'Its body; @- is standard input'
complete -c cyme -n '__cyme_runs tasks.send' -l content-type -x -d 'What the body is'
complete -c cyme -n '__cyme_runs tasks.send' -l uuid -x -d 'Id of the task; a send repeated under it is one task'
complete -c cyme -n '__cyme_runs createsuperuser' -l stdin -d 'Read the password from the first line of standard input'
complete -c cyme -n '__cyme_runs users.add' -l role -x -a 'viewer operator admin' -d 'viewer, operator or admin'
complete -c cyme -n '__cyme_runs users.add' -l stdin -d 'Read the password from the first line of standard input'
complete -c cyme -n '__cyme_runs users.set' -l role -x -a 'viewer operator admin' -d 'viewer, operator or admin'
complete -c cyme -n '__cyme_runs users.set' -l new-password -d 'Ask for a new password'
complete -c cyme -n '__cyme_runs users.set' -l stdin -d 'Read the password from the first line of standard input'
complete -c cyme -n '__cyme_runs tokens.add' -l role -x -a 'viewer operator admin' -d 'viewer, operator or admin'
complete -c cyme -n '__cyme_runs tokens.add' -l expires -x -d 'How long it is good for, as 90d or 12h; else for ever'
complete -c cyme -n '__cyme_runs audit' -l limit -x -d 'How many, 100 without it'
complete -c cyme-branch -w 'cyme branch'
