#!/usr/bin/env bash
# Submit a run to Kubeflow Trainer (version 2): a TrainJob and its runtime.
#
#   tools/launch/trainjob.sh --name=one --image=IMAGE --nodes=2 --gpus=8 \
#     --claim=DISK -- train cyclegan --data=/runs/pictures --workdir=/runs/one
#
# The flags are those of jobset.sh, and so is what starts again: a TrainingRuntime
# of the same name says it, which Kubeflow's own jax-distributed does not.
# Kubeflow sets JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.
# To submit NAME again, first: kubectl delete trainjob,trainingruntime NAME
# --dry_run prints the YAML.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
# shellcheck source=tools/launch/kube.sh
. "$(dirname "$0")/kube.sh"
parse "$@"
whole nodes gpus max_restarts

step='trainer.kubeflow.org/trainjob-ancestor-step: trainer'
submit "apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainingRuntime
metadata:
  name: $(json "$name")
  labels: {trainer.kubeflow.org/framework: jax}
spec:
  mlPolicy: {numNodes: $nodes, jax: {}}
  template:
    spec:
      $(indented 6 "$(jobset 'env: []' "metadata: {labels: {$step}}" \
        'completionMode: Indexed')")
---
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: {name: $(json "$name")}
spec:
  runtimeRef: {kind: TrainingRuntime, name: $(json "$name")}
  trainer:
    numNodes: $nodes
    args: $(arguments)
    resourcesPerNode: {limits: $(limits)}" \
  kubectl create ${OTHER[@]+"${OTHER[@]}"} -f
