"""SqueezeNet 1.0 and 1.1 as feature networks and classifiers."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv, pooling, require, vgg

# A number n: a fire module whose two expansions have n channels each.
_PLANS = {
  '1.0': ('conv', 'relu', 'pool', 64, 64, 128, 'pool', 128, 192, 192, 256)
  + ('pool', 256),
  '1.1': ('conv', 'relu', 'pool', 64, 64, 'pool', 128, 128, 'pool')
  + (192, 192, 256, 256),
}
_STEM = {'1.0': (96, 7), '1.1': (64, 3)}  # features, kernel size


class Fire(nn.Module):
  """Squeeze to a quarter by 1x1, expand by 1x1 and 3x3, side by side.

  Attributes:
    features: channels of each expansion (the output has twice as many).
    squeeze: channels in between.
    dtype: of the computation.
  """

  features: int
  squeeze: int
  dtype: str = 'float32'

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Map [B, H, W, I] to [B, H, W, 2 features]."""

    layer = functools.partial(
      conv.Conv, kernel_init='he', gain=1.0, dtype=self.dtype
    )
    x = nn.relu(layer(self.squeeze, 1, name='squeeze')(x))
    point = layer(self.features, 1, name='expand1x1')(x)
    wide = layer(self.features, 3, name='expand3x3')(x)
    return nn.relu(jnp.concatenate([point, wide], -1))


class SqueezeNet(nn.Module):
  """SqueezeNet: 1,235,496 parameters (1.1) or 1,248,424 (1.0) of 1000 classes.

  Layers are named by their position in torchvision's `features`:
  `features.0` is the first convolution, `features.1` its ReLU, `features.2` a
  pool, the others fire modules and pools up to `features.12`; and `logits`.
  Without `logits` the classifier is neither run nor created: 722,496
  parameters (1.1), 735,424 (1.0).

  The normalization of the picture is part of the weights: see `vgg.VGG`.

  Reference: Iandola et al. 2016, arXiv:1602.07360; 1.1 is the authors' later
  release (github.com/forresti/SqueezeNet).

  Attributes:
    version: '1.0' or '1.1'.
    pool: 'max' as trained, or 'average'.
    width: channels of every layer over those of the paper.
    dtype: of the computation.
  """

  version: str = '1.1'
  pool: str = 'max'
  width: float = 1.0
  dtype: str = 'float32'

  def _plan(self) -> tuple:
    require.holds(
      self.version in _PLANS,
      f"version = {self.version!r}: must be '1.0' or '1.1'",
    )
    return _PLANS[self.version]

  def layer_names(self) -> tuple[str, ...]:
    """Return the names of all layers, in order."""
    return (*(f'features.{i}' for i in range(len(self._plan()))), 'logits')

  def _scaled(self, channels: int) -> int:
    return max(round(channels * self.width), 1)

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    layers: tuple[str, ...] | None = None,
    train: bool = False,
  ) -> dict[str, jax.Array]:
    """Return the requested layers.

    Args:
      x: [B, H, W, 3] in [-1, 1], RGB.
      layers: names; None: all.
      train: not used.

    Returns:
      By name, [B, h, w, C]; `logits` f32[B, 1000].

    Raises:
      ValueError: for a name that is not a layer's, or a picture so small that
        a layer would be empty.
    """
    wanted = vgg.check_layers(self.layer_names(), layers)
    x = vgg.normalize(self, x).astype(self.dtype)
    outputs = {}
    for i, step in enumerate(self._plan()):
      if wanted <= outputs.keys():
        break
      name = f'features.{i}'
      x = outputs[name] = self._step(step, name.replace('.', '_'), x)
      vgg.check_size(x, name)
    if 'logits' in wanted:
      head = conv.Conv(
        1000, 1, kernel_init='he', gain=1.0, dtype=self.dtype, name='classifier'
      )
      outputs['logits'] = nn.relu(head(x)).mean((1, 2))
    return {name: outputs[name].astype(jnp.float32) for name in sorted(wanted)}

  def _step(self, step: str | int, name: str, x: jax.Array) -> jax.Array:
    """Run one position of `features`."""
    if isinstance(step, int):
      return Fire(
        self._scaled(step), self._scaled(step // 4), self.dtype, name=name
      )(x)
    if step == 'relu':
      return nn.relu(x)
    if step == 'pool':
      return pooling.pool(x, 3, self.pool, ceil=True)
    features, size = _STEM[self.version]
    require.holds(
      min(x.shape[1:3]) >= size,
      f'the picture is smaller than {size}x{size} pixels',
    )
    return conv.Conv(
      self._scaled(features),
      size,
      stride=2,
      padding=0,
      kernel_init='he',
      gain=1.0,
      dtype=self.dtype,
      name=name,
    )(x)
