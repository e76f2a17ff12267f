"""What a denoiser learns: how the network sees noise, and what it predicts.

All have one contract. Noisy pictures are x = y + sigma n, n ~ N(0, 1), and the
denoiser D(x; sigma) = c_skip x + c_out F(c_in x; c_noise) estimates y, F being
the network. The loss is E[weight(sigma) |D(y + sigma n; sigma) - y|^2].

Reference: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based
Generative Models", arXiv:2206.00364, eq. 7, 8 and table 1.
"""

import dataclasses
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from art_jax import core


class Coefficients(NamedTuple):
  """The coefficients of EDM's table 1, each of the shape of sigma."""

  c_skip: jax.Array
  c_out: jax.Array
  c_in: jax.Array
  c_noise: jax.Array


class Preconditioning(Protocol):
  """How the network of a diffusion model is wrapped, weighted and trained."""

  def coefficients(self, sigma: jax.Array) -> Coefficients:
    """Return the four coefficients at noise levels f32[...] > 0."""
    ...

  def weight(self, sigma: jax.Array) -> jax.Array:
    """Return the weight of the squared error at noise levels f32[...]."""
    ...

  def draw(self, key: core.Key, count: int) -> jax.Array:
    """Draw f32[count] noise levels to train at."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class EDM:
  """The preconditioning, weights and noise levels of EDM (its column "ours").

  c_skip = s^2 / (sigma^2 + s^2), c_out = sigma s / sqrt(sigma^2 + s^2), c_in =
  1 / sqrt(sigma^2 + s^2), c_noise = ln(sigma) / 4, s being sigma_data: input
  and target of F have variance 1. ln(sigma) ~ N(p_mean, p_std^2); the weight
  1 / c_out^2 makes every level count alike at first.

  Attributes:
    sigma_data: standard deviation of the pictures' pixels in [-1, 1].
    p_mean: of ln(sigma).
    p_std: of ln(sigma).
  """

  sigma_data: float = 0.5
  p_mean: float = -1.2
  p_std: float = 1.2

  def __post_init__(self):
    for name in ('sigma_data', 'p_std'):
      core.require(
        getattr(self, name) > 0,
        f"EDM.{name}={getattr(self, name)}: it is > 0; pass the paper's "
        f'{type(self).__dataclass_fields__[name].default}',
      )

  def coefficients(self, sigma: jax.Array) -> Coefficients:
    """Return table 1's four coefficients."""
    total = jnp.sqrt(sigma**2 + self.sigma_data**2)
    return Coefficients(
      c_skip=(self.sigma_data / total) ** 2,
      c_out=sigma * self.sigma_data / total,
      c_in=1 / total,
      c_noise=jnp.log(sigma) / 4,
    )

  def weight(self, sigma: jax.Array) -> jax.Array:
    """Return (sigma^2 + s^2) / (sigma s)^2 = 1 / c_out^2."""
    return 1 / self.coefficients(sigma).c_out ** 2

  def draw(self, key: core.Key, count: int) -> jax.Array:
    """Draw from the log-normal distribution."""
    return jnp.exp(self.p_mean + self.p_std * jax.random.normal(key, (count,)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cosine:
  """DDPM with the cosine schedule, in the notation of EDM.

  Time t ~ U(0, 1) has the signal level sqrt(abar(t)) = cos(pi/2 (t + s) /
  (1 + s)) over its value at t = 0, and a picture scaled by it is x c_in, with
  sigma = sqrt(1 - abar) / sqrt(abar) and c_in = sqrt(abar) = 1 / sqrt(1 +
  sigma^2). F predicts the noise n (then D = x - sigma F), or v = sqrt(abar) n -
  sqrt(1 - abar) y (then D = c_in^2 x - sigma c_in F); the loss is the plain
  squared error of F's output.

  Attributes:
    prediction: 'epsilon' or 'v'.
    offset: s, which keeps the noise of the first steps from vanishing.

  Reference: Ho et al. 2020, arXiv:2006.11239; Nichol & Dhariwal 2021,
  arXiv:2102.09672, eq. 17; Salimans & Ho 2022, arXiv:2202.00512, appendix D.
  """

  prediction: str = 'v'
  offset: float = 0.008

  def __post_init__(self):
    core.require(
      self.prediction in ('epsilon', 'v'),
      f"Cosine.prediction={self.prediction!r}: it is one of 'epsilon', 'v'",
    )

  def coefficients(self, sigma: jax.Array) -> Coefficients:
    """Return the coefficients of the prediction; c_noise is 1000 t."""
    c_in = 1 / jnp.sqrt(1 + sigma**2)
    c_noise = 1000 * self.time(sigma)
    return (
      Coefficients(jnp.ones_like(sigma), -sigma, c_in, c_noise)
      if self.prediction == 'epsilon'
      else Coefficients(c_in**2, -sigma * c_in, c_in, c_noise)
    )

  def weight(self, sigma: jax.Array) -> jax.Array:
    """Return 1 / c_out^2, which makes it the squared error of F."""
    return 1 / self.coefficients(sigma).c_out ** 2

  def draw(self, key: core.Key, count: int) -> jax.Array:
    """Draw uniform times; return their noise levels."""
    # The last thousandth has no signal left: as DDPM's last of 1000 steps.
    return self.sigma(jax.random.uniform(key, (count,), maxval=0.999))

  def sigma(self, time: jax.Array) -> jax.Array:
    """Return the noise level at times in [0, 1)."""
    root = jnp.cos(self._angle(time)) / jnp.cos(self._angle(0.0))
    # abar(0) is 1 and its noise 0, of which the logarithm is taken.
    return jnp.sqrt(jnp.maximum(1 / root**2 - 1, 1e-8))

  def time(self, sigma: jax.Array) -> jax.Array:
    """Return the time of a noise level: the inverse of `sigma`."""
    angle = jnp.arccos(jnp.cos(self._angle(0.0)) / jnp.sqrt(1 + sigma**2))
    return angle * 2 / jnp.pi * (1 + self.offset) - self.offset

  def _angle(self, time):
    return jnp.pi / 2 * (time + self.offset) / (1 + self.offset)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RectifiedFlow:
  """Flow matching along straight lines, in the notation of EDM.

  A picture y and noise n are joined by x_t = (1 - t) y + t n, and F predicts
  the velocity n - y of the line; the loss is E|F(x_t; t) - (n - y)|^2. Time t
  has the noise level sigma = t / (1 - t), so that x_t = (1 - t) (y + sigma n)
  and D = x_t - t F. This makes all samplers, guidance and edits work for it.

  The network sees ln(sigma) / 4, as of `EDM`: no paper says how time is told.

  Attributes:
    times: distribution of t in training: 'logit_normal', ln(t / (1 - t)) ~
      N(mean, std^2), which learns most where it is hardest, in the middle; or
      'uniform', as the first papers.
    mean: of the logit of t; below 0: less noise.
    std: of the logit of t.

  Reference: Lipman et al. 2022, arXiv:2210.02747, eq. 23; Liu et al. 2022,
  arXiv:2209.03003, eq. 1, whose time runs the other way; Esser et al. 2024,
  arXiv:2403.03206, section 3.1.
  """

  times: str = 'logit_normal'
  mean: float = 0.0
  std: float = 1.0

  def __post_init__(self):
    core.require(
      self.times in ('logit_normal', 'uniform'),
      f"RectifiedFlow.times={self.times!r}: it is one of 'logit_normal', "
      "'uniform'",
    )
    core.require(
      self.std > 0,
      f'RectifiedFlow.std={self.std}: it is > 0; pass 1, as the paper',
    )

  def coefficients(self, sigma: jax.Array) -> Coefficients:
    """Return c_skip = c_in = 1 - t and c_out = -t."""
    rest = 1 / (1 + sigma)
    return Coefficients(rest, -sigma * rest, rest, jnp.log(sigma) / 4)

  def weight(self, sigma: jax.Array) -> jax.Array:
    """Return 1 / t^2, which makes it the squared error of the velocity."""
    return (1 + 1 / sigma) ** 2

  def draw(self, key: core.Key, count: int) -> jax.Array:
    """Draw times; return their noise levels."""
    if self.times == 'logit_normal':
      return jnp.exp(self.mean + self.std * jax.random.normal(key, (count,)))
    # At t = 1 there is no picture left, and sigma has no number.
    time = jax.random.uniform(key, (count,), minval=0.001, maxval=0.999)
    return time / (1 - time)
