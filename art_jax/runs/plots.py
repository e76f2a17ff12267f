"""Curves of metrics over the steps, drawn from the rows of metrics.jsonl.

matplotlib is imported when something is drawn, and used through its objects:
pyplot, which keeps every figure in a global list, is never imported.
"""

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from art_jax import core

# Up to so many values a curve shows each; beyond, a mean and a band.
_POINTS = 400
_DECADES = 2  # from which on a logarithmic axis shows more than a linear one


def curves(
  rows: Sequence[Mapping[str, Any]],
  names: Iterable[str] | None = None,
  *,
  title: str = '',
  marks: Mapping[int, str] | None = None,
  size: tuple[float, float] = (8.0, 4.0),
) -> Any:
  """Draw metrics over the steps into one figure.

  A curve of more than 400 values shows the mean of every 1/400 of them in a
  band from their least to their largest, so no spike is lost. The axis is
  logarithmic where all values are positive and span two decades or more.

  Args:
    rows: as `metrics_log.read_metrics` returns them; a row may lack a name.
      NaN and infinity leave a gap.
    names: metrics to draw; None: all that begin with 'loss/'.
    title: above the axes.
    marks: steps to mark by a vertical line, and what to write there.
    size: width and height in inches.

  Returns:
    A matplotlib `Figure`; `png` and `svg` make bytes of it.

  Raises:
    core.UserError: no row has any of the names, or matplotlib is missing.
  """
  names = loss_names(rows) if names is None else list(names)
  series = {name: _series(rows, name) for name in names}
  series = {name: pair for name, pair in series.items() if len(pair[0])}
  core.require(
    series,
    f'{len(rows)} rows hold no value of {", ".join(names) or "loss/*"}; pass '
    'names that they hold',
  )
  figure = _figure(size)
  axes = figure.subplots()
  for name, (steps, values) in series.items():
    _draw(axes, label(name.removeprefix('loss/')), steps, values)
  if spans_decades(values for _, values in series.values()):
    axes.set_yscale('log')
  for step, text in (marks or {}).items():
    axes.axvline(step, color='0.3', linestyle='--', linewidth=1)
    axes.annotate(
      text,
      (step, 1),
      xycoords=('data', 'axes fraction'),
      xytext=(3, -10),
      textcoords='offset points',
      fontsize='small',
    )
  axes.set_xlabel(_step_label([steps for steps, _ in series.values()]))
  axes.set_title(label(title), fontsize='medium')
  axes.grid(alpha=0.3)
  axes.margins(x=0.01)
  axes.spines[['top', 'right']].set_visible(False)
  # Beside the axes: inside, it would hide a part of the curves.
  axes.legend(loc='upper left', bbox_to_anchor=(1, 1), frameon=False)
  return figure


def png(figure: Any, dpi: int = 100) -> bytes:
  """Return a figure as a PNG file, cut to what is drawn."""
  return _saved(figure, format='png', dpi=dpi)


def svg(figure: Any) -> bytes:
  """Return a figure as an SVG file; equal figures give equal bytes."""
  import matplotlib

  with matplotlib.rc_context({'svg.hashsalt': 'art_jax'}):
    return _saved(figure, format='svg', metadata={'Date': None})


def label(text: str) -> str:
  """Return a text that matplotlib shows as it is: no formula, not hidden."""
  text = re.sub(r'(?<!\\)\$', r'\\$', text)
  return f' {text}' if text.startswith('_') else text


def loss_names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
  """Return the names in the rows that begin with 'loss/', in their order."""
  names = dict.fromkeys(name for row in rows for name in row)
  return [name for name in names if name.startswith('loss/')]


def spans_decades(series: Iterable[np.ndarray]) -> bool:
  """Return whether finite values are all positive and span two decades."""
  values = np.concatenate([np.ravel(values) for values in series])
  values = values[np.isfinite(values)]
  positive = len(values) > 0 and values.min() > 0
  return bool(positive and math.log10(values.max() / values.min()) >= _DECADES)


def binned(
  steps: np.ndarray, values: np.ndarray, bins: int
) -> tuple[np.ndarray, ...]:
  """Return mean step and least, mean and largest value of `bins` parts.

  Args:
    steps: [N], N >= bins.
    values: f64[N]; NaN is left out, a part of nothing else is NaN.
    bins: number of parts of N / bins neighbors each.

  Returns:
    Four f64[bins].
  """
  parts = np.array_split(values, bins)
  finite = [part[~np.isnan(part)] for part in parts]
  columns = [
    (x.min(), x.mean(), x.max()) if len(x) else (np.nan,) * 3 for x in finite
  ]
  middle = np.array([part.mean() for part in np.array_split(steps, bins)])
  return middle, *np.array(columns).T


def _draw(axes: Any, label: str, steps: np.ndarray, values: np.ndarray) -> None:
  if len(steps) <= _POINTS:
    marker = '.' if len(steps) < 20 else ''
    axes.plot(steps, values, label=label, linewidth=1, marker=marker)
    return
  middle, low, mean, high = binned(steps, values, _POINTS)
  (line,) = axes.plot(middle, mean, label=label, linewidth=1.2)
  axes.fill_between(
    middle, low, high, color=line.get_color(), alpha=0.25, linewidth=0
  )


def _step_label(series: Sequence[np.ndarray]) -> str:
  """Say how many steps lie between two values: one is of one step alone."""
  gaps = np.diff(max(series, key=len))
  every = int(np.median(gaps)) if len(gaps) else 1
  return 'step' if every <= 1 else f'step (one value every {every})'


def _series(
  rows: Iterable[Mapping[str, Any]], name: str
) -> tuple[np.ndarray, np.ndarray]:
  pairs = [(row['step'], row[name]) for row in rows if name in row]
  steps, values = np.array(pairs, np.float64).reshape(-1, 2).T
  return steps, np.where(np.isfinite(values), values, np.nan)


def _figure(size: tuple[float, float]) -> Any:
  try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
  except ImportError as error:
    raise core.UserError(
      f'curves are drawn by matplotlib ({error}): pip install matplotlib'
    ) from None
  figure = Figure(figsize=size)
  FigureCanvasAgg(figure)
  return figure


def _saved(figure: Any, **options: Any) -> bytes:
  data = io.BytesIO()
  figure.savefig(data, bbox_inches='tight', pad_inches=0.1, **options)
  return data.getvalue()
