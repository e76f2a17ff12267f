"""Each primitive of jax as nodes of ONNX; `emit` walks a traced program.

What depends on weights alone is computed while the graph is made.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend import core as jax_core

from art_jax import core
from art_jax.inference import onnx_conv, onnx_index, onnx_loop
from art_jax.inference.onnx_graph import Graph, Item, Value, random_error

Rule = Callable[..., Sequence[str]]
_INLINED = (
  *('jit', 'pjit', 'custom_vjp_call', 'custom_jvp_call', 'closed_call'),
  *('remat2', 'checkpoint'),
)
_UNARY = {
  'tanh': 'Tanh',
  'exp': 'Exp',
  'log': 'Log',
  'sin': 'Sin',
  'cos': 'Cos',
  'sqrt': 'Sqrt',
  'acos': 'Acos',
  'neg': 'Neg',
  'abs': 'Abs',
  'erf': 'Erf',
  'floor': 'Floor',
  'ceil': 'Ceil',
  'sign': 'Sign',
  'logistic': 'Sigmoid',
  'not': 'Not',
  'stop_gradient': 'Identity',
  'copy': 'Identity',
  'copy_p': 'Identity',
}
_BINARY = {
  'add': 'Add',
  'add_any': 'Add',
  'sub': 'Sub',
  'mul': 'Mul',
  'div': 'Div',
  'pow': 'Pow',
  'max': 'Max',
  'min': 'Min',
  'gt': 'Greater',
  'ge': 'GreaterOrEqual',
  'lt': 'Less',
  'le': 'LessOrEqual',
  'eq': 'Equal',
  'and': 'And',
  'or': 'Or',
}
_REDUCTIONS = {
  'reduce_sum': 'ReduceSum',
  'reduce_max': 'ReduceMax',
  'reduce_min': 'ReduceMin',
}


def emit(graph: Graph, jaxpr: Any, consts: Any, inputs: Any) -> list[Item]:
  """Add a traced program to a graph; return its outputs.

  Raises:
    core.UserError: naming a primitive that ONNX, or this table, does not have.
  """
  known: dict[Any, Item] = dict(zip(jaxpr.constvars, consts, strict=True))
  known |= dict(zip(jaxpr.invars, inputs, strict=True))

  def read(atom):
    return atom.val if isinstance(atom, jax_core.Literal) else known[atom]

  for eqn in jaxpr.eqns:
    made = _equation(graph, eqn, [read(atom) for atom in eqn.invars])
    known |= dict(zip(eqn.outvars, made, strict=True))
  return [read(atom) for atom in jaxpr.outvars]


def _equation(graph: Graph, eqn: Any, items: list[Item]) -> list[Item]:
  name, params = eqn.primitive.name, eqn.params
  if name == 'platform_index':  # the branch that no platform has to itself
    return [np.int32(len(params['platforms']) - 1)]
  if name == 'cond' and not isinstance(items[0], Value):
    branch = params['branches'][int(items[0])]
    return emit(graph, branch.jaxpr, branch.consts, items[1:])
  if name in _INLINED:
    closed = params.get('jaxpr') or params['call_jaxpr']
    if not hasattr(closed, 'consts'):
      return emit(graph, closed, (), items)
    return emit(graph, closed.jaxpr, closed.consts, items)
  whole = all(
    isinstance(dim, int) for var in eqn.outvars for dim in var.aval.shape
  )
  if (
    name != 'dim_as_value'
    and whole
    and not any(isinstance(item, Value) for item in items)
  ):
    made = eqn.primitive.bind(*items, **params)
    return list(made) if eqn.primitive.multiple_results else [made]
  if name == 'scan':
    return onnx_loop.scan(graph, params, items, emit)
  if name.startswith(('random_', 'threefry')):
    raise random_error(name)
  rule = _RULES.get(name)
  if rule is None:
    raise core.UserError(
      f'ONNX has no counterpart of the primitive {name!r} of this network; '
      'export StableHLO, which has them all (leave --format out)'
    )
  values = [graph.value(item) for item in items]
  names = rule(graph, eqn, *values)
  return [
    Value(made, tuple(var.aval.shape), np.dtype(var.aval.dtype))
    for made, var in zip(names, eqn.outvars, strict=True)
  ]


def _unary(op, graph, eqn, x):
  return [graph.add(op, [x.name])]


def _binary(op, graph, eqn, x, y):
  return [graph.add(op, [x.name, y.name])]


def _reduction(op, graph, eqn, x):
  axes = graph.constant(np.array(eqn.params['axes'], np.int64))
  return [graph.add(op, [x.name, axes], keepdims=0)]


def _reshape(graph, eqn, x):
  shape = graph.shape(eqn.outvars[0].aval.shape)
  return [graph.add('Reshape', [x.name, shape])]


def _broadcast(graph, eqn, x, *_):
  shape = eqn.outvars[0].aval.shape
  place = eqn.params['broadcast_dimensions']
  thin = [1] * len(shape)
  for i, axis in enumerate(place):
    thin[axis] = x.shape[i]
  name = graph.add('Reshape', [x.name, graph.shape(thin)])
  return [graph.add('Expand', [name, graph.shape(shape)])]


def _transpose(graph, eqn, x):
  return [graph.add('Transpose', [x.name], perm=eqn.params['permutation'])]


def _concatenate(graph, eqn, *parts):
  names = [part.name for part in parts]
  return [graph.add('Concat', names, axis=eqn.params['dimension'])]


def _stack(graph, eqn, *parts):
  axis = eqn.params.get('axis', eqn.params.get('dimension', 0))
  axes = graph.constant(np.array([axis], np.int64))
  names = [graph.add('Unsqueeze', [part.name, axes]) for part in parts]
  return [graph.add('Concat', names, axis=axis)]


def _split(graph, eqn, x):
  sizes = graph.shape(eqn.params['sizes'])
  count, axis = len(eqn.params['sizes']), eqn.params['axis']
  return graph.add_many('Split', [x.name, sizes], count, axis=axis)


def _cast(graph, eqn, x):
  dtype = np.dtype(eqn.params['new_dtype'])
  to = graph.helper.np_dtype_to_tensor_dtype(dtype)
  return [graph.add('Cast', [x.name], to=to)]


def _select(graph, eqn, which, *cases):
  if len(cases) != 2 or which.dtype != np.bool_:
    raise core.UserError('ONNX: a choice among more than two; export StableHLO')
  return [graph.add('Where', [which.name, cases[1].name, cases[0].name])]


def _square(graph, eqn, x):
  return [graph.add('Mul', [x.name, x.name])]


def _rsqrt(graph, eqn, x):
  return [graph.add('Reciprocal', [graph.add('Sqrt', [x.name])])]


def _integer_pow(graph, eqn, x):
  power = graph.constant(np.array(eqn.params['y'], x.dtype))
  return [graph.add('Pow', [x.name, power])]


def _dot_general(graph, eqn, x, y):
  (x_in, y_in), (x_rows, y_rows) = eqn.params['dimension_numbers']
  letters = iter('abcdefghijklmnopqrstuvwxyz')
  of_x = [next(letters) for _ in x.shape]
  of_y = [next(letters) for _ in y.shape]
  for i, j in zip((*x_in, *x_rows), (*y_in, *y_rows), strict=True):
    of_y[j] = of_x[i]
  rows = [of_x[i] for i in x_rows]
  free_x = [n for i, n in enumerate(of_x) if i not in (*x_in, *x_rows)]
  free_y = [n for i, n in enumerate(of_y) if i not in (*y_in, *y_rows)]
  result = ''.join([*rows, *free_x, *free_y])
  equation = f'{"".join(of_x)},{"".join(of_y)}->{result}'
  return [graph.add('Einsum', [x.name, y.name], equation=equation)]


def _iota(graph, eqn):
  params, aval = eqn.params, eqn.outvars[0].aval
  axis = params['dimension']
  size = graph.add('Squeeze', [graph.size(aval.shape[axis])])
  zero, one = (graph.constant(np.array(i, np.int64)) for i in (0, 1))
  counted = graph.add('Range', [zero, size, one])
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(aval.dtype))
  name = graph.add('Cast', [counted], to=to)
  thin = [1] * len(aval.shape)
  thin[axis] = -1
  name = graph.add('Reshape', [name, graph.shape(thin)])
  return [graph.add('Expand', [name, graph.shape(aval.shape)])]


def _size(graph, eqn, *_):
  dim = eqn.params['dim']
  name = graph.add('Squeeze', [graph.size(dim)])
  dtype = np.dtype(eqn.outvars[0].aval.dtype)
  to = graph.helper.np_dtype_to_tensor_dtype(dtype)
  return [graph.add('Cast', [name], to=to)]


_RULES: dict[str, Rule] = {
  **{name: functools.partial(_unary, op) for name, op in _UNARY.items()},
  **{name: functools.partial(_binary, op) for name, op in _BINARY.items()},
  **{n: functools.partial(_reduction, op) for n, op in _REDUCTIONS.items()},
  'reshape': _reshape,
  'squeeze': _reshape,
  'expand_dims': _reshape,
  'broadcast_in_dim': _broadcast,
  'transpose': _transpose,
  'slice': onnx_index.cut,
  'dynamic_slice': onnx_index.dynamic_slice,
  'gather': onnx_index.gather,
  'rev': onnx_index.rev,
  'pad': onnx_index.pad,
  'concatenate': _concatenate,
  'stack': _stack,
  'split': _split,
  'convert_element_type': _cast,
  'select_n': _select,
  'square': _square,
  'rsqrt': _rsqrt,
  'integer_pow': _integer_pow,
  'dot_general': _dot_general,
  'iota': _iota,
  'dim_as_value': _size,
  'conv_general_dilated': onnx_conv.convolution,
}
