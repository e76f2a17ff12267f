"""Normalisation layers with PyTorch's numbers.

Statistics are always float32, and the variance is computed in two passes: the
one-pass form E[x^2] - E[x]^2 loses all digits when |mean| >> std.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


def _check_eps(eps: float) -> None:
  if eps <= 0:
    raise ValueError(f'eps = {eps}: must be > 0 (PyTorch uses 1e-5)')


def _moments(x: jax.Array, axes: tuple[int, ...]):
  mean = jnp.mean(x, axes, keepdims=True)
  return mean, jnp.mean(jnp.square(x - mean), axes, keepdims=True)


class InstanceNorm(nn.Module):
  """Normalise every channel of every sample over height and width.

  y = (x - mean) / sqrt(var + eps) [* scale + bias], var biased. Equals
  `torch.nn.InstanceNorm2d(affine=affine, track_running_stats=False)`.

  Reference: Ulyanov et al. 2016, arXiv:1607.08022.

  Attributes:
    affine: learn `scale` (ones) and `bias` (zeros), f32[C] each.
    eps: added to the variance; PyTorch's value (Flax would take 1e-6).
    dtype: dtype of the result; statistics are float32.
  """

  affine: bool = False
  eps: float = 1e-5
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, C] to the same shape.

    Raises:
      ValueError: if eps <= 0 or x is not of rank 4.
    """
    _check_eps(self.eps)
    if x.ndim != 4:
      raise ValueError(f'x has shape {x.shape}: expected [B, H, W, C]')
    x = x.astype(jnp.float32)
    mean, var = _moments(x, (1, 2))
    y = (x - mean) * lax.rsqrt(var + self.eps)
    if self.affine:
      channels = x.shape[-1:]
      scale = self.param('scale', nn.initializers.ones, channels)
      y = y * scale + self.param('bias', nn.initializers.zeros, channels)
    return y.astype(self.dtype)


class ConditionalInstanceNorm(nn.Module):
  """Instance norm whose scale and bias are those of a style.

  y = (x - mean) / sqrt(var + eps) * (s @ scale) + s @ bias, where s are shares
  of the styles: one-hot for one style, anything that adds up to 1 for a blend.

  Reference: Dumoulin et al. 2017, arXiv:1610.07629, equation 5.

  Attributes:
    num_styles: S; `scale` and `bias` are f32[S, C].
    eps: added to the variance.
    dtype: dtype of the result; statistics are float32.
  """

  num_styles: int
  eps: float = 1e-5
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, shares: jax.Array) -> jax.Array:
    """Map [B, H, W, C] with shares f32[B, S] to the same shape."""
    rows = (self.num_styles, x.shape[-1])
    scale = self.param('scale', nn.initializers.ones, rows)
    bias = self.param('bias', nn.initializers.zeros, rows)
    x = InstanceNorm(eps=self.eps)(x)
    y = x * (shares @ scale)[:, None, None] + (shares @ bias)[:, None, None]
    return y.astype(self.dtype)


