"""Tests for art_jax.data.decode: what files become, and what is refused."""

import io
import os

import numpy as np
import pytest
from PIL import Image, features

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import decode, listing

_RED, _BLUE = (200, 30, 40), (20, 60, 180)


def _two_colors(width=64, height=48, mode='RGB'):
  """A picture whose left half is red and whose right half is blue."""
  image = Image.new('RGB', (width, height), _RED)
  image.paste(_BLUE, (width // 2, 0, width, height))
  return image.convert(mode)


def _save(tmp_path, name, image, **kwargs):
  path = tmp_path / name
  image.save(path, **kwargs)
  return path


def _decode(path, size=32, channels=3, fit='stretch'):
  return decode.decode(path, size=size, channels=channels, fit=fit)


def _near(actual, expected, tolerance):
  np.testing.assert_allclose(
    np.float32(actual), np.float32(expected), atol=tolerance
  )


@pytest.mark.parametrize(
  'name, mode, options',
  [
    ('x.png', 'RGB', {}),
    ('x.jpg', 'RGB', {'quality': 95}),
    ('x.webp', 'RGB', {'lossless': True}),
    ('x.bmp', 'RGB', {}),
    ('x.tif', 'RGB', {}),
    ('x.gif', 'P', {}),
    ('palette.png', 'P', {}),
    ('alpha.png', 'RGBA', {}),
    ('cmyk.jpg', 'CMYK', {'quality': 95}),
    ('cmyk.tif', 'CMYK', {}),
  ],
)
def test_every_format_gives_the_same_colors(tmp_path, name, mode, options):
  path = _save(tmp_path, name, _two_colors(mode=mode), **options)
  array = _decode(path)
  assert array.shape == (32, 32, 3) and array.dtype == np.uint8
  _near(array[16, 4], _RED, 6)
  _near(array[16, 28], _BLUE, 6)


def test_exif_orientation_6_is_turned_upright(tmp_path):
  exif = Image.Exif()
  exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
  path = _save(tmp_path, 'x.jpg', _two_colors(64, 32), exif=exif, quality=95)
  assert decode.probe(path) == (32, 64)
  assert decode.size_of(path) == (32, 64)
  array = _decode(path)
  _near(array[4, 16], _RED, 6)  # left became top
  _near(array[28, 16], _BLUE, 6)


_TURNS = {  # stored -> upright, by orientation (EXIF 2.32, table 6)
  1: lambda x: x,
  2: lambda x: x[:, ::-1],
  3: lambda x: x[::-1, ::-1],
  4: lambda x: x[::-1],
  5: lambda x: x.transpose(1, 0, 2),
  6: lambda x: np.rot90(x, -1),
  7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],
  8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize('orientation', [0, *_TURNS, 9])
@pytest.mark.parametrize(
  'kind, options',
  [
    ('JPEG', {'quality': 98, 'subsampling': 0}),
    ('PNG', {}),
    ('WEBP', {'lossless': True}),
    ('AVIF', {'quality': 100, 'subsampling': '4:4:4'}),
    ('TIFF', {}),
    ('TIFF', {'compression': 'tiff_lzw'}),
    ('TIFF', {'compression': 'jpeg', 'quality': 98}),
  ],
)
def test_every_reader_reports_the_upright_size(kind, options, orientation):
  if kind == 'AVIF' and not features.check('avif'):
    pytest.skip('this Pillow has no AVIF')
  if orientation not in _TURNS and 'compression' in options:
    pytest.skip('libtiff writes no such value')
  exif, stream = Image.Exif(), io.BytesIO()
  exif[0x0112] = orientation
  corner = Image.new('RGB', (48, 32), (20, 20, 20))
  corner.paste((220, 40, 40), (0, 0, 24, 16))
  corner.paste((40, 40, 220), (24, 0, 48, 16))
  corner.save(stream, kind, exif=exif, **options)
  turn = _TURNS.get(orientation, _TURNS[1])
  upright = turn(np.asarray(corner))
  size = upright.shape[1::-1]
  content = stream.getvalue()
  reading = decode.read(content)
  assert decode.size_of(content) == decode.probe(content) == size
  assert reading.size == reading.image.size == size
  _near(reading.image, upright, 40 if kind in ('JPEG', 'AVIF') else 12)


@pytest.mark.parametrize('orientation', [1, 3, 6, 8])
def test_orientation_in_xmp_turns_every_size_alike(orientation):
  xmp = f'<x tiff:Orientation="{orientation}"/>'.encode()
  for kind, options in (
    ('WEBP', {'xmp': xmp}),
    ('TIFF', {'tiffinfo': {700: xmp}}),
  ):
    stream = io.BytesIO()
    _two_colors(48, 32).save(stream, kind, **options)
    content = stream.getvalue()
    image = decode.picture(content)
    assert decode.size_of(content) == decode.probe(content) == image.size


@pytest.mark.parametrize(
  'kind, count',
  [('MPO', 1), ('GIF', 2), ('WEBP', 2), ('PNG', 2), ('TIFF', 2)],
)
def test_one_photo_with_a_second_view_is_no_animation(kind, count):
  frames = [_two_colors(), Image.new('RGB', (64, 48), _BLUE)]
  stream = io.BytesIO()
  frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
  assert decode.num_frames(stream.getvalue()) == count
  _near(decode.picture(stream.getvalue()).convert('RGB'), frames[0], 60)


def test_every_suffix_of_the_readers_is_a_picture():
  Image.init()
  readers = {*decode._FORMATS, 'MPO'}  # the JPEG reader opens MPO
  suffixes = {s for s, name in Image.EXTENSION.items() if name in readers}
  assert suffixes <= {*listing.SUFFIXES}
  for suffix in listing.SUFFIXES:
    assert Image.EXTENSION.get(suffix, suffix) in {*readers, '.avif', '.avifs'}


@pytest.mark.parametrize(
  'suffix', 'jfif jpe apng dib pbm pgm pnm ppm mpo'.split()
)
def test_less_usual_suffixes_are_read(tmp_path, suffix):
  mode = {'pbm': '1', 'pgm': 'L'}.get(suffix, 'RGB')
  path = _save(tmp_path, f'x.{suffix}', _two_colors(mode=mode))
  assert listing.pictures(tmp_path) == [path]
  assert decode.probe(path) == (64, 48)


@pytest.mark.parametrize('compression', ['tiff_lzw', 'tiff_deflate'])
def test_damaged_data_is_words_and_the_library_is_silent(capfd, compression):
  stream = io.BytesIO()
  noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3))
  Image.fromarray(noise.astype(np.uint8)).save(
    stream, 'TIFF', compression=compression
  )
  content = bytearray(stream.getvalue())
  content[40:400] = b'\xff' * 360
  with pytest.raises(decode.BadPictureError) as info:
    decode.read(bytes(content))
  assert '-2' not in info.value.reason and info.value.reason
  assert not capfd.readouterr().err


