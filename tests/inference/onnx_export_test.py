"""ONNX files: onnxruntime gives what the model gives, of every experiment."""

import dataclasses
import hashlib
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.inference import onnx_export, onnx_graph, onnx_ops, programs
from art_jax.inference.run import Run
from art_jax.media import images

_EXPERIMENTS = sorted(
  path.stem
  for path in (pathlib.Path(__file__).parents[2] / 'experiments').glob('*.py')
  if path.stem != '__init__'
)
_checked: set[bytes] = set()  # files: many tiny experiments have one network


def _run(name: str, *changes: str) -> Run:
  """Return a model with weights drawn by NumPy: much faster than its init."""
  experiment = experiments.load(name, tiny=True)
  experiment = experiments.override(experiment, changes)
  resolved = experiments.resolve(experiment, num_examples=1)
  initial, algorithm = shapes.initializer(resolved), experiment.algorithm
  tree = jax.eval_shape(
    lambda key: algorithm.inference(initial(key)), jax.random.key(0)
  )
  rng = np.random.default_rng(3)
  # Many steps or layers of a wild network carry rounding far.
  deep = isinstance(algorithm, core.Inpainter | core.Stylable)
  gain = 0.7 if deep else 2.0

  def drawn(path, leaf):
    name, x = jax.tree_util.keystr(path), rng.standard_normal(leaf.shape)
    if not np.issubdtype(leaf.dtype, np.floating):
      return np.zeros(leaf.shape, leaf.dtype)
    if any(word in name for word in ('var', 'scale')):
      return np.float32(1 + 0.1 * np.abs(x))
    fan = math.prod(leaf.shape[:-1]) if leaf.ndim > 1 else 100
    return np.float32(gain * x / np.sqrt(fan))

  params = jax.tree_util.tree_map_with_path(drawn, tree)
  return Run(experiment, params, 7)


def _infer(content: bytes, **inputs):
  """Run a file: by onnxruntime, or slowly by onnx itself."""
  try:
    import onnxruntime
  except ImportError:
    onnx = pytest.importorskip('onnx')
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(content)
    try:
      return ReferenceEvaluator(model).run(None, inputs)
    except RuntimeError as error:
      pytest.skip(str(error))  # it lacks loops that run backwards
  options = onnxruntime.SessionOptions()
  options.log_severity_level = 3
  options.intra_op_num_threads = 1
  session = onnxruntime.InferenceSession(content, options)
  return session.run(None, inputs)


def _require_near(result, expected):
  assert result.shape == expected.shape
  difference = np.abs(result.astype(np.float64) - expected)
  size = np.ptp(expected)
  assert difference.max() <= 1e-4 * size and difference.mean() <= 1e-5 * size


def _arrays(program, algorithm, count, height, width):
  """Return inputs of a program, for a size in its multiples."""
  rng, arrays = np.random.default_rng(count + height), {}
  sizes = {'n': count, 'h': height, 'w': width, 'style_h': 5, 'style_w': 8}
  for one in program.inputs:
    dims = [
      dim if isinstance(dim, int) else int(eval(str(dim), {}, sizes))
      for dim in one.shape
    ]
    x = rng.standard_normal(dims)
    if one.pixels:
      x = rng.integers(0, 256, dims) / 127.5 - 1
    elif one.dtype == np.int32:
      x = np.arange(count) % core.num_classes(algorithm)
    arrays[one.name] = x.astype(one.dtype)
  return arrays


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize('name', _EXPERIMENTS)
def test_every_experiment(name):
  pytest.importorskip('onnx')
  pytest.importorskip('onnxruntime')
  run = _run(name)
  algorithm = run.algorithm
  if isinstance(algorithm, core.PaintsOnePicture):
    with pytest.raises(core.UserError, match='cannot be exported: it neither'):
      programs.of_run(run)
    return
  program, *_ = programs.of_run(run)
  content = onnx_export.content(run, program)
  digest = hashlib.sha256(content).digest()
  if digest in _checked:
    return
  _checked.add(digest)
  call = jax.jit(program.call)
  for size in ((1, 8, 8), (5, 8, 12), (1, 20, 9)):
    arrays = _arrays(program, algorithm, *size)
    expected = np.asarray(call(program.weights, *arrays.values()))
    (result,) = _infer(content, **arrays)
    _require_near(result, expected)
  in_bytes = {
    one.name: images.to_uint8(arrays[one.name])
    for one in program.inputs
    if one.pixels
  }
  content = onnx_export.content(run, program, as_bytes=True)
  (result,) = _infer(content, **{**arrays, **in_bytes})
  difference = np.abs(result.astype(int) - images.to_uint8(expected))
  assert result.dtype == np.uint8 and difference.max() <= 1


