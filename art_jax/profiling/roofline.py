"""The ceiling of the devices: FLOP/s of the fastest operations, measured."""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.config import serialization
from art_jax.devices import mesh

# Sides of a matrix product, and (rows of a batch, side, channels) of a 3x3
# convolution: those of the largest layers that are trained on such devices.
_MATRICES = {'cpu': (1024, 2048), 'gpu': (4096, 8192), 'tpu': (4096, 8192)}
_CONVOLUTIONS = {
  'cpu': ((1, 64, 128), (4, 64, 256)),
  'gpu': ((32, 64, 256), (64, 64, 512)),
  'tpu': ((32, 64, 256), (64, 64, 512)),
}


def measure(
  devices: mesh.Devices,
  dtype: str,
  seconds: float = 0.5,
  clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
  """Return the most FLOP/s of a matrix product and of a 3x3 convolution.

  Every device works on its own rows: nothing is sent.

  Args:
    devices: all of them take part.
    dtype: of the inputs; 'float32' products have the default precision (TF32
      on recent GPUs, bfloat16 passes on TPUs).
    seconds: for which each is repeated; the fastest counts.
    clock: gives seconds.
  """
  platform = devices.platform if devices.platform in _MATRICES else 'cpu'
  shapes = {
    _product: [((n, n), (n, n)) for n in _MATRICES[platform]],
    _convolution: [
      ((rows, side, side, channels), (3, 3, channels, channels))
      for rows, side, channels in _CONVOLUTIONS[platform]
    ],
  }

  def most(function):
    rates = []
    for (rows, *rest), weights in shapes[function]:
      rows *= devices.count
      # Every pixel (or row) meets every weight once.
      flops = 2 * rows * math.prod(rest[:-1]) * math.prod(weights)
      share = rows // jax.process_count()
      x = devices.place_batch(np.ones((share, *rest), jnp.dtype(dtype)))
      rates.append(
        flops / _fastest(function, devices, x, weights, seconds, clock)
      )
    return max(rates)

  return {'matmul': most(_product), 'conv3x3': most(_convolution)}


def compute_dtype(config: Any) -> str:
  """Return the first `dtype` field of a config tree, else 'float32'."""
  dtypes = (
    node.dtype for node in serialization.walk(config) if hasattr(node, 'dtype')
  )
  return next(dtypes, 'float32')


def _product(x: jax.Array, weights: jax.Array) -> jax.Array:
  return x @ weights


def _convolution(x: jax.Array, weights: jax.Array) -> jax.Array:
  return jax.lax.conv_general_dilated(
    x, weights, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def _fastest(
  function: Callable[..., Any],
  devices: mesh.Devices,
  x: jax.Array,
  shape: tuple[int, ...],
  seconds: float,
  clock: Callable[[], float],
) -> float:
  """Return the seconds of the fastest of several calls."""
  weights = devices.replicate(np.ones(shape, x.dtype))
  jitted = jax.jit(function)
  jax.block_until_ready(jitted(x, weights))
  best, end = float('inf'), clock() + seconds
  while best == float('inf') or clock() < end:
    start = clock()
    jax.block_until_ready(jitted(x, weights))
    best = min(best, clock() - start)
  return best
