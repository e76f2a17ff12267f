#!/usr/bin/env bash
# Train on a TPU of the older Cloud TPU API: queued resource, ssh to all hosts.
#
#   tools/launch/tpu_vm.sh --name=one --project=P --zone=Z --type=v5litepod-16 \
#     --runtime=v2-alpha-tpuv5-lite \
#     --package='art_jax[tpu] @ https://HOST/art_jax-0.1.0-py3-none-any.whl' -- \
#     --experiment=cyclegan --data=tfds:cycle_gan/monet2photo --workdir=gs://BUCKET/one
#
# That API gets no new kinds of TPU: prefer tpu_gke.sh or tpu_mig.sh. Its images
# have Python 3.10, which is too old: uv brings another, in ~/.art_jax. Other
# options before `--` (--spot, --reserved) go to the request. Start it again
# after a preemption: delete the queued resource first. --dry_run prints the
# commands.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
name='' project='' zone='' type='' runtime='' package=''
FLAGS='name project zone type runtime package'
parse "$@"

where=(--project="$project" --zone="$zone")
train=$(quoted .art_jax/bin/python -m art_jax.main --expect_platform=tpu \
  --join_timeout=600 "${TRAIN[@]}")
describe=(
  gcloud compute tpus queued-resources describe "$name" "${where[@]}"
  '--format=value(state.state)'
)

run gcloud compute tpus queued-resources create "$name" --node-id="$name" \
  --accelerator-type="$type" --runtime-version="$runtime" "${where[@]}" \
  ${OTHER[@]+"${OTHER[@]}"}
if $DRY_RUN; then
  echo "until [ \"\$($(quoted "${describe[@]}"))\" = ACTIVE ]; do sleep 30; done"
else
  until state=$("${describe[@]}"); [ "$state" = ACTIVE ]; do
    case $state in FAILED | SUSPENDED) echo "tpu_vm.sh: $state" >&2; exit 1 ;; esac
    sleep 30
  done
fi
run gcloud compute tpus tpu-vm ssh "$name" "${where[@]}" --worker=all \
  --command="curl -LsSf https://astral.sh/uv/install.sh | sh &&
$(environment .local/bin/uv .art_jax "$package")"
run gcloud compute tpus tpu-vm ssh "$name" "${where[@]}" --worker=all \
  --command="$train"
