# shellcheck shell=bash disable=SC2034 # TRAIN is for the scripts.
# Flags of the launch scripts; sourced by them.
#
# A script sets its variables to their defaults and names them in FLAGS; those
# without a value are required. `--name=value` sets one, what follows `--` is in
# TRAIN, other options are in OTHER. With --dry_run `run` prints its command.
DRY_RUN=false
OTHER=()

parse() {
  local script=${0##*/} flag
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    flag=${1%%=*}
    flag=${flag#--}
    if [ "$1" = --dry_run ]; then
      DRY_RUN=true
    elif [[ " $FLAGS " == *" $flag "* && $1 == *=* ]]; then
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

no_others() {
  if [ ${#OTHER[@]} -gt 0 ]; then
    echo "${0##*/}: ${OTHER[0]} is not a flag of it" >&2
    exit 2
  fi
}
