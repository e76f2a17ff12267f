"""pix2pix: translation learned from pairs.

Isola, Zhu, Zhou, Efros 2017, "Image-to-Image Translation with Conditional
Adversarial Networks", arXiv:1611.07004.
"""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import fields, optim, runner, trainable
from art_jax.losses.adversarial import (
  binary_cross_entropy,
  least_squares,
  unit,
  verdict,
)
from art_jax.losses.reconstruction import l1
from art_jax.nn import patchgan, pure, unet

_PAPER_ADAM = optim.Adam(
  learning_rate=2e-4,
  b1=0.5,
  b2=0.999,
  schedule=optim.LinearDecay(start=core.Epochs(100), end=core.Epochs(200)),
)
_LOSSES = {'bce': binary_cross_entropy, 'least_squares': least_squares}
_PROBABILITIES = {'bce': jax.nn.sigmoid, 'least_squares': unit}


class Pix2PixState(struct.PyTreeNode):
  """Everything pix2pix learns.

  Attributes:
    generator: params {'ab'} or {'ba'}, by the direction.
    discriminator: params {'b'} or {'a'}, by the domain it judges.
    clock: i32[], steps taken; the schedules read it.
  """

  generator: trainable.Trainable
  discriminator: trainable.Trainable
  clock: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pix2Pix:
  """pix2pix: a conditional GAN on pairs, and the L1 distance to the truth.

  G* = arg min_G max_D L_cGAN(G, D) + lambda L_L1(G) (eq. 4), where D sees
  the input next to the output. D is updated first, then G against the new D.

  Attributes:
    generator: network of the map; its dropout is the noise z of the paper.
    discriminator: judges patches of (input, output), joined along channels.
    generator_optimizer: of the generator.
    discriminator_optimizer: of the discriminator.
    loss: 'bce' (the paper) or 'least_squares'.
    l1_weight: lambda; 100 in the paper; 0: none.
    direction: 'ab' learns b from a, 'ba' learns a from b.
  """

  inputs: ClassVar[tuple[str, ...]] = ('a', 'b')
  aligned: ClassVar[bool] = True

  generator: nn.Module = unet.UNet()
  discriminator: nn.Module = patchgan.PatchGAN(norm='batch')
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  loss: str = 'bce'
  l1_weight: float = 100.0
  direction: str = 'ab'

  def __post_init__(self):
    fields.require_one_of('loss', self.loss, _LOSSES)
    fields.require_one_of('direction', self.direction, ('ab', 'ba'))
    fields.require_all(
      self,
      ('l1_weight', self.l1_weight >= 0, 'is >= 0', 'pass 0 to turn it off'),
    )

  @property
  def directions(self) -> tuple[str, ...]:
    """The one map that is learned."""
    return (self.direction,)

  @property
  def multiple(self) -> int:
    """Height and width that the generator accepts are multiples of it."""
    return core.size_multiple(self.generator)

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return generator and discriminator, each with example inputs."""
    source, target = (batch[domain] for domain in self.direction)
    channels = source.shape[-1] + target.shape[-1]
    pair = jax.ShapeDtypeStruct((*target.shape[:-1], channels), target.dtype)
    return {
      f'generator_{self.direction}': (self.generator, (source,)),
      f'discriminator_{self.direction[1]}': (self.discriminator, (pair,)),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> Pix2PixState:
    """Return fresh networks."""
    generator_key, discriminator_key = jax.random.split(key)
    source, target = (batch[domain] for domain in self.direction)
    fields.require_channels(self.generator, target)
    return Pix2PixState(
      generator=trainable.create(
        {self.direction: self.generator},
        generator_key,
        source,
        optimizer=self.generator_optimizer,
      ),
      discriminator=trainable.create(
        {self.direction[1]: self.discriminator},
        discriminator_key,
        pair_of(source, target),
        optimizer=self.discriminator_optimizer,
      ),
      clock=jnp.int32(0),
    )

  def step(
    self, state: Pix2PixState, batch: core.Batch, key: core.Key
  ) -> tuple[Pix2PixState, core.Metrics]:
    """Update the discriminator, then the generator.

    Args:
      state: of the step before.
      batch: a, b: f32[B, H, W, C] in [-1, 1]; a row shows one scene.
      key: PRNG key of this step; both updates see the same dropout.

    Returns:
      The next state and the value of every term of the losses.
    """
    source, target = (batch[domain] for domain in self.direction)
    rows = {'source': source, 'target': target}

    def paint(params, collections, rows):
      run = runner.Runner(self.generator, params, collections, key)
      return run(self.direction, rows['source']), run.collections

    fakes = trainable.forward_vjp(state.generator, paint, rows)
    discriminator, judged = trainable.descend(
      state.discriminator,
      self._discriminator_loss,
      self.discriminator_optimizer,
      state.clock,
      {**rows, 'fake': fakes.output},
    )

    generator, metrics = trainable.descend_vjp(
      state.generator,
      fakes,
      paint,
      functools.partial(self._generator_loss, discriminator),
      self.generator_optimizer,
      state.clock,
      rows,
    )
    return (
      Pix2PixState(generator, discriminator, state.clock + 1),
      metrics | judged,
    )

  def _generator_loss(self, discriminator, fake, rows):
    """Return the loss of fakes, and its terms; D is a constant."""
    # The batch statistics of D stay.
    judge = runner.Runner(
      self.discriminator, discriminator.params, discriminator.collections
    )
    logits = judge(self.direction[1], pair_of(rows['source'], fake))
    adversarial = _LOSSES[self.loss](logits, 1.0)
    distance = l1(fake, rows['target'])
    loss = adversarial + self.l1_weight * distance
    return loss, {
      'loss/adversarial': adversarial,
      'loss/l1': distance,
      'loss/generator': loss,
    }

  def _discriminator_loss(self, params, collections, batch):
    """Return half the loss of real and fake pairs, for `descend`."""
    judge = runner.Runner(self.discriminator, params, collections)
    loss, domain = _LOSSES[self.loss], self.direction[1]
    # Real and fake pairs are batches of their own for the batch norm.
    real, fake = judge.each(
      domain,
      *(pair_of(batch['source'], batch[kind]) for kind in ('target', 'fake')),
    )
    # Half, "which slows down the rate at which D learns" (section 3.3).
    half = 0.5 * (loss(real, 1.0) + loss(fake, 0.0))
    metrics = {
      'loss/discriminator': half,
      'score/real': jnp.mean(real),
      'score/fake': jnp.mean(fake),
      **verdict(_PROBABILITIES[self.loss], real, fake),
    }
    return half, (judge.collections, metrics)

  def render(
    self, state: Pix2PixState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return triptychs: the input, its translation, and the truth.

    Returns:
      ab or ba: f32[N, H, 3 W, C] in [-1, 1].
    """
    source, target = (batch[domain] for domain in self.direction)
    fake = self.translate(self.inference(state), source, key=key)
    return {self.direction: jnp.concatenate([source, fake, target], axis=2)}

  def inference(self, state: Pix2PixState) -> core.Params:
    """Return {direction: variables of the generator}."""
    return trainable.variables_by_name(state.generator)

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Translate pictures as in training: dropout and batch statistics on.

    So the paper has it (section 3.3): a result varies with the key, and batch
    norms take their statistics from what is translated. As in its experiments
    that is one picture: a result does not depend on its neighbors.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; H and W multiples of `multiple`.
      direction: `self.direction`, the default.
      key: of the dropout; None: without dropout.

    Returns:
      f32[N, H, W, C] in [-1, 1].
    """
    variables = params[direction or self.direction]

    def one(image, rngs):
      output, _ = self.generator.apply(
        variables,
        image[None],
        train=True,
        rngs=rngs,
        mutable=['batch_stats'],
      )
      return output[0]

    rngs = (
      {} if key is None else {'dropout': jax.random.split(key, images.shape[0])}
    )
    if pure.is_in_parts():  # one picture; its axes must stay where they are
      return one(images[0], jax.tree.map(lambda x: x[0], rngs))[None]
    return jax.vmap(one)(images, rngs)


def pair_of(source: jax.Array, target: jax.Array) -> jax.Array:
  """Return what D judges: input then output, joined along channels."""
  return jnp.concatenate([source, target], axis=-1)
