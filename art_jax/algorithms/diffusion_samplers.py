"""From noise to a picture: solvers of the probability flow of a denoiser.

With D(x; sigma) the denoiser, dx/dsigma = (x - D(x; sigma)) / sigma carries
noise of the level sigma_max to pictures at 0 (Karras et al. 2022,
arXiv:2206.00364, eq. 1 and 3). Every sampler is a plain function
`(denoise, x, sigmas, key) -> x` of

  denoise: (x f32[N, ...], sigma f32[]) -> f32[N, ...], the denoiser.
  x: f32[N, ...], noise of the level sigmas[0], added to a picture or alone.
  sigmas: f32[n + 1], falling, the last one 0; see `noise_levels`.
  key: PRNG key, read by `ancestral` alone.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp

Denoise = Callable[[jax.Array, jax.Array], jax.Array]
Sampler = Callable[[Denoise, jax.Array, jax.Array, jax.Array], jax.Array]


def noise_levels(
  count: int, low: float = 0.002, high: float = 80.0, rho: float = 7.0
) -> jax.Array:
  """Return f32[count + 1] noise levels from `high` to `low`, then 0.

  sigma_i = (high^(1/rho) + i / (n - 1) (low^(1/rho) - high^(1/rho)))^rho.

  Args:
    count: n, number of steps, >= 1.
    low: sigma_min.
    high: sigma_max.
    rho: the larger, the more steps are spent near 0; 7 in the paper.

  Reference: Karras et al. 2022, arXiv:2206.00364, eq. 5.
  """
  ramp = jnp.linspace(high ** (1 / rho), low ** (1 / rho), count) ** rho
  return jnp.concatenate([ramp, jnp.zeros(1)])


def uniform_times(count: int, high: float = 80.0) -> jax.Array:
  """Return f32[count + 1] noise levels at even times of the straight flow.

  sigma = t / (1 - t) at t from high / (1 + high) to 0, in `count` equal steps.

  Args:
    count: n, number of steps, >= 1.
    high: sigma_max.
  """
  time = jnp.linspace(high / (1 + high), 0.0, count + 1)
  return time / (1 - time)


def euler(denoise: Denoise, x, sigmas, key=None) -> jax.Array:
  """Follow the flow with Euler's method: order 1, n evaluations.

  In the velocity field of straight lines, from t = sigma / (1 + sigma), the
  step is the same: both are x <- D + sigma_{i+1} / sigma_i (x - D) but for the
  scale 1 - t of x.
  """

  def step(x, levels):
    sigma, below = levels
    slope = (x - denoise(x, sigma)) / sigma
    return x + (below - sigma) * slope, None

  return _scan(step, x, sigmas)


def heun(denoise: Denoise, x, sigmas, key=None) -> jax.Array:
  """Follow the flow with Heun's method: order 2, 2n - 1 evaluations.

  Algorithm 1 of Karras et al. 2022 (arXiv:2206.00364), without churn.
  """

  def step(x, levels):
    sigma, below = levels
    slope = (x - denoise(x, sigma)) / sigma
    there = x + (below - sigma) * slope
    slope_there = (there - denoise(there, below)) / below
    return x + (below - sigma) * (slope + slope_there) / 2, None

  x, _ = jax.lax.scan(step, x, (sigmas[:-2], sigmas[1:-1]))
  return denoise(x, sigmas[-2])  # To 0, Euler's step is the denoiser itself.


def velocity_heun(denoise: Denoise, x, sigmas, key=None) -> jax.Array:
  """Follow the velocity field of straight lines with Heun's method.

  With t = sigma / (1 + sigma) and x_t = (1 - t) x, dx_t/dt = (x_t - D) / t.
  Order 2, 2n - 1 evaluations. It takes the trajectories of `heun` through
  another field, which is even where `uniform_times` steps.

  Reference: Liu et al. 2022, arXiv:2209.03003, eq. 1 and section 5.
  """

  def step(x, levels):
    sigma, below = levels
    time, after = sigma / (1 + sigma), below / (1 + below)
    flowed = (1 - time) * x
    velocity = (flowed - denoise(x, sigma)) / time
    there = flowed + (after - time) * velocity
    velocity_there = (there - denoise(there / (1 - after), below)) / after
    flowed += (after - time) * (velocity + velocity_there) / 2
    return flowed / (1 - after), None

  x, _ = jax.lax.scan(step, x, (sigmas[:-2], sigmas[1:-1]))
  return denoise(x, sigmas[-2])  # To 0, Euler's step is the denoiser itself.


def ancestral(denoise: Denoise, x, sigmas, key) -> jax.Array:
  """Sample the reverse chain of DDPM: Euler's step, then fresh noise.

  Each step goes down to sigma_down, sigma_down^2 + sigma_up^2 = sigma_{i+1}^2,
  and adds sigma_up n, sigma_up^2 = sigma_{i+1}^2 (sigma_i^2 - sigma_{i+1}^2) /
  sigma_i^2.

  Reference: Song et al. 2021, arXiv:2011.13456, appendix F.
  """

  def step(carry, levels):
    x, key = carry
    sigma, below = levels
    up = jnp.sqrt(below**2 * (sigma**2 - below**2) / sigma**2)
    down = jnp.sqrt(below**2 - up**2)
    slope = (x - denoise(x, sigma)) / sigma
    key, noise_key = jax.random.split(key)
    noise = up * jax.random.normal(noise_key, x.shape)
    return (x + (down - sigma) * slope + noise, key), None

  return _scan(step, (x, key), sigmas)[0]


def dpm_solver_2m(denoise: Denoise, x, sigmas, key=None) -> jax.Array:
  """Follow the flow with DPM-Solver++(2M): order 2, n evaluations.

  With h = ln(sigma_i / sigma_{i+1}) and r = h_before / h: x <- sigma_{i+1} /
  sigma_i x + (1 - e^-h) ((1 + 1/(2r)) D_i - 1/(2r) D_{i-1}).

  Reference: Lu et al. 2022, arXiv:2211.01095, algorithm 2.
  """

  def step(carry, levels):
    x, before = carry
    above, sigma, below = levels
    now = denoise(x, sigma)
    length = jnp.log(sigma / below)
    # The first step has none before it: order 1, as the paper's line 5.
    half = jnp.where(above > 0, length / (2 * jnp.log(above / sigma)), 0.0)
    guess = now + half * (now - before)
    shrunk = below / sigma
    return (shrunk * x + (1 - shrunk) * guess, now), None

  above = jnp.concatenate([jnp.zeros(1), sigmas[:-3]])[: sigmas.size - 2]
  levels = above, sigmas[:-2], sigmas[1:-1]
  (x, _), _ = jax.lax.scan(step, (x, x), levels)
  return denoise(x, sigmas[-2])  # Order 1 at the end, as at the start.


def _scan(step, carry, sigmas: jax.Array):
  return jax.lax.scan(step, carry, (sigmas[:-1], sigmas[1:]))[0]


SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
  {
    'euler': euler,
    'heun': heun,
    'velocity_heun': velocity_heun,
    'ancestral': ancestral,
    'dpm_solver_2m': dpm_solver_2m,
  }
)
