"""The discriminator: published sizes, receptive fields, clear errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.nn import blur
from art_jax.nn.patchgan import PatchGAN


@pytest.mark.parametrize(
  'fields, channels, count',
  [
    ({}, 3, 2_764_737),
    ({'norm': 'instance_affine'}, 3, 2_766_529),
    ({'norm': 'batch'}, 3, 2_765_633),
    ({'norm': 'batch'}, 6, 2_768_705),
    ({'norm': 'batch', 'layers': 0}, 6, 9_024),
  ],
)
def test_published_parameter_counts(fields, channels, count):
  x = jax.ShapeDtypeStruct((1, 32, 32, channels), 'float32')
  variables = jax.eval_shape(PatchGAN(**fields).init, jax.random.key(0), x)
  assert sum(a.size for a in jax.tree.leaves(variables['params'])) == count


@pytest.mark.parametrize(
  'layers, size, logits', [(3, 256, 30), (3, 70, 6), (1, 32, 14), (0, 9, 9)]
)
def test_output_size(layers, size, logits):
  x = jax.ShapeDtypeStruct((2, size, size, 3), 'float32')
  y, _ = jax.eval_shape(
    PatchGAN(4, layers).init_with_output, jax.random.key(0), x
  )
  assert y.shape == (2, logits, logits, 1)
  assert y.dtype == jnp.float32


@pytest.mark.slow
@pytest.mark.parametrize(
  'layers, size, field', [(0, 8, 1), (1, 32, 16), (3, 128, 70)]
)
def test_receptive_field(layers, size, field):
  # Batch norm in evaluation mixes no positions, so the support of a logit's
  # gradient is the patch that it sees.
  module = PatchGAN(1, layers, 'batch')
  x = jnp.asarray(
    np.random.default_rng(0).normal(size=(1, size, size, 1)), 'f4'
  )
  variables = module.init(jax.random.key(0), x)
  # Positive kernels: no cancellation can hide a pixel.
  variables = jax.tree.map(lambda a: jnp.abs(a) + 0.1, variables)

  @jax.jit
  def seen(x):
    def middle(x):
      y = module.apply(variables, x)
      return y[0, y.shape[1] // 2, y.shape[2] // 2, 0]

    return jax.grad(middle)(x)[0, :, :, 0] != 0

  rows, cols = np.nonzero(seen(x))
  assert (np.ptp(rows) + 1, np.ptp(cols) + 1) == (field, field)


def test_detail_is_what_it_sees_beside_the_picture():
  x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 12, 12, 3)), 'f4')
  module, plain = PatchGAN(4, 1, 'none', detail=3.0), PatchGAN(4, 1, 'none')
  variables = module.init(jax.random.key(0), x)
  both = jnp.concatenate([x, 3 * blur.detail(x)], axis=-1)
  np.testing.assert_allclose(
    module.apply(variables, x), plain.apply(variables, both), rtol=1e-5
  )


def test_bfloat16_returns_float32():
  x = jnp.ones((1, 12, 12, 3))
  y, variables = PatchGAN(2, 1, dtype='bfloat16').init_with_output(
    jax.random.key(0), x
  )
  assert y.dtype == jnp.float32
  assert {a.dtype for a in jax.tree.leaves(variables)} == {jnp.dtype('f4')}


@pytest.mark.parametrize(
  'fields, shape, match',
  [
    ({}, (1, 16, 32, 3), 'image 16x32.*24x24'),
    ({}, (32, 32, 3), 'expected .B, H, W, C.'),
    ({'width': 0}, (1, 32, 32, 3), 'width = 0'),
    ({'detail': -1}, (1, 32, 32, 3), 'detail = -1'),
    ({'layers': 7}, (1, 32, 32, 3), 'layers = 7'),
    ({'norm': 'group'}, (1, 32, 32, 3), "norm = 'group'"),
  ],
)
def test_errors(fields, shape, match):
  with pytest.raises(ValueError, match=match):
    jax.eval_shape(
      PatchGAN(**fields).init,
      jax.random.key(0),
      jax.ShapeDtypeStruct(shape, 'float32'),
    )
