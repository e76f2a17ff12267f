"""Devices that are not there, to compile for: TPU slices and GPUs by name.

XLA compiles real executables for them on a machine that has neither, see
https://docs.jax.dev/en/latest/aot.html. Nothing can be run on them.
"""

import dataclasses
import difflib
import importlib.metadata
import os
import re

import jax
from jax.experimental import topologies

from art_jax import core
from art_jax.devices import mesh
from art_jax.devices.chips import CHIPS, Chip

# The package of jax's extra whose version must be the one that jax names.
_TPU_PACKAGE = 'libtpu'
_GPU_PACKAGES = ('jax-cuda13-pjrt', 'jax-cuda12-pjrt')
# Else libtpu asks a metadata server for minutes, and warns of all that no
# machine told it.
_TPU_ENVIRONMENT = {
  'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',  # no chip is held: others may compile too
  'TPU_SKIP_MDS_QUERY': '1',
  'TPU_WORKER_HOSTNAMES': 'localhost',
  'TPU_WORKER_ID': '0',
  'TPU_ACCELERATOR_TYPE': 'v5litepod-4',
}
# Else the plugin looks for a card and its profiler, and refuses without them.
_GPU_ENVIRONMENT = {
  'CUDA_VISIBLE_DEVICES': '-1',
  'JAX_SKIP_CUDA_CONSTRAINTS_CHECK': '1',
}
# Tuning times kernels on the card.
_GPU_OPTIONS = {'xla_gpu_autotune_level': 0}


@dataclasses.dataclass(frozen=True)
class Target:
  """What a step is compiled for.

  Attributes:
    name: as in --target, e.g. 'tpu:v5e:2x2' or 'gpu:h100x8'.
    chip: facts of each device.
    shape: of the slice, e.g. '2x2'; number of GPUs.
    count: number of devices.
  """

  name: str
  chip: Chip
  shape: str
  count: int

  @property
  def options(self) -> dict[str, int]:
    """Compiler options without which it would need the device."""
    return _GPU_OPTIONS if self.chip.platform == 'gpu' else {}


def parse(name: str) -> Target:
  """Return the target of a name.

  Raises:
    core.UserError: there is no such chip or shape; it lists what there is, the
      nearest first.
  """
  kind, shape = _split(name.strip().lower())
  chip = CHIPS.get(kind)
  core.require(
    chip,
    f'--target={name}: there is no such chip; there are: '
    f'{", ".join(_nearest(name, names()))}',
  )
  assert chip is not None
  core.require(
    shape in chip.shapes,
    f'--target={name}: {kind} has no such shape; there are: '
    f'{", ".join(_nearest(name, _names_of(kind)))}',
  )
  count = 1
  for part in shape.split('x'):
    count *= int(part)
  return Target(_name(kind, shape), chip, shape, count)


def names() -> list[str]:
  """Return the name of every target."""
  return [name for kind in CHIPS for name in _names_of(kind)]


def open_devices(target: Target) -> mesh.Devices:
  """Return the devices of a target as a mesh; to be compiled for alone.

  Must be called before anything else touches a device: the process then sees
  the CPU, and computes there.

  Raises:
    core.UserError: what compiles for it is not installed, or is of another
      version of jax.
  """
  gpu = target.chip.platform == 'gpu'
  (_require_gpu if gpu else _require_tpu)(target.name)
  _hide_devices(gpu)
  shape = [int(part) for part in target.shape.split('x')]
  try:
    if gpu:
      topology = topologies.get_topology_desc(
        platform='cuda',
        target_config=target.chip.description,
        topology=f'1x1x{target.count}',
      )
    else:
      # A host has four chips; of a slice that is smaller, one.
      bounds = {} if target.count > 1 else {'chips_per_host_bounds': (1, 1, 1)}
      topology = topologies.get_topology_desc(
        f'{target.name.split(":")[1]}:{"x".join(map(str, shape))}',
        platform='tpu',
        **bounds,
      )
  except Exception as error:  # whatever the plugin raises
    raise core.UserError(
      f'--target={target.name}: {error}; reinstall what compiles for it: '
      f'{_install(gpu)}'
    ) from error
  return mesh.of_devices(topology.devices)


def _split(name: str) -> tuple[str, str]:
  """Return the chip and the shape of 'tpu:v5e:2x2' or 'gpu:h100x8'."""
  gpu = re.fullmatch(r'(gpu:[^:]*?)(?:x(\d+))?', name)
  if gpu:
    return gpu[1], gpu[2] or '1'
  kind, _, shape = name.rpartition(':')
  return kind, shape


def _name(kind: str, shape: str) -> str:
  if CHIPS[kind].platform == 'tpu':
    return f'{kind}:{shape}'
  return kind if shape == '1' else f'{kind}x{shape}'


def _names_of(kind: str) -> list[str]:
  return [_name(kind, shape) for shape in CHIPS[kind].shapes]


def _nearest(name: str, known: list[str]) -> list[str]:
  """Return known names, those that are most like this one first."""
  near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
  return [*near, *(each for each in known if each not in near)]


def _hide_devices(gpu: bool) -> None:
  """Let jax compute on the CPU, and its plugins need no device."""
  os.environ.update(_GPU_ENVIRONMENT if gpu else _TPU_ENVIRONMENT)
  jax.config.update('jax_platforms', 'cpu,cuda' if gpu else 'cpu')
  # A program for a device that is not there can be stored, but not read again.
  jax.config.update('jax_enable_compilation_cache', False)


def _require_tpu(name: str) -> None:
  _require_installed(name, _version(_TPU_PACKAGE), False)
  pinned = next(
    (
      match[1]
      for line in importlib.metadata.requires('jax') or ()
      if (match := re.match(r'libtpu\s*==\s*([\d.]+?)(?:\.\*)?\s*;', line))
    ),
    '',
  )
  found = _version(_TPU_PACKAGE) or ''
  core.require(
    f'{found}.'.startswith(f'{pinned}.'),
    f'--target={name}: libtpu {found} is of another version of jax; jax '
    f'{jax.__version__} takes {pinned}.*: {_install(False)}',
  )


def _require_gpu(name: str) -> None:
  found = {p: v for p in _GPU_PACKAGES if (v := _version(p))}
  _require_installed(name, found, True)
  jaxlib = _version('jaxlib')
  core.require(
    jaxlib in found.values(),
    f'--target={name}: {" ".join(*found.items())} is of another version of '
    f'jax; jaxlib is {jaxlib}: {_install(True)}',
  )


def _require_installed(name: str, found: object, gpu: bool) -> None:
  core.require(
    found,
    f'--target={name}: what compiles for it is not installed: {_install(gpu)}',
  )


def _install(gpu: bool) -> str:
  return f'pip install "art_jax[{"cuda" if gpu else "tpu"}]"'


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None
