#!/usr/bin/env bash
# Submit a run to TPUs of a GKE cluster, through xpk (Kueue, JobSet).
#
#   tools/launch/tpu_gke.sh --name=one --cluster=C --project=P --zone=Z \
#     --type=v6e-16 --image=REGION-docker.pkg.dev/P/R/art_jax:TAG -- \
#     --experiment=cyclegan --data=tfds:cycle_gan/monet2photo --workdir=gs://BUCKET/one
#
# The image is that of tools/launch/Dockerfile. The same program starts on every
# host of every slice; when one dies, or all have saved (75), JobSet starts all
# again, --max_restarts times, and they continue from the last checkpoint.
# --dry_run prints the command.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
name='' cluster='' project='' zone='' type='' image='' slices=1 max_restarts=50
FLAGS='name cluster project zone type image slices max_restarts'
parse "$@"
whole slices max_restarts
no_others

run xpk workload create --workload="$name" --cluster="$cluster" \
  --project="$project" --zone="$zone" --tpu-type="$type" \
  --num-slices="$slices" --docker-image="$image" \
  --max-restarts="$max_restarts" --restart-on-exit-codes=75 \
  --termination-grace-period-seconds=120 --command="$(quoted python -m art_jax.main \
    --expect_platform=tpu --join_timeout=600 "${TRAIN[@]}")"
