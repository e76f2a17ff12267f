"""What the devices can do at most: measured, in the run that is compared."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
  products, convolutions = [0.0], [0.0]
  for side in _MATRICES[platform]:
    rows = side * devices.count
    inputs = _ones(devices, dtype, (rows, side)), (side, side)
    flops = 2 * rows * side * side
    products.append(
      flops / _fastest(_product, devices, *inputs, seconds, clock)
    )
  for count, side, channels in _CONVOLUTIONS[platform]:
    rows = count * devices.count
    inputs = (
      _ones(devices, dtype, (rows, side, side, channels)),
      (3, 3, channels, channels),
    )
    flops = 2 * 9 * rows * side * side * channels**2
    convolutions.append(
      flops / _fastest(_convolution, devices, *inputs, seconds, clock)
    )
  return {'matmul': max(products), 'conv3x3': max(convolutions)}


def _product(x: jax.Array, weights: jax.Array) -> jax.Array:
  return x @ weights


def _convolution(x: jax.Array, weights: jax.Array) -> jax.Array:
  return jax.lax.conv_general_dilated(
    x, weights, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC')
  )


def _ones(devices: mesh.Devices, dtype: str, shape: tuple) -> jax.Array:
  share = shape[0] // jax.process_count()
  return devices.place_batch(np.ones((share, *shape[1:]), jnp.dtype(dtype)))


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