def test_transparency_is_composited_over_white(tmp_path):
  clear = Image.new('RGBA', (16, 16), (255, 0, 0, 0))
  half = Image.new('RGBA', (16, 16), (0, 0, 0, 128))
  palette = Image.new('P', (16, 16), 1)
  palette.putpalette([0, 0, 0, 9, 9, 9])
  cases = [
    (_save(tmp_path, 'clear.png', clear), 255),
    (_save(tmp_path, 'half.png', half), 127),
    (_save(tmp_path, 'palette.png', palette, transparency=1), 255),
    (_save(tmp_path, 'la.png', half.convert('LA')), 127),
  ]
  for path, expected in cases:
    _near(_decode(path, size=8), expected, 1)


def test_deep_gray_is_scaled_not_clipped(tmp_path):
  ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
  deep = Image.fromarray(ramp.astype(np.uint16))
  floats = Image.fromarray((ramp / 65535).astype(np.float32))
  ints = Image.fromarray(ramp.astype(np.int32))
  for path in (
    _save(tmp_path, 'deep.png', deep),
    _save(tmp_path, 'float.tif', floats),
    _save(tmp_path, 'int.tif', ints),
  ):
    array = _decode(path, size=64)
    _near(array[:, :, 0], ramp / 257, 1)
  floats = Image.fromarray(np.full((9, 9), 1e6, np.float32))
  with pytest.raises(decode.BadPictureError, match='samples from'):
    _decode(_save(tmp_path, 'large.tif', floats))


def test_first_frame_of_an_animation(tmp_path):
  frames = [Image.new('RGB', (16, 16), color) for color in (_RED, _BLUE)]
  for name in ('x.gif', 'x.webp'):
    path = tmp_path / name
    frames[0].save(path, save_all=True, append_images=frames[1:])
    _near(_decode(path, size=8), np.broadcast_to(_RED, (8, 8, 3)), 6)


