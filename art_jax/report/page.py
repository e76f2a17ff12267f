"""From the files of runs to one HTML page that needs nothing else."""

import datetime
import functools
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from art_jax import core
from art_jax.core import paths, version
from art_jax.report import collect, figures, pictures
from art_jax.runs import painted
from art_jax.runs.alarm_event import Event

REPORT, COMPARISON = 'report.html', 'compare.html'
_APART = ('nearest', 'interpolation')  # pictures with places of their own
_SKIPPED = 20  # unreadable files that are named
_METRICS = 60  # rows of the table of metrics
_PAINTINGS = 24  # that are shown
_PAINTING = 640, 85  # longer side and quality of each
_LOWER = ('probe/kid', 'probe/l1', 'probe/memorised')  # the least is best


def write(
  run: os.PathLike | str, output: pathlib.Path | None = None
) -> pathlib.Path:
  """Write the report of a run; a reader never sees half of it.

  Args:
    run: its folder.
    output: the file; None: report.html in the folder.

  Returns:
    The path of the file.

  Raises:
    core.UserError: there is nothing of a run in the folder.
  """
  files = collect.collect(run)
  path = output or files.path / REPORT
  paths.write_atomic(path, report(files))
  return path


def report(files: collect.RunFiles) -> str:
  """Return the page of one run."""
  began = [event for event in files.events if event.begins]
  marks: dict[int, str] = {}
  for event in began:
    before = f'{marks[event.since]}, ' if event.since in marks else ''
    marks[event.since] = before + event.alarm.replace('_', ' ')
  together = {k: v for k, v in files.pictures.items() if k not in _APART}
  apart = {k: v for k, v in files.pictures.items() if k in _APART}
  return _render(
    'report.html.jinja',
    run=files,
    alarms=[_alarm(event, files) for event in began],
    latest=_latest(together),
    over_time={
      k: v for k, v in pictures.frames(together).items() if len(v) > 1
    },
    curves=figures.of_run(files.rows, marks) if files.rows else [],
    apart={entry['name']: entry for entry in _latest(apart)},
    metrics=_table(files.rows),
    examples=pictures.large(files.path / 'examples.png'),
    painted=_painted(files.path / painted.FOLDER),
    skipped=files.data.get('skipped', [])[:_SKIPPED],
    shown_config=files.config_text,
  )


def compare(runs: Sequence[str | pathlib.Path]) -> str:
  """Return the page of several runs side by side.

  Raises:
    core.UserError: there are fewer than two, or two of one name.
  """
  core.require(
    len(runs) >= 2,
    'compare takes two or more run folders: art_jax compare runs/a runs/b',
  )
  folders = [collect.collect(run) for run in runs]
  names = map(paths.printable, _distinct_names(folders))
  named = dict(zip(names, folders, strict=True))
  tables = [{row['name']: row for row in _table(f.rows)} for f in folders]
  metrics = dict.fromkeys(name for table in tables for name in table)
  scores = dict.fromkeys(name for f in folders for name in f.scores)
  grids = dict.fromkeys(name for f in folders for name in f.pictures)
  return _render(
    'compare.html.jinja',
    runs=list(named.items()),
    differences=collect.differences([f.experiment for f in folders]),
    metrics=[
      (name, _cells(name, [table.get(name) for table in tables]))
      for name in list(metrics)[:_METRICS]
    ],
    scores=[(name, [f.scores.get(name) for f in folders]) for name in scores],
    samples=[
      (name, [_newest(f, name) for f in folders])
      for name in grids
      if name not in _APART
    ],
    curves=figures.of_runs({name: f.rows for name, f in named.items()}),
  )


def _painted(folder: pathlib.Path) -> list[dict[str, str]]:
  """Return the paintings of a folder: {'name', 'uri', 'text'}."""
  return [
    {
      'name': path.stem,
      'uri': pictures.uri(path, *_PAINTING),
      'text': painted.describe(painted.notes(path)),
    }
    for path in painted.files(folder)[:_PAINTINGS]
  ]


def _render(template: str, **values: Any) -> str:
  now = datetime.datetime.now(datetime.UTC).strftime('%Y-%m-%d %H:%M UTC')
  return (
    _environment()
    .get_template(template)
    .render(**values, made=now, version=version.VERSION)
  )


