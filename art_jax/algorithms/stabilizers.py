"""What keeps a generator and a discriminator in balance."""

import dataclasses

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.algorithms import fields, optim
from art_jax.losses.adversarial import AdversarialLoss, Relativistic

AUGMENTATIONS = ('color', 'translation', 'cutout')  # see `augment`


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stabilizers:
  """Changes to Algorithm 1 that steady it; by default there are none.

  Attributes:
    real_range: range that D's targets for real pictures are drawn from; (0.8,
      1), or (0.7, 1), smooths the labels.
    fake_range: range that D's targets for fakes are drawn from; (0, 0.2) or
      (0, 0.3) with the ranges above.
    flip_probability: of exchanging the two targets of a row.
    instance_noise: standard deviation of noise on all that D sees.
    noise_schedule: factor on it over time; None means constant.
    replay_every: at every so many updates D is shown old fakes; 0: never.
    r1_weight: gamma of the R1 penalty on D's logit; 0: none.
    ema_decay: of the moving average of G that makes the pictures: a number,
      `PowerEMA` or `HalfLife`; 0: G itself makes them.
    augment: names of differentiable augmentations of all that D sees, out of
      'color', 'translation', 'cutout'.
  """

  real_range: tuple[float, float] = (1.0, 1.0)
  fake_range: tuple[float, float] = (0.0, 0.0)
  flip_probability: float = 0.0
  instance_noise: float = 0.0
  noise_schedule: optim.Schedule | None = None
  replay_every: int = 0
  r1_weight: float = 0.0
  ema_decay: optim.Decay = 0.0
  augment: tuple[str, ...] = ()

  def __post_init__(self):
    ordered, none = 'is a range (low, high) in [0, 1]', 'is >= 0 (0: none)'
    fields.require_all(
      self,
      ('real_range', _is_range(*self.real_range), ordered),
      ('fake_range', _is_range(*self.fake_range), ordered),
      ('replay_every', self.replay_every >= 0, none),
      ('instance_noise', self.instance_noise >= 0, none),
      ('r1_weight', self.r1_weight >= 0, none),
      ('flip_probability', 0 <= self.flip_probability <= 1, 'is in [0, 1]'),
      ('ema_decay', optim.is_decay(self.ema_decay), optim.DECAY_RULE),
      prefix='stabilizers.',
    )
    for name in self.augment:
      core.require(
        name in AUGMENTATIONS,
        f'algorithm.stabilizers.augment has {name!r}: it is a tuple of names '
        f'out of {", ".join(AUGMENTATIONS)}; pass --set "algorithm.stabilizers.'
        "augment=('color', 'translation', 'cutout')\", or () for none",
      )

  def require_loss(self, loss: AdversarialLoss | Relativistic) -> None:
    """Raise UserError if targets change that a loss does not have."""
    free = loss.has_targets
    rule = f'with {type(loss).__name__}, which has no targets'
    fields.require_all(
      self,
      ('real_range', free or self.real_range == (1, 1), f'is (1, 1) {rule}'),
      ('fake_range', free or self.fake_range == (0, 0), f'is (0, 0) {rule}'),
      ('flip_probability', free or self.flip_probability == 0, f'is 0 {rule}'),
      prefix='stabilizers.',
    )

  def draw_targets(self, key: core.Key, rows: int) -> jax.Array:
    """Return f32[rows, 2], D's targets for the real and fake of each row."""
    smooth_key, flip_key = jax.random.split(key)
    low, high = jnp.array([self.real_range, self.fake_range]).T
    targets = low + (high - low) * jax.random.uniform(smooth_key, (rows, 2))
    flipped = jax.random.bernoulli(flip_key, self.flip_probability, (rows, 1))
    return jnp.where(flipped, targets[:, ::-1], targets)

  def perturb(
    self, images: jax.Array, keys: core.Key, clock: jax.Array
  ) -> jax.Array:
    """Return pictures as D sees them: with noise, and augmented.

    Args:
      images: f32[B, H, W, C] in [-1, 1].
      keys: [B] PRNG keys, one for each picture.
      clock: i32[], read by the noise's schedule.
    """
    if self.instance_noise:
      scale = jnp.float32(self.instance_noise)
      if self.noise_schedule is not None:
        scale *= self.noise_schedule.factor(clock)
      noise = jax.vmap(lambda key: jax.random.normal(key, images.shape[1:]))
      images += scale * noise(keys)
    if not self.augment:
      return images
    from art_jax.algorithms import augment  # here: a loaded model has none

    return augment.augment(images, keys, self.augment)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CriticWarmup:
  """More updates of the critic before some updates of the generator.

  The authors' WGAN code makes 100 before each of the first 25 updates of G and
  before every 500th; GANGogh 2,000 before the first (`steps=2000, first=1,
  every=0`). G waits until they are made, in steps of `n_critic` each.

  Attributes:
    steps: updates of the critic before one of these updates of G.
    first: the first updates of G, so many, wait for them.
    every: the updates of G whose number is a multiple of this wait for them
      too; 0: only the first ones do.
  """

  steps: int = 100
  first: int = 25
  every: int = 500

  def __post_init__(self):
    core.require(
      self.steps >= 1 and self.first >= 0 and self.every >= 0,
      f'CriticWarmup(steps={self.steps}, first={self.first}, '
      f'every={self.every}): steps is >= 1, first and every >= 0; pass '
      'algorithm.warmup=None for no warm-up',
    )

  def needed(self, generator_steps: jax.Array, n_critic: int) -> jax.Array:
    """Return i32[], updates of the critic before the next one of G."""
    special = generator_steps < self.first
    if self.every:
      special |= generator_steps % self.every == 0
    return jnp.where(special, max(self.steps, n_critic), n_critic)


def _is_range(low: float, high: float) -> bool:
  return 0 <= low <= high <= 1
