"""The folder of a run: what is in it, and who may continue it.

config.txt      the experiment as nested constructor calls
run.json        one entry per start: versions, devices, command, durations
data.json       counts of the data and every file that was skipped, with why
metrics.jsonl   one row per logged step
events.*        the same for TensorBoard
losses.png      the losses of every logged step
examples.png    some training pictures
alarms.jsonl    what began and ended to ring
report.html     all of it on one page
images/         picture grids, NAME/STEP.png
checkpoints/    states with checksums
summary.json    rates of the last start, and where the time of all starts went
times.json      the time of every start by cause, see goodput.py
"""

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
from art_jax.config import experiments, serialization
from art_jax.core.paths import make_folder, write_atomic
from art_jax.devices import mesh
from art_jax.media import images

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
_MAX_CONFIG = 2**20  # bytes
_EXAMPLES = 8  # training pictures that are shown


class RunFolder:
  """Reads and writes the files of one run.

  Args:
    path: the folder; `gs://` paths work too.
    writable: make it, and write to it; False in all processes but one.

  Raises:
    core.UserError: if it cannot be made or written to.
  """

  def __init__(self, path: str | pathlib.Path, *, writable: bool):
    self.path = epath.Path(path)
    if '://' not in str(path):
      self.path = epath.Path(pathlib.Path(path).expanduser().absolute())
    self._writable = writable
    if writable:
      make_folder(self.path)

  @property
  def checkpoints(self) -> epath.Path:
    """Folder of the checkpoints."""
    return self.path / 'checkpoints'

  def read_config(self, extra: Mapping[str, type] | None = None):
    """Return the experiment of config.txt, or None if there is none.

    Raises:
      core.UserError: if it cannot be read as a config.
    """
    path = self.path / 'config.txt'
    if not path.exists():
      return None
    try:
      if (size := path.stat().length) > _MAX_CONFIG:
        raise core.UserError(
          f'{size} bytes; a config has {_MAX_CONFIG} at most'
        )
      experiment = serialization.from_text(path.read_text(), extra)
    except (core.UserError, OSError, UnicodeDecodeError) as error:
      raise core.UserError(
        f'{path}: {error}; put back the config.txt that training wrote'
      ) from None
    if not isinstance(experiment, core.Experiment):
      raise core.UserError(f'{path}: it does not hold an Experiment(...)')
    return experiment

  def class_names(self) -> tuple[str, ...]:
    """Return the names of the classes in data.json, () if it has none."""
    path = self.path / 'data.json'
    try:
      names = json.loads(path.read_text())['classes']
    except (OSError, ValueError, KeyError, TypeError):
      return ()  # Numbers name the classes as well.
    return tuple(map(str, names))

  def check_config(self, experiment: core.Experiment) -> None:
    """Raise unless this experiment may continue what is in the folder.

    Raises:
      core.UserError: naming the fields that differ, old and new.
    """
    extra = {type(experiment.algorithm).__name__: type(experiment.algorithm)}
    old = self.read_config(extra)
    if old is None:
      if self._holds_checkpoints():
        raise core.UserError(
          f'{self.path} holds checkpoints but no config.txt: what made them '
          'is unknown; pass another --workdir'
        )
      return
    changed = [
      path
      for path in experiments.differences(old, experiment)
      if not experiments.resumable(path)
    ]
    if changed:
      told = '; '.join(
        f'{path}: {_brief(experiments.get(old, path))} there, '
        f'{_brief(experiments.get(experiment, path))} now'
        for path in changed
      )
      if not self._trained():  # Its start failed, as for want of weights.
        logging.warning(
          '%s: nothing was trained there; its settings are replaced (%s)',
          *(self.path, told),
        )
        return
      raise core.UserError(
        f'{self.path} holds a run of another config ({told}); pass another '
        '--workdir, or the same settings to continue it'
      )

  def begin(
    self,
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
      experiment: as it was asked for.
      resolved: the same, with durations in steps.
      devices: what it runs on.
      command: what the user typed.
      data: for data.json, see `describe_data`.
      examples: makes the sheet of pictures, u8[H, W, 3].
    """
    if not self._writable:
      return
    self._write('config.txt', serialization.to_text(experiment) + '\n')
    self._write_json('data.json', data)
    if not (self._trained() and (self.path / 'examples.png').exists()):
      images.save_png(self.path / 'examples.png', examples())
    path = self.path / 'run.json'
    starts = json.loads(path.read_text()) if path.exists() else []
    starts.append(_describe_start(resolved, devices, command))
    self._write_json('run.json', starts)

  def finish(self, summary: Mapping[str, float]) -> None:
    """Write summary.json."""
    if self._writable:
      self._write_json('summary.json', summary)

  def _trained(self) -> bool:
    """Return whether a step was taken: a checkpoint or a metric is there."""
    metrics = self.path / 'metrics.jsonl'
    if metrics.exists() and metrics.stat().length:
      return True
    return self._holds_checkpoints()

  def _holds_checkpoints(self) -> bool:
    return self.checkpoints.is_dir() and any(self.checkpoints.iterdir())

  def _write_json(self, name: str, value: Any) -> None:
    self._write(name, json.dumps(value, indent=2) + '\n')

  def _write(self, name: str, text: str) -> None:
    write_atomic(self.path / name, text.encode())


def describe_data(dataset: Any) -> dict[str, Any]:
  """Return what data.json says of a data set."""
  return {
    'summary': dataset.summary,
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
  device = devices.mesh.devices.flat[0]
  train = resolved.train
  return {
    'time': datetime.datetime.now(datetime.UTC).isoformat(timespec='seconds'),
    'command': command or ' '.join(sys.argv),
    'versions': {'python': platform.python_version(), **_versions()},
    'git_commit': _git_commit(),
    'platform': device.platform,
    'device': device.device_kind,
    'devices': devices.count,
    'processes': jax.process_count(),
    'steps': {
      'duration': train.duration,
      'log_every': train.log_every,
      'render_every': train.render_every,
      'checkpoint_every': train.checkpoint_every,
    },
  }


def _versions() -> dict[str, str]:
  found = {}
  for name in _PACKAGES:
    try:
      found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
      continue
  return found


def _git_commit() -> str | None:
  """Return the commit of a checkout, None for an installed package."""
  root = pathlib.Path(__file__).resolve().parents[2]
  if not (root / '.git').exists():
    return None
  try:
    result = subprocess.run(
      ['git', '-C', str(root), 'rev-parse', 'HEAD'],
      capture_output=True,
      text=True,
      timeout=10,
      check=False,
    )
  except (OSError, subprocess.TimeoutExpired):
    return None
  return result.stdout.strip() or None


def _brief(value: Any) -> str:
  """Return a config value in few words."""
  if serialization.is_config(value):
    return f'{type(value).__name__}(...)'
  return repr(value)
