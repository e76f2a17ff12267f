#!/usr/bin/env bash
# Train on a TPU slice of Compute Engine: a managed instance group (MIG).
#
#   tools/launch/tpu_mig.sh --name=one --project=P --zone=us-central1-b \
#     --machine=ct6e-standard-4t --topology=4x4 --hosts=4 --image=FAMILY \
#     --package='art_jax[tpu] @ https://HOST/art_jax-0.1.0-py3-none-any.whl' -- \
#     --experiment=cyclegan --data=tfds:cycle_gan/monet2photo --workdir=gs://BUCKET/one
#
# Makes a workload policy, an instance template and the group; every host
# (FAMILY: `gcloud compute images list --project=ubuntu-os-accelerator-images`)
# installs --package in a Python of uv and starts the same program, again when it
# ends with a code that a restart can repair. Delete the group when it is done:
#   gcloud compute instance-groups managed delete NAME --zone=ZONE
# --dry_run prints the commands.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
name='' project='' zone='' machine='' topology='' hosts='' package=''
image='' max_restarts=50
FLAGS='name project zone machine topology hosts package image max_restarts'
parse "$@"
whole hosts max_restarts
no_others
region=${zone%-*}

train=$(quoted /opt/art_jax/bin/python -m art_jax.main --expect_platform=tpu \
  --join_timeout=600 "${TRAIN[@]}")
startup="#!/bin/bash
export HOME=/root
curl -LsSf https://astral.sh/uv/install.sh | env UV_INSTALL_DIR=/opt/uv sh
$(environment /opt/uv/uv /opt/art_jax "$package")
for start in \$(seq $max_restarts); do
  $train
  case \$? in 0|1|2|3|74) break ;; esac
  sleep 10
done"

run gcloud compute resource-policies create workload-policy "$name" \
  --project="$project" --region="$region" --type=HIGH_THROUGHPUT \
  --accelerator-topology="$topology"
# ^#%^ makes #% what separates entries: the script may hold commas.
run gcloud compute instance-templates create "$name" --project="$project" \
  --machine-type="$machine" --maintenance-policy=TERMINATE \
  --image-family="$image" --image-project=ubuntu-os-accelerator-images \
  --scopes=cloud-platform --metadata="^#%^startup-script=$startup"
run gcloud compute instance-groups managed create "$name" \
  --project="$project" --zone="$zone" --template="$name" --size="$hosts" \
  --workload-policy="projects/$project/regions/$region/resourcePolicies/$name" \
  --default-action-on-vm-failure=repair
