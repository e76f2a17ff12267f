# Makes or reuses .venv in the repository root; sourced by demo.sh, test.sh, docs.sh.
# Usage: . tools/venv.sh EXTRAS   where EXTRAS is '', '[test]' or '[docs]'
PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "art_jax needs Python >= 3.11; '$PYTHON' is $("$PYTHON" --version 2>&1)." \
    'Set PYTHON=/path/to/python3.11 and start again.' >&2
  exit 2
fi
if [ ! -x .venv/bin/python ]; then
  "$PYTHON" -m venv .venv
fi
# Installed again only when what is declared has changed.
stamp=".venv/installed-$(cat setup.py pyproject.toml | cksum | cut -d' ' -f1)$1"
if [ ! -e "$stamp" ]; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".$1"
  : > "$stamp"
fi
