#!/usr/bin/env bash
# Submit a run to SkyPilot as a managed job: whichever cloud has the accelerators.
#
#   tools/launch/skypilot.sh --name=one --accelerators=H100:8 --nodes=2 --spot=true \
#     --package='art_jax[cuda] @ https://HOST/art_jax-0.1.0-py3-none-any.whl' -- \
#     train cyclegan --data=tfds:cycle_gan/monet2photo --workdir=gs://BUCKET/one
#
# SkyPilot starts it again after a preemption and after exit codes 75 (saved) and
# 134 (a process was lost); it does not count these. --volume names a SkyPilot
# volume that is mounted at /runs. uv, which SkyPilot brings, makes ~/.art_jax,
# as the Python of an image may be too old. `--accelerators=tpu-v6e-16` is one
# slice: its hosts find each other. Other options before `--` go to `sky jobs
# launch` (--yes). --dry_run prints the YAML.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
name='' accelerators='' nodes=1 spot=false package='' volume=''
FLAGS='name accelerators nodes spot package'
OPTIONAL='volume'
parse "$@"
whole nodes
if [[ $spot != @(true|false) ]]; then
  echo "skypilot.sh: --spot=$spot is true or false" >&2
  exit 2
fi

platform=gpu join="export JAX_COORDINATOR_ADDRESS=\"\$(head -n1 <<< \"\$SKYPILOT_NODE_IPS\"):8476\"
  export JAX_NUM_PROCESSES=\"\$SKYPILOT_NUM_NODES\" JAX_PROCESS_ID=\"\$SKYPILOT_NODE_RANK\""
if [[ $accelerators == tpu* ]]; then platform=tpu join=; fi

submit "name: $(json "$name")
num_nodes: $nodes
resources:
  accelerators: $(json "$accelerators")
  use_spot: $spot
  job_recovery:
    max_restarts_on_errors: 0
    recover_on_exit_codes: [75, 134]
${volume:+volumes: {/runs: $(json "$volume")\}
}setup: |
  $(environment \~/.local/bin/uv \~/.art_jax "$package")
run: |
  $join
  exec ~/.art_jax/bin/python $(quoted -m art_jax.main --expect_platform=$platform \
    --join_timeout=600 "${TRAIN[@]}")" \
  sky jobs launch ${OTHER[@]+"${OTHER[@]}"}
