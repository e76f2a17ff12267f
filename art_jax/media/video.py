"""Videos: pictures in, pictures out, one frame in memory at a time."""

import contextlib
import dataclasses
import fractions
import itertools
import os
import pathlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np

from art_jax import core
from art_jax.core.paths import staged

_MIN_FPS = 0.01  # slower ones are no fraction of the format
_MAX_FPS = 240
# Visually lossless for most pictures; the encoder's own default is 23.
_QUALITY = '18'
_BT709 = 1  # of ITU-T H.273, for primaries, transfer and matrix alike


@dataclasses.dataclass(frozen=True)
class Video:
  """A video file, known to hold at least one frame.

  Every iteration decodes the file anew, so it can be gone through many times.
  A picture that the camera held upright by a note in the file is upright.

  Attributes:
    path: of the file.
    fps: frames a second; the average where the rate varies.
    size: (height, width) of every frame.
    count: number of frames that the file states; None if it does not.
  """

  path: pathlib.Path
  fps: float
  size: tuple[int, int]
  count: int | None = None

  def __iter__(self) -> Iterator[np.ndarray]:
    """Yield u8[H, W, 3] frames, in the order in which they are shown.

    Raises:
      core.UserError: a frame is damaged, or of another size than the first.
    """
    for number, frame in enumerate(_decode(self.path)):
      core.require(
        frame.shape[:2] == self.size,
        f'{self.path}: frame {number} is {_shown(frame.shape)}, the first '
        f'{_shown(self.size)}; a video has one size: cut it where it changes',
      )
      yield frame


def read(path: os.PathLike | str) -> Video:
  """Open a video of any kind that FFmpeg decodes; sound is left out.

  Raises:
    core.UserError: there is no such file, it is no video, or has no frames.
  """
  path = pathlib.Path(path).expanduser()
  core.require(path.is_file(), f'{path}: there is no such file; pass a video')
  with _open(path) as container:
    stream = _stream(path, container)
    # A GIF or a camera may state only one of them.
    fps = stream.average_rate or stream.guessed_rate
    count = stream.frames or None
  with contextlib.closing(_decode(path)) as frames:
    first = next(frames, None)
  if first is None:
    raise core.UserError(f'{path} holds no frames; pass a video that has some')
  core.require(
    fps,
    f'{path} does not say how many frames it shows a second; convert it to '
    'MP4 first',
  )
  return Video(path, float(fps), first.shape[:2], count)


def write(
  path: os.PathLike | str, frames: Iterable[np.ndarray], fps: float
) -> int:
  """Write an MP4 (H.264, yuv420p) that browsers play.

  It appears whole under its name, or not at all. Odd sides get one more row
  or column, a copy of the last, since the format needs even ones.

  Args:
    path: local path ending in .mp4; its folder is made. An older file of that
      name is replaced.
    frames: u8[H, W, C] each, of one size; C is 1 or 3. One is held at a time.
    fps: frames a second in [0.01, 240].

  Returns:
    The number of frames.

  Raises:
    core.UserError: no frames, unequal sizes, no bytes, or fps outside its
      range.
  """
  path = pathlib.Path(path).expanduser()
  core.require(
    path.suffix.lower() == '.mp4',
    f'{path}: a video is written as .mp4; name it so',
  )
  require_rate(fps)
  frames = iter(frames)
  first = next(frames, None)
  if first is None:
    raise core.UserError(f'{path}: a video has at least one frame; got none')
  height, width = _checked(first).shape[:2]
  with staged(path) as temporary:
    every = itertools.chain([first], frames)
    return _encode(temporary, every, (height, width), fps)


def require_rate(fps: float) -> None:
  """Raise a UserError unless `write` takes so many frames a second."""
  core.require(
    _MIN_FPS <= fps <= _MAX_FPS,
    f'fps={fps}: a video shows {_MIN_FPS} to {_MAX_FPS} frames a second; pass '
    'such a value, or convert the clip',
  )


def _encode(
  path: os.PathLike,
  frames: Iterable[np.ndarray],
  size: tuple[int, int],
  fps: float,
) -> int:
  av = _library()
  count, odd = 0, (size[0] % 2, size[1] % 2)
  options = {'movflags': '+faststart'}  # plays before all of it has come
  with av.open(str(path), 'w', format='mp4', options=options) as container:
    stream = container.add_stream(
      'libx264',
      # 30000/1001 and the like stay exact.
      fractions.Fraction(fps).limit_denominator(1001),
      options={'crf': _QUALITY},
      height=size[0] + odd[0],
      width=size[1] + odd[1],
      pix_fmt='yuv420p',
      colorspace=_BT709,
      color_primaries=_BT709,
      color_trc=_BT709,
    )
    for frame in frames:
      pixels = _checked(frame, size)
      padded = np.pad(pixels, ((0, odd[0]), (0, odd[1]), (0, 0)), mode='edge')
      picture = av.VideoFrame.from_ndarray(padded, 'rgb24').reformat(
        format='yuv420p', dst_colorspace='ITU709', interpolation='BICUBIC'
      )
      container.mux(stream.encode(picture))
      count += 1
    container.mux(stream.encode())
  return count


def _checked(
  frame: np.ndarray, size: tuple[int, int] | None = None
) -> np.ndarray:
  frame = np.asarray(frame)
  shaped = (
    frame.ndim == 3 and frame.shape[-1] in (1, 3) and 0 not in frame.shape
  )
  core.require(
    frame.dtype == np.uint8 and shaped,
    f'a frame of shape {frame.shape} and dtype {frame.dtype}: a video takes '
    'u8[H, W, C], C is 1 or 3; convert it',
  )
  first = size or frame.shape
  core.require(
    frame.shape[:2] == first[:2],
    f'a frame is {_shown(frame.shape)}, the first {_shown(first)}: a video '
    'has one size; resize them',
  )
  return np.broadcast_to(frame, (*frame.shape[:2], 3))


def _decode(path: pathlib.Path) -> Generator[np.ndarray, None, None]:
  av = _library()
  with _open(path) as container:
    stream = _stream(path, container)
    stream.thread_type = 'AUTO'
    number = 0
    try:
      for frame in container.decode(stream):
        pixels = frame.to_ndarray(format='rgb24')
        yield np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
        number += 1
    except av.error.FFmpegError as error:
      raise core.UserError(
        f'{path}: damaged at frame {number} ({error.strerror}); repair it '
        'or cut it off there'
      ) from None


def _open(path: pathlib.Path) -> Any:
  av = _library()
  try:
    return av.open(str(path))
  except (av.error.FFmpegError, ValueError) as error:
    reason = getattr(error, 'strerror', None) or error
    raise core.UserError(
      f'{path} is no video ({reason}); pass an MP4, MOV, WebM, GIF or the like'
    ) from None


def _stream(path: pathlib.Path, container: Any) -> Any:
  core.require(
    container.streams.video, f'{path} has no pictures in it; pass a video'
  )
  return container.streams.video[0]


def _library() -> Any:
  try:
    import av  # here, since it loads 100 MB of libraries
  except ImportError as error:
    raise core.UserError(
      f'videos need the library PyAV ({error}): pip install av'
    ) from None
  return av


def _shown(shape: tuple[int, ...]) -> str:
  return f'{shape[1]}x{shape[0]}'
