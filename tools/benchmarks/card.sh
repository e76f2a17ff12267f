#!/usr/bin/env bash
# Everything that one lent GPU has to tell, in one call of under six minutes.
#
#   tools/benchmarks/card.sh --prepare PAINTINGS   # at home: packs build/card
#   tools/benchmarks/card.sh OUT                   # there, from a checkout
#   tools/benchmarks/card.sh OUT --parts=steps,peers --scale=2
#
# Take build/card along with the checkout; no network is needed. OUT gets at most
# eight files of 16 MB. docs/benchmark.md says what is in them. The Python is
# that of .venv, or $PYTHON.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ -x "$root/.venv/bin/python" ]; then PYTHON=${PYTHON:-$root/.venv/bin/python}; fi
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
if [ "${1:-}" = --prepare ]; then
  set -- --prepare="${2:?name a folder of paintings}" "${@:3}"
fi
exec "${PYTHON:-python3}" -m tools.benchmarks.card "$@"
