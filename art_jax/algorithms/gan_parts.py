"""Parts of the GAN that Algorithm 1 does not show: turns, targets, checks."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import attributes, augment


@dataclasses.dataclass(frozen=True, kw_only=True)
class CriticWarmup:
  """More updates of the critic before some updates of the generator.

  The authors' WGAN code makes 100 before each of the first 25 updates of G and
  before every 500th; GANGogh 2,000 before the first (`steps=2000, first=1,
  every=0`). G waits until they are made, in steps of `n_critic` each.

  Attributes:
    steps: updates of the critic before one of these updates of G.
    first: number of updates of G, from the first on, that wait for them.
    every: so does every `every`-th update of G; 0: no later one.
  """

  steps: int = 100
  first: int = 25
  every: int = 500

  def __post_init__(self):
    if self.steps < 1 or self.first < 0 or self.every < 0:
      raise core.UserError(
        f'CriticWarmup(steps={self.steps}, first={self.first}, '
        f'every={self.every}): steps is >= 1, first and every >= 0; pass '
        'algorithm.warmup=None for no warm-up'
      )

  def needed(self, generator_steps: jax.Array, n_critic: int) -> jax.Array:
    """Return i32[], updates of the critic before the next one of G."""
    special = generator_steps < self.first
    if self.every:
      special |= generator_steps % self.every == 0
    return jnp.where(special, max(self.steps, n_critic), n_critic)


class Runner:
  """Applies one network in training mode and keeps its collections.

  It lives inside one evaluation of a loss function, which stays pure.
  """

  def __init__(self, module: nn.Module, params: Any, collections: Any, key):
    self._module, self._params, self._key = module, params, key
    self.collections = collections
    self._calls = 0

  def __call__(self, *inputs: jax.Array) -> jax.Array:
    """Return the output; batch statistics move on."""
    key = jax.random.fold_in(self._key, self._calls)
    self._calls += 1
    output, updated = self._apply(inputs, key)
    self.collections = {k: updated[k] for k in self.collections}
    return output

  def constant(self, *given: jax.Array) -> Callable[[jax.Array], jax.Array]:
    """Return the network as a function of its first input alone."""
    return lambda images: self._apply((images, *given), self._key)[0]

  def _apply(self, inputs, key):
    return self._module.apply(
      {'params': self._params, **self.collections},
      *inputs,
      train=True,
      rngs={'dropout': key},
      mutable=list(self.collections),
    )


def draw_targets(gan: Any, key: core.Key, rows: int) -> jax.Array:
  """Return f32[rows, 2], D's targets for the real and fake of each row."""
  smooth_key, flip_key = jax.random.split(key)
  low = jnp.array([gan.real_range[0], gan.fake_range[0]])
  high = jnp.array([gan.real_range[1], gan.fake_range[1]])
  targets = low + (high - low) * jax.random.uniform(smooth_key, (rows, 2))
  flipped = jax.random.bernoulli(flip_key, gan.flip_probability, (rows, 1))
  return jnp.where(flipped, targets[:, ::-1], targets)


def take_turns(gan: Any, old: Any, new: Any) -> tuple[Any, core.Metrics]:
  """Return the new state of G if the critic has learnt enough, else the old.

  Both are computed and one is chosen: a branch would be slower on CPU.

  Args:
    gan: gives `warmup` and `n_critic`.
    old: the GANState before G's update, with D's updates in it.
    new: the same after G's update.

  Returns:
    The state, and whether G moved, if it can stay.
  """
  if gan.warmup is None:
    return new, {}
  waiting = old.waiting + gan.n_critic
  due = waiting >= gan.warmup.needed(old.generator_steps, gan.n_critic)
  old = old.replace(waiting=waiting)
  state = jax.tree.map(lambda n, o: jnp.where(due, n, o), new, old)
  return state, {'update/generator': due.astype(jnp.float32)}


def require(gan: Any, name: str, holds: bool, rule: str) -> None:
  """Raise UserError, naming a field of a GAN and the rule, unless it holds."""
  if not holds:
    raise core.UserError(
      f'algorithm.{name}={getattr(gan, name)!r}: it {rule}; pass --set '
      f'algorithm.{name}=... with such a value'
    )


def check(gan: Any) -> None:
  """Raise UserError unless the fields of a GAN are in range and agree."""

  def require_field(name, holds, rule):
    require(gan, name, holds, rule)

  attributes.check(core.attributes(gan), gan.num_classes)
  require_field('n_critic', gan.n_critic >= 1, 'is at least 1')
  for name in ('num_classes', 'replay_every', 'instance_noise', 'r1_weight'):
    require_field(name, getattr(gan, name) >= 0, 'is >= 0 (0: none)')
  require_field(
    'flip_probability', 0 <= gan.flip_probability <= 1, 'is in [0, 1]'
  )
  require_field('ema_decay', 0 <= gan.ema_decay < 1, 'is in [0, 1)')
  for name, plain in (('real_range', 1), ('fake_range', 0)):
    low, high = getattr(gan, name)
    require_field(
      name, 0 <= low <= high <= 1, 'is a range (low, high) in [0, 1]'
    )
    require_field(
      name,
      gan.loss.has_targets or (low, high) == (plain, plain),
      f'is ({plain}, {plain}) with {type(gan.loss).__name__}, which has no '
      'targets to smooth',
    )
  require_field(
    'flip_probability',
    gan.loss.has_targets or not gan.flip_probability,
    f'is 0 with {type(gan.loss).__name__}, which has no targets to exchange',
  )
  augment.check(gan.augment)
  penalised = gan.r1_weight or getattr(gan.loss, 'penalty_weight', 0)
  if penalised and getattr(gan.discriminator, 'norm', None) == 'batch':
    raise core.UserError(
      "algorithm.discriminator.norm='batch' mixes the pictures of a batch, but "
      'a gradient penalty is one per picture; pass --set '
      'algorithm.discriminator.norm=instance_affine (or layer, or none)'
    )


def check_pictures(gan: Any, shape: tuple[int, ...]) -> None:
  """Raise UserError unless G makes pictures [B, H, W, C] of that shape."""
  size, channels = gan.generator.size, gan.generator.channels
  if shape[1:] != (size, size, channels):
    raise core.UserError(
      f'the generator makes {size}x{size} pictures of {channels} channels, the '
      f'data {shape[2]}x{shape[1]} of {shape[3]}; pass --set '
      f'algorithm.generator.size={shape[1]} --set '
      f'algorithm.generator.channels={shape[3]}, or change data.size and '
      'data.channels'
    )
