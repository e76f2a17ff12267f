"""Conversion, grids and files of pictures."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.media import images


def test_bytes_round_trip_exactly():
  every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
  floats = images.from_uint8(every)
  assert floats.dtype == np.float32
  assert floats.min() == -1 and floats.max() == 1
  np.testing.assert_array_equal(images.to_uint8(floats), every)


@pytest.mark.parametrize(
  ('value', 'expected'),
  [
    (-1, 0),
    (1, 255),
    (0, 128),  # 127.5 to the even neighbor
    (-0.998, 0),  # 0.255 down
    (-0.995, 1),  # 0.6375 up; truncation would give 0
    (1.7, 255),
    (-3, 0),
    (np.inf, 255),
    (-np.inf, 0),
  ],
)
def test_rounds_and_clips(value, expected):
  picture = np.full((1, 1, 3), value, np.float32)
  assert (images.to_uint8(picture) == expected).all()


def test_takes_bfloat16_and_jax_arrays():
  result = images.to_uint8(jnp.ones((2, 4, 4, 3), jnp.bfloat16))
  assert result.dtype == np.uint8 and (result == 255).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.int32, bool])
def test_refuses_integers(dtype):
  with pytest.raises(core.UserError, match='from_uint8'):
    images.to_uint8(np.zeros((1, 2, 2, 3), dtype))


@pytest.mark.parametrize('shape', [(4, 4), (4, 4, 2), (3, 4, 4)])
def test_refuses_other_shapes(shape):
  with pytest.raises(core.UserError, match='channels'):
    images.to_uint8(np.zeros(shape, np.float32))


def test_nan_is_an_error_or_magenta():
  picture = np.zeros((2, 4, 5, 3), np.float32)
  picture[1, 2, 3, 0] = np.nan
  with pytest.raises(core.UserError, match=r'1 NaN .* \(1, 2, 3\)'):
    images.to_uint8(picture)
  marked = images.to_uint8(picture, mark_nan=True)
  assert marked[1, 2, 3].tolist() == [255, 0, 255]
  assert (marked == 128).sum() == marked.size - 3
  gray = images.to_uint8(np.full((1, 2, 2, 1), np.nan), mark_nan=True)
  assert (gray == 255).all()


@pytest.mark.parametrize(
  ('count', 'columns', 'shape'),
  [
    (1, None, (8, 9, 3)),
    (4, None, (14, 16, 3)),
    (5, None, (14, 23, 3)),
    (5, 2, (20, 16, 3)),
    (3, 7, (8, 23, 3)),
  ],
)
def test_grid_shapes(count, columns, shape):
  sheet = images.grid(np.zeros((count, 4, 5, 3), np.uint8), columns)
  assert sheet.shape == shape and sheet.dtype == np.uint8


def test_grid_places_row_by_row():
  pictures = np.arange(1, 5, dtype=np.uint8).reshape(4, 1, 1, 1)
  sheet = images.grid(pictures, columns=2, pad=1)[..., 0]
  assert sheet.tolist() == [
    [255, 255, 255, 255, 255],
    [255, 1, 255, 2, 255],
    [255, 255, 255, 255, 255],
    [255, 3, 255, 4, 255],
    [255, 255, 255, 255, 255],
  ]


@pytest.mark.parametrize(
  ('shape', 'columns', 'pad'),
  [((0, 4, 4, 3), None, 2), ((4, 4, 3), None, 2), ((1, 4, 4, 3), 0, 2)],
)
def test_grid_refuses(shape, columns, pad):
  with pytest.raises(core.UserError):
    images.grid(np.zeros(shape, np.uint8), columns, pad)


@pytest.mark.parametrize('channels', [1, 3])
def test_png_round_trip(tmp_path, channels):
  rng = np.random.default_rng(0)
  picture = rng.integers(0, 256, (6, 7, channels), np.uint8)
  images.save_png(tmp_path / 'new' / 'x.png', picture)
  read = np.asarray(Image.open(tmp_path / 'new' / 'x.png'))
  np.testing.assert_array_equal(read.reshape(picture.shape), picture)
  assert [p.name for p in (tmp_path / 'new').iterdir()] == ['x.png']


@pytest.mark.parametrize(
  'picture', [np.zeros((4, 4, 3)), np.zeros((2, 4, 4, 3), np.uint8)]
)
def test_png_refuses(tmp_path, picture):
  with pytest.raises(core.UserError):
    images.save_png(tmp_path / 'x.png', picture)
  assert not list(tmp_path.iterdir())


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
  path = tmp_path / 'x.png'
  images.save_png(path, np.zeros((2, 2, 3), np.uint8))
  before = path.read_bytes()
  monkeypatch.setattr('os.replace', _raise)
  monkeypatch.setattr('pathlib.Path.replace', _raise)
  with pytest.raises(OSError, match='no space'):
    images.save_png(path, np.ones((2, 2, 3), np.uint8))
  assert path.read_bytes() == before
  assert [p.name for p in tmp_path.iterdir()] == ['x.png']


def _raise(*_, **__):
  raise OSError('no space')


@pytest.mark.parametrize('channels', [1, 3])
def test_gif(tmp_path, channels):
  frames = [
    np.full((4, 6, channels), value, np.uint8) for value in (0, 100, 200)
  ]
  images.gif(tmp_path / 'x.gif', frames, fps=10)
  with Image.open(tmp_path / 'x.gif') as read:
    assert read.n_frames == 3 and read.size == (6, 4)
    assert read.info['duration'] == 100 and read.info['loop'] == 0
    read.seek(1)
    assert read.convert('RGB').getpixel((0, 0)) == (100, 100, 100)


@pytest.mark.parametrize(
  ('frames', 'fps'),
  [
    ([], 10),
    ([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)], 10),
    ([np.zeros((4, 4, 3), np.uint8)], 0),
    ([np.zeros((4, 4, 3), np.uint8)], 60),
    ([np.zeros((4, 4, 3))], 10),
  ],
)
def test_gif_refuses(tmp_path, frames, fps):
  with pytest.raises(core.UserError):
    images.gif(tmp_path / 'x.gif', frames, fps)
