"""The contrastive part of CUT: patches of a translation and of its source."""

import dataclasses
import functools
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import fields
from art_jax.algorithms.runner import Runner
from art_jax.losses.patch_nce import NEGATIVES, patch_nce
from art_jax.nn import patch_head
from art_jax.nn.resnet_generator import ResnetGenerator

HEAD = 'head'  # the name of F among the networks


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchContrast:
  """PatchNCE of the features that a generator's encoder has of two pictures.

  Reference: Park et al. 2020, arXiv:2007.15651, equations 3 and 4.
  # Differs from the paper (equation 4): the mean over layers and places, as in
  # the authors' code, where the weights of the paper belong to.
  # Differs from the authors' code: its first layer is the picture with its
  # mirrored border.

  Attributes:
    layers: of G, whose features are compared; see its `encoder_layers`.
    patches: places that are compared in each layer; 256 in the paper.
    temperature: tau; 0.07 in the paper.
    negatives: what a patch is told from: 'picture', other places of it (the
      paper), or 'batch', those of all pictures.
  """

  layers: tuple[str, ...] = ('input', 'down_0', 'down_1', 'block_0', 'block_4')
  patches: int = 256
  temperature: float = 0.07
  negatives: str = 'picture'

  def __post_init__(self):
    fields.require_one_of('contrast.negatives', self.negatives, NEGATIVES)
    fields.require_all(
      self,
      ('temperature', self.temperature > 0, 'is > 0'),
      ('patches', self.patches >= 2, 'is >= 2: a patch and one unlike it'),
      prefix='contrast.',
    )

  def require_layers_of(self, generator: nn.Module) -> None:
    """Raise UserError unless the generator has these layers."""
    fields.require(
      'generator',
      type(generator).__name__,
      isinstance(generator, ResnetGenerator),
      'is a ResnetGenerator: its layers are compared',
    )
    known = cast(ResnetGenerator, generator).encoder_layers
    fields.require(
      'contrast.layers',
      self.layers,
      bool(self.layers)
      and len(set(self.layers)) == len(self.layers)
      and set(self.layers) <= set(known),
      'names layers of the generator, each once',
      f'there are {", ".join(known)}',
    )

  def examples(
    self, generator: nn.Module, pictures: jax.Array | jax.ShapeDtypeStruct
  ) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Return the shapes of F's inputs for pictures of this shape."""

    def patches(x):
      key = jax.random.key(0)
      features, _ = generator.init_with_output(
        key, x, self.layers, method='outputs_of'
      )
      return tuple(
        patch_head.patches(f, patch_head.places(key, f, self.patches))
        for f in features
      )

    shape = jax.ShapeDtypeStruct(pictures.shape, pictures.dtype)
    return jax.eval_shape(patches, shape)

  def compare(
    self,
    run: Runner,
    name: str,
    pictures: jax.Array,
    flipped: jax.Array | None,
    key: core.Key,
  ) -> tuple[jax.Array, jax.Array]:
    """Return G(x), and PatchNCE of the features of G(x) and x.

    Args:
      run: applies G and F; the features of x are constants.
      name: of G.
      pictures: x, f32[B, H, W, C].
      flipped: bool[B], which of them G sees mirrored; its features of G(x)
        are mirrored back. None: none.
      key: of the places.
    """
    encoder = functools.partial(run, name, method='outputs_of')
    if flipped is None:  # the features are on the way to the translation
      *sources, made = encoder(pictures, (*self.layers, 'output'))
      results = encoder(made, self.layers)
    else:
      sources = encoder(pictures, self.layers)
      made = run(name, mirrored(pictures, flipped))
      results = [mirrored(x, flipped) for x in encoder(made, self.layers)]
    keys = jax.random.split(key, len(self.layers))
    at = [
      patch_head.places(k, x, self.patches)
      for k, x in zip(keys, results, strict=True)
    ]
    queries, targets = (
      run(HEAD, *map(patch_head.patches, features, at))
      for features in (results, jax.lax.stop_gradient(sources))
    )
    losses = [
      patch_nce(q, t, self.temperature, self.negatives)
      for q, t in zip(queries, targets, strict=True)
    ]
    return made, jnp.mean(jnp.stack(losses))


def mirrored(x: jax.Array, flipped: jax.Array) -> jax.Array:
  """Mirror those rows of [B, H, W, C] left to right that are flipped."""
  return jnp.where(flipped[:, None, None, None], x[:, :, ::-1], x)
