"""NNST: PyTorch's numbers, what a step and a scale do, several paintings.

The numbers of PyTorch 2.14 (float64) come from a module written from the paper:
convolutions with reflected borders, `interpolate(..., antialias=True)`,
`cosine_similarity`, and autograd; its weights and pictures are those below.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import nnst, nnst_colors, nnst_matches
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.losses import hypercolumns as columns_of
from art_jax.nn import field, laplacian, vgg
from art_jax.nn.field import Turned

_BLOCKS = (2, 2, 3, 3)
_WIDTH = 4


def _inputs():
  """Return weights and three pictures, drawn as for the numbers below."""
  random, params, c_in = np.random.default_rng(0), {}, 3
  for block, count in enumerate(_BLOCKS):
    c_out = _WIDTH * min(2**block, 8)
    for number in range(count):
      params[f'conv{block + 1}_{number + 1}'] = {
        'kernel': random.normal(
          0, (2 / (9 * c_in)) ** 0.5, (3, 3, c_in, c_out)
        ).astype('f'),
        'bias': random.normal(0, 0.1, c_out).astype('f'),
      }
      c_in = c_out
  pictures = [
    random.uniform(-1, 1, (1, *shape, 3)).astype('f')
    for shape in ((32, 40), (32, 40), (40, 24))
  ]
  constants = {'mean': np.float32(vgg.MEAN), 'std': np.float32(vgg.STD)}
  return {'params': params, 'constants': constants}, pictures


_NETWORK = vgg.VGG(16, width=_WIDTH, padding='reflect')


def _nnst(**changes):
  return NNST(**{'features': _NETWORK, 'weights': '', **changes})


def _close(value, wanted):
  np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-6)


def test_hypercolumns_are_those_of_pytorch():
  variables, (picture, _, _) = _inputs()
  columns = jax.jit(
    lambda x: columns_of.hypercolumns(_NETWORK, variables, x, _nnst().layers)
  )(picture)
  assert columns.shape == (8, 10, 168)
  _close(columns.mean(), 0.760611211)
  _close(columns.max(), 6.37399774)
  _close(
    columns[3, 5, ::40],
    [0.484744329, 0.0, 3.17562792, 3.58764897, 0.0301296655],
  )


def test_pyramid_is_that_of_pytorch():
  levels = laplacian.pyramid(jnp.asarray(_inputs()[1][0]), 5)
  shapes = [level.shape[1:3] for level in levels]
  assert shapes == [(32, 40), (16, 20), (8, 10), (4, 5)]
  _close(
    [jnp.mean(level**2) for level in levels],
    [0.28864102, 0.0249183279, 0.00432650318, 0.00151152685],
  )
  _close(
    [level[0, 1, 2, 2] for level in levels],
    [-0.593242936, -0.153934745, -0.0058787155, 0.0194295563],
  )


@pytest.mark.slow
@pytest.mark.parametrize('projection', [0, 64])
def test_matches_loss_and_gradient_are_those_of_pytorch(projection):
  variables, (picture, content, style) = _inputs()
  algorithm = _nnst(content_weight=0.5, projection=projection)
  targets = jax.jit(algorithm.targets)(variables, content, (style,))

  def loss(pixels):
    columns = algorithm.extract(variables, pixels)
    matches = algorithm.match(columns, targets)
    ones = jnp.ones(columns.shape[1:3])
    sums = nnst_matches.column_sums(columns, matches, targets, ones)
    total, metrics = algorithm.loss(sums, targets)
    return total, (metrics, matches)

  both = jax.jit(jax.value_and_grad(loss, has_aux=True))
  (total, (metrics, matches)), gradient = both(picture)
  index = matches.index.ravel()
  first = [64, 87, 10, 11, 70, 3, 104, 96, 104, 57, 70, 69]
  assert index[:12].tolist() == first and int(index.sum()) == 3830
  _close(metrics['loss/style'], 0.0336965358)
  _close(metrics['loss/content'], 0.5 * 0.0549951072)
  _close(total, 0.0611940895)
  _close(jnp.abs(gradient).mean(), 0.000373412998)
  _close(gradient[0, 7, 9, 1], -0.00108062027)
  _close(gradient[0, 31, 39, 0], 0.000418226576)


def test_cells_take_matches_of_their_own_shade():
  variables, (_, content, style) = _inputs()

  def agreement(weight):
    algorithm = _nnst(color_weight=weight, projection=0)
    targets = algorithm.targets(variables, content, (style,))
    columns = algorithm.extract(variables, content)
    assert columns.shape[-1] == 168 + 3 * (weight > 0)
    matches = algorithm.match(columns, targets)
    found = nnst_matches.gathered(matches, [targets.painted[0].colors])
    asked = laplacian.resized(jnp.asarray(content), columns.shape[1:3])
    return np.corrcoef(np.ravel(found), np.ravel(asked))[0, 1]

  # The cosine compares hues and shades, not how strong they are.
  assert agreement(0.0) < 0.5 < 0.75 < agreement(1e3)


def test_settled_colors_are_those_of_the_cells():
  random = np.random.default_rng(0)
  pixels = random.uniform(-0.4, 0.4, (1, 32, 24, 3)).astype('f')
  colors = np.full((1, 8, 6, 3), (-0.5, 0.0, 0.5), 'f')
  limit = np.array([0.01, 0.02, 10.0], 'f')
  settled = nnst_colors.settle_colors(pixels, colors, limit)
  np.testing.assert_allclose(
    settled.mean((0, 1, 2)), colors[0, 0, 0], atol=0.02
  )
  deviation = (settled - colors[0, 0, 0]).std((0, 1, 2))
  np.testing.assert_allclose(deviation[:2], limit[:2], rtol=0.05)
  rest = nnst_colors.detail(jnp.asarray(pixels))[..., 2].std()
  np.testing.assert_allclose(deviation[2], rest, rtol=0.05)


@pytest.mark.slow
def test_a_scale_of_the_source_itself_is_the_source():
  variables, (picture, _, other) = _inputs()
  pictures = [Turned(0, 0), Turned(1, 0), Turned(0, 4)]
  pixels, cells = nnst.paint_scale(
    _nnst(),
    variables,
    jnp.asarray(picture[0]),
    (jnp.asarray(picture[0]), jnp.asarray(other[0])),
    pictures,
    jnp.asarray(picture[0]),
    key=jax.random.key(0),
    steps=2,
  )
  assert pixels.shape == picture[0].shape
  np.testing.assert_array_equal(cells.picture, 0)
  rows, columns = np.indices((8, 10))
  np.testing.assert_array_equal(cells.row, rows)
  np.testing.assert_array_equal(cells.column, columns)
  # Of the mirrored content, it is the mirrored source.
  _, cells = nnst.paint_scale(
    dataclasses.replace(_nnst(), projection=0),
    variables,
    jnp.asarray(picture[0, :, ::-1]),
    (jnp.asarray(picture[0]), jnp.asarray(other[0])),
    pictures,
    jnp.asarray(picture[0, :, ::-1]),
    key=jax.random.key(0),
    steps=1,
  )
  assert np.mean(np.asarray(cells.picture) == 2) > 0.9
  back = field.in_sources(cells, pictures, ((8, 10), (10, 6)))
  assert np.mean(np.asarray(back.column) == columns[:, ::-1]) > 0.9


@pytest.mark.slow
def test_steps_lower_the_loss_and_search_in_their_period():
  variables, (picture, content, style) = _inputs()
  algorithm = _nnst(rematch=3)
  targets = jax.jit(algorithm.targets)(variables, content, (style,))
  state = algorithm.begin(picture, variables, targets)
  step = jax.jit(lambda s: algorithm.step(s, {}, jax.random.key(0)))
  seen, values = [], []
  for _ in range(12):
    state, metrics = step(state)
    seen.append(np.asarray(state.matches.index))
    values.append(float(metrics['loss/total']))
  assert values[-1] < 0.8 * values[0]
  changed = [np.any(a != b) for a, b in zip(seen, seen[1:], strict=False)]
  assert not any(changed[i] for i in range(11) if (i + 1) % 3)


@pytest.mark.parametrize('blend', [(0.7, 0.3), (0.2, 0.3, 0.5), (1, 0)])
def test_shares_of_the_area(blend):
  similarities = np.random.default_rng(0).uniform(size=(len(blend), 4000))
  chosen = nnst_matches.choose(jnp.asarray(similarities), blend, None)
  shares = np.bincount(chosen, minlength=len(blend)) / 4000
  np.testing.assert_allclose(shares, np.array(blend) / sum(blend), atol=0.01)


def test_shares_stay_within_the_masks_of_three_paintings():
  similarities = np.random.default_rng(0).uniform(0.3, 0.9, (3, 1000))
  masks = np.zeros((3, 1000), 'f')
  masks[0, :100] = masks[1:, 100:] = 1
  chosen = nnst_matches.choose(
    jnp.asarray(similarities), (0.6, 0.2, 0.2), jnp.asarray(masks)
  )
  assert (masks[chosen, np.arange(1000)] == 1).all()


@pytest.mark.slow
def test_masks_decide_where_a_painting_applies():
  variables, (picture, content, style) = _inputs()
  left = np.zeros((32, 40), 'f')
  left[:, :20] = 1
  algorithm = _nnst()
  targets = jax.jit(algorithm.targets)(
    variables, content, (style, picture), (left, 1 - left)
  )
  matches = jax.jit(algorithm.match)(targets.content, targets)
  np.testing.assert_array_equal(matches.bank[0, :, :4], 0)
  np.testing.assert_array_equal(matches.bank[0, :, 6:], 1)


@pytest.mark.parametrize(
  'changes, message',
  [
    ({'turns': (0, 8)}, 'turns=.0, 8.: it names orientations 0 to 7'),
    ({'turns': ()}, 'turns=..: it names'),
    ({'blend': (0.0, 0.0)}, 'blend=.*shares are >= 0'),
    ({'coarse_size': -1}, 'coarse_size=-1: it is >= 0 pixels'),
    ({'content_weight': float('inf')}, 'content_weight=inf.*finite'),
    ({'content_weight': -1.0}, 'content_weight=-1.0: it is >= 0'),
    ({'color_weight': -1.0}, 'color_weight=-1.0: it is >= 0'),
    ({'rematch': 0}, 'rematch=0: it is at least 1'),
    ({'start': 'photo'}, 'start=.photo.: it is one of content, noise'),
    ({'layers': ('relu9_1',)}, "has the layer 'relu9_1'"),
    ({'layers': ()}, 'layers=..: it names a layer'),
  ],
)
def test_fields_out_of_range(changes, message):
  with pytest.raises(core.UserError, match=message):
    _nnst(**changes)
