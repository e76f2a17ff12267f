"""Convolutions of jax as Conv and ConvTranspose of ONNX."""

from typing import Any

import numpy as np

from art_jax import core
from art_jax.inference.onnx_graph import Graph, Value


def convolution(graph: Graph, eqn: Any, x: Value, w: Value) -> list[str]:
  """Add `conv_general_dilated`, between transpositions to channels first.

  Zeros between pixels of x (`lhs_dilation`) make it a transposed convolution,
  whose kernel is turned around.
  """
  params = eqn.params
  numbers = params['dimension_numbers']
  groups = params['feature_group_count']
  dilated = tuple(params['lhs_dilation'])
  shrunk = max(dilated) > 1
  _require(params['batch_group_count'] == 1, 'groups of the batch')
  _require(all(isinstance(n, int) for n in w.shape), 'a kernel of any size')
  channels_first = graph.add('Transpose', [x.name], perm=numbers.lhs_spec)
  kernel = graph.add('Transpose', [w.name], perm=numbers.rhs_spec)
  size = [w.shape[axis] for axis in numbers.rhs_spec[2:]]
  padding = [*params['padding']]
  _require(
    all(isinstance(n, int) for pair in padding for n in pair),
    'padding that depends on the size',
  )
  back = np.argsort(numbers.out_spec).tolist()
  if not shrunk:
    if min(n for pair in padding for n in pair) < 0:
      channels_first, padding = _cropped(graph, channels_first, padding)
    made = graph.add(
      'Conv',
      [channels_first, kernel],
      kernel_shape=size,
      strides=params['window_strides'],
      dilations=params['rhs_dilation'],
      group=groups,
      pads=[low for low, _ in padding] + [high for _, high in padding],
    )
    return [graph.add('Transpose', [made], perm=back)]
  _require(
    groups == 1
    and max(params['window_strides']) == 1
    and max(params['rhs_dilation']) == 1,
    'a transposed convolution with strides, dilations or groups',
  )
  axes = graph.constant(np.array([2, 3], np.int64))
  start, end = (graph.constant(np.full(2, n)) for n in (-1, -(2**62)))
  steps = graph.constant(np.full(2, -1))
  turned = graph.add('Slice', [kernel, start, end, axes, steps])
  turned = graph.add('Transpose', [turned], perm=[1, 0, 2, 3])
  # Of the largest output, k - 1 pixels around, what padding leaves.
  cut = [
    (k - 1 - low, k - 1 - high)
    for k, (low, high) in zip(size, padding, strict=True)
  ]
  _require(
    min(low for low, _ in cut) >= 0, 'wide padding before an enlargement'
  )
  made = graph.add(
    'ConvTranspose',
    [channels_first, turned],
    kernel_shape=size,
    strides=dilated,
    pads=[low for low, _ in cut] + [max(0, high) for _, high in cut],
    output_padding=[max(0, -high) for _, high in cut],
  )
  return [graph.add('Transpose', [made], perm=back)]


def _cropped(graph, name, padding):
  """Apply negative padding: Conv has none."""
  low = [min(0, n) for n, _ in padding]
  high = [min(0, n) for _, n in padding]
  widths = graph.constant(np.array([0, 0, *low, 0, 0, *high], np.int64))
  name = graph.add('Pad', [name, widths])
  return name, [(max(0, a), max(0, b)) for a, b in padding]


def _require(holds: object, what: str) -> None:
  core.require(
    holds,
    f'ONNX: {what} is not written; export StableHLO (leave --format out)',
  )
