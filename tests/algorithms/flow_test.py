"""Rectified flow: PyTorch's numbers, the same samplers and edits, patches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import diffusion_parts, diffusion_samplers
from art_jax.config import experiments
from art_jax.losses.denoising import RectifiedFlow
from art_jax.nn.diffusion_unet import DiffusionUNet

_C = jnp.array([0.3, -0.2, 0.5])


def _wave(shape, step, start):
  return jnp.sin(step * jnp.arange(np.prod(shape)) + start).reshape(shape)


_NOISE = 1.4 * _wave((3, 4, 4, 3), 1.13, 0.5)


def _denoise(kernel, x, sigma):
  """D of the network F(x; c) = tanh(x A + c_noise C)."""
  c = RectifiedFlow().coefficients(jnp.broadcast_to(sigma, x.shape[:1]))
  c_skip, c_out, c_in, c_noise = map(diffusion_parts.wide, c)
  return c_skip * x + c_out * jnp.tanh(c_in * x @ kernel + c_noise * _C)


# Origin of these numbers: PyTorch 2.14.1, float32, CPU. F of x_t = (1 - t) y +
# t n as above, with ln(t / (1 - t)) / 4, against n - y; autograd.
def test_loss_and_gradient_are_those_of_pytorch():
  y = 0.8 * _wave((3, 4, 4, 3), 0.41, 0.0)
  time = jnp.array([0.1, 0.5, 0.9])
  sigma = time / (1 - time)

  def rows(kernel):
    x = y + diffusion_parts.wide(sigma) * _NOISE
    error = jnp.mean((_denoise(kernel, x, sigma) - y) ** 2, axis=(1, 2, 3))
    return RectifiedFlow().weight(sigma) * error

  kernel = _wave((3, 3), 0.9, 0.2)
  np.testing.assert_allclose(
    rows(kernel),
    [1.5208954811096191, 1.2729188203811646, 1.498925805091858],
    rtol=1e-4,
  )
  slope = jax.grad(lambda kernel: rows(kernel).mean())(kernel)
  expected = [
    *(-0.04523686319589615, 0.07318481057882309, 0.3047694265842438),
    *(-0.029467301443219185, -0.16751797497272491, -0.045699309557676315),
    *(0.09343217313289642, -0.1037200465798378, -0.23325331509113312),
  ]
  np.testing.assert_allclose(slope.reshape(-1), expected, atol=1e-4)


# The same field followed in t, from 80/81 to 0 in 4 even steps, in PyTorch;
# the last step of Heun's method is Euler's.
@pytest.mark.parametrize(
  'name, first, mean, deviation',
  [
    (
      'euler',
      [0.47460508346557617, 1.7317872047424316, 0.8440154194831848],
      *(0.02106156200170517, 0.9678122401237488),
    ),
    (
      'velocity_heun',
      [0.5577451586723328, 1.6885590553283691, 0.885867714881897],
      *(0.03606630861759186, 0.9678876399993896),
    ),
  ],
)
def test_samplers_follow_the_velocity_as_pytorch_does(
  name, first, mean, deviation
):
  kernel = _wave((3, 3), 0.9, 0.2)
  sigmas = diffusion_samplers.uniform_times(4)
  sampled = diffusion_samplers.SAMPLERS[name](
    lambda x, sigma: _denoise(kernel, x, sigma),
    sigmas[0] * _NOISE,
    sigmas,
    jax.random.key(0),
  )
  np.testing.assert_allclose(sampled[0, 0, 0], first, atol=1e-4)
  assert float(sampled.mean()) == pytest.approx(mean, abs=1e-4)
  assert float(sampled.std()) == pytest.approx(deviation, abs=1e-4)


def test_the_exact_velocity_is_the_picture():
  rng = np.random.default_rng(0)
  y, n = rng.normal(size=(2, 5))
  sigma = jnp.array([1e-3, 0.1, 1.0, 9.0, 900.0])
  c = RectifiedFlow().coefficients(sigma)
  x = y + sigma * n
  np.testing.assert_allclose(c.c_skip * x + c.c_out * (n - y), y, atol=1e-4)
  np.testing.assert_allclose(
    RectifiedFlow().weight(sigma) * (c.c_out * 0.1) ** 2, 0.01, rtol=1e-4
  )


@pytest.mark.parametrize('mean, std', [(0.0, 1.0), (-0.5, 0.7)])
def test_times_are_logit_normal(mean, std):
  flow = RectifiedFlow(mean=mean, std=std)
  logit = np.log(flow.draw(jax.random.key(0), 20_000))  # ln(t / (1 - t))
  assert logit.mean() == pytest.approx(mean, abs=0.02)
  assert logit.std() == pytest.approx(std, abs=0.02)


def test_times_are_uniform():
  sigma = RectifiedFlow(times='uniform').draw(jax.random.key(0), 20_000)
  time = np.sort(sigma / (1 + sigma))
  np.testing.assert_allclose(time, np.linspace(0, 1, 20_000), atol=0.02)


def _tiny(*assignments):
  experiment = experiments.load('flow_paintings', tiny=True)
  return experiments.override(experiment, list(assignments)).algorithm


@pytest.mark.slow
def test_guidance_edits_and_every_sampler_work():
  """The denoiser is the interface: nothing else knows of the flow."""
  given = 'algorithm.num_classes=2', 'algorithm.denoiser.num_classes=2'
  images = jnp.tile(jnp.linspace(-1, 1, 32)[None, :, None, None], (2, 1, 32, 3))
  mask = jnp.zeros((2, 32, 32, 1)).at[:, 8:16].set(1)
  labels = jnp.array([0, 1])
  batch = {'image': images, 'label': labels}
  state = jax.jit(_tiny(*given).init)(jax.random.key(0), batch)
  for sampler in diffusion_samplers.SAMPLERS:
    model = _tiny(
      *given,
      'algorithm.guidance=2',
      'algorithm.num_steps=2',
      f'algorithm.sampler={sampler}',
      'algorithm.spacing=uniform',
    )
    params, key = model.inference(state), jax.random.key(1)
    made = jax.jit(model.generate)(params, model.latents(key, 2), labels)
    painted = jax.jit(model.translate)(params, images, key=key)
    filled = jax.jit(model.inpaint)(params, images, mask, labels, key=key)
    for found in (made, painted, filled):
      assert found.shape == images.shape and np.isfinite(found).all()
    np.testing.assert_allclose(filled[:, 16:], images[:, 16:], atol=1e-6)


def test_patches_are_squares_of_neighbors():
  """At the output each pixel gets its own numbers, and sides are checked."""
  net = DiffusionUNet(size=32, width=8, multipliers=(1, 2), blocks=1, patch=4)
  assert net.multiple == 8
  images = jnp.zeros((1, 32, 40, 3))
  variables = jax.eval_shape(net.init, jax.random.key(0), images, jnp.zeros(1))
  assert variables['params']['in']['kernel'].shape == (3, 3, 48, 8)
  out = jax.eval_shape(net.apply, variables, images, jnp.zeros(1))
  assert out.shape == images.shape
  with pytest.raises(ValueError, match='36x32.*patches of 4 px.*multiples'):
    net.init(jax.random.key(0), jnp.zeros((1, 32, 36, 3)), jnp.zeros(1))


@pytest.mark.parametrize(
  'assignments, match',
  [
    (['algorithm.preconditioning.times=cosine'], "'uniform'"),
    (['algorithm.preconditioning.std=0'], 'std=0.*pass 1'),
    (['algorithm.spacing=even'], "spacing='even'.*edm, uniform"),
    (['algorithm.sampler=rk4'], 'velocity_heun'),
  ],
)
def test_bad_fields(assignments, match):
  with pytest.raises(core.UserError, match=match):
    _tiny(*assignments)
