"""A trained model as one .onnx file, which onnxruntime runs anywhere.

`<direction>.onnx` of a translator takes `images` [N, H, W, C] (and `style`, a
painting) and returns `translated`; `generator.onnx` takes `latents` (and
`labels`) and returns `images`. Pixels are f32 in [-1, 1], or u8 with
`as_bytes`; N, H and W are any that the network takes. A model that computes in
bfloat16 is written in float32.
"""

import dataclasses
import pathlib
import re
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments
from art_jax.core.paths import make_folder, require_free, write_atomic
from art_jax.core.version import VERSION
from art_jax.inference import onnx_graph, onnx_ops, programs
from art_jax.inference.onnx_graph import Graph, Value
from art_jax.inference.programs import Input, Program
from art_jax.inference.run import Run


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
  # ONNX has no products of bfloat16; the weights of such a model are float32.
  single = experiments.everywhere(run.experiment, {'dtype': 'float32'})
  run = dataclasses.replace(run, experiment=single)
  chosen = programs.of_run(run, direction)
  paths = [output / f'{one.name}.onnx' for one in chosen]
  for path in paths:
    require_free(path, overwrite)
  contents = [content(run, one, as_bytes=as_bytes) for one in chosen]
  make_folder(output)
  for path, data in zip(paths, contents, strict=True):
    write_atomic(path, data)
  return paths


def content(run: Run, program: Program, *, as_bytes: bool = False) -> bytes:
  """Return the content of the file of one program of a run."""
  graph = Graph()
  inputs, floats = [], []
  for one in program.inputs:
    dtype = np.uint8 if as_bytes and one.pixels else one.dtype
    value = Value(one.name, one.shape, np.dtype(dtype))
    _bind(graph, one)
    inputs.append((value, [_name(dim) for dim in one.shape]))
    floats.append(_from_bytes(graph, value) if dtype == np.uint8 else value)
  shapes = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in floats]
  closed = jax.make_jaxpr(lambda *x: program.call(program.weights, *x))(*shapes)
  (made,) = onnx_ops.emit(graph, closed.jaxpr, closed.consts, floats)
  made = graph.value(made)
  last = _to_bytes(graph, made.name) if as_bytes else made.name
  graph.nodes.append(
    graph.helper.make_node('Identity', [last], [program.output])
  )
  dtype = np.dtype(np.uint8 if as_bytes else np.float32)
  output = Value(program.output, made.shape, dtype)
  dims = [_name(dim) for dim in made.shape]
  metadata = _metadata(run, as_bytes)
  return onnx_graph.model_bytes(graph, inputs, (output, dims), metadata)


def _bind(graph: Graph, one: Input) -> None:
  """Let the graph compute what the symbols in a shape stand for."""
  for axis, dim in enumerate(one.shape):
    match = re.fullmatch(r'(?:(\d+)\*)?([a-z_]+)', str(dim))
    if not match or match[2] in graph.sizes:
      continue
    size = graph.add('Shape', [one.name], start=axis, end=axis + 1)
    part = graph.constant(np.array([int(match[1] or 1)], np.int64))
    graph.sizes[match[2]] = graph.add('Div', [size, part])


def _name(dim: Any) -> int | str:
  """Return what a dimension is called: a number, or the symbol in it."""
  return dim if isinstance(dim, int) else re.sub(r'[^a-z_]', '', str(dim))


def _from_bytes(graph: Graph, images: Value) -> Value:
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
  floats = graph.add('Cast', [images.name], to=to)
  half, one = (graph.constant(np.float32(x)) for x in (127.5, 1))
  scaled = graph.add('Sub', [graph.add('Div', [floats, half]), one])
  return Value(scaled, images.shape, np.dtype(np.float32))


def _to_bytes(graph: Graph, name: str) -> str:
  """Round (x + 1) * 127.5, half to even as NumPy does."""
  one, half, zero, most = (
    graph.constant(np.float32(x)) for x in (1, 127.5, 0, 255)
  )
  scaled = graph.add('Mul', [graph.add('Add', [name, one]), half])
  rounded = graph.add('Round', [graph.add('Clip', [scaled, zero, most])])
  to = graph.helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8))
  return graph.add('Cast', [rounded], to=to)


def _metadata(run: Run, as_bytes: bool) -> dict[str, str]:
  """Return the texts that a file keeps."""
  algorithm = run.algorithm
  fields = {
    name: str(experiments.get(run.experiment, f'algorithm.{name}'))
    for name in core.inference_fields(algorithm)
  }
  widths = [f'{a.name} ({a.width})' for a in core.attributes(algorithm)]
  return {
    'art_jax': VERSION,
    'algorithm': type(algorithm).__name__,
    'layout': 'NHWC, sRGB',
    'pixels': 'u8 in 0..255' if as_bytes else 'f32 in [-1, 1]',
    'multiple': str(core.size_multiple(algorithm)),
    'classes': ', '.join(run.class_names),
    'attributes': ', '.join(widths),
    **fields,
  }
