"""Diffusion beside its step: edits of given pictures, and checks of fields."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import (
  diffusion_samplers,
  fields,
  geometric_augment,
  optim,
)

# (x, sigmas, key, known) -> pictures, see `sampler`.
Sample = Callable[..., jax.Array]


def draw(
  diffusion: Any, batch: core.Batch, key: core.Key
) -> tuple[core.Batch, core.Key]:
  """Return the batch with all that is drawn for it, and a dropout key."""
  images = batch['image']
  rows = images.shape[0]
  sigma_key, noise_key, augment_key, hide_key, dropout_key = jax.random.split(
    key, 5
  )
  draws = {
    'image': images,
    'sigma': diffusion.preconditioning.draw(sigma_key, rows),
    'noise': jax.random.normal(noise_key, images.shape),
  }
  if diffusion.augment:
    draws['image'], draws['augment'] = geometric_augment.augment(
      images, jax.random.split(augment_key, rows), diffusion.augment
    )
  if diffusion.num_classes:
    shown = jax.random.uniform(hide_key, (rows, 1)) >= diffusion.label_dropout
    classes = jax.nn.one_hot(batch['label'], diffusion.num_classes)
    draws['labels'] = shown * classes
  return draws, dropout_key


def denoise(
  diffusion: Any, params, x, sigma, labels=None, augment=None, rngs=None
) -> jax.Array:
  """Return D(x; sigma) = c_skip x + c_out F(c_in x; c_noise).

  Args:
    diffusion: its network and its preconditioning.
    params: of the network F.
    x: f32[N, H, W, C].
    sigma: f32[N], noise levels of x.
    labels: f32[N, num_classes], one-hot, 0 where hidden; None: no class.
    augment: f32[N, SIZE] of `geometric_augment`; None: not augmented.
    rngs: of dropout; None: no training.
  """
  c_skip, c_out, c_in, c_noise = diffusion.preconditioning.coefficients(sigma)
  output = diffusion.denoiser.apply(
    {'params': params},
    wide(c_in) * x,
    c_noise,
    labels,
    augment,
    train=rngs is not None,
    rngs=rngs,
  )
  return wide(c_skip) * x + wide(c_out) * output


def guided(
  diffusion: Any,
  params: core.Params,
  images: jax.Array,
  sigma: jax.Array,
  labels: jax.Array | None,
) -> jax.Array:
  """Return D_w(x; sigma) of classifier-free guidance; see `Diffusion.denoise`.

  Args:
    diffusion: its guidance w, network and preconditioning.
    params: of the network.
    images: x, f32[N, H, W, C].
    sigma: f32[N], their noise levels.
    labels: i32[N]; None: no class.
  """
  require_hidden_labels(diffusion, labels is not None)
  if labels is None or diffusion.guidance == 0:
    return denoise(diffusion, params, images, sigma)
  classes = jax.nn.one_hot(labels, diffusion.num_classes)
  if diffusion.guidance == 1:
    return denoise(diffusion, params, images, sigma, classes)
  both = denoise(
    diffusion,
    params,
    jnp.concatenate([images, images]),
    jnp.concatenate([sigma, sigma]),
    jnp.concatenate([classes, jnp.zeros_like(classes)]),
  )
  conditional, plain = jnp.split(both, 2)
  return plain + diffusion.guidance * (conditional - plain)


def sampler(
  diffusion: Any, params: core.Params, labels: jax.Array | None = None
) -> Sample:
  """Return (x, sigmas, key, known) -> pictures; known maps D's outputs.

  Args:
    diffusion: the algorithm.
    params: what its `inference` returned.
    labels: i32[N] or None.
  """

  def sample(x, sigmas, key, known=lambda denoised: denoised):
    def denoise(x, sigma):
      rows = jnp.full(x.shape[0], sigma)
      return known(diffusion.denoise(params, x, rows, labels))

    key = jax.random.key(0) if key is None else key
    solve = diffusion_samplers.SAMPLERS[diffusion.sampler]
    return jnp.clip(solve(denoise, x, sigmas, key), -1, 1)

  return sample


def levels(diffusion: Any) -> jax.Array:
  """Return f32[num_steps + 1], the noise levels of a Diffusion's sampler."""
  count, high = diffusion.num_steps, diffusion.sigma_max
  if diffusion.spacing == 'uniform':
    return diffusion_samplers.uniform_times(count, high)
  return diffusion_samplers.noise_levels(
    count, diffusion.sigma_min, high, diffusion.rho
  )


def wide(x: jax.Array) -> jax.Array:
  """Return f32[N] as f32[N, 1, 1, 1]."""
  return x[:, None, None, None]


