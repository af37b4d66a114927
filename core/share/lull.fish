# Completion of lull for fish.
#
# What there is to complete is asked of the program: `lull --help`, `lull COMMAND --help`.

# Options of a help text, its lines: a line each, name, = or [= or nothing, what the value
# is and what it does, with tabs between; two lines where the value may be left out.
function __lull_options
    for line in (string match -r -- '^  -.*' $argv)
        set -l parts (string match -r -- '^  ((?:-[a-zA-Z], )?)(--?[a-zA-Z][a-z-]*)((?:\[?=| )?)([A-Z:]*)' "$line")
        or continue
        set -l about (string match -r -- '^  \S+(?: \S+)*  +(.*)' "$line")[2]
        test -n "$parts[2]"; and printf '%s\t\t\t%s\n' (string replace ', ' '' -- $parts[2]) "$about"
        set -l mark (string trim -- "$parts[4]")
        test "$mark" = '[='; and printf '%s\t\t\t%s\n' $parts[3] "$about"
        printf '%s\t%s\t%s\t%s\n' $parts[3] "$mark" "$parts[5]" "$about"
    end
end

# Names of the reference: modules, and past the dot of one its functions.
function __lull_names --argument-names program current
    $program doc 2>/dev/null </dev/null | string replace -rf -- '^(lull[a-z._]*)  +(.*)' '$1\t$2'
    if string match -q -- 'lull.*' "$current"
        set -l module (string replace -r -- '\.[^.]*$' '' "$current")
        $program doc $module 2>/dev/null </dev/null |
            string replace -rf -- '^  ([a-z_]+)\(.*' "$module."'$1'
    end
end

# What the value of an option may be: name, what the help calls it, what there is of it.
function __lull_value --argument-names program option value current
    switch "$option:$value"
        case '--allow-run:*'
            complete -C "$current" | string match -rv -- '/'
        case '--allow-env:*'
            set --names --export
        case '--allow-module:*' '-l:*'
            __lull_names $program "$current"
        case '*:PATH' '*:FILE'
            __fish_complete_path "$current"
    end
end

# Files whose names end in .lua, and folders.
function __lull_scripts --argument-names current
    __fish_complete_path "$current" | string match -r -- '.*(?:/|\.lua)(?:\t.*)?$'
end

function __lull_arguments --argument-names program command current
    switch $command
        case help
            __lull_commands ($program --help 2>/dev/null </dev/null)
        case run test check bundle
            __lull_scripts "$current"
        case serve
            __fish_complete_directories "$current"
        case doc
            __lull_names $program "$current"
        case ps repl
        case tree
            $program ps 2>/dev/null </dev/null | string match -r -- '^ *\d+' | string trim
        case '*'
            __fish_complete_path "$current"
    end
end

# Commands of a help text, its lines.
function __lull_commands
    set -l list
    for line in $argv
        if test "$line" = Commands:
            set list 1
        else if test -n "$list"
            string replace -rf -- '^  ([a-z]+)(?: \S+)*  +(.*)' '$1\t$2' "$line"
        end
    end
end

function __lull_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r -- '^~' $HOME $words[1])
    set -l help ($program --help 2>/dev/null </dev/null)
    set -l options (__lull_options $help)
    set -l taking (printf '%s\n' $options | string match -rg -- '^(--[a-z-]+)\t=')
    set -l command
    set -l option
    for word in $words[2..]
        if test -n "$option"
            set option
        else if contains -- $word -e -l $taking
            set option $word
        else if not string match -q -- '-*' $word
            set command $word
            break
        end
    end
    if test -n "$command"
        set -l all (__lull_commands $help | string replace -r '\t.*' '')
        set options
        if contains -- $command $all; and not contains -- $command run help
            set options (__lull_options ($program $command --help 2>/dev/null </dev/null))
        end
    end
    if test -n "$option"
        set -l value (printf '%s\n' $options | string match -rg -- "^$option\t=\t([^\t]*)")
        __lull_value $program $option "$value" "$current"
    else if string match -q -- '--*=*' "$current"
        set -l parts (string split -m 1 = -- $current)
        set -l value (printf '%s\n' $options | string match -rg -- "^$parts[1]\t\[?=\t([^\t]*)")
        for candidate in (__lull_value $program $parts[1] "$value" "$parts[2]")
            printf '%s=%s\n' $parts[1] $candidate
        end
    else if string match -q -- '-*' "$current"
        printf '%s\n' $options | string replace -r -- '^(\S+)\t(\[?)(=?)[^\t]*\t[^\t]*\t(.*)' '$1$3\t$4'
    else if test -n "$command"
        __lull_arguments $program $command "$current"
    else
        __lull_commands $help
        __lull_scripts "$current"
    end
end

complete -c lull -f -a '(__lull_complete)'