@functools.cache
def _environment() -> Any:
  """Return jinja's environment: what is inserted is escaped, always."""
  try:
    import jinja2
  except ImportError as error:
    raise core.UserError(
      f'reports are written with jinja2 ({error}): pip install jinja2'
    ) from None
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader('art_jax.report', 'templates'),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  environment.filters['number'] = number
  environment.filters['spell'] = spell
  return environment


def number(value: Any) -> str:
  """Return a number with four digits, or any other value as text.

  None is a dash: no step, or a score that JSON cannot hold, such as an infinite
  one.
  """
  if value is None:
    return '-'
  if isinstance(value, bool) or not isinstance(value, int | float):
    return str(value)
  return f'{value:,}' if isinstance(value, int) else f'{value:.4g}'


def spell(seconds: float) -> str:
  """Return a time in words: '2 h 5 min', '45 s', '0.3 s'."""
  if seconds < 10:
    return f'{seconds:.2g} s'
  whole = round(seconds)
  if whole < 120:
    return f'{whole} s'
  minutes = round(seconds / 60)
  hours, rest = divmod(minutes, 60)
  return f'{hours} h {rest} min' if hours else f'{minutes} min'


def _alarm(event: Event, files: collect.RunFiles) -> dict[str, Any]:
  """Return an alarm with its place on the time line, in percent."""
  ends = [
    other.step
    for other in files.events
    if not other.begins
    and other.alarm == event.alarm
    and other.step > event.step
  ]
  over = min(ends, default=None)
  end = files.step if over is None else over
  whole = max(files.duration, files.step, 1)
  return {
    'name': event.alarm.replace('_', ' '),
    'text': event.text.partition(': ')[2] or event.text,
    'step': event.step,
    'over': over,
    'left': 100 * event.since / whole,
    'width': max(100 * (end - event.since) / whole, 0.8),
  }


def _latest(
  grids: Mapping[str, Sequence[tuple[int, pathlib.Path]]],
) -> list[dict[str, Any]]:
  """Return the last picture of each name: {'name', 'step', 'uri'}."""
  entries = [
    {'name': name, 'step': steps[-1][0], 'uri': pictures.large(steps[-1][1])}
    for name, steps in grids.items()
  ]
  return [entry for entry in entries if entry['uri']]


def _newest(files: collect.RunFiles, name: str) -> dict[str, Any] | None:
  latest = _latest({k: v for k, v in files.pictures.items() if k == name})
  return next(iter(latest), None)


def _table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
  """Return the last, least and largest value of every metric."""
  values: dict[str, list] = {}
  for row in rows:
    for name, value in row.items():
      if name != 'step' and not name.startswith('probe/kid_of_grey'):
        values.setdefault(name, []).append((row['step'], value))
  table = []
  for name, pairs in values.items():
    steps, numbers = np.array(pairs, np.float64).T
    finite = np.isfinite(numbers)
    if finite.any():
      kept, at = numbers[finite], steps[finite]
      table.append(
        {
          'name': name,
          'last': float(numbers[-1]),
          'step': int(steps[-1]),
          'least': float(kept.min()),
          'least_step': int(at[kept.argmin()]),
          'largest': float(kept.max()),
          'largest_step': int(at[kept.argmax()]),
        }
      )
  return table[:_METRICS]


def _cells(
  name: str, rows: list[dict[str, Any] | None]
) -> list[dict[str, Any] | None]:
  """Return one cell a run; the best is marked where less is better."""
  last = {row['last'] for row in rows if row and np.isfinite(row['last'])}
  ranked = name.startswith(_LOWER) and len(last) > 1
  return [
    row and {**row, 'best': ranked and row['last'] == min(last)} for row in rows
  ]


def _distinct_names(runs: list[collect.RunFiles]) -> list[str]:
  """Return a name for each run: its folder, with parents where needed."""
  names = []
  for depth in range(1, 6):
    names = ['/'.join(run.path.parts[-depth:]) for run in runs]
    if len(set(names)) == len(names):
      return names
  twice = next(name for name in names if names.count(name) > 1)
  raise core.UserError(f'{twice} is named twice; compare different runs')
