"""Loops of jax as Scan of ONNX."""

from collections.abc import Callable
from typing import Any

import numpy as np

from art_jax.inference.onnx_graph import Graph, Item, Value


def _counts(params: Any) -> tuple[int, int]:
  """Return how many constants and carried values a loop is given."""
  if 'ft_in' in params:  # from jax 0.12 on
    constants, carry, _ = params['ft_in'].unpack()
    return len(tuple(constants.vals)), len(tuple(carry.vals))
  return params['num_consts'], params['num_carry']


def scan(
  graph: Graph, params: Any, items: list[Item], emit: Callable[..., list[Item]]
) -> list[Item]:
  """Add a loop of a known length, which reads and keeps rows.

  Args:
    graph: where to.
    params: of jax's primitive.
    items: what it is given.
    emit: `onnx_ops.emit`.
  """
  first, count = _counts(params)
  closed, length = params['jaxpr'], params['length']
  every = closed.jaxpr.invars
  carry = [graph.value(item) for item in items[first : first + count]]
  rows = [graph.value(item) for item in items[first + count :]]
  if not length:
    shapes = [v.aval for v in closed.jaxpr.outvars[count:]]
    return [*carry, *(np.zeros((0, *a.shape), a.dtype) for a in shapes)]
  inside = [
    Value(graph.fresh('scan'), tuple(v.aval.shape), np.dtype(v.aval.dtype))
    for v in every[first:]
  ]
  with graph.body() as nodes:
    made = emit(graph, closed.jaxpr, closed.consts, [*items[:first], *inside])
    made = [graph.value(item) for item in made]
    # Of its own: an output of a body may not be one of its inputs.
    made = [v._replace(name=graph.add('Identity', [v.name])) for v in made]
  backwards = {
    'scan_input_directions': [1] * len(rows),
    'scan_output_directions': [1] * (len(made) - count),
  }
  backwards = {k: v for k, v in backwards.items() if v and params['reverse']}
  names = graph.add_many(
    'Scan',
    [value.name for value in (*carry, *rows)],
    len(made),
    body=graph.subgraph(nodes, inside, made),
    num_scan_inputs=len(rows),
    **backwards,
  )
  shapes = [v.shape for v in made[:count]]
  shapes += [(length, *v.shape) for v in made[count:]]
  return [
    Value(name, shape, value.dtype)
    for name, shape, value in zip(names, shapes, made, strict=True)
  ]
