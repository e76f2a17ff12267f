"""Losses of a GAN: numbers by hand, signs, gradients of second order."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.losses import adversarial, penalties
from art_jax.losses.adversarial import (
  Hinge,
  LeastSquares,
  NonSaturating,
  Relativistic,
  Wasserstein,
)
from art_jax.nn.conv import Conv, conv

_ALL = (NonSaturating(), LeastSquares(), Hinge(), Wasserstein())
_LOGITS = jnp.array([0.0, 2.0, -1.0])


def _softplus(x):
  return math.log(1 + math.exp(x))


# By hand for logits 0, 2 and -1.
@pytest.mark.parametrize(
  'loss, real, fake, generator',
  [
    (
      NonSaturating(),
      (math.log(2) + _softplus(-2) + _softplus(1)) / 3,
      (math.log(2) + _softplus(2) + _softplus(-1)) / 3,
      (math.log(2) + _softplus(-2) + _softplus(1)) / 3,
    ),
    (LeastSquares(), (1 + 1 + 4) / 6, (0 + 4 + 1) / 6, (1 + 1 + 4) / 6),
    (Hinge(), (1 + 0 + 2) / 3, (1 + 3 + 0) / 3, -1 / 3),
    (Wasserstein(), -1 / 3, 1 / 3, -1 / 3),
  ],
)
def test_values(loss, real, fake, generator):
  assert float(loss.real(_LOGITS)) == pytest.approx(real, abs=1e-6)
  assert float(loss.fake(_LOGITS)) == pytest.approx(fake, abs=1e-6)
  assert float(loss.generator(_LOGITS)) == pytest.approx(generator, abs=1e-6)


@pytest.mark.parametrize('loss', _ALL, ids=lambda x: type(x).__name__)
def test_signs(loss):
  """D raises real logits and lowers fake ones; G raises its own."""
  logit = jnp.array([0.3])
  assert jax.grad(loss.real)(logit) < 0
  assert jax.grad(loss.fake)(logit) > 0
  assert jax.grad(loss.generator)(logit) < 0


@pytest.mark.parametrize('sign', [-1, 1])
def test_far_logits_stay_finite(sign):
  far = jnp.array([sign * 1e4])
  for loss in _ALL:
    for part in (loss.real, loss.fake, loss.generator):
      value, slope = jax.value_and_grad(part)(far)
      assert np.isfinite(value) and np.isfinite(slope).all()


def test_smoothed_targets():
  # The minimum over the logit of the cross entropy to t is at sigmoid = t.
  for target in (0.15, 0.9):
    logit = math.log(target / (1 - target))
    for part in (NonSaturating().real, NonSaturating().fake):
      assert jax.grad(part)(jnp.array([logit]), target)[0] == pytest.approx(
        0, abs=1e-6
      )
  each = jnp.array([1.0, 0.5, 0.0])
  assert float(adversarial.least_squares(_LOGITS, each)) == pytest.approx(
    (1 + 2.25 + 1) / 3
  )


def test_negative_penalty_weight():
  with pytest.raises(core.UserError, match='pass 10'):
    Wasserstein(penalty_weight=-1.0)
  with pytest.raises(core.UserError, match='gamma=-1.*pass 2'):
    Relativistic(gamma=-1.0)


def _wave(shape, step, start):
  return jnp.sin(step * jnp.arange(math.prod(shape)) + start).reshape(shape)


def test_relativistic_loss_and_penalties_are_those_of_pytorch():
  """Origin: PyTorch 2.14.1, float32, CPU, autograd with create_graph.

  conv2d(stride 2, padding 1), tanh, a product with v; gamma 0.3; these waves.
  """
  loss = Relativistic(gamma=0.3)
  x, g = _wave((3, 8, 8, 2), 0.37, 0.1), _wave((3, 8, 8, 2), 0.53, 1.0)
  params = 0.5 * _wave((3, 3, 2, 4), 0.71, 0.3), _wave((64,), 0.29, 0.2)

  def terms(params):
    def score(images):
      h = conv(images, params[0], stride=2, padding=1)
      return jnp.tanh(h).reshape(len(images), -1) @ params[1]

    real, fake = score(x), score(g)
    return {
      'discriminator': loss.discriminator(real, fake),
      'generator': loss.generator(fake, real),
      'r1': loss.gamma * penalties.r1(score, x),
      'r2': loss.gamma * penalties.r1(score, g),
    }

  values = terms(params)
  expected = {
    'discriminator': 1.4825830459594727,
    'generator': 2.989210844039917,
    'r1': 25.415864944458008,
    'r2': 23.864168167114258,
  }
  for name, value in expected.items():
    assert float(values[name]) == pytest.approx(value, rel=1e-4), name
  slopes = jax.grad(
    lambda p: sum(v for k, v in terms(p).items() if k != 'generator')
  )(params)
  norms = [float(jnp.linalg.norm(slope)) for slope in slopes]
  assert norms == pytest.approx([49.761619567871094, 20.20647621154785], 1e-4)
  np.testing.assert_allclose(
    slopes[0][0, 0, 0],
    [9.598847389221191, 6.520437717437744, 2.274742603302002, -0.51043969],
    rtol=1e-4,
  )


def test_penalties_of_a_linear_score():
  # grad = w everywhere, |w| = 5.
  w = jnp.zeros((2, 2, 1)).at[0, 0, 0].set(3.0).at[1, 1, 0].set(4.0)

  def score(x):
    return jnp.sum(x * w, axis=(1, 2, 3))

  real, fake = jnp.ones((3, 2, 2, 1)), jnp.zeros((3, 2, 2, 1))
  mix = jnp.array([0.0, 0.4, 1.0])
  value = penalties.gradient_penalty(score, real, fake, mix)
  assert float(value) == pytest.approx(16.0)
  assert float(penalties.r1(score, real)) == pytest.approx(12.5)


def test_gradient_penalty_is_taken_between_real_and_fake():
  # grad of sum(x^2) / 2 is x itself, so the norm is that of x'.
  def score(x):
    return 0.5 * jnp.sum(jnp.square(x), axis=(1, 2, 3))

  real, fake = jnp.full((1, 2, 2, 1), 3.0), jnp.full((1, 2, 2, 1), 1.0)
  value = penalties.gradient_penalty(score, real, fake, jnp.array([0.25]))
  assert float(value) == pytest.approx((2 * 1.5 - 1) ** 2, rel=1e-5)


class _Critic(nn.Module):
  """Smooth: at a leaky ReLU's kinks a gradient norm jumps."""

  @nn.compact
  def __call__(self, x):
    for features in (4, 8):
      x = jnp.tanh(Conv(features, 4, 2, 1, gain=0.3)(x))
    return Conv(1, 8, padding='VALID', gain=0.3)(x).reshape(-1)


