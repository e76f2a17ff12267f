"""How a process joins the others of its run, and what it must find there."""

import os
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils

from art_jax import core

# Seconds to wait for the others: started by hand, or by a cluster's launcher,
# which may still be fetching an image for one of them.
_BY_HAND, _BY_CLUSTER = 60, 300
# What a launcher sets to the number of processes of the job.
_COUNTS = ('SLURM_NTASKS', 'OMPI_COMM_WORLD_SIZE', 'JAX_NUM_PROCESSES')

# What Kubeflow's JAX runtime sets, in the order of the flags.
_VARIABLES = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')
_FLAGS = ('--coordinator', '--num_processes', '--process_id')

_PEER = re.compile('gloo|nccl|heartbeat|connection|unavailable', re.IGNORECASE)


def is_main() -> bool:
  """Tell whether this is process 0, the one that writes."""
  return jax.process_index() == 0


def any_process(flag: bool) -> bool:
  """Tell whether the flag is set in any process; all must call it."""
  return (
    flag
    if jax.process_count() == 1
    else bool(multihost_utils.process_allgather(np.array(flag)).any())
  )


def require_same(text: str, what: str) -> None:
  """Raise a UserError in all processes unless they have one text.

  Args:
    text: hexadecimal digits, as many in each process.
    what: it stands for, e.g. 'the data'.
  """
  if jax.process_count() == 1:
    return
  codes = np.frombuffer(bytes.fromhex(text), np.uint8)
  every = multihost_utils.process_allgather(codes)
  differ = [i for i, each in enumerate(every) if (each != every[0]).any()]
  core.require(
    not differ,
    f'{what} of process {differ[0] if differ else 0} are others than those of '
    'process 0; give all processes the same files',
  )


def of_main(digest: bytes) -> bytes:
  """Return the bytes of process 0; all must call it, with as many."""
  if jax.process_count() == 1:
    return digest
  codes = np.frombuffer(digest, np.uint8)
  return np.asarray(multihost_utils.broadcast_one_to_all(codes)).tobytes()


def peer_lost(error: BaseException) -> bool:
  """Tell whether an error says that another process of this run is gone."""
  return (
    jax.process_count() > 1
    and isinstance(error, jax.errors.JaxRuntimeError)
    and _PEER.search(str(error)) is not None
  )


def start_distributed(
  coordinator: str | None = None,
  num_processes: int | None = None,
  process_id: int | None = None,
  timeout: int | None = None,
) -> None:
  """Join the other processes of this run, if there are any.

  Given all three arguments, joins them explicitly; given none, joins as
  JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say (Kubeflow
  and other launchers set them), or when a cluster is detected (Slurm, Open MPI,
  Cloud TPU, Kubernetes). Must be called before anything else touches a device.

  Args:
    coordinator: `host:port` of process 0.
    num_processes: how many there are.
    process_id: which one this is, in [0, num_processes).
    timeout: seconds that all of them have to come; None: 60, and 300 in a
      cluster.

  Raises:
    core.UserError: if only some arguments or variables are given, they
      contradict one another or those of process 0, or nobody answers at the
      address.
  """
  given = (coordinator, num_processes, process_id)
  variables = [os.environ.get(name) for name in _VARIABLES]
  if any(value is not None for value in given):
    if coordinator is None or num_processes is None or process_id is None:
      raise core.UserError(f'{_said(_FLAGS, given)}: give all three or none')
    place = _Place(coordinator, num_processes, process_id, _FLAGS)
    _join(place, timeout or _BY_HAND)
  elif all(name in os.environ for name in _VARIABLES):
    _join(_place_of(os.environ), timeout or _BY_CLUSTER)
  elif _cluster_detected():
    try:
      jax.distributed.initialize(initialization_timeout=timeout or _BY_CLUSTER)
    except ValueError as error:  # jax found no cluster
      raise core.UserError(
        f'{_said(_VARIABLES, variables)}: no cluster that jax knows tells the '
        f'rest ({error}); set all three, or none'
      ) from error


def meet() -> None:
  """Wait for all processes; warn if the hosts of a TPU were not joined."""
  any_process(False)  # the first collective has 30 s: later some are slower
  if jax.process_count() > 1 and not jax.distributed.is_initialized():
    logging.warning(
      'The devices are those of %d hosts, but no variable and no cluster said '
      'how to join them: SIGTERM saves no checkpoint, and a host that is lost '
      'is not noticed. Set %s on each.',
      jax.process_count(),
      ', '.join(_VARIABLES),
    )


def expect_platform(platform: str | None) -> None:
  """Raise a UserError if jax computes on something else than this.

  jax goes on with the CPU, and a warning, when an accelerator is missing, its
  driver does not fit, or another process holds it.

  Args:
    platform: 'cpu', 'gpu' or 'tpu'; None: anything.
  """
  if platform is None:
    return
  try:
    actual = jax.devices()[0].platform
  except RuntimeError as error:  # JAX_PLATFORMS names one that is missing.
    actual = f'none: {error}'
  extra = 'cuda' if platform == 'gpu' else platform
  core.require(
    actual == platform,
    f'--expect_platform={platform}: jax found {actual}; see that no other '
    'process holds the device, that the driver works, and that jax is '
    f'installed for it (pip install art_jax[{extra}])',
  )


