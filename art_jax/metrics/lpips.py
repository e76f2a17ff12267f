"""LPIPS: how different two pictures look, by the features of a network."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.nn import pure, squeezenet, vgg
from art_jax.weights import catalogue, features, files

# By name: the network, its weights, and the layers that are compared.
_TRUNKS = {
  'squeeze': (
    squeezenet.SqueezeNet('1.1'),
    'squeezenet1_1',
    tuple(f'features.{i}' for i in (1, 4, 7, 9, 10, 11, 12)),
  ),
  'vgg': (
    vgg.VGG(16),
    'vgg16_torchvision',
    ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3', 'relu5_3'),
  ),
}
_EPSILON = 1e-10


@dataclasses.dataclass(frozen=True, eq=False)
class LPIPS:
  """The metric with its weights; call it with two batches of pictures.

  Attributes:
    trunk: 'squeeze' or 'vgg'.
    variables: of the trunk.
    linear: per layer f32[C] >= 0.
  """

  trunk: str
  variables: Any
  linear: tuple[jax.Array, ...]

  def __call__(self, a: jax.Array, b: jax.Array) -> jax.Array:
    """Return f32[N], 0 for equal pictures; compiled once per shape.

    Args:
      a: f32[N, H, W, 3] in [-1, 1]; at least 32 pixels a side.
      b: the same shape.

    Raises:
      core.UserError: for shapes that differ, or pictures that are too small.
    """
    a, b = jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32)
    core.require(
      a.shape == b.shape and a.ndim == 4 and a.shape[-1] == 3,
      f'LPIPS compares pictures of shapes {a.shape} and {b.shape}: both are '
      '[N, H, W, 3]; resize one to the other',
    )
    core.require(
      min(a.shape[1:3]) >= 32,
      f'LPIPS of {a.shape[1]}x{a.shape[2]} pixels: it needs 32 a side; '
      'enlarge both',
    )
    return distance(self.trunk, self.variables, self.linear, a, b)


@functools.partial(jax.jit, static_argnums=0)
def distance(
  trunk: str,
  variables: Any,
  linear: tuple[jax.Array, ...],
  a: jax.Array,
  b: jax.Array,
) -> jax.Array:
  """Return d(a, b) = sum_l mean_hw sum_c w_lc (fa_lhwc - fb_lhwc)^2.

  f are the features of layer l, scaled to unit length over the channels.

  Args:
    trunk: 'squeeze' or 'vgg'.
    variables: of the trunk, see `weights.features.load`.
    linear: w, per layer f32[C].
    a: f32[N, H, W, 3] in [-1, 1].
    b: the same shape.

  Returns:
    f32[N].

  Reference: Zhang et al. 2018, arXiv:1801.03924, equation 1; weights v0.1.
  """
  module, _, layers = _TRUNKS[trunk]

  def unit(images):
    features = pure.apply(module, variables, images, layers)
    return [
      f / (jnp.sqrt(jnp.sum(f**2, -1, keepdims=True)) + _EPSILON)
      for f in (features[name] for name in layers)
    ]

  return sum(
    (
      jnp.mean(jnp.sum(w * (fa - fb) ** 2, -1), (1, 2))
      for w, fa, fb in zip(linear, unit(a), unit(b), strict=True)
    ),
    jnp.zeros(a.shape[0]),
  )


def load(
  trunk: str = 'squeeze',
  *,
  trunk_weights: str | None = None,
  linear_weights: str | None = None,
) -> LPIPS:
  """Read the weights of LPIPS v0.1.

  Args:
    trunk: 'squeeze' (SqueezeNet 1.1) or 'vgg' (VGG-16).
    trunk_weights: name or path; None: torchvision's, which the linear layers
      were fitted to. Others give another number: say so beside it.
    linear_weights: name or path; None: `lpips_squeeze` or `lpips_vgg`.

  Raises:
    core.UserError: naming what is absent or does not fit.
  """
  core.require(
    trunk in _TRUNKS,
    f'LPIPS trunk {trunk!r}: it is one of {", ".join(_TRUNKS)}',
  )
  module, published, layers = _TRUNKS[trunk]
  variables = features.load(module, trunk_weights or published)
  path = catalogue.find(linear_weights or f'lpips_{trunk}')
  linear = _linear(module, layers, files.read(path), path)
  return LPIPS(trunk, jax.tree.map(jnp.asarray, variables), linear)


def _linear(
  module: squeezenet.SqueezeNet | vgg.VGG,
  layers: Sequence[str],
  tensors: Mapping[str, np.ndarray],
  path: os.PathLike,
) -> tuple[jax.Array, ...]:
  """Return the linear layers in order, checked."""
  shapes, _ = jax.eval_shape(
    functools.partial(module.init_with_output, layers=layers),
    jax.random.key(0),
    jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32),
  )
  rows = []
  for number, layer in enumerate(layers):
    name = f'lin{number}.model.1.weight'
    shape = (1, shapes[layer].shape[-1], 1, 1)
    core.require(
      name in tensors,
      f"'{path}': missing tensor '{name}', expected {list(shape)}",
      files.WeightsError,
    )
    core.require(
      tensors[name].shape == shape,
      f"'{path}': tensor '{name}' has shape {list(tensors[name].shape)}, "
      f'expected {list(shape)}',
      files.WeightsError,
    )
    rows.append(jnp.asarray(tensors[name].reshape(-1)))
  return tuple(rows)
