#!/usr/bin/env bash
# Installs art_jax with its test extras into .venv and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/venv.sh '[test]'
# A file is one worker's work: its tests share what they compile.
exec .venv/bin/python -m pytest \
  --numprocesses=auto --maxprocesses=4 --dist=loadfile "$@"
