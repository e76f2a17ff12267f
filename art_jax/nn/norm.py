"""Normalization layers with PyTorch's numbers; all are one function."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from art_jax.nn import require
from art_jax.nn.normalize import normalize


def _require_eps(eps: float) -> None:
  require.holds(eps > 0, f'eps = {eps}: must be > 0 (PyTorch uses 1e-5)')


def _by_groups(module, x: jax.Array, groups: int, scale, bias) -> jax.Array:
  """Normalize [B, H, W, C] inside a module that has `eps` and `dtype`."""
  _require_eps(module.eps)
  require.images(x.shape)
  channels = x.shape[-1]
  require.holds(
    groups >= 1 and channels % groups == 0,
    f'groups = {groups}: must divide {channels}',
  )
  y, _, _ = normalize(x.astype(jnp.float32), scale, bias, module.eps, groups)
  return y.astype(module.dtype)


def _scale_and_bias(module: nn.Module, *shape: int):
  """Create `scale` (ones) and `bias` (zeros) of a module."""
  return (
    module.param('scale', nn.initializers.ones, shape),
    module.param('bias', nn.initializers.zeros, shape),
  )


class InstanceNorm(nn.Module):
  """Normalize every channel of every sample over height and width.

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
    channels = x.shape[-1]
    scale, bias = jnp.ones((1, channels)), jnp.zeros((1, channels))
    if self.affine:
      scale, bias = (v[None] for v in _scale_and_bias(self, channels))
    return _by_groups(self, x, channels, scale, bias)


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
    channels = x.shape[-1]
    scale, bias = _scale_and_bias(self, self.num_styles, channels)
    return _by_groups(self, x, channels, shares @ scale, shares @ bias)


class GroupNorm(nn.Module):
  """Normalize groups of channels of every sample over height and width.

  y = (x - mean) / sqrt(var + eps) * scale + bias, var biased, with a scale and
  a bias per channel. Equals `torch.nn.GroupNorm(groups, C)`. One group is the
  layer norm that WGAN-GP advises for critics, as it does not mix the samples of
  a batch.

  Reference: Wu & He 2018, arXiv:1803.08494; Ba et al. 2016, arXiv:1607.06450.

  Attributes:
    groups: number of groups; the channels are a multiple of it.
    eps: added to the variance.
    dtype: dtype of the result; statistics are float32.
  """

  groups: int = 1
  eps: float = 1e-5
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, C] to the same shape.

    Raises:
      ValueError: if eps <= 0, x is not of rank 4 or its channels do not divide.
    """
    scale, bias = (v[None] for v in _scale_and_bias(self, x.shape[-1]))
    return _by_groups(self, x, self.groups, scale, bias)


class BatchNorm(nn.Module):
  """Normalize every channel over the batch and all positions.

  Equals `torch.nn.BatchNorm2d(momentum=1 - momentum)`: training normalizes with
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
    _require_eps(self.eps)
    require.holds(
      0 <= self.momentum <= 1, f'momentum = {self.momentum}: must be in [0, 1]'
    )
    require.at_least(self, scale_std=0)
    channels = x.shape[-1:]
    ones, zeros = nn.initializers.ones, nn.initializers.zeros
    scale = self.param(
      'scale',
      lambda key, shape: 1.0 + self.scale_std * jax.random.normal(key, shape),
      channels,
    )
    bias = self.param('bias', zeros, channels)
    run_mean = self.variable('batch_stats', 'mean', zeros, None, channels)
    run_var = self.variable('batch_stats', 'var', ones, None, channels)

    x = x.astype(jnp.float32)
    if train:
      y, mean, var = normalize(x, scale[None], bias[None], self.eps, 0)
      mutable = self.is_mutable_collection('batch_stats')
      if mutable and not self.is_initializing():
        n = x.size // x.shape[-1]
        self._update(run_mean, mean)
        self._update(run_var, var * (n / max(n - 1, 1)))
    else:
      rate = lax.rsqrt(run_var.value + self.eps) * scale
      y = (x - run_mean.value) * rate + bias
    return y.astype(self.dtype)

  def _update(self, running, value):
    value = lax.stop_gradient(value.reshape(-1))
    running.value = self.momentum * running.value + (1 - self.momentum) * value


CENTERING = ('instance', 'instance_affine')  # take away each channel's mean
NORMS = ('instance', 'instance_affine', 'layer', 'batch', 'none')


def apply_norm(
  norm: str, x: jax.Array, train: bool, *, dtype: str, name: str
) -> jax.Array:
  """Normalize x by the layer called `norm` inside a compact linen module.

  Batch norm starts with scale N(1, 0.02^2), as in DCGAN and pix2pix; 'none'
  leaves x as it is.
  """
  require.one_of('norm', norm, NORMS)
  if norm == 'none':
    return x
  if norm == 'batch':
    return BatchNorm(scale_std=0.02, dtype=dtype, name=name)(x, train)
  if norm == 'layer':
    return GroupNorm(dtype=dtype, name=name)(x)
  return InstanceNorm(norm == 'instance_affine', dtype=dtype, name=name)(x)
