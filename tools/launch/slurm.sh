#!/usr/bin/env bash
# Submit a run to Slurm: one process per GPU, on any number of nodes.
#
#   tools/launch/slurm.sh --nodes=2 --gpus=8 --time=24:00:00 -- \
#     --experiment=cyclegan --data=/shared/pictures --workdir=/shared/runs/one
#
# --gpus is per node. Two minutes before the time is over, and when the job is
# preempted, every process gets SIGTERM: it saves and ends with code 75, and the
# job is queued again and continues. So it is when a process was killed or lost
# (134), --max_restarts times, unless another ended with a code that no restart
# repairs. Other options before `--` go to sbatch. --dry_run prints the script.
set -euo pipefail
# shellcheck source=tools/launch/flags.sh
. "$(dirname "$0")/flags.sh"
nodes=1 gpus=8 time=24:00:00 max_restarts=20 python=python
FLAGS='nodes gpus time max_restarts python'
parse "$@"
whole nodes gpus max_restarts

# Of the codes of all tasks srun returns the highest. Those that no restart
# repairs have to win over the 134 of the others: 180 is added to them.
# shellcheck disable=SC2016 # The task expands it.
task='trap : TERM
"$@"
code=$?
case $code in 1 | 2 | 3 | 74) code=$((code + 180)) ;; esac
exit $code'
# Not --kill-on-bad-exit: process 0 may still be saving when another has ended.
submit "#!/bin/bash
$(quoted srun --kill-on-bad-exit=0 bash -c "$task" art_jax \
  "$python" -m art_jax.main --expect_platform=gpu --join_timeout=300 "${TRAIN[@]}")
code=\$?
case \$code in
  181 | 182 | 183 | 254) code=\$((code - 180)) ;;
  75 | 1[345]? | 253) # saved, lost, killed, out of memory
    [ \"\${SLURM_RESTART_COUNT:-0}\" -lt $max_restarts ] &&
      scontrol requeue \"\$SLURM_JOB_ID\" ;;
esac
exit \$code" \
  sbatch --job-name=art_jax --nodes="$nodes" --ntasks-per-node="$gpus" \
  --gpus-per-node="$gpus" --time="$time" --signal=TERM@120 --requeue \
  --open-mode=append --output=art_jax-%j.log ${OTHER[@]+"${OTHER[@]}"}
