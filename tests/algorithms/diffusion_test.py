"""Diffusion: counts, the contract of the denoiser, samplers, guidance."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import diffusion_samplers, geometric_augment
from art_jax.config import experiments
from art_jax.losses.denoising import EDM, Cosine
from art_jax.nn.diffusion_unet import DiffusionUNet


@pytest.mark.slow
@pytest.mark.parametrize(
  'fields, count',
  [
    # DDPM++ of the authors' code with augment_dim=9, built in PyTorch.
    ({'size': 32, 'multipliers': (2, 2, 2)}, 55_733_891),
    ({'size': 64, 'multipliers': (1, 2, 2, 2)}, 61_805_571),
  ],
)
def test_published_parameter_counts(fields, count):
  net = DiffusionUNet(augment_size=9, **fields)
  images = jnp.zeros((1, net.size, net.size, 3))
  shapes = jax.eval_shape(net.init, jax.random.key(0), images, jnp.zeros(1))
  assert sum(x.size for x in jax.tree.leaves(shapes)) == count


# The contract of the preconditionings --------------------------------------


def test_coefficients_of_edm_by_hand():
  c = EDM().coefficients(jnp.float32(0.5))
  # sigma = sigma_data: half of the variance is signal.
  assert np.allclose(c.c_skip, 0.5)
  assert np.allclose(c.c_out, 0.5 / np.sqrt(2))
  assert np.allclose(c.c_in, np.sqrt(2))
  assert np.allclose(c.c_noise, np.log(0.5) / 4)
  assert np.allclose(EDM().weight(jnp.float32(0.5)), 8)


@pytest.mark.parametrize('prediction', ['epsilon', 'v'])
def test_what_ddpm_predicts(prediction):
  """The exact answer of F makes D the picture, and the loss is F's error."""
  rng = np.random.default_rng(0)
  y, n = rng.normal(size=(2, 5))
  wrapped = Cosine(prediction=prediction)
  sigma = wrapped.sigma(jnp.linspace(0.05, 0.95, 5))
  c = wrapped.coefficients(sigma)
  signal, noise = c.c_in, sigma * c.c_in
  np.testing.assert_allclose(signal**2 + noise**2, 1, rtol=1e-5)
  target = n if prediction == 'epsilon' else signal * n - noise * y
  x = y + sigma * n
  np.testing.assert_allclose(c.c_skip * x + c.c_out * target, y, atol=1e-4)
  error = c.c_out * (target + 0.1) - c.c_out * target
  np.testing.assert_allclose(wrapped.weight(sigma) * error**2, 0.01, rtol=1e-2)


def test_cosine_schedule():
  cosine = Cosine()
  # Nichol & Dhariwal 2021, eq. 17, computed with numpy.
  t = np.array([0.25, 0.5, 0.75])
  f = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
  alpha_bar = f / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
  expected = np.sqrt((1 - alpha_bar) / alpha_bar)
  sigma = cosine.sigma(jnp.asarray(t, jnp.float32))
  np.testing.assert_allclose(sigma, expected, rtol=1e-4)
  np.testing.assert_allclose(cosine.time(sigma), t, atol=1e-4)


# Samplers on data of which the denoiser is known ---------------------------

_SCALE = (
  0.5  # Pictures are N(0, _SCALE^2): D(x; sigma) = s^2 / (s^2 + sigma^2) x
)


def _gaussian(x, sigma):
  return x * _SCALE**2 / (_SCALE**2 + sigma**2)


@pytest.mark.parametrize(
  'name, order',
  [('euler', 1), ('heun', 2), ('velocity_heun', 2), ('dpm_solver_2m', 2)],
)
def test_order_of_convergence(name, order):
  """Against x(0) = x(T) s / sqrt(s^2 + T^2), the flow's solution."""
  with jax.enable_x64():
    errors = []
    for steps in (64, 128):
      sigmas = diffusion_samplers.noise_levels(steps, 1e-3, 10.0)
      x = jnp.ones((1, 1), jnp.float64)
      sampled = diffusion_samplers.SAMPLERS[name](
        _gaussian, x, sigmas.astype(jnp.float64), jax.random.key(0)
      )
      # Down to the last level; the step to 0 is short and Euler's for all.
      exact = x * _SCALE / np.sqrt(_SCALE**2 + 10.0**2)
      errors.append(float(jnp.abs(sampled - exact).max()))
  assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_ancestral_sampling_has_the_variance_of_the_data():
  sigmas = diffusion_samplers.noise_levels(200, 1e-3, 10.0)
  key, noise_key = jax.random.split(jax.random.key(0))
  x = 10 * jax.random.normal(noise_key, (20_000, 1))
  sampled = diffusion_samplers.ancestral(_gaussian, x, sigmas, key)
  # 20,000 samples know it to 0.5 %; 200 steps of order 1 are a little off.
  assert float(jnp.std(sampled)) == pytest.approx(_SCALE, rel=0.03)


