"""Optimizers and schedules as frozen dataclasses: their fields are the config.

`make()` gives the optax transformation that turns gradients into a step of
learning rate one. The learning rate itself is `rate(clock)`, where the clock
is the algorithm's own step count, so an optimizer that runs five times a step
(a WGAN critic) and one that runs once follow the same schedule.
"""

import dataclasses
import functools
import math
from typing import Any, Protocol, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from art_jax import core


class Schedule(Protocol):
  """A factor on the learning rate, as a function of the step."""

  def factor(self, clock: jax.Array) -> jax.Array:
    """Return f32[]; 1 means the full learning rate."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearDecay:
  """Constant, then linearly to zero.

  CycleGAN and pix2pix: constant for 100 epochs, to zero over the next 100.

  Attributes:
    start: where the decay begins.
    end: where the factor reaches zero.
  """

  start: core.Duration
  end: core.Duration

  def factor(self, clock: jax.Array) -> jax.Array:
    """Return f32[] in [0, 1]."""
    start, end = _steps(self.start), _steps(self.end)
    return jnp.clip((end - clock) / max(end - start, 1), 0.0, 1.0).astype(
      jnp.float32
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepDecay:
  """Multiply the learning rate by `gamma` at every boundary that is passed.

  Attributes:
    boundaries: steps or epochs at which it drops.
    gamma: factor of one drop.
  """

  boundaries: tuple[core.Duration, ...]
  gamma: float = 0.1

  def __post_init__(self):
    core.require(
      0 <= self.gamma < math.inf,
      f'StepDecay(gamma={self.gamma}): it is >= 0 and finite, or steps would '
      'go uphill; pass 0.1',
    )

  def factor(self, clock: jax.Array) -> jax.Array:
    """Return f32[]: gamma to the power of the boundaries passed."""
    boundaries = jnp.array([_steps(b) for b in self.boundaries], jnp.int32)
    passed = jnp.sum(clock >= boundaries).astype(jnp.float32)
    return jnp.float32(self.gamma) ** passed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Warmup:
  """Linearly from zero to the full learning rate, then constant.

  Attributes:
    end: where the factor reaches one.
  """

  end: core.Duration

  def factor(self, clock: jax.Array) -> jax.Array:
    """Return f32[] in (0, 1]."""
    return jnp.minimum((clock + 1) / max(_steps(self.end), 1), 1.0).astype(
      jnp.float32
    )


def _steps(duration: core.Duration) -> int:
  """Return a duration that `experiments.resolve` has made a number of steps."""
  return cast(int, duration)


class Optimizer(Protocol):
  """The config of an optimizer, as `descend` uses it."""

  @property
  def accumulate(self) -> int:
    """Slices that a batch is cut into."""
    ...

  def make(self) -> optax.GradientTransformation:
    """Return the transformation of gradients to a unit-rate ascent step."""
    ...

  def rate(self, clock: jax.Array) -> jax.Array:
    """Return f32[], the learning rate at this step."""
    ...

  def project(self, params: core.Params) -> core.Params:
    """Return the parameters moved back into the allowed set."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Common:
  """Fields that every optimizer has.

  Attributes:
    learning_rate: step size, > 0.
    schedule: factor on it over time; None means constant.
    clip_norm: scale gradients down to this global L2 norm; None: never.
    clip_value: clip every gradient entry to [-x, x]; None: never.
    clip_weights: after every update clip every parameter to [-x, x] (WGAN,
      Algorithm 1: 0.01); None: never.
    accumulate: slices that a batch is cut into; `experiments.resolve` sets it
      from `train.accumulate`.
  """

  learning_rate: float
  schedule: Schedule | None = None
  clip_norm: float | None = None
  clip_value: float | None = None
  clip_weights: float | None = None
  accumulate: int = 1

  def __post_init__(self):
    for name in ('learning_rate', 'clip_norm', 'clip_value', 'clip_weights'):
      value = getattr(self, name)
      core.require(
        value is None or value > 0,
        f'{type(self).__name__}.{name}={value!r}: it is > 0; pass a '
        'positive number',
      )
    for name in ('b1', 'b2', 'decay', 'momentum'):
      value = getattr(self, name, 0.0)
      core.require(
        0 <= value < 1,
        f'{type(self).__name__}.{name}={value!r}: it is in [0, 1), the share '
        'of an average that is kept; pass such a number',
      )
    eps = getattr(self, 'eps', 1.0)
    core.require(
      0 < eps < math.inf,
      f'{type(self).__name__}.eps={eps!r}: it is > 0 and finite, or a gradient '
      'of 0 makes no number; pass 1e-8',
    )

  def rate(self, clock: jax.Array) -> jax.Array:
    """Return f32[], the learning rate at this step."""
    rate = jnp.float32(self.learning_rate)
    return rate if self.schedule is None else rate * self.schedule.factor(clock)

  def project(self, params: core.Params) -> core.Params:
    """Return the parameters clipped to the box of `clip_weights`."""
    limit = self.clip_weights
    return (
      params
      if limit is None
      else jax.tree.map(lambda x: jnp.clip(x, -limit, limit), params)
    )

  def _with_clipping(
    self, direction: optax.GradientTransformation
  ) -> optax.GradientTransformation:
    clips = (
      (optax.clip, self.clip_value),
      (optax.clip_by_global_norm, self.clip_norm),
    )
    return optax.chain(
      *(clip(limit) for clip, limit in clips if limit is not None), direction
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adam(_Common):
  """Adam (Kingma & Ba 2015, arXiv:1412.6980), PyTorch's epsilon.

  Attributes:
    b1: decay of the first moment; GANs use 0.5.
    b2: decay of the second moment.
    eps: added outside the root.
  """

  learning_rate: float = 2e-4
  b1: float = 0.5
  b2: float = 0.999
  eps: float = 1e-8

  def make(self) -> optax.GradientTransformation:
    """Return clipping followed by Adam's direction."""
    return self._with_clipping(
      optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.eps)
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RMSProp(_Common):
  """RMSProp as PyTorch has it: decay 0.99, epsilon outside the root.

  Attributes:
    decay: of the squared gradient's average (optax's default is 0.9).
    eps: added outside the root (optax's default is inside).
  """

  learning_rate: float = 5e-5
  decay: float = 0.99
  eps: float = 1e-8

  def make(self) -> optax.GradientTransformation:
    """Return clipping followed by RMSProp's direction."""
    return self._with_clipping(
      optax.scale_by_rms(decay=self.decay, eps=self.eps, eps_in_sqrt=False)
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SGD(_Common):
  """Plain gradient descent, with or without momentum.

  Attributes:
    momentum: decay of the velocity; 0: none.
  """

  learning_rate: float = 1e-2
  momentum: float = 0.0

  def make(self) -> optax.GradientTransformation:
    """Return clipping followed by the (averaged) gradient."""
    return self._with_clipping(
      optax.trace(decay=self.momentum) if self.momentum else optax.identity()
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LBFGS(_Common):
  """L-BFGS without a line search: one evaluation of the loss a step.

  The step is p - rate * H g, H the inverse Hessian that the last `memory`
  steps suggest; the first one has the length of the rate. For a constant loss
  only (pixels): not for batches that change.

  Differs from Nocedal & Wright: a line search would evaluate the loss several
  times a step and compile a loop; the ports of style transfer that people use
  do without it too.

  Reference: Liu & Nocedal 1989, Mathematical Programming 45.

  Attributes:
    memory: pairs of steps and gradients kept, each as large as the parameters.
  """

  learning_rate: float = 1.0
  memory: int = 10

  def make(self) -> optax.GradientTransformation:
    """Return clipping followed by the quasi-Newton direction."""
    return self._with_clipping(optax.scale_by_lbfgs(memory_size=self.memory))


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
