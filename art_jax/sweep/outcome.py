"""What came of the cells: one table and one sheet of pictures."""

import csv
import dataclasses
import io
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.media import images
from art_jax.monitoring.health import larger_is_better
from art_jax.report import collect
from art_jax.sampling import captions
from art_jax.sweep.cells import Cell, short_names

FILE = 'cell.json'
TABLE, MARKDOWN, SHEET = 'sweep.csv', 'sweep.md', 'sweep.png'
# A cell in one of these states is not run again.
DONE = ('finished', 'stopped', 'diverged')
# Beginnings of names of metrics, what tells most first.
_SHOWN = ('probe/diversity', 'probe/memorised', 'probe/l1', 'score/', 'loss/')
_COLUMNS = 6  # metrics of the printed table
_TILE, _PICTURES = 192, ('samples', 'sample')  # pixels of a cell; what of it
_LONGEST = 60  # letters of a reason in the printed table


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What came of a cell.

  Attributes:
    cell: its name and settings.
    status: 'finished', 'stopped' (by an alarm), 'diverged', 'failed' or
      'waiting'.
    reason: why it is not finished.
    step: the last one with a row.
    seconds: in which a trainer of it ran, over all starts; of cells trained
      together the time of all.
    together: cells that shared those seconds.
    best: step, metric, value of its best moment; {} without one.
    metrics: the last row.
    picture: the newest grid of pictures; None without one.
  """

  cell: Cell
  status: str
  reason: str = ''
  step: int = 0
  seconds: float = 0.0
  together: int = 1
  best: dict[str, Any] = dataclasses.field(default_factory=dict)
  metrics: dict[str, float] = dataclasses.field(default_factory=dict)
  picture: pathlib.Path | None = None


def note(folder: pathlib.Path, status: str, reason: str, together: int) -> None:
  """Write how a cell ended into its folder."""
  folder.mkdir(parents=True, exist_ok=True)
  text = json.dumps(
    {'status': status, 'reason': reason, 'together': together}, indent=2
  )
  write_atomic(folder / FILE, f'{text}\n')


def begin(folder: pathlib.Path) -> None:
  """Forget how a cell ended: it goes on, and may be killed before it ends."""
  (folder / FILE).unlink(missing_ok=True)


def ended(folder: pathlib.Path) -> dict[str, Any]:
  """Return what `note` wrote; {} if nothing is there."""
  try:
    noted = json.loads((folder / FILE).read_text('utf-8'))
    return noted if isinstance(noted, dict) else {}
  except (OSError, ValueError):
    return {}


def read(cell: Cell, folder: pathlib.Path) -> Outcome:
  """Return what is known of a cell, from its run folder."""
  noted = ended(folder)
  status, reason = noted.get('status', 'waiting'), noted.get('reason', '')
  together = int(noted.get('together', 1))
  try:
    files = collect.collect(folder)
  except core.UserError:
    return Outcome(cell, status, reason, together=together)
  return Outcome(
    cell,
    status,
    reason,
    files.step,
    _seconds(folder),
    together,
    files.best,
    files.rows[-1] if files.rows else {},
    _picture(files.pictures),
  )


def ranked(outcomes: Sequence[Outcome]) -> list[Outcome]:
  """Return those that have a best moment by one metric, the best one first."""
  scored = [one for one in outcomes if one.best]
  if len({one.best['metric'] for one in scored}) != 1:
    return []
  larger = larger_is_better(scored[0].best['metric'])
  return sorted(scored, key=lambda one: one.best['value'], reverse=larger)


def write(folder: pathlib.Path, outcomes: Sequence[Outcome]) -> None:
  """Write sweep.csv, sweep.md and sweep.png; a reader never sees half."""
  folder.mkdir(parents=True, exist_ok=True)
  write_atomic(folder / TABLE, _csv(outcomes))
  write_atomic(folder / MARKDOWN, f'{markdown(outcomes)}\n')
  sheet = contact_sheet(outcomes)
  if sheet is not None:
    images.save_png(folder / SHEET, sheet)


def markdown(outcomes: Sequence[Outcome]) -> str:
  """Return the table for people: settings, state, best moment, figures."""
  names = short_names(varied([one.cell for one in outcomes]))
  known = dict.fromkeys(n for one in outcomes for n in one.metrics)
  shown = [n for start in _SHOWN for n in known if n.startswith(start)][
    :_COLUMNS
  ]
  best = next((one.best['metric'] for one in ranked(outcomes)), None)
  head = [*names.values(), 'status', 'step', 'minutes']
  head += [f'best {best}', 'at step'] * bool(best) + shown
  rows = [head, ['---'] * len(head)]
  for one in outcomes:
    row = [value for path, value in one.cell.settings if path in names]
    row += [_status(one), str(one.step), f'{one.seconds / 60:.1f}']
    if best:
      row += [_number(one.best.get('value')), str(one.best.get('step', ''))]
    rows.append(row + [_number(one.metrics.get(name)) for name in shown])
  return '\n'.join(
    '| ' + ' | '.join(x.replace('|', '/') for x in row) + ' |' for row in rows
  )


def varied(cells: Sequence[Cell]) -> list[str]:
  """Return the paths of the fields in which cells differ."""
  first = dict(cells[0].settings)
  return [p for p in first if len({dict(c.settings)[p] for c in cells}) > 1]


def contact_sheet(outcomes: Sequence[Outcome]) -> np.ndarray | None:
  """Return the pictures of every cell over its settings; None without any."""
  if not any(one.picture for one in outcomes):
    return None
  names = short_names(varied([one.cell for one in outcomes]))
  tiles = []
  for one in outcomes:
    lines = [f'{names[p]}={v}' for p, v in one.cell.settings if p in names]
    best = ', {metric} {value:.3g}'.format(**one.best) if one.best else ''
    bands = [captions.band(x, _TILE) for x in (*lines, one.status + best)]
    tiles.append(np.concatenate([_tile(one.picture), *bands]))
  return images.grid(np.stack(tiles), pad=6)


def _tile(path: pathlib.Path | None) -> np.ndarray:
  """Return u8[_TILE, _TILE, 3] of the corner of a grid, enlarged to fill it."""
  tile = Image.new('RGB', (_TILE, _TILE), (235, 235, 235))
  if path is not None:
    with Image.open(path) as grid:
      picture = grid.convert('RGB')
    factor = -(-_TILE // max(picture.size))
    tile.paste(  # cut to the tile
      ImageOps.scale(picture, factor, Image.Resampling.NEAREST)
    )
  return np.asarray(tile)


def _csv(outcomes: Sequence[Outcome]) -> str:
  """Return every figure of every cell."""
  rows = [
    {
      'cell': one.cell.name,
      **dict(one.cell.settings),
      'status': one.status,
      'reason': one.reason,
      'step': one.step,
      'seconds': f'{one.seconds:.1f}',
      'together': one.together,
      **{f'best_{n}': one.best.get(n, '') for n in ('metric', 'value', 'step')},
      **{n: value for n, value in one.metrics.items() if n != 'step'},
    }
    for one in outcomes
  ]
  text = io.StringIO()
  writer = csv.DictWriter(
    text,
    dict.fromkeys(name for row in rows for name in row),
    lineterminator='\n',
  )
  writer.writeheader()
  writer.writerows(rows)
  return text.getvalue()


def _status(one: Outcome) -> str:
  reason = ' '.join(one.reason.split())
  short = reason if len(reason) <= _LONGEST else f'{reason[: _LONGEST - 3]}...'
  return f'{one.status}: {short}' if reason else one.status


def _number(value: Any) -> str:
  if not isinstance(value, int | float) or not math.isfinite(value):
    return '' if value is None else str(value)
  return f'{value:.4g}'


def _seconds(folder: pathlib.Path) -> float:
  try:
    stretches = json.loads((folder / 'times.json').read_text('utf-8'))
    return float(sum(one['wall'] for one in stretches))
  except (OSError, ValueError, KeyError, TypeError):
    return 0.0


def _picture(grids: dict[str, list]) -> pathlib.Path | None:
  """Return the newest grid of samples, or of whatever a model shows."""
  names = [n for n in _PICTURES if n in grids]
  names += [n for n in grids if n not in ('nearest', 'interpolation')]
  return grids[names[0]][-1][1] if names else None