@pytest.mark.parametrize('name', diffusion_samplers.SAMPLERS)
@pytest.mark.parametrize('steps', [1, 2])
def test_few_steps(name, steps):
  sigmas = diffusion_samplers.noise_levels(steps)
  assert sigmas.shape == (steps + 1,) and sigmas[0] == pytest.approx(80)
  sampled = diffusion_samplers.SAMPLERS[name](
    lambda x, sigma: jnp.full_like(x, 0.3),
    80 * jnp.ones((2, 1)),
    sigmas,
    jax.random.key(0),
  )
  np.testing.assert_allclose(sampled, 0.3, atol=1e-4)


# The algorithm -------------------------------------------------------------


def _conditional(*assignments):
  experiment = experiments.load('diffusion_wikiart', tiny=True)
  return experiments.override(experiment, list(assignments)).algorithm


def _params(algorithm):
  """Random parameters, also where training starts from zero."""
  images = jnp.zeros((1, 32, 32, 3))
  shapes = jax.eval_shape(
    lambda: algorithm.init(
      jax.random.key(0), {'image': images, 'label': jnp.zeros(1, jnp.int32)}
    )
  )
  rng = np.random.default_rng(0)
  return {
    'denoiser': jax.tree.map(
      lambda s: jnp.asarray(0.3 * rng.normal(size=s.shape), s.dtype),
      shapes.average,
    )
  }


@pytest.mark.slow
def test_guidance_is_what_it_is_defined_as():
  algorithm = _conditional()
  params = _params(algorithm)
  x = jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
  sigma, labels = jnp.array([0.5, 2.0]), jnp.array([1, 4])

  def denoised(guidance, labels=labels):
    guided = _conditional(f'algorithm.guidance={guidance}')
    return jax.jit(guided.denoise)(params, x, sigma, labels)

  plain, conditional = denoised(0.0), denoised(1.0)
  assert float(jnp.abs(plain - conditional).max()) > 1e-3
  np.testing.assert_array_equal(plain, denoised(1.0, None))
  np.testing.assert_allclose(
    denoised(2.5), plain + 2.5 * (conditional - plain), atol=2e-4
  )


@pytest.mark.slow
def test_inpainting_keeps_what_is_known_and_repainting_some():
  algorithm = _conditional()
  params = _params(algorithm)
  images = jnp.tile(jnp.linspace(-1, 1, 32)[None, :, None, None], (1, 1, 32, 3))
  mask = jnp.zeros((1, 32, 32, 1)).at[:, 8:16].set(1)
  filled = jax.jit(algorithm.inpaint)(params, images, mask)
  np.testing.assert_allclose(filled[:, 16:], images[:, 16:], atol=1e-6)
  assert float(jnp.abs(filled - images)[:, 8:16].mean()) > 0.05
  wide = jnp.concatenate([images, images], axis=2)  # Any size will do.
  weak, strong = (
    jax.jit(
      _conditional('algorithm.num_steps=8', f'algorithm.strength={s}').translate
    )(params, wide, key=jax.random.key(0))
    for s in (0.2, 1.0)
  )
  assert weak.shape == wide.shape
  assert jnp.abs(weak - wide).mean() < jnp.abs(strong - wide).mean()


