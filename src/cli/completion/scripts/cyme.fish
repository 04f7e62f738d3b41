# Made by: cyme completion fish
complete -c cyme -e
complete -c cyme-branch -e

set -g __cyme_names @commands@

function __cyme_commands
    printf '%s\t%s\n' \
        # @rows@
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
            switch (string replace -r '^-[@flags@]+(?=.)' - -- "$word")
                case --
                    set literal yes
                    continue
                case @valued@
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
    printf '%s\0' $words[2..-1] | command $cyme @asked@ 2>/dev/null
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
            # @verbs@
        end
    end
    switch "$call[1] $position"
        # @arguments@
    end
end

complete -c cyme -f -a '(__cyme_arguments)'
# @options@
complete -c cyme-branch -w 'cyme branch'
