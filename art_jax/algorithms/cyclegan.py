"""CycleGAN: unpaired translation between two domains.

Zhu, Park, Isola, Efros 2017, "Unpaired Image-to-Image Translation using
Cycle-Consistent Adversarial Networks", arXiv:1703.10593.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import fields, image_pool, optim, trainable
from art_jax.algorithms.runner import Runner
from art_jax.losses.adversarial import least_squares, unit, verdict
from art_jax.losses.reconstruction import l1
from art_jax.nn import pure
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator

_PAPER_ADAM = optim.Adam(
  learning_rate=2e-4,
  b1=0.5,
  b2=0.999,
  schedule=optim.LinearDecay(start=core.Epochs(100), end=core.Epochs(200)),
)


class CycleGANState(struct.PyTreeNode):
  """Everything CycleGAN learns or remembers.

  Attributes:
    generators: params {'ab', 'ba'}, one optimizer.
    discriminators: params {'a', 'b'}, by the domain they judge, one
      optimizer.
    pool_a: fakes of domain a that were shown before.
    pool_b: fakes of domain b that were shown before.
    clock: i32[], steps taken; the schedules read it.
  """

  generators: trainable.Trainable
  discriminators: trainable.Trainable
  pool_a: image_pool.ImagePool
  pool_b: image_pool.ImagePool
  clock: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class CycleGAN:
  """CycleGAN with least-squares losses, an identity loss and image pools.

  Attributes:
    generator: network of both maps (ab and ba have weights of their own).
    discriminator: network that judges patches of a domain.
    generator_optimizer: of both generators together.
    discriminator_optimizer: of both discriminators together.
    cycle_weight: lambda in eq. 3; 10 in the paper.
    identity_weight: weight of the identity loss relative to cycle_weight;
      0.5 in the paper's painting experiments (section 5.2); 0: none.
    pool_size: pictures in each history; 50 in the paper; 0: none.
    cycle_cell: side of the squares of pixels whose means the cycle loss
      compares; 1 (the paper): each pixel. Strokes that a photo does not show
      cannot come back exactly: a larger one leaves them to the discriminators.
  """

  inputs: ClassVar[tuple[str, ...]] = ('a', 'b')
  aligned: ClassVar[bool] = False
  directions: ClassVar[tuple[str, ...]] = ('ab', 'ba')

  generator: nn.Module = ResnetGenerator()
  discriminator: nn.Module = PatchGAN()
  generator_optimizer: optim.Optimizer = _PAPER_ADAM
  discriminator_optimizer: optim.Optimizer = _PAPER_ADAM
  cycle_weight: float = 10.0
  identity_weight: float = 0.5
  pool_size: int = 50
  cycle_cell: int = 1

  def __post_init__(self):
    fields.require_all(
      self,
      ('cycle_cell', self.cycle_cell >= 1, 'is >= 1', 'pass 1 for each pixel'),
    )
    for name in ('cycle_weight', 'identity_weight', 'pool_size'):
      fields.require_all(
        self,
        (name, getattr(self, name) >= 0, 'is >= 0', 'pass 0 to turn it off'),
      )

  @property
  def multiple(self) -> int:
    """Height and width that the generators accept are multiples of it."""
    return core.size_multiple(self.generator)

  def networks(self, batch: core.Batch) -> core.Networks:
    """Return the four networks by role, each with example inputs."""
    a, b = batch['a'], batch['b']
    return {
      'generator_ab': (self.generator, (a,)),
      'generator_ba': (self.generator, (b,)),
      'discriminator_a': (self.discriminator, (a,)),
      'discriminator_b': (self.discriminator, (b,)),
    }

  def init(
    self, key: core.Key, batch: core.Batch, pretrained: core.PyTree = ()
  ) -> CycleGANState:
    """Return fresh networks and empty pools."""
    fields.require_channels(self.generator, batch['a'])
    side = min(batch['a'].shape[1:3])
    fields.require_all(
      self,
      ('cycle_cell', self.cycle_cell <= side, f'is at most data.size={side}'),
    )
    generator_key, discriminator_key = jax.random.split(key)
    return CycleGANState(
      generators=trainable.create(
        {'ab': self.generator, 'ba': self.generator},
        generator_key,
        batch['a'],
        optimizer=self.generator_optimizer,
      ),
      discriminators=trainable.create(
        {'a': self.discriminator, 'b': self.discriminator},
        discriminator_key,
        batch['a'],
        optimizer=self.discriminator_optimizer,
      ),
      pool_a=image_pool.create(self.pool_size, batch['a']),
      pool_b=image_pool.create(self.pool_size, batch['b']),
      clock=jnp.int32(0),
    )

  def step(
    self, state: CycleGANState, batch: core.Batch, key: core.Key
  ) -> tuple[CycleGANState, core.Metrics]:
    """Update both generators, then both discriminators.

    Args:
      state: of the step before.
      batch: a, b: f32[B, H, W, C] in [-1, 1], unpaired.
      key: PRNG key of this step.

    Returns:
      The next state and the value of every term of the losses.
    """
    dropout_key, pool_a_key, pool_b_key = jax.random.split(key, 3)

    def generator_loss(params, collections, batch):
      run = Runner(self.generator, params, collections, dropout_key)
      a, b = batch['a'], batch['b']
      if self.identity_weight:
        # A generator leaves pictures of its second domain as they are.
        fake_b, same_b = run.each('ab', a, b)
        fake_a, same_a = run.each('ba', b, a)
        identity_a, identity_b = l1(same_a, a), l1(same_b, b)
      else:
        fake_b, fake_a = run('ab', a), run('ba', b)
        identity_a = identity_b = jnp.float32(0)
      cycle_a = l1(*self._cells(run('ba', fake_b), a))
      cycle_b = l1(*self._cells(run('ab', fake_a), b))
      # The discriminators are constants here; their batch statistics are
      # updated in their own loss alone.
      judge = Runner(
        self.discriminator,
        state.discriminators.params,
        state.discriminators.collections,
      )
      adversarial_ab = least_squares(judge('b', fake_b), 1.0)
      adversarial_ba = least_squares(judge('a', fake_a), 1.0)
      loss = adversarial_ab + adversarial_ba
      loss += self.cycle_weight * (cycle_a + cycle_b)
      metrics = {
        'loss/adversarial_ab': adversarial_ab,
        'loss/adversarial_ba': adversarial_ba,
        'loss/cycle_a': cycle_a,
        'loss/cycle_b': cycle_b,
      }
      if self.identity_weight:
        weight = self.identity_weight * self.cycle_weight
        loss += weight * (identity_a + identity_b)
        metrics |= {
          'loss/identity_a': identity_a,
          'loss/identity_b': identity_b,
        }
      metrics['loss/generators'] = loss
      return loss, (run.collections, (fake_a, fake_b, metrics))

    generators, (fake_a, fake_b, metrics) = trainable.descend(
      state.generators,
      generator_loss,
      self.generator_optimizer,
      state.clock,
      {'a': batch['a'], 'b': batch['b']},
    )
    pool_a, old_a = image_pool.query(state.pool_a, fake_a, pool_a_key)
    pool_b, old_b = image_pool.query(state.pool_b, fake_b, pool_b_key)

    def discriminator_loss(params, collections, batch):
      judge = Runner(self.discriminator, params, collections)
      losses, scores = {}, {}
      for domain in ('a', 'b'):
        real, fake = judge.each(domain, batch[domain], batch[f'fake_{domain}'])
        # Half of the sum, so that D learns slowly relative to G (section 4).
        losses[f'loss/discriminator_{domain}'] = 0.5 * (
          least_squares(real, 1.0) + least_squares(fake, 0.0)
        )
        scores[f'score/real_{domain}'] = jnp.mean(real)
        scores[f'score/fake_{domain}'] = jnp.mean(fake)
        scores |= verdict(unit, real, fake, f'_{domain}')
      loss = losses['loss/discriminator_a'] + losses['loss/discriminator_b']
      return loss, (judge.collections, losses | scores)

    discriminators, discriminator_metrics = trainable.descend(
      state.discriminators,
      discriminator_loss,
      self.discriminator_optimizer,
      state.clock,
      {'a': batch['a'], 'b': batch['b'], 'fake_a': old_a, 'fake_b': old_b},
    )
    return (
      CycleGANState(
        generators, discriminators, pool_a, pool_b, state.clock + 1
      ),
      metrics | discriminator_metrics,
    )

  def _cells(self, *images: jax.Array) -> list[jax.Array]:
    """Return the means of all squares of pixels, [B, H - n + 1, ...]."""
    side = (self.cycle_cell, self.cycle_cell)
    return [nn.avg_pool(x, side) if side > (1, 1) else x for x in images]

  def render(
    self, state: CycleGANState, batch: core.Batch, key: core.Key
  ) -> core.Images:
    """Return triptychs: the input, its translation, and back again.

    Returns:
      ab, ba: f32[N, H, 3 W, C] in [-1, 1].
    """
    params = self.inference(state)
    images = {}
    for there, back in (('ab', 'ba'), ('ba', 'ab')):
      source = batch[there[0]]
      fake = self.translate(params, source, there, key=key)
      again = self.translate(params, fake, back, key=key)
      images[there] = jnp.concatenate([source, fake, again], axis=2)
    return images

  def inference(self, state: CycleGANState) -> core.Params:
    """Return {'ab', 'ba'}: the variables of each generator."""
    return trainable.variables_by_name(state.generators)

  def translate(
    self,
    params: core.Params,
    images: jax.Array,
    direction: str | None = None,
    *,
    key: core.Key | None = None,
  ) -> jax.Array:
    """Translate pictures.

    Args:
      params: what `inference` returned.
      images: f32[N, H, W, C] in [-1, 1]; H and W multiples of `multiple`.
      direction: 'ab' (the default) or 'ba'.
      key: not used; a translation is deterministic.

    Returns:
      f32[N, H, W, C] in [-1, 1].
    """
    return pure.apply(self.generator, params[direction or 'ab'], images)
