#!/usr/bin/env bash
# Installs art_jax with its test tools into .venv and runs the tests: all but
# those whose optional package is absent; with --fast only those that take
# seconds and start no process; with --extras every optional package is
# installed first. Other arguments are pytest's.
set -euo pipefail
cd "$(dirname "$0")/.."
extras='[test]'
chosen=()
while [ $# -gt 0 ]; do
  case $1 in
    --fast) chosen=(-m 'not slow and not process and not extra') ;;
    --extras) extras='[test,test_extras,hub,mlflow,onnx,parquet,studio,trackio,video,wandb]' ;;
    *) break ;;
  esac
  shift
done
. tools/venv.sh "$extras"
# A file is one worker's work: its tests share what they compile.
exec .venv/bin/python -m pytest ${chosen[@]+"${chosen[@]}"} \
  --numprocesses=auto --maxprocesses=4 --dist=loadfile "$@"
