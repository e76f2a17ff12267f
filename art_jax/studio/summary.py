"""One run in a line: what it does, how far it is, how fast, and its alarms."""

import dataclasses
import json
import os
import pathlib
import re
import time
from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.runs import lock, metrics_log
from art_jax.runs.folder import RunFolder
from art_jax.studio import curves
from art_jax.studio.catalog import Entry

_TAIL = 64 * 2**10  # bytes at the end of a file that are looked at
_ELSEWHERE = 180.0  # seconds; a run of another machine that logged is running
_MODEL = re.compile(r'algorithm=(\w+)\(')
_STEP = re.compile(r'(\d{8,})\.png')


@dataclasses.dataclass(frozen=True)
class Summary:
  """One run in a line.

  Attributes:
    id, name: as in the catalog.
    model: class of its algorithm; '' if that is not known.
    state: 'running', 'finished', 'stopped' (its last step is in a checkpoint),
      'crashed' (steps were lost), or 'new' (nothing is logged).
    step, duration: in steps; duration 0: not known.
    rate: pictures a second of its last start; None: not known.
    loading: it runs, and did no step since it was started.
    alarm: the alarm that began last; '' without any.
    alarm_over: that alarm has ended.
    picture: {'name', 'step'} of the newest picture; None without any.
    changed: when it was last written to, in seconds since 1970.
  """

  id: str
  name: str
  model: str
  state: str
  step: int
  duration: int
  rate: float | None
  loading: bool
  alarm: str
  alarm_over: bool
  picture: dict[str, Any] | None
  changed: float

  def as_json(self) -> dict[str, Any]:
    """Return it as a browser gets it."""
    return dataclasses.asdict(self)


def signature(path: pathlib.Path) -> tuple[Any, ...]:
  """Return what changes whenever a run has something new to show."""
  files = metrics_log.FILE, metrics_log.ALARMS, 'times.json', 'run.json'
  stats = [_stat(path / name) for name in (*files, 'summary.json')]
  return (
    *stats,
    *((name, _stat(path / 'images' / name)) for name in _names(path)),
    _stat(path / 'checkpoints'),
    lock.is_held(path),
    _minute(path),
  )


def summarize(entry: Entry) -> Summary:
  """Return the line of a run; what cannot be read is left out."""
  path = entry.path
  row = last_row(path / metrics_log.FILE)
  start = _last(_json(path / 'run.json'))
  stretch = _last(_json(path / 'times.json'))
  summary = _mapping(_json(path / 'summary.json'))
  step = _whole(row.get('step'))
  duration = _whole(_mapping(start.get('steps')).get('duration'))
  changed = _changed(path)
  state = _state(path, step, duration, stretch, changed)
  alarm, over = _alarm(path / metrics_log.ALARMS)
  rate = curves.number(summary.get('images_per_second'))
  loading = state == 'running' and _only_started(path)
  if state == 'running':
    rate = None if loading else _rate(path, stretch)
  return Summary(
    id=entry.id,
    name=entry.name,
    model=_model(path),
    state=state,
    step=step,
    duration=duration,
    rate=rate,
    loading=loading,
    alarm=alarm.replace('_', ' '),
    alarm_over=over,
    picture=newest_picture(path),
    changed=changed,
  )


def newest_picture(path: pathlib.Path) -> dict[str, Any] | None:
  """Return name and step of the newest picture: samples before others."""
  names = _names(path)
  for name in sorted(names, key=lambda n: n in ('nearest', 'interpolation')):
    steps = [
      int(match[1])
      for file in _listed(path / 'images' / name)
      if (match := _STEP.fullmatch(file))
    ]
    if steps:
      return {'name': name, 'step': max(steps)}
  return None


def last_row(path: pathlib.Path) -> dict[str, Any]:
  """Return the last whole row of a file of JSON lines; {} without one."""
  for line in reversed(_tail(path).split(b'\n')[:-1]):
    try:
      row = json.loads(line)
    except (ValueError, RecursionError):
      continue
    if isinstance(row, dict):
      return row
  return {}


def last_command(path: pathlib.Path) -> str:
  """Return the command of the last start of a run; '' if it is not known."""
  return str(_last(_json(path / 'run.json')).get('command', ''))