@pytest.mark.slow
def test_penalty_of_a_critic_against_finite_differences():
  """Its value from differences of scores, its slope from values."""
  module = _Critic()
  rng = np.random.default_rng(0)
  real, fake = rng.uniform(-1, 1, (2, 2, 32, 32, 1)).astype('f4')
  mix = jnp.array([0.3, 0.8])
  params = module.init(jax.random.key(1), real)['params']

  @jax.jit
  def penalty(params):
    def score(x):
      return module.apply({'params': params}, x)

    return penalties.gradient_penalty(score, real, fake, mix)

  between = mix[:, None, None, None] * real
  between += (1 - mix[:, None, None, None]) * fake
  gradient = jax.grad(lambda x: jnp.sum(module.apply({'params': params}, x)))(
    between
  )
  # The step along a unit vector u of slope grad . u = |grad|.
  norms = jnp.sqrt(jnp.sum(gradient**2, (1, 2, 3), keepdims=True))
  step = 1e-2 * gradient / norms
  ahead, behind = (
    module.apply({'params': params}, between + s * step) for s in (1, -1)
  )
  slopes = (ahead - behind) / 2e-2
  expected = float(jnp.mean((slopes - 1) ** 2))
  assert float(penalty(params)) == pytest.approx(expected, rel=2e-2)

  slope = jax.jit(jax.grad(penalty))(params)
  direction = jax.tree.map(
    lambda p: jnp.asarray(rng.normal(size=p.shape), 'f4') * jnp.std(p), params
  )
  eps = 1e-3
  difference = penalty(
    jax.tree.map(lambda p, d: p + eps * d, params, direction)
  ) - penalty(jax.tree.map(lambda p, d: p - eps * d, params, direction))
  along = sum(
    jnp.vdot(s, d)
    for s, d in zip(
      jax.tree.leaves(slope), jax.tree.leaves(direction), strict=True
    )
  )
  assert float(along) == pytest.approx(float(difference) / (2 * eps), rel=2e-2)
