#!/usr/bin/env bash
# Installs art_jax with its test extras into .venv and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/venv.sh '[test]'
exec .venv/bin/python -m pytest "$@"
