"""Losses of style transfer, each as sums over positions and a distance.

A picture may be larger than the memory that its features need. So every loss
here comes in two parts: `sums` adds up over the positions of a feature map
(and so over the tiles of a picture), and `distance` turns the sums of the whole
picture into the loss. Untiled, it is distance(sums(features)).

Three reductions are in use, and weights of papers are given for one of them.
With N channels, M positions and G = sum_m f_m f_m^T:

  reduction  content                style by Gram matrices
  'paper'    1/2 sum (F - P)^2      1 / (4 N^2 M^2) sum (G - A)^2
  'sum'      sum (F - P)^2          sum (G / NM - A / NM)^2,  4 paper
  'mean'     mean (F - P)^2         mean (G / NM - A / NM)^2,  4 / N^2 paper

'paper' is Gatys et al., 'sum' the course CS231n, 'mean' the codes of Gatys and
of Johnson. 'mean' alone hardly depends on the size of the picture.
"""

import dataclasses
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from art_jax import core

REDUCTIONS = ('paper', 'sum', 'mean')
Sums = Any  # pytree of arrays that add up over tiles
Target = Any  # pytree of arrays


class StyleLoss(Protocol):
  """How the features of a layer are compared with those of a painting.

  One whose target is a function of sums is also a `SumsStyleLoss`.
  """

  def target(self, features: jax.Array) -> Target:
    """Return what is kept of a painting's features [1, h, w, C]."""
    ...

  def sums(
    self, features: jax.Array, weights: jax.Array, target: Target
  ) -> Sums:
    """Return sums over the positions of [B, h, w, C], weighted by [h, w]."""
    ...

  def distance(self, sums: Sums, target: Target, reduction: str) -> jax.Array:
    """Return f32[B], 0 where the style is the painting's."""
    ...


@runtime_checkable
class SumsStyleLoss(StyleLoss, Protocol):
  """Has a target that the sums of a painting give, however large it is."""

  def from_sums(self, sums: Sums) -> Target:
    """Return the target of a painting from its sums over all positions."""
    ...


def everywhere(features: jax.Array) -> jax.Array:
  """Return f32[h, w] of ones: every position of [B, h, w, C] counts."""
  return jnp.ones(features.shape[1:3])


def content_sums(
  features: jax.Array, target: jax.Array, weights: jax.Array
) -> Sums:
  """Return the squared error of features against those of the content.

  Args:
    features: F, f32[B, h, w, C].
    target: P, of the content picture, the same shape.
    weights: f32[h, w] >= 0, 1 where a position counts.
  """
  error = jnp.sum(weights[:, :, None] * (features - target) ** 2, (1, 2, 3))
  return {'error': error, 'count': jnp.sum(weights) * features.shape[-1]}


def reduce_error(sums: Sums, reduction: str) -> jax.Array:
  """Return E = 1/2 sum (F - P)^2, or as the reduction has it: f32[B].

  Reference: Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural
  Networks", CVPR, equation 1.
  """
  if reduction == 'mean':
    return sums['error'] / jnp.maximum(sums['count'], 1e-6)
  return sums['error'] * (0.5 if reduction == 'paper' else 1.0)


def content_error(
  features: jax.Array, target: jax.Array, reduction: str
) -> jax.Array:
  """Return the content loss of a whole picture, f32[B]."""
  return reduce_error(
    content_sums(features, target, everywhere(features)), reduction
  )


