"""The folder of a run: what is in it, and who may continue it.

config.txt      the experiment as nested constructor calls
run.json        one entry per start: versions, devices, command, durations
data.json       counts of the data and every file that was skipped, with why,
                and the steps from which they were others
data/           what each set was made of, DIGEST.json: names and checksums
metrics.jsonl   one row per logged step
events.*        the same for TensorBoard
losses.png      the losses of every logged step
examples.png    some training pictures
alarms.jsonl    which alarms began and ended to fire
report.html     all of it on one page
images/         picture grids, NAME/STEP.png
checkpoints/    states with checksums
summary.json    rates of the last start, and where the time of all starts went
times.json      the time of every start by cause, see goodput.py
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging
from etils import epath

from art_jax import core
from art_jax.config import experiments, serialization

_MAX_CONFIG = 2**20  # bytes


def classes(experiment: core.Experiment) -> dict[str, type]:
  """Return the classes of an experiment by name, a user's own ones too."""
  return {type(n).__name__: type(n) for n in serialization.walk(experiment)}


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
    self.writable = writable
    if writable:
      from art_jax.core.paths import make_folder  # a reader makes none

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
      core.require(
        (size := path.stat().length) <= _MAX_CONFIG,
        f'{size} bytes; a config has {_MAX_CONFIG} at most',
      )
      experiment = serialization.from_text(path.read_text('utf-8'), extra)
    except (core.UserError, OSError, UnicodeDecodeError) as error:
      raise core.UserError(
        f'{path}: {error}; put back the config.txt that training wrote'
      ) from None
    if not isinstance(experiment, core.Experiment):
      raise core.UserError(f'{path}: it does not hold an Experiment(...)')
    return experiment

  def read_config_like(self, experiment: core.Experiment):
    """Return what `read_config` does, with the classes of an experiment."""
    return self.read_config(classes(experiment))

  def class_names(self) -> tuple[str, ...]:
    """Return the names of the classes in data.json, () if it has none."""
    path = self.path / 'data.json'
    try:
      names = json.loads(path.read_text('utf-8'))['classes']
    except (OSError, ValueError, KeyError, TypeError):
      return ()  # Numbers name the classes as well.
    return tuple(map(str, names))

  def changed(self, experiment: core.Experiment) -> list[str]:
    """Return the dotted paths in which config.txt differs; [] without one."""
    text = f'{serialization.to_text(experiment)}\n'
    path = self.path / 'config.txt'
    if not path.exists() or path.read_text('utf-8') == text:
      return []
    old = self.read_config_like(experiment)
    return [] if old is None else experiments.differences(old, experiment)

  def check_config(self, experiment: core.Experiment) -> None:
    """Raise unless this experiment may continue what is in the folder.

    Raises:
      core.UserError: naming the fields that differ, old and new.
    """
    from art_jax.config import resumable  # a reader needs none

    old = self.read_config_like(experiment)
    if old is None:
      core.require(
        not self.holds_checkpoints(),
        f'{self.path} holds checkpoints but no config.txt: what made them '
        'is unknown; pass another --workdir',
      )
      return
    changed = [
      path
      for path in experiments.differences(old, experiment)
      if not resumable.resumable(path)
    ]
    differing = '; '.join(
      f'{path}: {_brief(experiments.get(old, path))} there, '
      f'{_brief(experiments.get(experiment, path))} now'
      for path in changed
    )
    core.require(
      not changed or not self.trained(),
      f'{self.path} holds a run of another config ({differing}); pass the '
      'same settings to continue it, or another --workdir; with '
      f'--init_from={self.path} too, that begins with the networks of this one',
    )
    if changed:  # Its start failed, as for want of weights.
      logging.warning(
        '%s: nothing was trained there; its settings are replaced (%s)',
        self.path,
        differing,
      )

  def go_on(self) -> None:
    """Remove summary.json: the run ends anew, or is killed before."""
    if self.writable:
      (self.path / 'summary.json').unlink(missing_ok=True)

  def finish(self, summary: Mapping[str, float]) -> None:
    """Write summary.json."""
    if self.writable:
      self.write_json('summary.json', summary)

  def trained(self) -> bool:
    """Tell whether a step was taken: a checkpoint or a metric is there."""
    metrics = self.path / 'metrics.jsonl'
    written = metrics.exists() and metrics.stat().length > 0
    return written or self.holds_checkpoints()

  def holds_checkpoints(self) -> bool:
    """Tell whether the folder of checkpoints holds anything."""
    # A start that was killed leaves the hidden file that it tried the disk by.
    return self.checkpoints.is_dir() and any(
      not path.name.startswith('.') for path in self.checkpoints.iterdir()
    )

  def write_json(self, name: str, value: Any) -> None:
    """Write a file of the folder as JSON, all of it or nothing."""
    self.write(name, json.dumps(value, indent=2) + '\n')

  def write(self, name: str, text: str) -> None:
    """Write a file of the folder, all of it or nothing."""
    from art_jax.core.paths import write_atomic

    write_atomic(self.path / name, text)


def _brief(value: Any) -> str:
  """Return a config value in few words."""
  config = serialization.is_config(value)
  return f'{type(value).__name__}(...)' if config else repr(value)
