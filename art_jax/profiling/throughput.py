"""Speeds measured by earlier runs on this machine, to tell hours ahead."""

import hashlib
import json
from collections.abc import Mapping

from art_jax import core
from art_jax.config import serialization
from art_jax.core.paths import home, write_atomic
from art_jax.devices import mesh


def sentence(summary: Mapping[str, float]) -> str:
  """Return what to say at the end of a training."""
  parts = [
    f'{summary["steps"]:.0f} steps',
    f'{summary["steps_per_second"]:.2f} steps/s',
    f'{summary["images_per_second"]:.1f} images/s',
    f'{100 * summary["input_share"]:.1f} % waiting for input',
    f'{summary.get("seconds/compile", 0.0):.1f} s to the first step '
    '(compilation)',
    f'{summary["seconds/wall"]:.1f} s in all',
  ]
  return ', '.join(parts)


def remember(
  experiment: core.Experiment,
  devices: mesh.Devices,
  summary: Mapping[str, float],
) -> None:
  """Note the speed of a training in the user's cache folder."""
  if summary['steps'] < 10:
    return  # Too few to time.
  known = _read()
  known[_key(experiment, devices)] = summary['steps_per_second']
  text = json.dumps(known, indent=2)
  write_atomic(home() / 'throughput.json', text.encode())


def recall(experiment: core.Experiment, devices: mesh.Devices) -> float | None:
  """Return steps/s measured before for the same work, or None."""
  return _read().get(_key(experiment, devices))


def _read() -> dict[str, float]:
  try:
    return dict(json.loads((home() / 'throughput.json').read_text()))
  except (OSError, ValueError, TypeError):
    return {}


def _key(experiment: core.Experiment, devices: mesh.Devices) -> str:
  """Name the work of one step: model, picture size, batch, devices."""
  work = (
    serialization.to_text(experiment.algorithm),
    experiment.data.size,
    experiment.data.channels,
    experiment.train.batch_size,
    experiment.train.accumulate,
    devices.mesh.devices.flat[0].device_kind,
    devices.count,
  )
  return hashlib.sha256(repr(work).encode()).hexdigest()[:16]
