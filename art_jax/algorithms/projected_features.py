"""What the discriminators of a Projected GAN see: frozen, mixed features."""

import functools
import sys
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import struct

from art_jax import core
from art_jax.algorithms import trainable
from art_jax.nn import projected, pure
from art_jax.weights import efficientnet_lite as feature_weights

if TYPE_CHECKING:
  from art_jax.algorithms.projected_gan import ProjectedGAN


class ProjectedState(struct.PyTreeNode):
  """Everything a Projected GAN learns, and what it is judged with.

  Attributes:
    generator: G and its optimizer.
    discriminator: the D_l together, and their optimizer.
    average: moving average of G's variables; () without one.
    features: variables of the feature network and of the projection; frozen.
    clock: i32[], steps taken; the schedules read it.
  """

  generator: trainable.Trainable
  discriminator: trainable.Trainable
  average: core.Params
  features: Any
  clock: jax.Array


def load(gan: 'ProjectedGAN') -> core.PyTree:
  """Return the variables of the feature network; () for random ones.

  Raises:
    core.UserError: saying how to get its weights, if they are absent.
  """
  size = gan.generator.size
  if size < gan.project_size:
    print(
      f'pictures of {size} px are enlarged to algorithm.project_size='
      f'{gan.project_size} for the discriminators, as published; '
      f'--set algorithm.project_size={max(size, projected.MULTIPLE)} makes '
      'steps faster',
      file=sys.stderr,
    )
  return (
    {'params': feature_weights.load_taps(gan.weights)} if gan.weights else ()
  )


def draw(gan: 'ProjectedGAN', key: core.Key) -> core.PyTree:
  """Return variables of the feature network, and those of the projection."""
  side = gan.project_size
  network = gan.features.init(key, jnp.zeros((1, side, side, 3)), True)
  taps = jax.eval_shape(
    functools.partial(gan.features.apply, taps=True),
    network,
    jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32),
  )
  mixing = gan.projection.init(
    jax.random.key(gan.projection_seed),
    [jnp.zeros(x.shape, x.dtype) for x in taps],
  )
  return {'network': network, 'projection': mixing}


def project(
  gan: 'ProjectedGAN', features: core.PyTree, images: jax.Array
) -> tuple[jax.Array, ...]:
  """Return P_l of f32[B, H, W, C] in [-1, 1], the finest scale first."""
  side = gan.project_size
  if images.shape[3] == 1:
    images = jnp.repeat(images, 3, axis=3)
  if images.shape[1:3] != (side, side):
    images = jax.image.resize(images, (len(images), side, side, 3), 'bilinear')
  images = (127.5 * images + 0.5) / 128  # (bytes - 127) / 128
  taps = pure.apply(gan.features, features['network'], images, taps=True)
  return pure.apply(gan.projection, features['projection'], taps)
