# Completion of lull for bash.
#
# What there is to complete is asked of the program: `lull --help`, `lull COMMAND --help`.
# It needs no bash-completion, and does with it: installed as completions/lull.

# Read a help text from stdin into the array `options`, as -x, --name, or --name= with a
# value, into `values` (by name: what the value is) and into `commands`.
_lull_read_help() {
  local line list=
  options=() commands=() values=()
  while IFS= read -r line; do
    case $line in
    Commands:) list=commands ;;
    '  -'*)
      [[ $line =~ ^\ \ (-[a-zA-Z],\ )?(--?[a-zA-Z][a-z-]*)(\[?=|\ )?([A-Z:]*) ]] || continue
      [[ ${BASH_REMATCH[1]} ]] && options+=("${BASH_REMATCH[1]%, }")
      case ${BASH_REMATCH[3]} in
      =) options+=("${BASH_REMATCH[2]}=") ;;
      '[=') options+=("${BASH_REMATCH[2]}" "${BASH_REMATCH[2]}=") ;;
      *) options+=("${BASH_REMATCH[2]}") ;;
      esac
      [[ ${BASH_REMATCH[3]} == *= ]] && values[${BASH_REMATCH[2]}]=${BASH_REMATCH[4]}
      ;;
    '  '[a-z]*)
      [[ $list && $line =~ ^\ \ ([a-z]+) ]] && commands+=("${BASH_REMATCH[1]}")
      ;;
    esac
  done
}

# Files whose names end in .lua, and folders.
_lull_scripts() {
  compgen -f -X '!*.lua' -- "$1"
  compgen -d -- "$1"
}

# What the value of an option may be: option, placeholder, what there is of it.
_lull_value() {
  case $1:$2 in
  --allow-run:*) compgen -c -- "$3" ;;
  --allow-env:*) compgen -e -- "$3" ;;
  --allow-module:* | -l:*) _lull_names "$3" ;;
  *:PATH | *:FILE) compgen -f -- "$3" ;;
  esac
}

# Names of the reference: modules, and past the dot of one its functions.
_lull_names() {
  local line module=${1%.*}
  if [[ $1 == lull.*.* || $1 == lull. ]]; then
    "$program" doc "$module" 2>/dev/null </dev/null | while IFS= read -r line; do
      [[ $line =~ ^\ \ ([a-z_]+)\( ]] && compgen -W "$module.${BASH_REMATCH[1]}" -- "$1"
    done
  fi
  "$program" doc 2>/dev/null </dev/null | while IFS= read -r line; do
    [[ $line =~ ^(lull[a-z._]*)\ \  ]] && compgen -W "${BASH_REMATCH[1]}" -- "$1"
  done
}

# Arguments of a command, or of a script.
_lull_arguments() {
  case $1 in
  help) compgen -W "${commands[*]}" -- "$2" ;;
  run | test | check | bundle) _lull_scripts "$2" ;;
  serve) compgen -d -- "$2" ;;
  doc) _lull_names "$2" ;;
  ps | repl) ;;
  tree) "$program" ps 2>/dev/null </dev/null | while read -r pid _; do
    [[ $pid == [0-9]* ]] && compgen -W "$pid" -- "$2"
  done ;;
  *) compgen -f -- "$2" ;;
  esac
}

_lull() {
  local program=${COMP_WORDS[0]/#\~/$HOME} current=$2 command= option= i
  local -a options commands
  local -A values
  # `--name=value` comes as three words, for = is among COMP_WORDBREAKS.
  [[ $current == = ]] && current=
  if [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 1]}
  elif ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  _lull_read_help < <("$program" --help 2>/dev/null </dev/null)
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    -e | -l) ((i++)) ;;
    =) ((i++)) ;;
    --) ;;
    -*) [[ ${values[${COMP_WORDS[i]}]-} && ${COMP_WORDS[i + 1]} != = ]] && ((i++)) ;;
    *)
      command=${COMP_WORDS[i]}
      break
      ;;
    esac
  done
  if [[ ! $command && ! $option ]] && ((COMP_CWORD > 1)); then
    option=${COMP_WORDS[COMP_CWORD - 1]}
    [[ $option == -l || ${values[$option]-} ]] || option=
  fi
  local known=" ${commands[*]} "
  if [[ $command && $known == *" $command "* && $command != run && $command != help ]]; then
    local -a all=("${commands[@]}")
    _lull_read_help < <("$program" "$command" --help 2>/dev/null </dev/null)
    commands=("${all[@]}")
  elif [[ $command ]]; then
    options=()
  fi
  local IFS=$'\n'
  [[ $current == -* && ! $option ]] || compopt -o filenames 2>/dev/null
  if [[ $option ]]; then
    COMPREPLY=($(_lull_value "$option" "${values[$option]-}" "$current"))
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "${options[*]}" -- "$current"))
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
  elif [[ $command ]]; then
    COMPREPLY=($(_lull_arguments "$command" "$current"))
  else
    COMPREPLY=($(compgen -W "${commands[*]}" -- "$current") $(_lull_scripts "$current"))
  fi
}

complete -F _lull lull