def test_a_small_one_without_onnxruntime(tmp_path):
  pytest.importorskip('onnx')
  run = _run('vae_mnist_mlp')
  (path,) = onnx_export.write(run, tmp_path)
  rows = np.asarray(run.algorithm.latents(jax.random.key(1), 3))
  expected = run.algorithm.generate(
    run.params, rows, None, key=jax.random.key(0)
  )
  (result,) = _infer(path.read_bytes(), latents=rows)
  _require_near(result, np.asarray(expected))
  with pytest.raises(core.UserError, match='exists'):
    onnx_export.write(run, tmp_path)


def test_what_only_training_needs_does_not_matter(tmp_path):
  pytest.importorskip('onnx')
  run = _run('vae_mnist_mlp')
  half = experiments.everywhere(run.experiment, {'dtype': 'bfloat16'})
  (one,) = onnx_export.write(run, tmp_path / 'float32')
  (two,) = onnx_export.write(
    dataclasses.replace(run, experiment=half), tmp_path / 'bfloat16'
  )
  assert one.read_bytes() == two.read_bytes()


_X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype(np.float32)


def _loop(x, reverse=False, length=4):
  def turn(carry, row):
    return carry + row, (row * carry.sum(), carry[0])

  rows = x[:length]
  return jax.lax.scan(turn, x[0] * 0, rows, reverse=reverse)


@pytest.mark.parametrize(
  'function',
  [
    _loop,
    lambda x: _loop(x, reverse=True),
    lambda x: _loop(x, length=0),
    lambda x: x[:, 2],
    lambda x: x[-1, :, jnp.array(1)],
    lambda x: x[jnp.array([3, 0, 3])],
    lambda x: x[:, jnp.array([[3, 0], [5, 1]])],
    lambda x: x[:, :, jnp.array([2, 2])],
    lambda x: jax.lax.dynamic_slice(x, (3, 9, 1), (2, 3, 2)),
    lambda x: x[(x[0, 0, 0] > -9).astype(int)],
    lambda x: jnp.arccos(jnp.tanh(x)),
    jax.checkpoint(jnp.tanh),
    lambda x: jnp.pad(x, ((0, 0), (2, 2), (0, 0)), mode='reflect'),
  ],
)
def test_primitives(function):
  pytest.importorskip('onnx')
  graph = onnx_graph.Graph()
  x = onnx_graph.Value('x', _X.shape, _X.dtype)
  flat = lambda x: jax.tree.leaves(function(x))  # noqa: E731
  closed = jax.make_jaxpr(flat)(_X)
  made = onnx_ops.emit(graph, closed.jaxpr, closed.consts, [x])
  for i, (item, expected) in enumerate(zip(made, flat(_X), strict=True)):
    value = graph.value(item)
    end = graph.helper.make_node('Identity', [value.name], [f'y{i}'])
    graph.nodes.append(end)
    output = value._replace(name=f'y{i}')
    content = onnx_graph.model_bytes(
      graph, [(x, x.shape)], (output, value.shape), {}
    )
    (result,) = _infer(content, x=_X)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
  'name, changes, direction, words',
  [
    ('diffusion_mnist', ('algorithm.sampler=ancestral',), None, 'sampler=heun'),
    ('diffusion_mnist', (), 'repaint', 'draws random numbers'),
    ('vae_mnist_mlp', (), 'ab', 'does not translate; leave'),
    ('cyclegan_demo', (), 'ac', 'it is one of ab, ba'),
    ('style_transfer', (), None, 'neither translates nor'),
  ],
)
def test_what_cannot_be_exported(name, changes, direction, words, tmp_path):
  pytest.importorskip('onnx')
  with pytest.raises(core.UserError, match=words):
    onnx_export.write(_run(name, *changes), tmp_path / 'x', direction)
  assert not (tmp_path / 'x').exists()


def test_what_cannot_be_written_names_the_primitive(tmp_path, monkeypatch):
  pytest.importorskip('onnx')
  monkeypatch.delitem(onnx_ops._RULES, 'tanh')
  with pytest.raises(core.UserError, match="of the primitive 'tanh'"):
    onnx_export.write(_run('vae_mnist_mlp'), tmp_path / 'x')
  assert not (tmp_path / 'x').exists()


def test_a_missing_package_is_one_line(tmp_path, monkeypatch):
  monkeypatch.setitem(__import__('sys').modules, 'onnx.helper', None)
  with pytest.raises(core.UserError, match=r'art-jax\[onnx\]'):
    onnx_export.write(_run('vae_mnist_mlp'), tmp_path)


def test_a_file_tells_what_it_takes():
  onnx = pytest.importorskip('onnx')
  run = _run('cdcgan_attributes')
  (program,) = programs.of_run(run)
  model = onnx.load_model_from_string(onnx_export.content(run, program))
  told = {entry.key: entry.value for entry in model.metadata_props}
  assert told['attributes'].startswith('genre (')
  dims = [
    [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    for value in (*model.graph.input, *model.graph.output)
  ]
  size = run.experiment.data.size
  width = sum(a.width for a in core.attributes(run.algorithm))
  assert dims[1:] == [['n', width], ['n', size, size, 3]]
  # No weight of the discriminator is in it.
  assert len(program.weights) < len(jax.tree.leaves(run.params))