def repaint(
  sample: Sample, images: jax.Array, sigmas: jax.Array, strength: float, key
) -> jax.Array:
  """Add noise to pictures, and let the model remove it.

  The last `strength` of the sampler's steps are taken, from the picture plus
  noise of their first level.

  Args:
    sample: (x, sigmas, key) -> pictures.
    images: f32[N, H, W, C] in [-1, 1].
    sigmas: f32[n + 1], noise levels of the full sampler.
    strength: in (0, 1]; 1 keeps nothing.
    key: of the noise; None: one and the same.

  Reference: Meng et al. 2022, "SDEdit", arXiv:2108.01073, algorithm 1.
  """
  steps = sigmas.size - 1
  sigmas = sigmas[min(round((1 - strength) * steps), steps - 1) :]
  key, noise_key = jax.random.split(jax.random.key(0) if key is None else key)
  noise = sigmas[0] * jax.random.normal(noise_key, images.shape)
  return sample(images + noise, sigmas, key)


def inpaint(
  sample: Sample, images: jax.Array, mask: jax.Array, sigmas: jax.Array, key
) -> jax.Array:
  """Make the part of pictures where a mask is 1, keeping the rest.

  Where the picture is known it replaces the denoiser's output, so that the flow
  carries it along, with its noise, and the rest is made to fit.

  Args:
    sample: (x, sigmas, key, known) -> pictures.
    images: f32[N, H, W, C] in [-1, 1].
    mask: f32[N, H, W, 1] of 0 and 1.
    sigmas: f32[n + 1].
    key: of the noise; None: one and the same.

  Reference: Song et al. 2021, arXiv:2011.13456, appendix I.2.
  """
  key, noise_key = jax.random.split(jax.random.key(0) if key is None else key)
  kept = (1 - mask) * images
  noise = sigmas[0] * jax.random.normal(noise_key, images.shape)
  return sample(
    kept + noise, sigmas, key, known=lambda denoised: mask * denoised + kept
  )


def require_fields(diffusion: Any) -> None:
  """Raise UserError unless the fields of a Diffusion are in range and agree."""
  num_classes, augment = diffusion.num_classes, diffusion.augment
  high = diffusion.sigma_max
  fields.require_one_of(
    'sampler', diffusion.sampler, diffusion_samplers.SAMPLERS
  )
  fields.require_one_of('spacing', diffusion.spacing, ('edm', 'uniform'))
  fields.require_all(
    diffusion,
    ('num_steps', diffusion.num_steps >= 1, 'is at least 1'),
    (
      'guidance',
      diffusion.guidance == 1 or num_classes,
      'is 1 without classes: there is no label to be guided by; set '
      'algorithm.num_classes and algorithm.denoiser.num_classes for it',
    ),
    ('guidance', math.isfinite(diffusion.guidance), 'is a finite number'),
    (
      'label_dropout',
      0 <= diffusion.label_dropout < 1,
      'is in [0, 1): at 1 no label is ever learned',
    ),
    ('augment', 0 <= augment <= 1, 'is in [0, 1]'),
    ('ema_decay', optim.is_decay(diffusion.ema_decay), optim.DECAY_RULE),
    ('strength', 0 < diffusion.strength <= 1, 'is in (0, 1]'),
    (
      'sigma_min',
      0 < diffusion.sigma_min < high,
      f'is in (0, sigma_max={high})',
    ),
    ('sigma_max', high < math.inf, 'is a finite number'),
    # Far out, the levels are no float32 any more.
    ('rho', 1 <= diffusion.rho <= 1000, 'is in [1, 1000]', '7, as the paper'),
  )
  for name, needed in (
    ('num_classes', num_classes),
    ('augment_size', geometric_augment.SIZE if augment else 0),
  ):
    value = getattr(diffusion.denoiser, name)
    core.require(
      value == needed,
      f'algorithm.denoiser.{name}={value}: with algorithm.num_classes='
      f'{num_classes} and algorithm.augment={augment} it is {needed}; pass '
      f'--set algorithm.denoiser.{name}={needed}',
    )


def require_hidden_labels(diffusion: Any, labeled: bool = True) -> None:
  """Raise UserError if a model without labels is needed that is not trained.

  Args:
    diffusion: the algorithm.
    labeled: its pictures have labels; then guidance alone may need it.
  """
  needed = (
    f'algorithm.guidance = {diffusion.guidance} compares the model with one'
    if labeled
    else 'pictures without a label, such as repainted ones, take a model'
  )
  core.require(
    not diffusion.num_classes
    or diffusion.label_dropout > 0
    or (labeled and diffusion.guidance == 1),
    f'{needed} that knows no label, which label_dropout = 0 never trains; '
    'train with --set algorithm.label_dropout=0.1'
    + (', or pass --set algorithm.guidance=1' if labeled else ''),
  )


def require_picture_shape(diffusion: Any, shape: tuple[int, ...]) -> None:
  """Raise UserError unless the denoiser is for pictures [B, H, W, C]."""
  net, size, channels = diffusion.denoiser, shape[1], shape[3]
  core.require(
    (net.size, net.channels) == (size, channels),
    f'the denoiser is for {net.size} px and {net.channels} channels, the '
    f'data has {size} px and {channels}; pass --set algorithm.denoiser.size='
    f'{size} --set algorithm.denoiser.channels={channels}, or change '
    'data.size and data.channels',
  )
