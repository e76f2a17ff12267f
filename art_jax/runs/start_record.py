"""What a start writes into its run folder: config, data, versions, devices."""

import contextlib
import datetime
import importlib.metadata
import json
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import logging
from etils import epath

from art_jax import core
from art_jax.config import serialization
from art_jax.devices import mesh
from art_jax.media import images
from art_jax.runs.folder import RunFolder

_PACKAGES = (
  'art_jax',
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'tensorflow-cpu',
  'tensorflow',
  'numpy',
  'pillow',
)
_EXAMPLES = 8  # training pictures that are shown


def describe_data(dataset: Any) -> dict[str, Any]:
  """Return the content of data.json for a data set."""
  return {
    'summary': dataset.summary,
    'digest': dataset.fingerprint.digest,
    'train': [len(examples) for examples in dataset.train],
    'heldout': [len(examples) for examples in dataset.heldout],
    'classes': list(dataset.class_names),
    'columns': {
      column.name: list(column.values) or [column.low, column.high]
      for column in dataset.columns
    },
    'skipped': [
      {'file': str(file), 'reason': reason} for file, reason in dataset.skipped
    ],
    'notes': [
      {'file': str(file), 'note': note} for file, note in dataset.notes
    ],
  }


def training_pictures(dataset: Any) -> np.ndarray:
  """Return a sheet of training pictures, u8[H, W, 3]: a row for each key."""
  sheets = []
  for examples in dataset.train:
    rows = [
      examples.read(i * len(examples) // _EXAMPLES) for i in range(_EXAMPLES)
    ]
    for key in rows[0]:
      if rows[0][key].ndim == 3:
        pictures = np.stack([row[key] for row in rows])
        sheets.append(images.grid(pictures, columns=_EXAMPLES))
  return np.concatenate(sheets)


def _describe_start(
  resolved: core.Experiment, devices: mesh.Devices, command: str
) -> dict[str, Any]:
  train = resolved.train
  return {
    'time': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
    'command': command or ' '.join(sys.argv),
    'versions': {'python': platform.python_version(), **_versions()},
    'git_commit': _git_commit(),
    'platform': devices.platform,
    'device': devices.mesh.devices.flat[0].device_kind,
    'devices': devices.count,
    'processes': jax.process_count(),
    'steps': {
      'duration': train.duration,
      'log_every': train.log_every,
      'render_every': train.render_every,
      'checkpoint_every': train.checkpoint_every,
    },
  }


def write_start(
  folder: RunFolder,
  experiment: core.Experiment,
  resolved: core.Experiment,
  devices: mesh.Devices,
  command: str,
  *,
  data: Mapping[str, Any],
  examples: Callable[[], np.ndarray],
) -> None:
  """Write config.txt, data.json, examples.png and a new entry of run.json.

  Args:
    folder: of the run; nothing is written unless it is writable.
    experiment: as the user gave it.
    resolved: the same, with durations in steps.
    devices: what it runs on.
    command: what the user typed.
    data: for data.json, see `describe_data`.
    examples: makes the sheet of pictures, u8[H, W, 3].
  """
  if not folder.writable:
    return
  folder.write('config.txt', serialization.to_text(experiment) + '\n')
  folder.write_json('data.json', data)
  if not (folder.trained() and (folder.path / 'examples.png').exists()):
    images.save_png(folder.path / 'examples.png', examples())
  start = _describe_start(resolved, devices, command)
  folder.write_json('run.json', [*_starts(folder.path / 'run.json'), start])


def _starts(path: epath.Path) -> list[Any]:
  """Return the entries of run.json; a damaged one begins anew."""
  try:
    starts = json.loads(path.read_text('utf-8'))
  except FileNotFoundError:
    return []
  except ValueError as error:
    starts = error
  if isinstance(starts, list):
    return starts
  logging.warning('%s is damaged and begins anew (%s)', path, starts)
  return []


def _versions() -> dict[str, str]:
  versions = {}
  for name in _PACKAGES:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
      versions[name] = importlib.metadata.version(name)
  return versions


def _git_commit() -> str | None:
  """Return the commit of a checkout, None for an installed package."""
  root = pathlib.Path(__file__).resolve().parents[2]
  if not (root / '.git').exists():
    return None
  command = ['git', '-C', str(root), 'rev-parse', 'HEAD']
  try:
    result = subprocess.run(
      command, capture_output=True, text=True, timeout=10, check=False
    )
  except (OSError, subprocess.TimeoutExpired):
    return None
  return result.stdout.strip() or None
