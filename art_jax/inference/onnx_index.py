"""Parts of arrays as nodes of ONNX: slices, gathers, padding."""

from typing import Any

import numpy as np

from art_jax import core
from art_jax.inference.onnx_graph import Graph, Value


def cut(graph: Graph, eqn: Any, x: Value) -> list[str]:
  """Add `slice`."""
  params = eqn.params
  strides = params['strides'] or (1,) * len(x.shape)
  parts = [
    graph.shape(params[key]) for key in ('start_indices', 'limit_indices')
  ]
  axes = graph.constant(np.arange(len(x.shape), dtype=np.int64))
  steps = graph.constant(np.array(strides, np.int64))
  return [graph.add('Slice', [x.name, *parts, axes, steps])]


def dynamic_slice(graph: Graph, eqn: Any, x: Value, *starts: Value):
  """Add `dynamic_slice`, which stays inside."""
  sizes = eqn.params['slice_sizes']
  one = graph.shape([1])
  parts = [graph.add('Reshape', [start.name, one]) for start in starts]
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(np.int64))
  begin = graph.add('Concat', parts, axis=0)
  begin = graph.add('Cast', [begin], to=to)
  return [_part(graph, x, begin, sizes)]


def rev(graph: Graph, eqn: Any, x: Value) -> list[str]:
  """Add `rev`."""
  axes = np.array(eqn.params['dimensions'], np.int64)
  bounds = np.full(len(axes), -1), np.full(len(axes), -(2**62))
  start, end = (graph.constant(each.astype(np.int64)) for each in bounds)
  steps = graph.constant(np.full(len(axes), -1, np.int64))
  return [graph.add('Slice', [x.name, start, end, graph.constant(axes), steps])]


def pad(graph: Graph, eqn: Any, x: Value, fill: Value) -> list[str]:
  """Add `pad`."""
  low, high, inside = zip(*eqn.params['padding_config'], strict=True)
  if any(inside):
    raise core.UserError(
      'ONNX: padding between pixels is not written; export StableHLO (leave '
      '--format out)'
    )
  widths = graph.shape([*low, *high])
  return [graph.add('Pad', [x.name, widths, fill.name])]


def gather(graph: Graph, eqn: Any, x: Value, index: Value) -> list[str]:
  """Add `gather`: one part of x, or rows of one of its axes."""
  numbers, sizes = eqn.params['dimension_numbers'], eqn.params['slice_sizes']
  shape = tuple(eqn.outvars[0].aval.shape)
  plain = not numbers.operand_batching_dims
  if plain and len(index.shape) == 1:
    starts = _spread(graph, index, numbers.start_index_map, len(sizes))
    part = _part(graph, x, starts, sizes)
    return [graph.add('Reshape', [part, graph.shape(shape)])]
  axes = tuple(map(int, numbers.start_index_map))
  whole = all(
    size == (1 if axis in axes else x.shape[axis])
    for axis, size in enumerate(sizes)
  )
  collapsed = tuple(map(int, numbers.collapsed_slice_dims))
  if not (plain and whole and len(axes) == 1 and collapsed == axes):
    raise core.UserError(
      'ONNX: gathering parts at several places is not written (the primitive '
      "'gather'); export StableHLO (leave --format out)"
    )
  (axis,) = axes
  rows = graph.add('Reshape', [index.name, graph.shape(index.shape[:-1])])
  name = graph.add('Gather', [x.name, rows], axis=axis)
  # Gather puts the axes of the index where the gathered axis was.
  given = len(index.shape) - 1
  kept = list(map(int, numbers.offset_dims))
  placed = [i for i in range(len(shape)) if i not in kept]
  order = [*kept[:axis], *placed, *kept[axis:]]
  assert len(placed) == given
  back = np.argsort(order).tolist()
  return [graph.add('Transpose', [name], perm=back)]


def _spread(graph, index, axes, rank) -> str:
  """Return i64[rank]: the index in some axes, 0 in the others."""
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(np.int64))
  wide = graph.add('Cast', [index.name], to=to)
  place = np.full(rank, len(axes), np.int64)
  place[list(map(int, axes))] = np.arange(len(axes))
  padded = graph.add('Concat', [wide, graph.shape([0])], axis=0)
  return graph.add('Gather', [padded, graph.constant(place)], axis=0)


def _part(graph, x, begin, sizes) -> str:
  """Slice x from a place on; moved inside, as jax has it."""
  room = graph.add('Sub', [graph.shape(x.shape), graph.shape(sizes)])
  begin = graph.add('Min', [begin, room])
  begin = graph.add('Max', [begin, graph.shape([0] * len(sizes))])
  end = graph.add('Add', [begin, graph.shape(sizes)])
  return graph.add('Slice', [x.name, begin, end])
