"""A trained model as one .onnx file, which onnxruntime runs anywhere.

`<direction>.onnx` of a translator takes `images` [N, H, W, C] and returns
`translated`; `generator.onnx` takes `latents` (and `labels`) and returns
`images`. Pixels are f32 in [-1, 1], or u8 with `as_bytes`; N, H and W are any
that the network takes.
"""

import pathlib
from typing import Any

import jax
import numpy as np
from jax import export as jax_export

from art_jax import core
from art_jax.core.paths import make_folder, require_free, write_atomic
from art_jax.core.version import VERSION
from art_jax.inference import onnx_graph, onnx_ops
from art_jax.inference.onnx_graph import Graph, Value
from art_jax.inference.run import Run
from art_jax.nn import lowering


def write(
  run: Run,
  output: str | pathlib.Path,
  direction: str | None = None,
  *,
  as_bytes: bool = False,
  overwrite: bool = False,
) -> list[pathlib.Path]:
  """Write a file for each direction of a translator, or for a generator.

  Args:
    run: a trained model.
    output: a folder; made if missing.
    direction: None: every direction that the run knows.
    as_bytes: pixels are u8 in 0..255.
    overwrite: replace files that exist.

  Raises:
    core.UserError: the model cannot be written as ONNX, saying why, or a file
      exists.
  """
  output = pathlib.Path(output).expanduser()
  generates = isinstance(run.algorithm, core.Generative)
  if isinstance(run.algorithm, core.Translator) and not generates:
    there = run.params.keys() if isinstance(run.params, dict) else ()
    every = [d for d in run.algorithm.directions if not there or d in there]
    names = [run.direction(direction)] if direction else every
    make = [lambda d=d: translator(run, d, as_bytes=as_bytes) for d in names]
  else:
    names, make = ['generator'], [lambda: generator(run, as_bytes=as_bytes)]
  paths = [output / f'{name}.onnx' for name in names]
  for path in paths:
    require_free(path, overwrite)
  contents = [one() for one in make]
  make_folder(output)
  for path, content in zip(paths, contents, strict=True):
    write_atomic(path, content)
  return paths


def translator(run: Run, direction: str, *, as_bytes: bool = False) -> bytes:
  """Return the content of a file that translates one way."""
  algorithm: Any = run.algorithm
  multiple, channels = (
    core.size_multiple(algorithm),
    run.experiment.data.channels,
  )
  shape = jax_export.symbolic_shape(
    f'n, {multiple}*h, {multiple}*w, {channels}',
    constraints=['h >= 4', 'w >= 4', 'n >= 1'],
  )
  graph = Graph()
  dtype = np.uint8 if as_bytes else np.float32
  images = Value('images', tuple(shape), np.dtype(dtype))
  for name, axis, part in (('n', 0, 1), ('h', 1, multiple), ('w', 2, multiple)):
    size = graph.add('Shape', ['images'], start=axis, end=axis + 1)
    divisor = graph.constant(np.array([part], np.int64))
    graph.sizes[name] = graph.add('Div', [size, divisor])

  def translate(x):
    # No key: an exported program draws no random numbers.
    return algorithm.translate(run.params, x, direction, key=None)

  floats = _from_bytes(graph, images) if as_bytes else images
  made = _traced(graph, translate, [floats])
  return _file(
    graph,
    [(images, ('n', 'h', 'w', channels))],
    made,
    'translated',
    ('n', 'h', 'w', channels),
    as_bytes,
    run,
  )


def generator(run: Run, *, as_bytes: bool = False) -> bytes:
  """Return the content of a file that makes pictures of latents."""
  algorithm: Any = run.algorithm
  if not isinstance(algorithm, core.Generative):
    raise core.UserError(
      f'{type(algorithm).__name__} cannot be exported: it neither translates '
      'nor makes pictures of latents; use a run of such a model'
    )
  (count,) = jax_export.symbolic_shape('n', constraints=['n >= 1'])
  one = jax.eval_shape(lambda: algorithm.latents(jax.random.key(0), 1))
  graph = Graph()
  latents = Value('latents', (count, *one.shape[1:]), np.dtype(np.float32))
  size = graph.add('Shape', ['latents'], start=0, end=1)
  graph.sizes['n'] = size
  inputs = [(latents, ('n', *one.shape[1:]))]
  if core.num_classes(algorithm):
    labels = Value('labels', (count,), np.dtype(np.int32))
    inputs.append((labels, ('n',)))

  def generate(rows, labels=None):
    key = jax.random.key(0)
    return algorithm.generate(run.params, rows, labels, key=key)

  made = _traced(graph, generate, [value for value, _ in inputs])
  data = run.experiment.data
  dims = ('n', data.size, data.size, data.channels)
  return _file(graph, inputs, made, 'images', dims, as_bytes, run)


def _traced(graph: Graph, function: Any, inputs: list[Value]) -> Value:
  shapes = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in inputs]
  with lowering.native_lowering():
    closed = jax.make_jaxpr(function)(*shapes)
  (made,) = onnx_ops.emit(graph, closed.jaxpr, closed.consts, inputs)
  return onnx_ops.as_value(graph, made)


def _from_bytes(graph: Graph, images: Value) -> Value:
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
  floats = graph.add('Cast', [images.name], to=to)
  half, one = (graph.constant(np.float32(x)) for x in (127.5, 1))
  scaled = graph.add('Sub', [graph.add('Div', [floats, half]), one])
  return Value(scaled, images.shape, np.dtype(np.float32))


def _file(graph, inputs, made, name, dims, as_bytes, run) -> bytes:
  last, dtype = made.name, np.dtype(np.float32)
  if as_bytes:  # round((x + 1) * 127.5), half to even as NumPy does
    one, half, zero, most = (
      graph.constant(np.float32(x)) for x in (1, 127.5, 0, 255)
    )
    scaled = graph.add('Mul', [graph.add('Add', [last, one]), half])
    rounded = graph.add('Round', [graph.add('Clip', [scaled, zero, most])])
    dtype = np.dtype(np.uint8)
    to = graph.helper.np_dtype_to_tensor_dtype(dtype)
    last = graph.add('Cast', [rounded], to=to)
  graph.nodes.append(graph.helper.make_node('Identity', [last], [name]))
  output = Value(name, made.shape, dtype)
  pixels = 'u8 in 0..255' if as_bytes else 'f32 in [-1, 1]'
  metadata = {
    'art_jax': VERSION,
    'algorithm': type(run.algorithm).__name__,
    'layout': 'NHWC, sRGB',
    'pixels': pixels,
    'multiple': str(core.size_multiple(run.algorithm)),
    'classes': ', '.join(run.class_names),
  }
  return onnx_graph.model_bytes(graph, inputs, (output, dims), metadata)
