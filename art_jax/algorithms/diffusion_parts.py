"""Diffusion beside its step: edits of given pictures, and checks of fields."""

from typing import Any

import jax

from art_jax import core
from art_jax.algorithms import fields, geometric_augment
from art_jax.algorithms.diffusion_samplers import SAMPLERS


def repaint(
  sample: Any, images: jax.Array, sigmas: jax.Array, strength: float, key
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
  sample: Any, images: jax.Array, mask: jax.Array, sigmas: jax.Array, key
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

  def require(name, holds, rule):
    fields.require(name, getattr(diffusion, name), holds, rule)

  num_classes, augment = diffusion.num_classes, diffusion.augment
  high = diffusion.sigma_max
  require('num_steps', diffusion.num_steps >= 1, 'is at least 1')
  fields.require_one_of('sampler', diffusion.sampler, SAMPLERS)
  require(
    'guidance',
    diffusion.guidance == 1 or num_classes,
    'is 1 without classes: there is no label to be guided by; set '
    'algorithm.num_classes and algorithm.denoiser.num_classes for it',
  )
  for name in ('label_dropout', 'augment'):
    require(name, 0 <= getattr(diffusion, name) <= 1, 'is in [0, 1]')
  require('ema_decay', 0 <= diffusion.ema_decay < 1, 'is in [0, 1)')
  require('strength', 0 < diffusion.strength <= 1, 'is in (0, 1]')
  require(
    'sigma_min', 0 < diffusion.sigma_min < high, f'is in (0, sigma_max={high})'
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
