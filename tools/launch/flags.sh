# shellcheck shell=bash disable=SC2034 # TRAIN is for the scripts.
# Flags of the launch scripts; sourced by them.
#
# A script sets its variables to their defaults and names them in FLAGS; those
# without a value are required, unless it names them in OPTIONAL. `--name=value`
# sets one, what follows `--` is in TRAIN, other options are in OTHER. With
# --dry_run `run` prints its command, and `submit` what it would submit.
DRY_RUN=false
OPTIONAL=''
OTHER=()

parse() {
  local script=${0##*/} flag
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    flag=${1%%=*}
    flag=${flag#--}
    if [ "$1" = --dry_run ]; then
      DRY_RUN=true
    elif [[ " $FLAGS $OPTIONAL " == *" $flag "* && $1 == *=* ]]; then
      printf -v "$flag" '%s' "${1#*=}"
    else
      OTHER+=("$1")
    fi
    shift
  done
  for flag in $FLAGS; do
    if [ -z "${!flag}" ]; then
      echo "$script: --$flag=... is missing" >&2
      exit 2
    fi
  done
  if [ $# -lt 2 ]; then
    echo "$script: put the flags of art_jax after --" >&2
    exit 2
  fi
  shift
  TRAIN=("$@")
}

# Prints arguments so that a shell reads them back.
quoted() {
  local text
  text=$(printf '%q ' "$@")
  echo "${text% }"
}

run() {
  if $DRY_RUN; then quoted "$@"; else "$@"; fi
}

# Ends with an error unless the value of each flag is a whole number.
whole() {
  local flag
  for flag in "$@"; do
    if [[ ! ${!flag} =~ ^[0-9]+$ ]]; then
      echo "${0##*/}: --$flag=${!flag} is no whole number" >&2
      exit 2
    fi
  done
}

no_others() {
  if [ ${#OTHER[@]} -gt 0 ]; then
    echo "${0##*/}: ${OTHER[0]} is not a flag of it" >&2
    exit 2
  fi
}

# Prints a text as a string of JSON, which YAML reads too.
json() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  printf '"%s"' "$text"
}

# Prints what makes FOLDER an environment with PACKAGE, by UV: it brings a Python
# that is new enough, which images may lack.
environment() { # UV FOLDER PACKAGE
  echo "$1 venv --clear --python=3.12 $2 &&" \
    "$1 pip install --python $2/bin/python $(quoted "$3")"
}

# Hands a text to a command as its last argument, a file that is gone afterwards.
submit() {
  local text=$1 code=0
  shift
  if $DRY_RUN; then
    echo "# $(quoted "$@") FILE"
    echo "$text"
    return
  fi
  local folder
  folder=$(mktemp -d)
  echo "$text" > "$folder/art_jax.yaml"
  "$@" "$folder/art_jax.yaml" || code=$?
  rm -r "$folder"
  return "$code"
}
