#!/usr/bin/env bash
# Builds the documentation site into build/site; a broken link or reference
# fails. With --run, runs the commands of README and docs at tiny size instead.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --run ]; then
  shift
  . tools/venv.sh '[test]'
  exec .venv/bin/python -m tools.docs.run_commands "$@"
fi
. tools/venv.sh '[docs]'
export NO_MKDOCS_2_WARNING=true
.venv/bin/python -m mkdocs build --clean --config-file tools/docs/mkdocs.yml "$@"
# A page is read without a network: nothing comes from another host.
if grep -rnoE --include='*.html' --include='*.css' build/site \
  -e '<(script|link|img|iframe)[^>]*(src|href)="?https?://[^" >]*' \
  -e '(url\(|@import )["'\'']?https?://[^)]*' | grep -v 'rel="canonical'; then
  echo 'pages of build/site load the files above from other hosts' >&2
  exit 1
fi
echo "site: $PWD/build/site/index.html"