class _Place(NamedTuple):
  """Where a process is among the others of its run.

  Attributes:
    coordinator: `host:port` of process 0.
    num_processes: how many there are.
    process_id: which one this is.
    names: of the flags or variables that said so.
  """

  coordinator: str
  num_processes: int
  process_id: int
  names: tuple[str, ...]


def _said(names, values) -> str:
  """Return what each name was given, for a message."""
  return ' '.join(f'{n}={v}' for n, v in zip(names, values, strict=True))


def _place_of(environ: Mapping[str, str]) -> _Place:
  """Return the place that the variables name."""
  coordinator, *counts = (environ[name] for name in _VARIABLES)
  for name, value in zip(_VARIABLES[1:], counts, strict=True):
    core.require(value.isdecimal(), f'{name}={value}: it is a whole number')
  num_processes, process_id = map(int, counts)
  return _Place(coordinator, num_processes, process_id, _VARIABLES)


def _join(place: _Place, timeout: int) -> None:
  coordinator, num_processes, process_id, names = place
  host, colon, port = coordinator.rpartition(':')
  core.require(
    colon and port.isdecimal(),
    f'{names[0]}={coordinator}: write host:port of process 0, for '
    f'example {names[0]}=127.0.0.1:1234',
  )
  core.require(
    0 <= process_id < num_processes,
    f'{names[2]}={process_id}: it is in [0, {names[1]}={num_processes}); give '
    'every process its own',
  )
  if num_processes == 1:
    return
  if process_id:
    _wait_for(host, int(port), timeout, names[0])
  # If the others do not come, XLA ends this process itself (exit code 134):
  # what it waited for must have been said before.
  print(
    f'process {process_id} of {num_processes} joins {coordinator}; all have '
    f'{timeout} s to come (--join_timeout)',
    file=sys.stderr,
    flush=True,
  )
  # By default process 0 would listen on every interface of its host; a cluster
  # may name a service, which is no interface of it.
  by_hand = names is _FLAGS and process_id == 0
  jax.distributed.initialize(
    coordinator,
    num_processes,
    process_id,
    coordinator_bind_address=coordinator if by_hand else None,
    initialization_timeout=timeout,
  )
  core.require(
    jax.process_count() == num_processes,
    f'{names[1]}={num_processes}: process 0 at {coordinator} was '
    f'started with {jax.process_count()}; give all the same number',
  )


def _wait_for(host: str, port: int, timeout: int, name: str) -> None:
  """Wait until somebody listens at an address.

  Raises:
    core.UserError: naming the address, if nobody does in time.
  """
  end = time.monotonic() + timeout
  while True:
    try:
      socket.create_connection((host.strip('[]'), port), timeout=5).close()
      return
    except OSError as error:
      if time.monotonic() > end:
        raise core.UserError(
          f'{name}={host}:{port}: nobody answered in {timeout} s '
          f'({error}); is process 0 running there, and may this host reach '
          'that port?'
        ) from None
    time.sleep(0.2)


def _cluster_detected() -> bool:
  """Tell whether a launcher has started several processes."""
  for name in _COUNTS:
    value = os.environ.get(name, '')
    if value.isdecimal() and int(value) > 1:
      # A shell inside an allocation has SLURM_NTASKS but no step of its own.
      return name != 'SLURM_NTASKS' or 'SLURM_STEP_NODELIST' in os.environ
  return (
    ',' in _tpu_hosts()
    or os.environ.get('MEGASCALE_NUM_SLICES', '1') != '1'
    or 'JAX_COORDINATOR_ADDRESS' in os.environ
  )


def _tpu_hosts() -> str:
  """Return the hosts of this TPU slice, separated by commas; '' if unknown.

  GKE names them in a variable, Compute Engine in the metadata of the host.
  There the devices span all hosts, joined or not, but unjoined none learns that
  another is lost or has to stop.
  """
  for name in ('TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES'):
    if name in os.environ:
      return os.environ[name]
  # jax sets them when it is imported: on a TPU host, and where there is none.
  if 'TPU_SKIP_MDS_QUERY' in os.environ or 'TPU_ML_PLATFORM' not in os.environ:
    return ''
  try:
    _metadata('agent-worker-number')  # jax needs it
    return _metadata('worker-network-endpoints')
  except OSError:
    return ''


def _metadata(name: str) -> str:
  """Return an attribute of this Compute Engine host."""
  server = os.environ.get('GCE_METADATA_IP', 'metadata.google.internal')
  request = urllib.request.Request(
    f'http://{server}/computeMetadata/v1/instance/attributes/{name}',
    headers={'Metadata-Flavor': 'Google'},
  )
  opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
  with opener.open(request, timeout=5) as answer:
    return answer.read().decode()
