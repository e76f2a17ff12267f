"""ONNX files: every encoding of a tensor, and damage."""

import base64
import sys
import zlib

import numpy as np
import pytest

from art_jax.weights import files, onnx_file

# A model that onnx 1.23.2 wrote: helper.make_model of one Identity node and
# seven initializers, by numpy_helper.from_array and helper.make_tensor.
_MODEL = zlib.decompress(
  base64.b64decode(
    'eNrj4LPazMQlwMVYIcRYqcThmZKaV5JZUinEmK5ly8HMwSLA6MRclFjuZcAAAXYMDA1AfACI'
    'GewZGBSA2AGIE4C4AYgnAPECIN5gr+UA0a5Esk4ntrSc/MSSYi05DmYBdivB/zDAyNoAAgpO'
    'rDn5eenFWgIcTAJcTiwZiTlpXixA8w9oyQNFuJ3YU/JLk3JSi4MEZs0EgZ32EBdwHNASEGBz'
    'YitOTsxJLPJiYQeKaYkAtQg4cQD9GJ+UZmjmxQJ0zIEoflCAcHFxcDAKsXAxcTAmAQUqkQWc'
    'mARkADxrQgI='
  )
)


def test_without_the_extra(tmp_path, monkeypatch):
  (tmp_path / 'x.onnx').write_bytes(_MODEL)
  monkeypatch.setitem(sys.modules, 'onnx', None)
  with pytest.raises(
    files.WeightsError, match=r'pip install "art_jax\[onnx\]"'
  ):
    files.read(tmp_path / 'x.onnx')


@pytest.fixture
def model(tmp_path):
  pytest.importorskip('onnx')
  path = tmp_path / 'x.onnx'
  path.write_bytes(_MODEL)
  return path


@pytest.mark.extra
def test_every_encoding(model):
  table = np.arange(12, dtype='f4').reshape(3, 4) / 8
  wanted = {
    'raw': table,
    'floats': table,
    'longs': np.array([-1, 5, 2**40]),
    'half': np.array([1.5, -2], 'f4'),
    'doubles': np.array([0.1, -3], 'f4'),
    'scalar': np.array(7, 'i4'),
    'raw_bf16': np.array([1, -2], 'f4'),
  }
  tensors = files.read(model)
  assert tensors.keys() == wanted.keys()
  for name, value in wanted.items():
    np.testing.assert_array_equal(tensors[name], value)
    assert tensors[name].dtype == value.dtype, name
  with pytest.raises(files.WeightsError, match='more than 3 tensors'):
    files.read(model, max_tensors=3)


@pytest.mark.extra
@pytest.mark.parametrize(
  'data, match',
  [
    (b'', 'no weights of an ONNX'),
    (b'this is no model at all', 'no ONNX file'),
    (_MODEL[:200], 'cut off'),
    (b'\xff' * 12, 'no ONNX file'),
    # Graph, initializer, dims 3, type float, raw data of 4 bytes.
    (b'\x3a\x0c\x2a\x0a\x08\x03\x10\x01\x4a\x04abcd', r'shape \[3\].*size 1'),
    (b'\x3a\x06\x2a\x04\x08\x03\x10\x08', 'type 8: not known'),
    (b'\x3a\x06\x2a\x04\x08\x03\x70\x01', 'lies in another file'),
  ],
)
def test_refusals(tmp_path, data, match):
  pytest.importorskip('onnx')
  path = tmp_path / 'x.onnx'
  path.write_bytes(data)
  with pytest.raises(files.WeightsError, match=match):
    files.read(path)


@pytest.mark.extra
def test_damage_is_an_error_or_harmless(tmp_path):
  pytest.importorskip('onnx')
  rng = np.random.default_rng(0)
  refused = 0
  for _ in range(300):
    data = bytearray(_MODEL)
    for at in rng.integers(0, len(data), 3):
      data[at] = rng.integers(0, 256)
    path = tmp_path / 'x.onnx'
    path.write_bytes(data)
    try:
      onnx_file.read(str(path), 2**20, 100)
    except files.WeightsError:
      refused += 1
  assert refused > 30
