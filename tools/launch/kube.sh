# shellcheck shell=bash disable=SC2034,SC2154 # Of flags.sh.
# What jobset.sh and trainjob.sh share: the body of a JobSet; sourced by them.
#
# The codes that no restart repairs (docs/launching.md) fail the JobSet at once.
# After every other end, all pods start again, max_restarts times: a run that
# was stopped and saved (75), the loss of a process (134) or of a node.
FLAGS='name image nodes gpus max_restarts'
OPTIONAL='claim'
name='' image='' nodes=1 gpus=8 max_restarts=20 claim=''

# Prints the arguments of art_jax as a list of JSON; $(NAME) stays as it is.
arguments() {
  local platform=gpu word words=()
  if [ "$gpus" = 0 ]; then platform=cpu; fi
  for word in "--expect_platform=$platform" --join_timeout=600 "${TRAIN[@]}"; do
    words+=("$(json "${word//\$/\$\$}")")
  done
  local IFS=,
  echo "[${words[*]}]"
}

limits() {
  if [ "$gpus" = 0 ]; then echo '{}'; else echo "{nvidia.com/gpu: $gpus}"; fi
}

# Prints a block of YAML, indented by $1 spaces.
indented() {
  local space
  printf -v space '%*s' "$1" ''
  echo "${2//$'\n'/$'\n'$space}"
}

# jobset CONTAINER LABELS COUNTS: fields of the container, of the Job's template
# and of the Job that only one of the two kinds has.
jobset() {
  local mounts='' volumes=''
  if [ -n "$claim" ]; then
    mounts=', {name: runs, mountPath: /runs}'
    volumes=", {name: runs, persistentVolumeClaim: {claimName: $(json "$claim")}}"
  fi
  cat << YAML
failurePolicy:
  maxRestarts: $max_restarts
  rules:
  - name: final
    action: FailJobSet
    onJobFailureReasons: [PodFailurePolicy]
replicatedJobs:
- name: node
  template:
    $2
    spec:
      $3
      backoffLimit: 0
      podFailurePolicy:
        rules:
        - action: FailJob
          onExitCodes: {containerName: node, operator: In, values: [1, 2, 3, 74]}
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 120
          securityContext: {fsGroup: 1000}
          containers:
          - name: node
            image: $(json "$image")
            $(indented 12 "$1")
            volumeMounts: [{name: memory, mountPath: /dev/shm}$mounts]
          volumes: [{name: memory, emptyDir: {medium: Memory}}$volumes]
YAML
}
