#!/usr/bin/env bash
# Installs art_jax into .venv and trains a small CycleGAN on built-in pictures.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/venv.sh ''
run=runs/cyclegan_demo
.venv/bin/art_jax train cyclegan_demo --devices=1 --workdir="$run" "$@"
.venv/bin/python -m tools.studies.score_builtin --run="$run"
echo
echo "pictures (input | translated | back again):"
for direction in ab ba; do
  ls "$PWD/$run/images/$direction"/*.png | tail -n 1
done
echo "report: $PWD/$run/report.html"
echo "to paint a photo large with it: .venv/bin/art_jax fetch vgg16, then"
echo "  .venv/bin/art_jax paint $run --content=photo.jpg --size=256"
