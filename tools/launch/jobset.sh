#!/usr/bin/env bash
# Submit a run to Kubernetes as a JobSet: a pod per node, with all its GPUs.
#
#   tools/launch/jobset.sh --name=one --image=IMAGE --nodes=2 --gpus=8 \
#     --claim=DISK -- train cyclegan --data=/runs/pictures --workdir=/runs/one
#
# The image is that of tools/launch/Dockerfile. --claim names the
# PersistentVolumeClaim, shared by all nodes, that is mounted at /runs; without
# it, the run folder is a gs:// path and the data hf: or tfds: names. --gpus=0 is
# a CPU. After exit codes 1, 2, 3 and 74 the JobSet fails, after any other all
# pods start again, --max_restarts (20) times. Other options before `--` go to
# kubectl. --dry_run prints the YAML. TPUs: tpu_gke.sh.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
# shellcheck source=tools/launch/kube.sh
. "$(dirname "$0")/kube.sh"
parse "$@"
whole nodes gpus max_restarts

index=batch.kubernetes.io/job-completion-index
container="args: $(arguments)
env:
- {name: JAX_COORDINATOR_ADDRESS, value: $(json "$name-node-0-0.$name:8476")}
- {name: JAX_NUM_PROCESSES, value: \"$nodes\"}
- name: JAX_PROCESS_ID
  valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['$index']\"}}
resources: {limits: $(limits)}"
counts="completionMode: Indexed
completions: $nodes
parallelism: $nodes"

submit "apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: $(json "$name")}
spec:
  $(indented 2 "$(jobset "$container" 'metadata: {}' "$(indented 6 "$counts")")")" \
  kubectl create ${OTHER[@]+"${OTHER[@]}"} -f
