"""How fast the average of a model's parameters forgets.

A decay is a number or a profile; `decay_of` gives what it is at a step, and
`trainable.averaged` keeps the average.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core

DECAY_RULE = 'is in [0, 1), or PowerEMA(sigma_rel=...) or HalfLife(steps=...)'


@dataclasses.dataclass(frozen=True, kw_only=True)
class PowerEMA:
  """An average over a fixed share of the training, however long it is.

  After t steps the weights of step s count in proportion to s^gamma: decay
  beta_t = (1 - 1/t)^(gamma + 1). gamma is the one for which the profile has
  the standard deviation sigma_rel, as a share of t:

    sigma_rel = (gamma + 1)^(1/2) (gamma + 2)^(-1) (gamma + 3)^(-1/2).

  Attributes:
    sigma_rel: in (0, 0.28]; 0.05 to 0.15 in the paper, 0.1 averages about the
      last fifth of the run.

  Reference: Karras et al. 2024 (EDM2), arXiv:2312.02696, section 3.1.
  """

  sigma_rel: float = 0.1

  def __post_init__(self):
    core.require(
      0 < self.sigma_rel <= 0.28,
      f'PowerEMA(sigma_rel={self.sigma_rel}): it is in (0, 0.28], a share of '
      'the run; pass 0.1',
    )

  @functools.cached_property
  def gamma(self) -> float:
    """The exponent, > 0: the root of (g+2)^2 (g+3) = (g+1) / sigma_rel^2."""
    t = self.sigma_rel**-2
    return float(np.roots([1, 7, 16 - t, 12 - t]).real.max())

  def decay(self, count: jax.Array) -> jax.Array:
    """Return beta_t for t = count + 1, f32[]."""
    return (1 - 1 / (count + 1)) ** jnp.float32(self.gamma + 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HalfLife:
  """An exponential average, told by the steps after which weights count half.

  Attributes:
    steps: > 0; 312.5 in Projected GAN, batch x 10/32 thousands of pictures.
  """

  steps: float = 312.5

  def __post_init__(self):
    core.require(
      self.steps > 0,
      f'HalfLife(steps={self.steps}): it is > 0; pass a number of steps',
    )

  def decay(self, count: jax.Array) -> jax.Array:
    """Return 0.5^(1 / steps), less at the start; see `decay_of`."""
    return _warm(0.5 ** (1 / self.steps), count)


Decay = float | PowerEMA | HalfLife


def is_decay(value: Any) -> bool:
  """Return whether a value of a config is a Decay."""
  if isinstance(value, int | float):
    return 0 <= value < 1
  return isinstance(value, PowerEMA | HalfLife)


def decay_of(value: Decay, clock: jax.Array) -> jax.Array:
  """Return how much of an average is kept when one more value is averaged.

  Args:
    value: a number d: min(d, (1 + clock) / (10 + clock)), so that the first
      values do not linger (the warm-up of TensorFlow's moving averages); or a
      profile.
    clock: i32[], number of values averaged before.
  """
  count = clock.astype(jnp.float32)
  if isinstance(value, PowerEMA | HalfLife):
    return value.decay(count)
  return _warm(value, count)


def _warm(decay: float, count: jax.Array) -> jax.Array:
  return jnp.minimum(jnp.float32(decay), (1 + count) / (10 + count))