def _state(
  path: pathlib.Path,
  step: int,
  duration: int,
  stretch: Mapping[str, Any],
  changed: float,
) -> str:
  done = max(step, _whole(stretch.get('last')))
  if duration and done >= duration:
    return 'finished'
  if lock.is_held(path) or _runs_elsewhere(path, changed):
    return 'running'
  if not done:
    return 'new'
  saved = max(
    (int(n) for n in _listed(path / 'checkpoints') if n.isdecimal()), default=0
  )
  return 'stopped' if saved >= done else 'crashed'


def _only_started(path: pathlib.Path) -> bool:
  """Tell whether a trainer noted its start, and nothing since."""
  names = 'run.json', metrics_log.FILE, 'times.json'
  began, *later = (s[0] if (s := _stat(path / name)) else 0 for name in names)
  return began > max(later)


def _runs_elsewhere(path: pathlib.Path, changed: float) -> bool:
  """Tell whether a trainer of another machine wrote a moment ago."""
  holder = _mapping(_json(path / '.lock'))
  host = holder.get('host')
  elsewhere = bool(host) and host != os.uname().nodename
  return elsewhere and time.time() - changed < _ELSEWHERE


def _minute(path: pathlib.Path) -> int:
  """Return a number that changes while a run may fall silent elsewhere."""
  now = time.time()
  return int(now / 60) if now - _changed(path) < 2 * _ELSEWHERE else 0


def _alarm(path: pathlib.Path) -> tuple[str, bool]:
  """Return the alarm that began last, and whether it has ended."""
  ended: set[str] = set()
  for line in reversed(_tail(path).split(b'\n')[:-1]):
    try:
      row = json.loads(line)
      name, begins = str(row['alarm']), bool(row['begins'])
    except (ValueError, KeyError, TypeError, RecursionError):
      continue
    if begins:
      return name, name in ended
    ended.add(name)
  return '', False


def _rate(path: pathlib.Path, stretch: Mapping[str, Any]) -> float | None:
  """Return the pictures a second of a stretch of times.json."""
  seconds = _mapping(stretch.get('seconds'))
  try:
    busy = float(seconds.get('step', 0)) + float(seconds.get('input', 0))
    steps = int(stretch['last']) - int(stretch['first'])
    experiment = RunFolder(path, writable=False).read_config()
    if experiment is None or busy <= 0 or steps <= 0:
      return None
    return curves.number(steps * experiment.rows_per_step / busy)
  except (core.UserError, OSError, ValueError, TypeError, KeyError):
    return None


def _model(path: pathlib.Path) -> str:
  try:
    with open(path / 'config.txt', encoding='utf-8', errors='replace') as file:
      match = _MODEL.search(file.read(4096))
    return match[1] if match else ''
  except OSError:
    return ''


def _tail(path: pathlib.Path) -> bytes:
  try:
    with open(path, 'rb') as file:
      file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
      return file.read(_TAIL)
  except OSError:
    return b''


def _names(path: pathlib.Path) -> list[str]:
  return sorted(
    name
    for name in _listed(path / 'images')
    if os.path.isdir(path / 'images' / name)
  )


def _listed(folder: pathlib.Path) -> list[str]:
  try:
    return os.listdir(folder)
  except OSError:
    return []


def _stat(path: pathlib.Path) -> tuple[int, int] | None:
  try:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size
  except OSError:
    return None


def _changed(path: pathlib.Path) -> float:
  names = metrics_log.FILE, metrics_log.ALARMS, 'times.json', 'config.txt'
  stats = [_stat(path / name) for name in names]
  return max((s[0] for s in stats if s), default=0) / 1e9


def _json(path: pathlib.Path) -> Any:
  try:
    return json.loads(path.read_text('utf-8'))
  except (OSError, ValueError, RecursionError):
    return None


def _last(value: Any) -> Mapping[str, Any]:
  return _mapping(value[-1]) if isinstance(value, list) and value else {}


def _mapping(value: Any) -> Mapping[str, Any]:
  return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
  return value if isinstance(value, int) and not isinstance(value, bool) else 0
