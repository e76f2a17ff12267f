"""Videos: what is written is read again, and what is no video is told so."""

import fractions
import sys

import numpy as np
import pytest

from art_jax import core
from art_jax.media import images, video

av = pytest.importorskip('av')


def _frames(count=6, height=48, width=64):
  """Return a white square that moves over saturated colors."""
  frames = np.zeros((count, height, width, 3), np.uint8)
  frames[:, : height // 2, :, 0] = 220
  frames[:, height // 2 :, :, 2] = 200
  for i, frame in enumerate(frames):
    frame[8:24, 4 + 8 * i : 20 + 8 * i] = 255
  return frames


def test_round_trip_keeps_frames_rate_and_colors(tmp_path):
  frames = _frames()
  path = tmp_path / 'deep' / 'a.mp4'
  assert video.write(path, iter(frames), fps=12.5) == 6
  read = video.read(path)
  assert (read.fps, read.size, read.count) == (12.5, (48, 64), 6)
  again = np.stack(list(read))
  assert again.shape == frames.shape
  error = np.abs(again.astype(int) - frames)
  # A wrong color matrix (BT.601 for 709) is off by 20 or more here; color
  # at half resolution blurs the square's edges only.
  assert np.median(error) <= 2
  assert error.mean() < 4
  assert len(list(read)) == 6  # once more
  assert [p.name for p in path.parent.iterdir()] == ['a.mp4']


def test_it_is_what_browsers_play(tmp_path):
  path = tmp_path / 'a.mp4'
  video.write(path, _frames(height=47, width=33), fps=30000 / 1001)
  with av.open(str(path)) as container:
    stream = container.streams.video[0]
    context = stream.codec_context
    assert (context.name, context.pix_fmt) == ('h264', 'yuv420p')
    assert (context.height, context.width) == (48, 34)
    assert stream.average_rate == fractions.Fraction(30000, 1001)
    assert (context.colorspace, context.color_primaries) == (1, 1)
  data = path.read_bytes()
  assert data.index(b'moov') < data.index(b'mdat')
  last = next(iter(video.read(path)))
  assert np.abs(last[46].astype(int) - last[47]).mean() < 4  # a copy


def test_frames_are_taken_one_by_one(tmp_path):
  taken = []

  def lazily():
    for i, frame in enumerate(_frames(40)):
      taken.append(i)
      yield frame

  path = tmp_path / 'a.mp4'
  video.write(path, lazily(), fps=5)
  assert taken == list(range(40))
  iterator = iter(video.read(path))
  assert next(iterator).shape == (48, 64, 3)
  iterator.close()


def test_gray_and_gif(tmp_path):
  gray = _frames()[..., :1]
  video.write(tmp_path / 'a.mp4', gray, fps=4)
  frame = next(iter(video.read(tmp_path / 'a.mp4')))
  assert np.ptp(frame.astype(int), axis=-1).max() <= 2
  images.gif(tmp_path / 'a.gif', list(_frames()), fps=10)
  read = video.read(tmp_path / 'a.gif')
  assert (read.fps, read.size) == (10, (48, 64))
  assert np.abs(np.stack(list(read)).astype(int) - _frames()).max() <= 1


def test_a_phone_held_upright_is_upright(tmp_path):
  path = tmp_path / 'a.mp4'
  video.write(path, _frames(), fps=5)
  # The matrix of the track header (ISO 14496-12, 8.3.2): show it turned by 90
  # degrees clockwise, as cameras write it.
  plain = np.array([65536, 0, 0, 0, 65536, 0, 0, 0, 2**30], '>i4').tobytes()
  turned = np.array([0, 65536, 0, -65536, 0, 0, 0, 0, 2**30], '>i4').tobytes()
  data = path.read_bytes()
  at = data.index(plain, data.index(b'tkhd'))
  path.write_bytes(data[:at] + turned + data[at + len(plain) :])
  read = video.read(path)
  assert read.size == (64, 48)
  # The upper half was red: clockwise, that is the right one.
  red = next(iter(read))[60, :, 0]
  assert red[:16].max() < 60 and red[-16:].min() > 160


@pytest.mark.parametrize(
  'frames, fps, said',
  [
    ([], 5, 'at least one frame'),
    ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], 5, '9x8'),
    ([np.zeros((8, 8, 3), np.float32)], 5, 'float32'),
    ([np.zeros((8, 8, 4), np.uint8)], 5, '(8, 8, 4)'),
    ([np.zeros((8, 8, 3), np.uint8)], 0, 'fps=0'),
    ([np.zeros((8, 8, 3), np.uint8)], 1e-4, 'fps=0.0001'),
    ([np.zeros((8, 8, 3), np.uint8)], 500, 'fps=500'),
  ],
)
def test_write_refuses_and_leaves_the_old_file(tmp_path, frames, fps, said):
  path = tmp_path / 'a.mp4'
  path.write_bytes(b'old')
  with pytest.raises(core.UserError) as caught:
    video.write(path, frames, fps)
  assert said in str(caught.value)
  assert path.read_bytes() == b'old'
  assert len(list(tmp_path.iterdir())) == 1


def test_write_needs_mp4(tmp_path):
  with pytest.raises(core.UserError, match='.mp4'):
    video.write(tmp_path / 'a.avi', _frames(), 5)


def _text(path):
  path.write_text('this is no video at all')


def _empty(path):
  path.write_bytes(b'')


def _sound(path):
  with av.open(str(path), 'w', format='wav') as container:
    stream = container.add_stream('pcm_s16le', rate=8000)
    frame = av.AudioFrame.from_ndarray(
      np.zeros((1, 800), np.int16), format='s16', layout='mono'
    )
    frame.sample_rate = 8000
    container.mux(stream.encode(frame))


def _cut(path):
  video.write(path, _frames(), 5)
  path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
  'make, said',
  [
    (None, 'no such file'),
    (_text, 'no video'),
    (_empty, 'no video'),
    (_sound, 'no pictures'),
    (_cut, 'a.mp4'),
  ],
)
def test_read_refuses(tmp_path, make, said):
  path = tmp_path / 'a.mp4'
  if make:
    make(path)
  with pytest.raises(core.UserError) as caught:
    list(video.read(path))
  assert said in str(caught.value)


def test_a_size_that_changes_is_refused(tmp_path, monkeypatch):
  path = tmp_path / 'a.mp4'
  video.write(path, _frames(), 5)
  read = video.read(path)
  small = [np.zeros((48, 64, 3), np.uint8), np.zeros((24, 32, 3), np.uint8)]
  monkeypatch.setattr(video, '_decode', lambda path: iter(small))
  with pytest.raises(core.UserError, match='frame 1 is 32x24'):
    list(read)


def test_missing_library_says_how_to_install_it(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'av', None)
  with pytest.raises(core.UserError, match='pip install av'):
    video.write(tmp_path / 'a.mp4', _frames(), 5)