@pytest.mark.parametrize(
  'assignments, match',
  [
    (['algorithm.num_steps=0'], 'num_steps=0.*at least 1'),
    (['algorithm.sampler=rk4'], "sampler='rk4'.*euler, heun"),
    (['algorithm.strength=0'], 'strength=0'),
    (
      ['algorithm.num_classes=0', 'algorithm.denoiser.num_classes=0'],
      'guidance=1.5.*without classes',
    ),
    (['algorithm.num_classes=3'], 'denoiser.num_classes=5.*it is 3'),
    (['algorithm.augment=0'], 'denoiser.augment_size=9.*it is 0'),
    (['algorithm.sigma_min=90'], 'sigma_min=90'),
    # Levels that are no numbers, or not in order: pictures of NaN.
    (['algorithm.sigma_max=inf'], 'sigma_max=inf.*finite'),
    (['algorithm.rho=0'], 'rho=0.0: it is in .1, 1000.; 7, as the paper'),
    (['algorithm.rho=inf'], 'rho=inf'),
    (['algorithm.guidance=nan'], 'guidance=nan.*finite'),
    (['algorithm.label_dropout=1'], 'no label is ever learned'),
  ],
)
def test_bad_fields(assignments, match):
  with pytest.raises(core.UserError, match=match):
    _conditional(*assignments)


def test_guidance_needs_labels_that_were_hidden():
  model = _conditional('algorithm.label_dropout=0')
  image = jnp.zeros((2, model.denoiser.size, model.denoiser.size, 3))
  with pytest.raises(
    core.UserError, match='guidance = 1.5 .*label_dropout=0.1'
  ):
    jax.eval_shape(model.init, jax.random.key(0), {'image': image})


def test_a_model_of_labels_alone_refuses_what_needs_none():
  model = _conditional('algorithm.label_dropout=0', 'algorithm.guidance=1')
  side = model.denoiser.size
  image = jnp.zeros((2, side, side, 3))
  state = jax.eval_shape(
    model.init, jax.random.key(0), {'image': image, 'label': jnp.zeros(2, int)}
  )
  params = jax.eval_shape(model.inference, state)
  labels = jnp.array([0, 4])
  made = jax.eval_shape(model.generate, params, image, labels)
  assert made.shape == image.shape
  with pytest.raises(core.UserError, match='without a label.* = 0 never'):
    jax.eval_shape(model.translate, params, image)
  guided = dataclasses.replace(model, guidance=2.0)
  with pytest.raises(core.UserError, match='guidance = 2.0 .*guidance=1'):
    jax.eval_shape(guided.generate, params, image, labels)


@pytest.mark.parametrize('rho', [1, 7, 1000])
def test_levels_fall_for_every_rho(rho):
  levels = np.asarray(diffusion_samplers.noise_levels(18, rho=rho))
  # Equation 5 of Karras et al. in float64.
  ramp = np.linspace(80 ** (1 / rho), 0.002 ** (1 / rho), 18) ** rho
  np.testing.assert_allclose(levels, [*ramp, 0], rtol=1e-3)
  assert (np.diff(levels) < 0).all()


def test_bad_size():
  net = DiffusionUNet(size=36, width=8, multipliers=(1, 1, 2, 2), blocks=1)
  with pytest.raises(ValueError, match='36x36.*4 levels.*multiples of 8'):
    jax.eval_shape(
      net.init, jax.random.key(0), jnp.zeros((1, 36, 36, 3)), jnp.zeros(1)
    )


# Augmentation --------------------------------------------------------------


@pytest.mark.slow
def test_augmentation_tells_what_it_did():
  images = jax.random.uniform(jax.random.key(0), (64, 8, 8, 3), minval=-1)
  keys = jax.random.split(jax.random.key(1), 64)
  plain, told = jax.jit(lambda k: geometric_augment.augment(images, k, 0.0))(
    keys
  )
  mirrored = told[:, 0] == 1  # Half of them, whatever the probability.
  assert 16 < int(mirrored.sum()) < 48 and not told[:, 1:].any()
  expected = jnp.where(
    mirrored[:, None, None, None], images[:, :, ::-1], images
  )
  np.testing.assert_allclose(plain, expected, atol=1e-5)
  changed, told = jax.jit(lambda k: geometric_augment.augment(images, k, 1.0))(
    keys
  )
  assert changed.shape == images.shape and told.shape == (64, 9)
  assert float(jnp.abs(told[:, 2:]).min(1).max()) > 0
  assert float(jnp.abs(changed).max()) <= 1 + 1e-5
