"""Tests for art_jax.data.bit_depth: floats, deep integers, transparency."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from art_jax.data import bit_depth, decode


def _ramp(low, high, size=32):
  return np.linspace(low, high, size * size).reshape(size, size)


def _tiff(values, **options):
  stream = io.BytesIO()
  Image.fromarray(values).save(stream, 'TIFF', **options)
  return stream.getvalue()


def _with(values, *extremes):
  values = np.array(values)
  values.flat[: len(extremes)] = extremes
  return values


_WHOLE = np.rint(_ramp(0, 255))
_BYTES = _ramp(0, 255)  # what is right for all that is a ramp
_CLIPPED, _SCALED = (bit_depth.CLIPPED,), (bit_depth.SCALED,)


@pytest.mark.parametrize(
  'values, expected, notes',
  [
    (_ramp(0, 1), _BYTES, ()),
    (_ramp(0.2, 0.4), _ramp(51, 102), ()),
    (_with(_ramp(0, 1), 1.001), _BYTES, ()),  # rounds to white
    (_with(_ramp(0, 1), 1.5), _BYTES, _CLIPPED),
    (_with(_ramp(0, 1), -0.3), _BYTES, _CLIPPED),
    (_with(_ramp(0, 1), 3000), _BYTES, _CLIPPED),
    (_ramp(-0.05, 1), _ramp(-12.75, 255).clip(0), _CLIPPED),
    (_ramp(0, 1.1), _ramp(0, 280.5).clip(0, 255), _CLIPPED),
    (_WHOLE, _BYTES, ()),
    (_ramp(0, 255), _BYTES, ()),
    (np.rint(_ramp(0, 100)), _ramp(0, 100), ()),
    (_with(_WHOLE, 300), _BYTES, _CLIPPED),
    (np.rint(_ramp(0, 65535)), _BYTES, ()),
    (np.rint(_ramp(0, 30000)), _ramp(0, 116.7), ()),
    (_with(_ramp(0, 65535), 1e6), _BYTES, _CLIPPED),
    (np.rint(_ramp(0, 4095)), _BYTES, _SCALED),  # 12 bit
    (np.rint(_ramp(0, 1023)), _BYTES, _SCALED),
    (np.rint(_ramp(0, 3)), np.rint(_ramp(0, 3)) * 85, _SCALED),
    (_ramp(0, 12.5), _BYTES, _SCALED),  # HDR
    (_ramp(0, 900.5), _BYTES, _SCALED),
    (_ramp(0, 0), _ramp(0, 0), ()),
  ],
)
@pytest.mark.parametrize('dtype', [np.float32, np.int32])
def test_no_range_comes_out_black(values, expected, notes, dtype):
  if dtype is np.int32 and (values != np.rint(values)).any():
    pytest.skip('no whole numbers')
  reading = decode.read(_tiff(values.astype(dtype)))
  actual = np.asarray(reading.image, float)
  actual.flat[0] = expected.flat[0] = 0  # the outlier itself
  np.testing.assert_allclose(actual, expected, atol=1.1)
  assert reading.notes == notes


@pytest.mark.parametrize(
  'values, words',
  [
    (_with(_ramp(0, 1), np.nan), 'NaN'),
    (_with(_ramp(0, 1), np.inf), 'infinite'),
    (_ramp(-1, 1), 'samples from -1 to 1'),
    (_ramp(-1000, 3000), 'samples from -1000 to 3000'),
    (_ramp(0, 1e6), 'samples from 0 to 1e'),
  ],
)
def test_what_has_no_color_is_refused_by_name(values, words):
  for read in (decode.read, decode.probe):
    with pytest.raises(decode.BadPictureError, match=words):
      read(_tiff(values.astype(np.float32)))


@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'PPM'])
def test_sixteen_bit_is_dark_where_it_is_dark(kind):
  values = np.rint(_ramp(0, 2000)).astype(np.uint16)
  stream = io.BytesIO()
  Image.fromarray(values).save(stream, kind)
  reading = decode.read(stream.getvalue())
  np.testing.assert_allclose(reading.image, values / 257, atol=1)
  assert not reading.notes


@pytest.mark.parametrize('dtype, top', [(np.uint16, 65535), (np.float32, 1)])
@pytest.mark.parametrize('orientation', [1, 6])
def test_zero_may_be_white_in_a_deep_tiff(dtype, top, orientation):
  values = np.linspace(0, top, 12).astype(dtype).reshape(3, 4)
  tags = {262: 0, 0x0112: orientation}  # photometric: WhiteIsZero
  actual = np.asarray(decode.picture(_tiff(values, tiffinfo=tags)))
  expected = 255 - np.linspace(0, 255, 12).reshape(3, 4)
  if orientation == 6:  # its left column is the top of the picture
    expected = np.rot90(expected, -1)
  np.testing.assert_allclose(actual, expected, atol=1)


def test_tiny_pictures_have_a_range():
  for values in ([[0.5]], [[0.0, 1.0]], [[200.0, 0.0, 100.0]]):
    actual = np.asarray(decode.picture(_tiff(np.array(values, np.float32))))
    expected = np.array(values) * (1 if np.max(values) > 1 else 255)
    np.testing.assert_allclose(actual, expected, atol=1)


def test_a_portable_float_map_is_read(tmp_path):
  path = tmp_path / 'x.pfm'
  values = _ramp(0, 1).astype('<f4')
  path.write_bytes(b'Pf\n32 32\n-1.0\n' + values[::-1].tobytes())
  np.testing.assert_allclose(decode.picture(path), _BYTES, atol=1)


def _float_tiff(samples, bits, kind):
  """A TIFF of 2x2 pixels of interleaved samples."""
  data = bytes(4 * samples * bits // 8)
  entries = [
    *(
      (256, 2),
      (257, 2),
      (258, bits),
      (259, 1),
      (262, 2 if samples > 2 else 1),
    ),
    *((273, 200), (277, samples), (278, 2), (279, len(data)), (339, kind)),
  ]
  table = b''.join(
    struct.pack('<HHII', tag, 4, 1, value) for tag, value in entries
  )
  head = b'II*\0' + struct.pack('<IH', 8, len(entries)) + table + bytes(4)
  return head.ljust(200, b'\0') + data


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
  'content, words',
  [
    (_float_tiff(3, 32, 3), '3 x 32-bit floating-point'),
    (_float_tiff(4, 32, 3), '4 x 32-bit floating-point'),
    (_float_tiff(3, 64, 3), '3 x 64-bit floating-point'),
    (_float_tiff(3, 32, 1), '3 x 32-bit unsigned'),
    (b'\0\0\0\x18ftypheic' + bytes(40), 'HEIC'),
    (b'\0\0\0\x0cJXL ' + bytes(40), 'JPEG XL'),
    (b'8BPS' + bytes(40), 'Photoshop'),
    (b'II*\0' + b'\xff' * 60, 'cannot be read: .'),
    (b'MM\0+' + b'\xff' * 4, 'cannot be read: .'),
  ],
)
def test_what_pillow_does_not_open_is_called_by_its_name(
  tmp_path, content, words
):
  path = tmp_path / 'x.tif'
  path.write_bytes(content)
  for file in (path, content):
    with pytest.raises(decode.BadPictureError, match=words):
      decode.read(file)


def _png(depth, color, rows, key):
  def chunk(name, data):
    crc = struct.pack('>I', zlib.crc32(name + data))
    return struct.pack('>I', len(data)) + name + data + crc

  head = struct.pack('>IIBBBBB', 4, len(rows), depth, color, 0, 0, 0)
  lines = b''.join(b'\0' + row for row in rows)
  return (
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', head)
    + chunk(b'tRNS', struct.pack(f'>{len(key)}H', *key))
    + chunk(b'IDAT', zlib.compress(lines))
    + chunk(b'IEND', b'')
  )


@pytest.mark.parametrize(
  'depth, color, row, key, expected',
  [
    (1, 0, b'\x50', [1], [0, 255, 0, 255]),
    (1, 0, b'\x50', [0], [255] * 4),
    (2, 0, b'\x1b', [1], [0, 255, 170, 255]),
    (4, 0, b'\x01\x23', [2], [0, 17, 255, 51]),
    (8, 0, bytes([0, 1, 9, 200]), [9], [0, 1, 255, 200]),
    (16, 0, struct.pack('>4H', 0, 257, 514, 65535), [0], [255, 1, 2, 255]),
    (16, 0, struct.pack('>4H', 0, 257, 514, 771), [514], [0, 1, 255, 3]),
    (8, 2, bytes([9, 9, 9] * 2 + [3, 3, 3] * 2), [9] * 3, [255] * 2 + [3] * 2),
    (
      *(16, 2, struct.pack('>12H', *[2570] * 6, *[771] * 6), [2570] * 3),
      [255] * 2 + [3] * 2,
    ),
  ],
)
def test_a_transparent_color_is_white_at_every_depth(
  depth, color, row, key, expected
):
  image = decode.picture(_png(depth, color, [row], key)).convert('RGB')
  assert np.asarray(image)[0, :, 0].tolist() == expected


@pytest.mark.parametrize('mode', ['LA', 'La', 'PA', 'RGBA', 'RGBa'])
@pytest.mark.parametrize('alpha, expected', [(0, 255), (128, 177), (255, 100)])
def test_every_mode_of_alpha_is_over_white(mode, alpha, expected):
  gray = mode in ('LA', 'La', 'PA')
  image = Image.new('L' if gray else 'RGB', (4, 4), (100,) * (1 if gray else 3))
  image = image.convert('P') if mode == 'PA' else image
  image.putalpha(alpha)
  image = image.convert(mode)
  opacity = bit_depth.opacity(image, None)
  assert opacity is not None
  plain = bit_depth.over('white', bit_depth.plain(image), opacity)
  np.testing.assert_allclose(plain.convert('L'), expected, atol=2)
