"""What a run folder holds, read so that a damaged part only leaves a gap."""

import dataclasses
import fcntl
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.core.version import VERSION
from art_jax.runs import alarm_event, metrics_log
from art_jax.runs.folder import RunFolder

_PICTURE = re.compile(r'(\d{8})\.png')
_NAMED = re.compile(r'--experiment[= ]([^ ]+)')


@dataclasses.dataclass(frozen=True)
class RunFiles:
  """Everything a report tells about one run.

  Attributes:
    path: the folder.
    experiment: of config.txt; None if it cannot be read.
    config_text: config.txt as it is.
    changed: (path, default, here) of the fields that differ from the
      experiment's own file; None if that is not known.
    starts: entries of run.json, oldest first.
    data: data.json.
    rows: of metrics.jsonl.
    events: of alarms.jsonl.
    summary: summary.json; {} until the run has ended.
    scores: of evaluation.json, the newest of each name: value, deviation,
      real, checkpoint.
    pictures: by name, the grids (step, path), oldest first.
    checkpoints: steps on disk.
    best: step, metric and value of the best moment; {} without one.
    alive: a trainer holds the folder.
    notes: what could not be read, and why.
  """

  path: pathlib.Path
  experiment: core.Experiment | None
  config_text: str
  changed: list[tuple[str, str, str]] | None
  starts: list[dict[str, Any]]
  data: dict[str, Any]
  rows: list[dict[str, Any]]
  events: list[alarm_event.Event]
  summary: dict[str, Any]
  scores: dict[str, dict[str, Any]]
  pictures: dict[str, list[tuple[int, pathlib.Path]]]
  checkpoints: list[int]
  best: dict[str, Any]
  alive: bool
  notes: tuple[str, ...]

  @property
  def name(self) -> str:
    """Name of the folder."""
    return self.path.name

  @property
  def step(self) -> int:
    """The last logged step; 0 before the first."""
    return self.rows[-1]['step'] if self.rows else 0

  @property
  def duration(self) -> int:
    """Step at which the run ends; its last one if that is not known."""
    start = self.starts[-1] if self.starts else {}
    return int(start.get('steps', {}).get('duration') or self.step)

  @property
  def status(self) -> str:
    """One of 'finished', 'training', 'stopped', 'not started'."""
    if self.rows and self.step >= self.duration:
      return 'finished'
    if self.alive:
      return 'training'
    return 'stopped' if self.rows else 'not started'


def collect(run: str | pathlib.Path) -> RunFiles:
  """Read a run folder.

  Raises:
    core.UserError: there is nothing of a run in it.
  """
  path = pathlib.Path(run).expanduser().absolute()
  if (
    not (path / 'config.txt').exists()
    and not (path / metrics_log.FILE).exists()
  ):
    why = 'is no folder' if not path.is_dir() else 'holds no config.txt'
    raise core.UserError(
      f'--run={run}: {why}; pass the folder that training wrote (--workdir)'
    )
  notes: list[str] = []
  experiment = _try(notes, 'config.txt', _experiment, path)
  starts = _json(notes, path / 'run.json', [])
  _compare_versions(notes, starts)
  rows = (
    _try(
      notes, metrics_log.FILE, metrics_log.read_metrics, path / metrics_log.FILE
    )
    or []
  )
  events = (
    _try(notes, metrics_log.ALARMS, _events, path / metrics_log.ALARMS) or []
  )
  checkpoints = _checkpoints(path / 'checkpoints')
  return RunFiles(
    path=path,
    experiment=experiment,
    config_text=_try(notes, 'config.txt', _text, path / 'config.txt') or '',
    changed=_changed(experiment, starts),
    starts=starts,
    data=_json(notes, path / 'data.json', {}),
    rows=rows,
    events=events,
    summary=_json(notes, path / 'summary.json', {}, needed=False),
    scores=_scores(_json(notes, path / 'evaluation.json', [], needed=False)),
    pictures=_pictures(path / 'images'),
    checkpoints=checkpoints,
    best=_best(path / 'checkpoints', checkpoints),
    alive=_alive(path / '.lock'),
    notes=tuple(dict.fromkeys(notes)),
  )


