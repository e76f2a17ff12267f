"""ONNX files: onnxruntime gives what the model gives."""

import jax
import numpy as np
import pytest

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.inference import onnx_export, onnx_ops
from art_jax.inference.run import Run
from art_jax.media import images

_TRANSLATORS = ('cyclegan', 'fast_style')
_GENERATORS = (
  *('dcgan_paintings', 'wgan_art128', 'vae', 'vae_mnist_mlp', 'autoencoder'),
  *('cdcgan_mnist', 'acgan_mnist', 'gangogh', 'projected_paintings64'),
)


def _run(name: str, *changes: str) -> Run:
  """Return a model that never trained."""
  experiment = experiments.load(name, tiny=True)
  experiment = experiments.override(experiment, changes)
  resolved = experiments.resolve(experiment, num_examples=1)
  state = jax.jit(shapes.initializer(resolved))(jax.random.key(3))
  return Run(experiment, experiment.algorithm.inference(state), 7)


def _infer(content: bytes, **inputs):
  """Run a file: by onnxruntime, or slowly by onnx itself."""
  try:
    import onnxruntime
  except ImportError:
    onnx = pytest.importorskip('onnx')
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(content)
    return ReferenceEvaluator(model).run(None, inputs)[0]
  options = onnxruntime.SessionOptions()
  options.log_severity_level = 3
  session = onnxruntime.InferenceSession(content, options)
  return session.run(None, inputs)[0]


def _require_near(result, expected):
  assert result.shape == expected.shape
  difference = np.abs(result.astype(np.float64) - expected)
  assert difference.max() <= 2e-4 and difference.mean() <= 2e-5  # of range 2


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize('name', _TRANSLATORS)
def test_translators(name):
  pytest.importorskip('onnxruntime')
  run = _run(name)
  way = run.algorithm.directions[0]
  content = onnx_export.translator(run, way)
  in_bytes = onnx_export.translator(run, way, as_bytes=True)
  multiple = core.size_multiple(run.algorithm)
  rng = np.random.default_rng(0)
  channels = run.experiment.data.channels
  for count, height, width in ((1, 8, 8), (5, 8, 12), (1, 20, 9)):
    shape = (count, height * multiple, width * multiple, channels)
    x = rng.uniform(-1, 1, shape).astype(np.float32)
    expected = run.algorithm.translate(run.params, x, way, key=None)
    _require_near(_infer(content, images=x), np.asarray(expected))
    pixels = rng.integers(0, 256, shape, np.uint8)
    expected = run.algorithm.translate(
      run.params, images.from_uint8(pixels), way, key=None
    )
    result = _infer(in_bytes, images=pixels).astype(int)
    assert np.abs(result - images.to_uint8(np.asarray(expected))).max() <= 1


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize('name', _GENERATORS)
def test_generators(name):
  pytest.importorskip('onnxruntime')
  run = _run(name)
  content = onnx_export.generator(run)
  for count in (1, 5):
    rows = np.asarray(run.algorithm.latents(jax.random.key(1), count))
    inputs, labels = {'latents': rows}, None
    if classes := core.num_classes(run.algorithm):
      labels = np.arange(count, dtype=np.int32) % classes
      inputs['labels'] = labels
    expected = run.algorithm.generate(
      run.params, rows, labels, key=jax.random.key(0)
    )
    _require_near(_infer(content, **inputs), np.asarray(expected))


def test_a_small_one_without_onnxruntime(tmp_path):
  pytest.importorskip('onnx')
  run = _run('vae_mnist_mlp')
  (path,) = onnx_export.write(run, tmp_path)
  rows = np.asarray(run.algorithm.latents(jax.random.key(1), 3))
  expected = run.algorithm.generate(
    run.params, rows, None, key=jax.random.key(0)
  )
  result = _infer(path.read_bytes(), latents=rows)
  _require_near(result, np.asarray(expected))
  with pytest.raises(core.UserError, match='exists'):
    onnx_export.write(run, tmp_path)


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