def style_error(
  loss: StyleLoss, features: jax.Array, target: Target, reduction: str
) -> jax.Array:
  """Return the style loss of a whole picture, f32[B]."""
  return loss.distance(
    loss.sums(features, everywhere(features), target), target, reduction
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gram:
  """Style as the correlations of channels: E = 1/(4 N^2 M^2) sum (G - A)^2.

  G_ij = sum_m F_mi F_mj over the M positions. The painting and the picture may
  have different M; each Gram matrix is divided by its own, which for equal
  sizes is the paper's equation.

  Reference: Gatys et al. 2016, CVPR, equations 3 and 4.
  """

  def target(self, features: jax.Array) -> Target:
    """Return A / M, f32[1, C, C]."""
    return self.from_sums(self.sums(features, everywhere(features), ()))

  def from_sums(self, sums: Sums) -> Target:
    """Return the target of a painting whose tiles were added up."""
    return _per_position(sums)

  def sums(
    self, features: jax.Array, weights: jax.Array, target: Target
  ) -> Sums:
    """Return G, f32[B, C, C], and M, of positions weighted by f32[h, w]."""
    return {'gram': gram(features, weights), 'count': jnp.sum(weights)}

  def distance(self, sums: Sums, target: Target, reduction: str) -> jax.Array:
    """Return f32[B]."""
    error = jnp.sum((_per_position(sums) - target) ** 2, (1, 2))
    channels = target.shape[-1]
    scale = {'paper': 0.25, 'sum': 1.0, 'mean': 1 / channels**2}[reduction]
    return scale * error / channels**2


@jax.custom_vjp
def gram(features: jax.Array, weights: jax.Array) -> jax.Array:
  """Return sum_m w_m F_m F_m^T, f32[B, C, C].

  The gradient in F, w F (S + S^T), is written down: derived from the product,
  it is two products, each with the positions as its last axis, and 2 to 4 times
  slower on CPU.

  Args:
    features: F, f32[B, h, w, C].
    weights: f32[h, w].
  """
  weighted = features * weights[:, :, None]
  return jnp.einsum('bmi,bmj->bij', _rows(weighted), _rows(features))


def _gram_gradient(saved, s):
  features, weights = saved
  turned = jnp.einsum('bmi,bij->bmj', _rows(features), s).reshape(
    features.shape
  )
  of_weights = jnp.sum(turned * features, (0, 3))
  both = jnp.einsum('bmi,bij->bmj', _rows(features), s + s.swapaxes(1, 2))
  return both.reshape(features.shape) * weights[:, :, None], of_weights


gram.defvjp(lambda f, w: (gram(f, w), (f, w)), _gram_gradient)


def _rows(features: jax.Array) -> jax.Array:
  return features.reshape(features.shape[0], -1, features.shape[3])


def _per_position(sums: Sums) -> jax.Array:
  return sums['gram'] / jnp.maximum(sums['count'], 1e-6)


def total_variation(
  images: jax.Array, norm: str = 'l2', reduction: str = 'sum'
) -> jax.Array:
  """Return sum |x_ij - x_i+1,j|^p + |x_ij - x_i,j+1|^p with p = 1 or 2.

  Args:
    images: f32[B, H, W, C] in [-1, 1].
    norm: 'l1' (keeps edges) or 'l2' (Mahendran & Vedaldi with beta = 2).
    reduction: 'mean' divides by the number of values.

  Returns:
    f32[B].

  Raises:
    UserError: for another norm.

  Reference: Mahendran & Vedaldi 2015, arXiv:1412.0035, equation 6.
  """
  core.require(
    norm in ('l1', 'l2'), f'algorithm.tv_norm={norm!r}: it is l1 or l2'
  )
  power = jnp.abs if norm == 'l1' else jnp.square
  rows = power(images[:, 1:] - images[:, :-1]).sum((1, 2, 3))
  columns = power(images[:, :, 1:] - images[:, :, :-1]).sum((1, 2, 3))
  total = rows + columns
  return total / images[0].size if reduction == 'mean' else total


def temporal(
  pixels: jax.Array, before: jax.Array, trust: jax.Array
) -> jax.Array:
  """Return 1/D sum_k c_k (x_k - w_k)^2 over the D values of a frame: f32[B].

  Args:
    pixels: x, f32[B, H, W, C].
    before: w, the picture of the frame before, moved by the optical flow.
    trust: c, f32[H, W] in [0, 1]: 0 where the scene was covered before.

  Reference: Ruder et al. 2016, arXiv:1604.08610, equation 7.
  """
  return (trust[:, :, None] * jnp.square(pixels - before)).mean((1, 2, 3))


def shrink(weights: jax.Array, shape: tuple[int, ...]) -> jax.Array:
  """Average a map of the pixels to a map of the positions of a layer.

  Args:
    weights: f32[H, W].
    shape: height and width of the layer, about H and W over a power of two.

  Returns:
    f32[shape]; the pixels at the end that no position stands for are left out.
  """
  for axis, extent in enumerate(shape):
    factor = 1
    while weights.shape[axis] >= 2 * factor * extent:
      factor *= 2
    kept = jax.lax.slice_in_dim(weights, 0, factor * extent, axis=axis)
    split = (*kept.shape[:axis], extent, factor, *kept.shape[axis + 1 :])
    weights = kept.reshape(split).mean(axis + 1)
  return weights
