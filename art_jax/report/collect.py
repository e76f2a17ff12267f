"""What a run folder holds; a damaged part is left out with a note."""

import dataclasses
import itertools
import json
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from etils import epath

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.core.version import VERSION
from art_jax.report.kinds import ANY, fitting
from art_jax.runs import alarm_event, lock, metrics_log, metrics_rows
from art_jax.runs.folder import RunFolder

_PICTURE = re.compile(r'(\d{8})\.png')
_START = {
  'time': '?',
  'command': '',
  'versions': {ANY: ''},
  'git_commit': '',
  'platform': '?',
  'device': '?',
  'devices': 1,
  'processes': 1,
  'steps': {ANY: 0},
}
_DATA = {
  'summary': '',
  'train': [0],
  'heldout': [0],
  'classes': [''],
  'skipped': [{'file': '?', 'reason': '?'}],
  'changes': [{'step': 0, 'what': '?'}],
}
_BEST = {'step': 0, 'metric': '?', 'value': 0.0}
_RATES = 'steps_per_second', 'input_share', 'productive_share'
_KINDS = {list: 'list', dict: 'object'}
_NAMED = re.compile(r'(?:--experiment[= ]|(?:^| )train )([^ -][^ ]*)')


@dataclasses.dataclass(frozen=True)
class RunFiles:
  """Everything that a report shows of one run.

  Attributes:
    path: the folder.
    experiment: of config.txt; None if it cannot be read.
    config_text: config.txt as it is.
    changed: (path, (default, here)) of the fields that differ from the
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
  changed: list[tuple[str, list[str]]] | None
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
    steps = self.starts[-1]['steps'] if self.starts else {}
    return steps.get('duration') or self.step

  @property
  def status(self) -> str:
    """One of 'finished', 'training', 'stopped', 'not started'."""
    if self.rows and self.step >= self.duration:
      return 'finished'
    if self.alive:
      return 'training'
    return 'stopped' if self.rows else 'not started'


def collect(run: os.PathLike | str) -> RunFiles:
  """Read a run folder.

  Raises:
    core.UserError: there is nothing of a run in it.
  """
  path = pathlib.Path(run).expanduser().absolute()
  metrics, config = path / metrics_log.FILE, path / 'config.txt'
  why = 'holds no config.txt' if path.is_dir() else 'is no folder'
  core.require(
    config.exists() or metrics.exists(),
    f'--run={run}: {why}; pass the folder that training wrote (--workdir)',
  )
  alarms = epath.Path(path / metrics_log.ALARMS)
  notes: list[str] = []
  experiment = _try(
    notes, config, None, RunFolder(path, writable=False).read_config
  )
  starts = fitting(_json(notes, path / 'run.json', []), [_START])
  _compare_versions(notes, starts)
  checkpoints = sorted(
    int(p.name) for p in path.glob('checkpoints/*') if p.name.isdecimal()
  )
  data = _json(notes, path / 'data.json', {})
  data = fitting(data, _DATA) if data else {}
  notes += [
    f'the data changed since step {change["step"]}: {change["what"]}'
    for change in data.get('changes', [])
  ]
  return RunFiles(
    path=path,
    experiment=experiment,
    config_text=_try(
      notes,
      config,
      '',
      lambda: (
        config.read_text('utf-8', errors='replace') if config.exists() else ''
      ),
    ),
    changed=_changed(experiment, starts),
    starts=starts,
    data=data,
    rows=_try(notes, metrics, [], lambda: metrics_log.read_metrics(metrics)),
    events=_try(
      notes,
      alarms,
      [],
      lambda: [
        alarm_event.from_row(row) for _, row in metrics_rows.parse(alarms)
      ],
    ),
    summary=_summary(_json(notes, path / 'summary.json', {}, needed=False)),
    scores=_scores(_json(notes, path / 'evaluation.json', [], needed=False)),
    pictures=_pictures(path / 'images'),
    checkpoints=checkpoints,
    best=_best(path / 'checkpoints', checkpoints),
    alive=lock.is_held(path),
    notes=tuple(dict.fromkeys(notes)),
  )


def fields(value: Any, path: str = '') -> dict[str, str]:
  """Return every plain field of a config by its dotted path, as text."""
  if not serialization.is_config(value):
    return {path: serialization.to_text(value)}
  texts = {path: f'{type(value).__name__}(...)'} if path else {}
  for field in serialization.config_fields(value):
    below = f'{path}.{field.name}' if path else field.name
    texts |= fields(getattr(value, field.name), below)
  return texts


def differences(configs: Sequence[Any]) -> list[tuple[str, list[str]]]:
  """Return the fields in which configs differ, and the value in each.

  Args:
    configs: experiments; None for one that is not known.
  """
  flat = [fields(config) if config is not None else {} for config in configs]
  rows = (
    (path, [texts.get(path, '-') for texts in flat])
    for path in dict.fromkeys(itertools.chain(*flat))
  )
  return [(path, values) for path, values in rows if len(set(values)) > 1]


def _try(
  notes: list[str], path: pathlib.PurePath, empty: Any, read: Callable[[], Any]
) -> Any:
  """Return `read()`; or `empty`, with a note of what is wrong."""
  try:
    return read()
  except (core.UserError, OSError, ValueError, TypeError, KeyError) as error:
    notes.append(f'{path.name}: {error}')
    return empty


def _json(notes: list[str], path: pathlib.Path, empty: Any, needed=True) -> Any:
  if not path.exists() and not needed:
    return empty
  value = _try(notes, path, empty, lambda: json.loads(path.read_text('utf-8')))
  if isinstance(value, type(empty)):
    return value
  notes.append(f'{path.name}: it holds no {_KINDS[type(empty)]}')
  return empty


def _summary(content: Mapping) -> dict[str, float]:
  """Return summary.json; {} if it lacks a rate."""
  numbers = fitting(content, {ANY: 0.0})
  return numbers if all(name in numbers for name in _RATES) else {}


def _scores(entries: list) -> dict[str, dict[str, Any]]:
  """Return the newest score of each name in evaluation.json."""
  return {
    name: {**score, 'checkpoint': entry.get('checkpoint')}
    for entry in entries
    if isinstance(entry, dict) and isinstance(entry.get('scores'), dict)
    for name, score in entry['scores'].items()
    if isinstance(score, dict)
  }


def _compare_versions(notes: list[str], starts: list[Mapping]) -> None:
  wrote = starts[-1]['versions'].get('art_jax') if starts else None
  if wrote and wrote != VERSION:
    notes.append(
      f'art_jax {wrote} wrote this run and {VERSION} this report: '
      'what the newer one does not know is left out'
    )


def _changed(
  experiment: core.Experiment | None, starts: list[Mapping]
) -> list[tuple[str, list[str]]] | None:
  """Compare with the experiment that the run was started as."""
  command = starts[0]['command'] if starts else ''
  named = _NAMED.search(command)
  if experiment is None or not named or named[1].endswith('.py'):
    return None
  try:
    default = experiments.load(named[1], tiny='--tiny' in command.split())
  except (core.UserError, ImportError):
    return None
  return [
    (path, values)
    for path, values in differences([default, experiment])
    if path != 'train.planned_duration'
  ]


def _pictures(folder: pathlib.Path) -> dict[str, list]:
  grids: dict[str, list] = {}
  for path in sorted(folder.rglob('*.png')):
    step = _PICTURE.fullmatch(path.name)
    if step:
      name = path.parent.relative_to(folder).as_posix()
      grids.setdefault(name, []).append((int(step[1]), path))
  return grids


def _best(folder: pathlib.Path, steps: list[int]) -> dict[str, Any]:
  """Return the best moment that the newest readable checkpoint records."""
  for step in reversed(steps):
    try:
      host = json.loads(
        (folder / str(step) / 'host' / 'metadata').read_text('utf-8')
      )
      best = host.get('best')
      return fitting(best, _BEST) if best else {}
    except (OSError, ValueError, AttributeError):
      continue
  return {}