def test_gray_and_color_convert(tmp_path):
  gray = _save(tmp_path, 'gray.png', Image.new('L', (16, 16), 77))
  assert _decode(gray, size=8).shape == (8, 8, 3)
  assert (_decode(gray, size=8) == 77).all()
  one = _decode(_save(tmp_path, 'rgb.png', _two_colors()), size=8, channels=1)
  assert one.shape == (8, 8, 1)


def test_fit_crops_the_center_or_stretches(tmp_path):
  image = Image.new('RGB', (96, 32), _RED)
  image.paste(_BLUE, (32, 0, 64, 32))
  path = _save(tmp_path, 'x.png', image)
  assert (_decode(path, fit='crop') == np.array(_BLUE)).all()
  stretched = _decode(path, fit='stretch')
  _near(stretched[16, 2], _RED, 1)
  _near(stretched[16, 16], _BLUE, 1)


def test_shrinking_is_antialiased(tmp_path):
  checks = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
  array = _decode(_save(tmp_path, 'x.png', Image.fromarray(checks)))
  _near(array, 127.5, 3)


def test_reduced_jpeg_decoding_stays_close(tmp_path):
  rng = np.random.default_rng(0)
  small = Image.fromarray(rng.integers(0, 255, (9, 9, 3)).astype(np.uint8))
  path = _save(tmp_path, 'x.jpg', small.resize((1024, 1024)), quality=95)
  whole = decode.resize(decode.picture(path), 64, 3, 'crop')
  _near(_decode(path, size=64, fit='crop'), whole, 6)


def test_halves(tmp_path):
  path = _save(tmp_path, 'x.png', _two_colors(129, 64))
  left, right = decode.halves(path, size=16, channels=3, fit='crop')
  _near(left, np.broadcast_to(_RED, (16, 16, 3)), 1)
  _near(right[:, 1:], np.broadcast_to(_BLUE, (16, 15, 3)), 1)


def test_bytes_decode_like_files(tmp_path):
  path = _save(tmp_path, 'x.jpg', _two_colors())
  assert (_decode(path.read_bytes()) == _decode(path)).all()


def _truncated(kind):
  stream = io.BytesIO()
  noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3))
  Image.fromarray(noise.astype(np.uint8)).save(stream, kind)
  return stream.getvalue()[:-500]


@pytest.mark.parametrize(
  'content, reason',
  [
    (b'', 'empty'),
    (b'this is a text, not a picture' * 9, 'not a picture'),
    (_truncated('JPEG'), 'truncated'),
    (_truncated('PNG'), 'truncated'),
    (_truncated('WEBP'), ''),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 'not a picture'),
  ],
)
def test_bad_files_are_refused_by_name(tmp_path, content, reason):
  path = tmp_path / 'bad.jpg'
  path.write_bytes(content)
  for read in (_decode, decode.probe):
    with pytest.raises(decode.BadPictureError, match='bad.jpg') as info:
      read(path)
    assert reason in info.value.reason and info.value.reason
    assert isinstance(info.value, core.UserError)


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(decode.BadPictureError, match='No such file'):
    _decode(tmp_path / 'gone.png')


def test_too_many_pixels_are_refused_before_decoding(tmp_path, monkeypatch):
  # 1 bit a pixel and all zero: 12 KB that would decode to 300 MB.
  path = _save(tmp_path, 'bomb.png', Image.new('1', (10_000, 10_000)))
  assert os.path.getsize(path) < 2**15

  def fail(*args):
    raise AssertionError('pixels were decoded')

  monkeypatch.setattr(Image.Image, 'load', fail)
  with pytest.warns(Image.DecompressionBombWarning):
    with pytest.raises(decode.BadPictureError, match='10000x10000 pixels'):
      _decode(path)


def test_too_many_bytes_are_refused_before_opening(tmp_path, monkeypatch):
  path = _save(tmp_path, 'x.png', _two_colors())
  monkeypatch.setattr(decode, 'MAX_BYTES', 100)
  with pytest.raises(decode.BadPictureError, match='the limit is 100'):
    _decode(path)


def test_printable_names_survive_any_terminal():
  assert printable('a\udcff.png') == r'a\udcff.png'
  assert printable('grün 花.png') == 'grün 花.png'
