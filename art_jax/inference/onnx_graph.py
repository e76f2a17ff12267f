"""Builds an ONNX graph: nodes, weights, and sizes known when it runs."""

import ast
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.core import extras

OPSET = 18
_SIZE_OPS = {
  ast.Add: 'Add',
  ast.Sub: 'Sub',
  ast.Mult: 'Mul',
  ast.Pow: 'Pow',
}
_SIZE_CALLS = {'floordiv': 'Div', 'mod': 'Mod', 'max': 'Max', 'min': 'Min'}


class Value(NamedTuple):
  """A tensor of the graph.

  Attributes:
    name: in the graph.
    shape: whole numbers, or jax's symbolic dimensions.
    dtype: NumPy's.
  """

  name: str
  shape: tuple[Any, ...]
  dtype: Any


Item = Any  # a Value of the graph, or an array that is known


class Graph:
  """Collects nodes and weights.

  Args:
    sizes: the tensor i64[1] of each name of a symbolic dimension; filled in
      by whoever makes the inputs.
  """

  def __init__(self, sizes: dict[str, str] | None = None):
    self.helper = extras.load('onnx.helper', 'onnx', 'exporting ONNX')
    self._numpy = extras.load('onnx.numpy_helper', 'onnx', 'exporting ONNX')
    self.nodes: list[Any] = []
    self.weights: list[Any] = []
    self.sizes = sizes if sizes is not None else {}
    self._count = 0
    self._known: dict[Any, str] = {}

  def add(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
    """Add a node of one output; return its name."""
    (name,) = self.add_many(op, inputs, 1, **attributes)
    return name

  def add_many(
    self, op: str, inputs: Sequence[str], count: int, **attributes: Any
  ) -> list[str]:
    """Add a node of several outputs; return their names."""
    names = [self.fresh(op.lower()) for _ in range(count)]
    self.nodes.append(
      self.helper.make_node(op, list(inputs), names, **attributes)
    )
    return names

  def fresh(self, kind: str) -> str:
    """Return a name that the graph does not have yet."""
    self._count += 1
    return f'{kind}_{self._count}'

  @contextlib.contextmanager
  def body(self) -> Iterator[list[Any]]:
    """Collect the nodes of a loop's body, which sees all names around it."""
    around, sizes = self.nodes, self.sizes
    self.nodes, self.sizes = [], dict(sizes)
    try:
      yield self.nodes
    finally:
      self.nodes, self.sizes = around, sizes

  def subgraph(
    self, nodes: list[Any], inputs: Sequence[Value], outputs: Sequence[Value]
  ) -> Any:
    """Return a body as an attribute of a node."""
    told = [
      [self.told(v, _free(v.shape)) for v in x] for x in (inputs, outputs)
    ]
    return self.helper.make_graph(nodes, self.fresh('body'), *told)

  def told(self, value: Value, dims: Sequence[Any]) -> Any:
    """Return the declaration of an input or output."""
    kind = self.helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype))
    return self.helper.make_tensor_value_info(value.name, kind, list(dims))

  def constant(self, value: Any, name: str = '') -> str:
    """Add an array once; return its name."""
    array = np.asarray(value)
    key = (array.dtype.str, array.shape, array.tobytes())
    if key not in self._known or name:
      name = name or self.fresh('constant')
      self.weights.append(self._numpy.from_array(array, name))
      self._known[key] = name
    return self._known[key]

  def value(self, item: Item) -> Value:
    """Return what is known as a weight of the graph."""
    if isinstance(item, Value):
      return item
    if isinstance(item, jax.Array) and jnp.issubdtype(
      item.dtype, jax.dtypes.prng_key
    ):
      raise random_error('random_bits')
    array = np.asarray(item)
    return Value(self.constant(array), array.shape, array.dtype)

  def shape(self, dims: Sequence[Any]) -> str:
    """Return the tensor i64[len(dims)] of a shape."""
    if all(isinstance(dim, int) for dim in dims):
      return self.constant(np.array(dims, np.int64))
    return self.add('Concat', [self.size(dim) for dim in dims], axis=0)

  def size(self, dim: Any) -> str:
    """Return the tensor i64[1] of a dimension."""
    text = str(dim)
    if text not in self.sizes:
      self.sizes[text] = self._size(ast.parse(text, mode='eval').body)
    return self.sizes[text]

  def _size(self, node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
      return self.constant(np.array([node.value], np.int64))
    if isinstance(node, ast.Name):
      return self.sizes[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
      return self.add('Neg', [self._size(node.operand)])
    if isinstance(node, ast.BinOp) and type(node.op) in _SIZE_OPS:
      sides = [self._size(node.left), self._size(node.right)]
      return self.add(_SIZE_OPS[type(node.op)], sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
      arguments = [self._size(argument) for argument in node.args]
      return self.add(_SIZE_CALLS[node.func.id], arguments)
    raise core.UserError(
      f'ONNX: the size {ast.unparse(node)} cannot be computed in a graph; '
      'export StableHLO'
    )


def model_bytes(
  graph: Graph,
  inputs: Sequence[tuple[Value, Sequence[str | int]]],
  output: tuple[Value, Sequence[str | int]],
  metadata: Mapping[str, str],
) -> bytes:
  """Return the checked model as the content of a file.

  Args:
    graph: all of it.
    inputs: values with the names or numbers of their dimensions.
    output: likewise.
    metadata: texts that the file keeps.
  """
  checker = extras.load('onnx.checker', 'onnx', 'exporting ONNX')
  helper = graph.helper

  model = helper.make_model(
    helper.make_graph(
      graph.nodes,
      'art_jax',
      [graph.told(*one) for one in inputs],
      [graph.told(*output)],
      graph.weights,
    ),
    opset_imports=[helper.make_opsetid('', OPSET)],
    producer_name='art_jax',
  )
  model.ir_version = 9  # what readers of opset 18 and later know
  helper.set_model_props(model, dict(metadata))
  checker.check_model(model, full_check=True)
  return model.SerializeToString()


def _free(shape: Sequence[Any]) -> list[int | None]:
  return [dim if isinstance(dim, int) else None for dim in shape]


def random_error(name: str) -> core.UserError:
  """Return the error of a program that draws random numbers."""
  return core.UserError(
    f'ONNX: this model draws random numbers while it works (the primitive '
    f'{name!r}), and ONNX has none that are the same; of diffusion, choose a '
    'sampler that draws none (--set algorithm.sampler=heun) and leave '
    '--direction out'
  )
