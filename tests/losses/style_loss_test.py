"""Style losses against definitions, and colours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from art_jax import core
from art_jax.losses import style
from art_jax.losses.patches import Patches
from art_jax.losses.style import Gram
from art_jax.losses.wasserstein_style import WassersteinStyle
from art_jax.media import color_transfer


def _map(seed, h, w, c=5, batch=1):
  rng = np.random.default_rng(seed)
  mixing = np.eye(c) + rng.normal(size=(c, c)) / 2
  return (rng.normal(size=(batch, h, w, c)) @ mixing + 1).astype('f4')


_LOSSES = [Gram(), WassersteinStyle(), Patches(stride=1, chunk=7)]
_IDS = ['gram', 'wasserstein', 'patches']


@pytest.mark.parametrize('reduction, scale', [('sum', 4), ('mean', 4 / 25)])
def test_gram_reductions_are_multiples_of_the_paper(reduction, scale):
  loss, x, s = Gram(), _map(0, 6, 7), _map(1, 6, 7)
  sums, target = loss.sums(x, jnp.ones((6, 7)), ()), loss.target(s)
  g, a = (np.einsum('bhwi,bhwj->ij', m, m) for m in (x, s))
  paper = ((g - a) ** 2).sum() / (4 * 5**2 * 42**2)
  got = loss.distance(sums, target, 'paper')
  np.testing.assert_allclose(got, [paper], rtol=1e-5)
  np.testing.assert_allclose(
    loss.distance(sums, target, reduction), scale * got, rtol=1e-5
  )


@pytest.mark.slow
def test_wasserstein_is_that_of_gaussians():
  loss = WassersteinStyle(epsilon=0.0)
  x, s = _map(0, 9, 11), _map(1, 12, 10)

  def distance(x):
    return loss.distance(
      loss.sums(x, jnp.ones((9, 11)), ()), loss.target(s), 'paper'
    )[0]

  def reference(x):
    a, b = x.reshape(-1, 5).astype('f8'), s.reshape(-1, 5).astype('f8')
    ca, cb = (np.cov(m, rowvar=False, bias=True) for m in (a, b))
    root = scipy.linalg.sqrtm(cb)
    cross = np.trace(scipy.linalg.sqrtm(root @ ca @ root)).real
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return mean + np.trace(ca + cb) - 2 * cross

  value, gradient = jax.value_and_grad(distance)(jnp.asarray(x))
  np.testing.assert_allclose(value, reference(x), rtol=1e-4)
  direction = np.random.default_rng(2).normal(size=x.shape)
  step = 1e-4
  numeric = reference(x + step * direction) - reference(x - step * direction)
  np.testing.assert_allclose(
    np.vdot(gradient, direction), numeric / (2 * step), rtol=2e-3
  )


def test_patches_match_the_most_similar():
  loss, x, s = Patches(stride=1, chunk=7), _map(0, 5, 6, 2), _map(1, 4, 5, 2)

  def cut(m):
    h, w = m.shape[1:3]
    return np.array(
      [
        m[0, i : i + 3, j : j + 3].ravel()
        for i in range(h - 2)
        for j in range(w - 2)
      ]
    )

  a, b = cut(x), cut(s)
  norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
  best = ((a @ b.T) / norms).argmax(1)
  sums = loss.sums(jnp.asarray(x), jnp.ones((5, 6)), loss.target(s))
  paper = loss.distance(sums, (), 'paper')
  np.testing.assert_allclose(paper, [((a - b[best]) ** 2).sum()], rtol=1e-5)
  np.testing.assert_allclose(
    loss.distance(sums, (), 'mean'), paper / a.size, rtol=1e-5
  )


@pytest.mark.parametrize('loss', _LOSSES, ids=_IDS)
def test_own_style_is_at_distance_zero(loss):
  x = jnp.asarray(_map(0, 8, 9))
  target = loss.target(x)
  sums = loss.sums(x, jnp.ones((8, 9)), target)
  own = loss.distance(sums, target, 'mean')
  other = _map(1, 8, 9)
  sums = loss.sums(jnp.asarray(other), jnp.ones((8, 9)), target)
  assert abs(float(own[0])) < 1e-3 * float(
    loss.distance(sums, target, 'mean')[0]
  )


@pytest.mark.parametrize('loss', _LOSSES, ids=_IDS)
def test_sums_add_up_over_parts(loss):
  x, s = jnp.asarray(_map(0, 8, 9)), _map(1, 6, 6)
  target = loss.target(s)
  left = jnp.zeros((8, 9)).at[:, :4].set(1)
  parts = [loss.sums(x, w, target) for w in (left, 1 - left)]
  whole = loss.sums(x, jnp.ones((8, 9)), target)
  jax.tree.map(
    lambda a, b, c: np.testing.assert_allclose(a + b, c, rtol=1e-4),
    *parts,
    whole,
  )


def test_masked_gram_is_that_of_the_region():
  x = _map(0, 8, 9)
  mask = jnp.zeros((8, 9)).at[2:5].set(1)
  got = Gram().sums(jnp.asarray(x), mask, ())
  expected = Gram().sums(jnp.asarray(x[:, 2:5]), jnp.ones((3, 9)), ())
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), got, expected
  )


def test_total_variation():
  ramp = np.broadcast_to(np.arange(5)[None, :, None] * 0.5, (4, 5, 3))[None]
  l1 = style.total_variation(jnp.asarray(ramp), 'l1')
  l2 = style.total_variation(jnp.asarray(ramp), 'l2')
  np.testing.assert_allclose(l1, 4 * 4 * 3 * 0.5)
  np.testing.assert_allclose(l2, 4 * 4 * 3 * 0.25)
  mean = style.total_variation(jnp.asarray(ramp), 'l2', 'mean')
  np.testing.assert_allclose(mean, l2 / 60)
  with pytest.raises(core.UserError, match="tv_norm='l3'"):
    style.total_variation(jnp.asarray(ramp), 'l3')


def test_shrink_averages_blocks():
  weights = jnp.asarray(np.random.default_rng(0).uniform(size=(19, 32)))
  got = style.shrink(weights, (4, 8))
  expected = np.asarray(weights)[:16].reshape(4, 4, 8, 4).mean((1, 3))
  np.testing.assert_allclose(got, expected, rtol=1e-6)
  # SqueezeNet's layers of 224 pixels: 111, 55, 27, 13.
  for extent, factor in ((111, 2), (55, 4), (27, 8), (13, 16)):
    line = jnp.arange(224.0)[:, None]
    np.testing.assert_allclose(
      style.shrink(line, (extent, 1))[1, 0], 1.5 * factor - 0.5
    )


def test_colours():
  rng = np.random.default_rng(0)
  photo = rng.uniform(-0.6, 0.4, (20, 30, 3)).astype('f4') * [1, 0.5, 0.2]
  painting = rng.uniform(-0.5, 0.5, (10, 10, 3)).astype('f4')
  moved = color_transfer.match_colors(painting, photo)
  for moment in (lambda x: x.mean(0), lambda x: np.cov(x, rowvar=False)):
    np.testing.assert_allclose(
      moment(moved.reshape(-1, 3)), moment(photo.reshape(-1, 3)), atol=1e-3
    )
  grey = color_transfer.match_luminance(painting, photo)
  bright = color_transfer.luminance(photo)
  np.testing.assert_allclose(
    [grey.mean(), grey.std()], [bright.mean(), bright.std()], rtol=1e-4
  )
  kept = color_transfer.with_colors_of(color_transfer.luminance(photo), photo)
  np.testing.assert_allclose(kept, photo, atol=2e-3)


def test_histograms_become_the_contents():
  rng = np.random.default_rng(0)
  style = rng.normal(0, 0.2, (20, 30, 3)).astype('f4')
  content = rng.uniform(-1, 1, (25, 40, 3)).astype('f4')
  matched = color_transfer.match_histograms(style, content)
  for channel in range(3):
    got, old = matched[..., channel].ravel(), style[..., channel].ravel()
    quantiles = np.linspace(0.02, 0.98, 25)
    want = np.quantile(content[..., channel], quantiles)
    np.testing.assert_allclose(np.quantile(got, quantiles), want, atol=0.01)
    # The order of the painting's values is kept.
    assert (np.diff(got[np.argsort(old)]) >= 0).all()
  assert color_transfer.prepared(style, content, 'style') is style


def test_temporal_loss():
  x, before = np.zeros((2, 2, 2, 3), 'f4'), np.ones((1, 2, 2, 3), 'f4')
  x[1] = 3
  trust = np.array([[1, 0], [0.5, 0]], 'f4')
  # (1 + 0.5) / 4 of the squared differences 1 and 4.
  np.testing.assert_allclose(style.temporal(x, before, trust), [0.375, 1.5])
