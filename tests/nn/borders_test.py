"""Padding, enlarging, pooling and Gram matrices equal their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.losses import style
from art_jax.nn import borders, pooling


def _normal(*shape, seed=0):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=shape), jnp.float32)


def _same(f, definition, *args, tolerance=1e-5):
  """Compare values, gradients, and the gradient of a gradient penalty."""

  def everything(f):
    def run(*args):
      y, vjp = jax.vjp(f, *args)
      c = jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape)

      def penalty(*args):
        wanted = tuple(range(len(args)))
        g = jax.grad(lambda *a: jnp.sum(jnp.sin(f(*a)) * c), wanted)(*args)
        return sum(jnp.sum(jnp.square(a)) for a in g)

      return y, vjp(c), jax.grad(penalty)(*args)

    return run

  got = jax.jit(everything(f))(*args)
  expected = jax.jit(everything(definition))(*args)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
    assert a.dtype == b.dtype
    scale = max(float(np.abs(b).max()), 1e-6)
    np.testing.assert_allclose(a / scale, b / scale, atol=tolerance)


# The last ones are so small that the mirrored borders meet.
@pytest.mark.slow
@pytest.mark.parametrize(
  'size, n', [((9, 8), 1), ((11, 12), 3), ((4, 5), 3), ((2, 3), 1), ((8, 5), 3)]
)
def test_reflect_pad(size, n):
  pads = ((0, 0), (n, n), (n, n), (0, 0))
  _same(
    lambda x: borders.reflect_pad(x, n),
    lambda x: jnp.pad(x, pads, mode='reflect'),
    _normal(2, *size, 3),
  )


@pytest.mark.parametrize('scale', [1, 2, 3])
def test_upsample(scale):
  _same(
    lambda x: borders.upsample(x, scale),
    lambda x: jnp.repeat(jnp.repeat(x, scale, 1), scale, 2),
    _normal(2, 3, 4, 5),
  )


@pytest.mark.parametrize(
  'kind, reduce', [('average', jnp.mean), ('max', jnp.max)]
)
def test_pool(kind, reduce):
  def definition(x):
    x = x[:, :4, :6]
    return reduce(x.reshape(2, 2, 2, 3, 2, 3), (2, 4))

  _same(lambda x: pooling.pool(x, 2, kind), definition, _normal(2, 5, 6, 3))


def test_gram():
  def definition(x, w):
    return jnp.einsum('bhwi,bhwj,hw->bij', x, x, w)

  _same(style.gram, definition, _normal(2, 4, 5, 3), _normal(4, 5, seed=1))


@pytest.mark.slow
def test_gradients_keep_rows_on_their_devices():
  """Rows split over devices: the same numbers, and nothing is gathered."""
  mesh = jax.make_mesh((8,), ('data',))
  split = jax.NamedSharding(mesh, jax.P('data'))
  x = _normal(8, 6, 6, 3)

  def loss(x):
    y = borders.upsample(borders.reflect_pad(x, 1), 2)
    return jnp.sum(jnp.sin(pooling.pool(y, 2, 'average')) ** 2)

  gradient = jax.jit(jax.grad(loss), in_shardings=split, out_shardings=split)
  compiled = gradient.lower(x).compile()
  assert 'all-gather' not in compiled.as_text()
  np.testing.assert_allclose(compiled(x), jax.grad(loss)(x), atol=1e-5)
