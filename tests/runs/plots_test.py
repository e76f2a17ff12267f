"""Curves: every metric is shown, no spike is lost, no NaN stops them."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.runs import plots

pytest.importorskip('matplotlib')


def _rows(count, **values):
  return [
    {'step': 50 * (i + 1)} | {n: f(i) for n, f in values.items()}
    for i in range(count)
  ]


def test_names_scale_and_marks():
  rows = _rows(30, **{'loss/g': lambda i: 1 + i, 'x/y': lambda i: -1.0})
  rows += [{'step': 1501, 'loss/d': 0.1}]
  axes = plots.curves(rows, marks={500: 'alarm'}).axes[0]
  labels = [line.get_label() for line in axes.lines]
  assert labels[:2] == ['g', 'd']
  assert list(axes.lines[0].get_xdata()) == [50.0 * i for i in range(1, 31)]
  assert axes.get_yscale() == 'log'  # 0.1 to 30
  assert axes.get_xlabel() == 'step (one value every 50)'
  assert axes.lines[2].get_xdata() == [500, 500]
  (axes,) = plots.curves(rows, ['x/y']).axes
  assert [line.get_label() for line in axes.lines] == ['x/y']
  assert axes.get_yscale() == 'linear'


@pytest.mark.parametrize(
  'values, expected',
  [
    ([1, 100], True),
    ([1, 99], False),
    ([-1, 100], False),
    ([0, 100], False),
    ([math.nan, math.nan], False),
    ([1, 1000, math.nan, math.inf], True),
  ],
)
def test_log_scale_where_it_helps(values, expected):
  assert plots.spans_decades([np.array(values, float)]) is expected


def test_long_curves_keep_their_spikes():
  rows = _rows(5000, **{'loss/g': lambda i: 900.0 if i == 2345 else 1.0})
  axes = plots.curves(rows).axes[0]
  assert len(axes.lines[0].get_xdata()) == 400
  band = axes.collections[0].get_paths()[0].vertices
  assert band[:, 1].max() == 900
  assert axes.lines[0].get_ydata().max() < 100


def test_binned_by_hand():
  steps, values = np.arange(6.0), np.array([1, 2, 6, np.nan, np.nan, np.nan])
  middle, low, mean, high = plots.binned(steps, values, 3)
  np.testing.assert_array_equal(middle, [0.5, 2.5, 4.5])
  np.testing.assert_array_equal(low, [1, 6, np.nan])
  np.testing.assert_array_equal(mean, [1.5, 6, np.nan])
  np.testing.assert_array_equal(high, [2, 6, np.nan])


def test_bytes_and_not_finite():
  bad = [math.nan, math.inf, -math.inf, 2.0]
  figure = plots.curves(_rows(4, **{'loss/g': lambda i: bad[i]}))
  picture = np.asarray(Image.open(io.BytesIO(plots.png(figure))).convert('L'))
  assert picture.std() > 5  # something is drawn
  again = plots.curves(_rows(4, **{'loss/g': lambda i: bad[i]}))
  assert plots.svg(figure) == plots.svg(again)
  assert plots.svg(figure).startswith(b'<?xml')


def test_nothing_to_draw():
  with pytest.raises(core.UserError, match='no value of loss/g'):
    plots.curves(_rows(3, **{'x/y': float}), ['loss/g'])