class LayerNorm(nn.Module):
  """Normalise every sample over height, width and channels together.

  y = (x - mean) / sqrt(var + eps) * scale + bias, var biased, with a scale and
  a bias per channel. Equals `torch.nn.GroupNorm(1, C)`; it is the norm that
  WGAN-GP advises for critics, as it does not mix the samples of a batch.

  Reference: Ba et al. 2016, arXiv:1607.06450.

  Attributes:
    eps: added to the variance.
    dtype: dtype of the result; statistics are float32.
  """

  eps: float = 1e-5
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, C] to the same shape.

    Raises:
      ValueError: if eps <= 0 or x is not of rank 4.
    """
    _check_eps(self.eps)
    if x.ndim != 4:
      raise ValueError(f'x has shape {x.shape}: expected [B, H, W, C]')
    channels = x.shape[-1:]
    scale = self.param('scale', nn.initializers.ones, channels)
    bias = self.param('bias', nn.initializers.zeros, channels)
    x = x.astype(jnp.float32)
    mean, var = _moments(x, (1, 2, 3))
    y = (x - mean) * lax.rsqrt(var + self.eps) * scale + bias
    return y.astype(self.dtype)


class BatchNorm(nn.Module):
  """Normalise every channel over the batch and all positions.

  Equals `torch.nn.BatchNorm2d(momentum=1 - momentum)`: training normalises with
  the biased variance and the running variance stores the unbiased one, n / (n -
  1) times larger (`flax.linen.BatchNorm` stores the biased one). Under a jit
  whose batch is sharded the statistics are those of the global batch.

  Reference: Ioffe & Szegedy 2015, arXiv:1502.03167.

  Attributes:
    momentum: weight of the OLD running value; PyTorch's momentum 0.1 is 0.9.
    eps: added to the variance.
    scale_std: `scale` starts as N(1, scale_std^2); DCGAN takes 0.02.
    dtype: dtype of the result; statistics are float32.
  """

  momentum: float = 0.9
  eps: float = 1e-5
  scale_std: float = 0.0
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
    """Map [B, ..., C] to the same shape; `train` uses the batch's statistics.

    Collection `batch_stats` (mean, var: f32[C]) is updated where train is True
    and the caller made it mutable.

    Raises:
      ValueError: if a field is outside its range.
    """
    _check_eps(self.eps)
    if not 0 <= self.momentum <= 1:
      raise ValueError(f'momentum = {self.momentum}: must be in [0, 1]')
    if self.scale_std < 0:
      raise ValueError(f'scale_std = {self.scale_std}: must be >= 0')
    channels = x.shape[-1:]
    ones, zeros = nn.initializers.ones, nn.initializers.zeros
    scale = self.param('scale', self._init_scale, channels)
    bias = self.param('bias', zeros, channels)
    run_mean = self.variable('batch_stats', 'mean', zeros, None, channels)
    run_var = self.variable('batch_stats', 'var', ones, None, channels)

    x = x.astype(jnp.float32)
    if train:
      mean, var = _moments(x, tuple(range(x.ndim - 1)))
      if not self.is_initializing() and self.is_mutable_collection(
        'batch_stats'
      ):
        n = x.size // x.shape[-1]
        self._update(run_mean, mean)
        self._update(run_var, var * (n / max(n - 1, 1)))
    else:
      mean, var = run_mean.value, run_var.value
    y = (x - mean) * (lax.rsqrt(var + self.eps) * scale) + bias
    return y.astype(self.dtype)

  def _init_scale(self, key, shape):
    return 1.0 + self.scale_std * jax.random.normal(key, shape)

  def _update(self, running, value):
    value = lax.stop_gradient(value.reshape(-1))
    running.value = self.momentum * running.value + (1 - self.momentum) * value


NORMS = ('instance', 'instance_affine', 'layer', 'batch', 'none')


def check_norm(norm: str) -> None:
  """Raise ValueError unless `norm` is one of `NORMS`."""
  if norm not in NORMS:
    raise ValueError(f'norm = {norm!r}: must be one of {", ".join(NORMS)}')


def apply_norm(
  norm: str, x: jax.Array, train: bool, *, dtype: str, name: str
) -> jax.Array:
  """Normalise x by the layer called `norm` inside a compact linen module.

  Batch norm starts with scale N(1, 0.02^2), as in DCGAN and pix2pix; 'none'
  leaves x as it is.
  """
  check_norm(norm)
  if norm == 'none':
    return x
  if norm == 'batch':
    return BatchNorm(scale_std=0.02, dtype=dtype, name=name)(x, train)
  if norm == 'layer':
    return LayerNorm(dtype=dtype, name=name)(x)
  return InstanceNorm(norm == 'instance_affine', dtype=dtype, name=name)(x)
