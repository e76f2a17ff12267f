"""PatchNCE and its head: PyTorch's numbers, limits, gradients, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.losses.patch_nce import patch_nce
from art_jax.nn import patch_head
from art_jax.nn.patch_head import PatchHead


def _uniform(seed, shape, limit):
  rng = np.random.RandomState(seed)
  return rng.uniform(-limit, limit, shape).astype('float32')


def _fixture():
  """Return params, queries and targets of layers with 3 and 8 channels."""
  params, queries, targets = {}, [], []
  for i, channels in enumerate((3, 8)):
    shapes = {'hidden': (16, channels), 'out': (16, 16)}
    params[f'layer_{i}'] = {
      name: {
        'kernel': _uniform(10 * (i + 1) + 2 * j, shape, 0.3).T,
        'bias': _uniform(10 * (i + 1) + 2 * j + 1, (16,), 0.3),
      }
      for j, (name, shape) in enumerate(shapes.items())
    }
    queries.append(_uniform(50 + 2 * i, (2, 12, channels), 1.0))
    targets.append(_uniform(51 + 2 * i, (2, 12, channels), 1.0))
  return params, queries, targets


def _losses(params, queries, targets, negatives='picture'):
  apply = PatchHead(16).apply
  pairs = zip(
    apply({'params': params}, *queries),
    apply({'params': params}, *targets),
    strict=True,
  )
  return jnp.stack([patch_nce(q, t, negatives=negatives) for q, t in pairs])


# Origin of all numbers: PyTorch 2.14.1, float32, CPU; a module written from the
# paper: Linear, ReLU, Linear, division by the length + 1e-7, cross entropy of
# the products / 0.07; the weights and patches above. The gradients are of the
# mean of both layers: (Euclidean norm, last element).
_LOSSES = {
  'picture': [2.8261821269989014, 2.9960219860076904],
  'batch': [3.5403287410736084, 3.692340135574341],
}
_QUERY_GRADIENTS = [
  (0.20046517252922058, 0.011062994599342346),
  (0.26393723487854004, -0.00026637245900928974),
]
_GRADIENTS = [  # hidden kernel and bias, out kernel and bias, of each layer
  (0.43621355295181274, 0.009629834443330765),
  (0.327020525932312, 0.14023488759994507),
  (0.333425909280777, -0.013556084595620632),
  (0.3651576638221741, -0.03199610114097595),
  (0.6984568238258362, 0.10881392657756805),
  (0.19530324637889862, 0.0905449241399765),
  (0.4180731177330017, -0.12898212671279907),
  (0.371717244386673, -0.12945356965065002),
]


def _close(array, expected):
  size, last = expected
  array = np.asarray(array, 'float64')
  np.testing.assert_allclose(np.sqrt(np.sum(array**2)), size, rtol=1e-4)
  np.testing.assert_allclose(array.ravel()[-1], last, atol=1e-4 * size)


def test_golden_numbers_of_pytorch():
  params, queries, targets = _fixture()
  z = PatchHead(16).apply({'params': params}, *queries)
  wanted = [0.4079262912273407, -0.2660175859928131, 0.26867517828941345]
  np.testing.assert_allclose(z[0][0, 0, :3], wanted, atol=1e-5)
  for negatives, wanted in _LOSSES.items():
    losses = _losses(params, queries, targets, negatives)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)

  def mean(*arguments):
    return jnp.mean(_losses(*arguments))

  of_params, of_queries, of_targets = jax.grad(mean, (0, 1, 2))(
    params, queries, targets
  )
  for gradient, wanted in zip(of_queries, _QUERY_GRADIENTS, strict=True):
    _close(gradient, wanted)
  wanted = iter(_GRADIENTS)
  for layer in of_params.values():
    for dense in layer.values():
      _close(dense['kernel'].T, next(wanted))
      _close(dense['bias'], next(wanted))
  for gradient in of_targets:
    assert not gradient.any()


@pytest.mark.parametrize('negatives, count', [('picture', 5), ('batch', 15)])
def test_limits(negatives, count):
  same = jnp.ones((3, 5, 16)) / 4
  value = patch_nce(same, same, negatives=negatives)
  np.testing.assert_allclose(value, np.log(count), rtol=1e-6)
  apart = jnp.eye(16)[:15].reshape(3, 5, 16)
  assert patch_nce(apart, apart, negatives=negatives) < 1e-4
  # Of the other pictures only 'batch' knows.
  repeated = jnp.broadcast_to(apart[:1], apart.shape)
  value = patch_nce(repeated, repeated, negatives=negatives)
  wanted = {'picture': 0, 'batch': np.log(3)}[negatives]
  np.testing.assert_allclose(value, wanted, atol=1e-4)


def test_a_zero_patch_has_a_finite_gradient():
  params, *_ = _fixture()
  params = jax.tree.map(jnp.zeros_like, params)

  def loss(params):
    z = PatchHead(16).apply({'params': params}, *_fixture()[1])
    return patch_nce(z[0], z[1])

  for gradient in jax.tree.leaves(jax.grad(loss)(params)):
    assert np.isfinite(gradient).all()


def test_published_parameter_count():
  layers = [
    jax.ShapeDtypeStruct((1, 256, c), 'float32') for c in (3, 128, *(256,) * 3)
  ]
  params = jax.eval_shape(PatchHead().init, jax.random.key(0), *layers)
  assert sum(x.size for x in jax.tree.leaves(params)) == 560_384


def test_places_are_all_different_and_patches_are_those_places():
  features = jnp.arange(2.0 * 6 * 4 * 3).reshape(2, 6, 4, 3)
  at = patch_head.places(jax.random.key(0), features, 10)
  assert len(set(at.tolist())) == 10 and at.max() < 24
  found = patch_head.patches(features, at)
  np.testing.assert_array_equal(found[1, 3], features[1, at[3] // 4, at[3] % 4])
  every = patch_head.places(jax.random.key(1), features, 999)
  assert sorted(every.tolist()) == list(range(24))


@pytest.mark.parametrize(
  'changes, match',
  [
    ({'temperature': 0}, 'temperature=0'),
    ({'negatives': 'others'}, "negatives='others'.*picture, batch"),
    ({'targets': jnp.ones((1, 2, 4))}, r'\(1, 3, 4\).*\(1, 2, 4\)'),
  ],
)
def test_bad_arguments(changes, match):
  x = jnp.ones((1, 3, 4))
  with pytest.raises(core.UserError, match=match):
    patch_nce(**{'queries': x, 'targets': x, **changes})


@pytest.mark.parametrize(
  'width, shape, match',
  [(0, (1, 4, 3), 'width = 0'), (4, (1, 4, 4, 3), 'expected .B, P, C.')],
)
def test_bad_head(width, shape, match):
  with pytest.raises(ValueError, match=match):
    jax.eval_shape(
      PatchHead(width).init,
      jax.random.key(0),
      jax.ShapeDtypeStruct(shape, 'float32'),
    )