def fields(value: Any, path: str = '') -> dict[str, str]:
  """Return every plain field of a config by its dotted path, as text."""
  if not serialization.is_config(value):
    return {path: serialization.to_text(value)}
  found = {path: f'{type(value).__name__}(...)'} if path else {}
  for field in serialization.config_fields(value):
    below = f'{path}.{field.name}' if path else field.name
    found |= fields(getattr(value, field.name), below)
  return found


def _try(notes: list[str], name: str, read: Any, *args: Any) -> Any:
  """Return `read(*args)`, or None and a note of what is wrong."""
  try:
    return read(*args)
  except (core.UserError, OSError, ValueError, TypeError, KeyError) as error:
    notes.append(f'{name}: {error}')
    return None


def _experiment(path: pathlib.Path) -> core.Experiment | None:
  return RunFolder(path, writable=False).read_config()


def _text(path: pathlib.Path) -> str:
  return path.read_text(errors='replace') if path.exists() else ''


def _json(notes: list[str], path: pathlib.Path, empty: Any, needed=True) -> Any:
  if not path.exists() and not needed:
    return empty
  found = _try(notes, path.name, lambda: json.loads(path.read_text()))
  return found if isinstance(found, type(empty)) else empty


def _scores(entries: list) -> dict[str, dict[str, Any]]:
  """Return the newest score of each name in evaluation.json."""
  found = {}
  for entry in entries:
    if isinstance(entry, dict) and isinstance(entry.get('scores'), dict):
      for name, score in entry['scores'].items():
        found[name] = {**score, 'checkpoint': entry.get('checkpoint')}
  return found


def _events(path: pathlib.Path) -> list[alarm_event.Event]:
  if not path.exists():
    return []
  lines = path.read_text().split('\n')
  # The last one is torn while a trainer writes it.
  whole = [line for line in lines[:-1] if line]
  return [alarm_event.from_row(json.loads(line)) for line in whole]


def _compare_versions(notes: list[str], starts: list[Mapping]) -> None:
  wrote = starts[-1].get('versions', {}).get('art_jax') if starts else None
  if wrote and wrote != VERSION:
    notes.append(
      f'art_jax {wrote} wrote this run and {VERSION} this report: '
      'what the newer one does not know is left out'
    )


def _changed(experiment, starts) -> list[tuple[str, str, str]] | None:
  """Compare with the experiment that the run was started as."""
  command = starts[0].get('command', '') if starts else ''
  named = _NAMED.search(command)
  if experiment is None or not named or named[1].endswith('.py'):
    return None
  try:
    default = experiments.load(named[1], tiny='--tiny' in command.split())
  except (core.UserError, ImportError):
    return None
  old, new = fields(default), fields(experiment)
  return [
    (path, old.get(path, '-'), new.get(path, '-'))
    for path in {**old, **new}
    if old.get(path) != new.get(path) and path != 'train.planned_duration'
  ]


def _pictures(folder: pathlib.Path) -> dict[str, list]:
  found: dict[str, list] = {}
  for path in sorted(folder.rglob('*.png')):
    step = _PICTURE.fullmatch(path.name)
    if step:
      name = path.parent.relative_to(folder).as_posix()
      found.setdefault(name, []).append((int(step[1]), path))
  return found


def _checkpoints(folder: pathlib.Path) -> list[int]:
  if not folder.is_dir():
    return []
  return sorted(int(p.name) for p in folder.iterdir() if p.name.isdecimal())


def _best(folder: pathlib.Path, steps: list[int]) -> dict[str, Any]:
  """Return the best moment that the newest readable checkpoint knows of."""
  for step in reversed(steps):
    try:
      host = json.loads((folder / str(step) / 'host' / 'metadata').read_text())
      return host.get('best') or {}
    except (OSError, ValueError, AttributeError):
      continue
  return {}


def _alive(path: pathlib.Path) -> bool:
  """Tell whether a trainer holds the lock of the folder."""
  try:
    with open(path) as file:
      fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return False
  except BlockingIOError:
    return True
  except OSError:
    return False
