"""Values of a large picture that are read and written window by window."""

import math
import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from art_jax import core
from art_jax.core.paths import printable

_IN_MEMORY = 64 * 2**20  # bytes; what is larger becomes a file


class TooLargeError(core.UserError):
  """A picture is too large for the network, or for the disk."""


class Values(Protocol):
  """Values [height, width, C] of a picture at some scale."""

  shape: tuple[int, int, int]

  def read(self, row: int, column: int, height: int, width: int) -> np.ndarray:
    """Return a window [height, width, C]."""
    ...


class Array:
  """Values in memory.

  Attributes:
    array: [height, width, C].
  """

  def __init__(
    self,
    array: np.ndarray,
    convert: Callable[[np.ndarray], np.ndarray] = np.asarray,
  ):
    self.array, self._convert = array, convert
    self.shape = array.shape

  def read(self, row: int, column: int, height: int, width: int) -> np.ndarray:
    """Return a window [height, width, C]."""
    window = self.array[row : row + height, column : column + width]
    return self._convert(window)

  def write(self, row: int, column: int, part: np.ndarray) -> None:
    """Write a part [height, width, C]."""
    height, width, _ = part.shape
    self.array[row : row + height, column : column + width] = part


class File:
  """Values in a file without a name: nothing is left of it, even after a kill.

  It is read and written by system calls, not mapped, so that its pages are no
  memory of this process.
  """

  def __init__(
    self, shape: tuple[int, int, int], dtype: Any, folder: pathlib.Path | None
  ):
    self.shape, self._dtype = shape, np.dtype(dtype)
    self._file = tempfile.TemporaryFile(dir=folder, buffering=0)

  def read(self, row: int, column: int, height: int, width: int) -> np.ndarray:
    """Return a window [height, width, C]."""
    window = np.empty((height, width, self.shape[2]), self._dtype)
    for i, line in enumerate(window):
      buffer, offset = line.data.cast('B'), self._at(row + i, column)
      while buffer:
        count = os.preadv(self._file.fileno(), [buffer], offset)
        if not count:
          raise OSError(f'scratch file ends at {offset}')
        buffer, offset = buffer[count:], offset + count
    return window

  def write(self, row: int, column: int, part: np.ndarray) -> None:
    """Write a part [height, width, C]."""
    for i, line in enumerate(part):
      line = np.ascontiguousarray(line, self._dtype)
      buffer, offset = line.data.cast('B'), self._at(row + i, column)
      while buffer:
        count = self._write(buffer, offset)
        buffer, offset = buffer[count:], offset + count

  def close(self) -> None:
    """Give its space back."""
    self._file.close()

  def _write(self, buffer, offset) -> int:
    try:
      return os.pwrite(self._file.fileno(), buffer, offset)
    except OSError as error:
      raise core.StorageError(
        f'the scratch file of a large picture cannot be written '
        f'({error.strerror}); make room and start the same command again'
      ) from error

  def _at(self, row: int, column: int) -> int:
    _, width, channels = self.shape
    return (row * width + column) * channels * self._dtype.itemsize


def make(
  shape: tuple[int, int, int], dtype: Any, folder: pathlib.Path | None
) -> Array | File:
  """Return values that are not set, in memory if they are few.

  Args:
    shape: height, width and channels.
    dtype: of the values.
    folder: that has room for them; None: the system's for temporary files.
  """
  if math.prod(shape) * np.dtype(dtype).itemsize <= _IN_MEMORY:
    return Array(np.empty(shape, dtype))
  return File(shape, dtype, folder)


def require_space(num_bytes: int, folder: pathlib.Path | None) -> None:
  """Raise a TooLargeError unless a folder has room for so many bytes."""
  place = folder or pathlib.Path(tempfile.gettempdir())
  status = os.statvfs(place)
  free = status.f_bavail * status.f_frsize
  core.require(
    num_bytes <= free,
    f'scratch files of {num_bytes / 1e9:.1f} GB are needed for its size in '
    f'{printable(str(place))!r}, and {free / 1e9:.1f} GB are free; make room, '
    'or choose a folder on another disk',
    TooLargeError,
  )
