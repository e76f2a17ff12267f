"""Rows of u8 on disk, found by their keys and checked whenever they are read.

A shape of rows has two files in a folder: `1x72x72x3.u8` has a row in every
slot, which ends in a checksum, and `1x72x72x3.keys` the 16 bytes that say whose
each slot is. The checksum of a row covers its key: a row that was never
written, cut off by a kill, damaged, or given to another key is not there.

So only the choice of slots needs a lock, an `flock`, which the kernel releases
with its process. Rows are read and written by calls and not through a memory
map, where a full disk or a file cut short ends the process by a signal.
"""

import contextlib
import errno
import fcntl
import math
import os
import pathlib
import shutil
import time
import weakref
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from absl import logging

LIMIT = 4 * 2**30  # bytes of all rows in a folder
KEY = 16  # bytes of a key
FULL = (errno.ENOSPC, errno.EDQUOT)  # what a full disk or quota answers
_TAIL = 4  # bytes of the checksum that ends a row
_PATIENCE = 30  # seconds that a lock is waited for


class Rows:
  """The rows of one shape in a folder, by the index of a picture.

  Threads may use it at once, and so may any number of processes. What the file
  system refuses is logged once, and counts as a row that is not there.

  Args:
    folder: it exists.
    shape: of the u8 pictures of a row.
    keys: of the pictures that are wanted.

  Raises:
    OSError: the files cannot be opened.
  """

  def __init__(
    self, folder: str, shape: tuple[int, ...], keys: Sequence[bytes]
  ):
    self._folder, self._shape, self._wanted = folder, shape, keys
    self._stride = math.prod(shape) + _TAIL
    name = os.path.join(folder, 'x'.join(map(str, shape)))
    self._path = pathlib.Path(f'{name}.u8')
    self._files = []
    for path in (self._path, f'{name}.keys'):
      file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
      # Not as the program ends: threads may still read, and numbers of files
      # are used again.
      weakref.finalize(self, os.close, file).atexit = False
      self._files.append(file)
    self._slots = np.full(len(keys), -1)
    self._said: set[str] = set()

  def load(self, index: int) -> np.ndarray | None:
    """Return u8[*shape], read-only; None if it is not as it was written."""
    if (slot := int(self._slots[index])) < 0:
      return None
    with self._telling('cannot be read'):
      row = os.pread(self._files[0], self._stride, slot * self._stride)
      pixels, tail = memoryview(row)[:-_TAIL], row[-_TAIL:]
      if len(row) == self._stride and any(tail):  # else it was never written
        if tail == self._tail(index, pixels):
          return np.frombuffer(pixels, np.uint8).reshape(self._shape)
        if self._owns(index, slot):
          raise OSError(errno.EIO, 'rows with wrong checksums')
    return None

  def store(self, index: int, pictures: np.ndarray) -> None:
    """Write u8[*shape], unless another process has taken its slot."""
    if (slot := int(self._slots[index])) < 0:
      return
    with self._telling('cannot be written'):
      if self._owns(index, slot):
        row = pictures.tobytes()
        row += self._tail(index, row)
        os.pwrite(self._files[0], row, slot * self._stride)

  def _owns(self, index: int, slot: int) -> bool:
    """Tell whether a picture still has its slot; else it has none from now."""
    same = os.pread(self._files[1], KEY, slot * KEY) == self._wanted[index]
    if not same:
      self._slots[index] = -1
    return same

  def claim(self) -> None:
    """Find the slots of the wanted pictures, and take those that lack.

    Where no room is left, slots of pictures that are not wanted are taken.
    """
    with self._telling('cannot be used'), _locked(self._files[1]):
      self._slots[:] = self._claimed()
    count, fit = len(self._slots), int((self._slots >= 0).sum())
    logging.log(
      logging.INFO if fit == count else logging.WARNING,
      'data.cache: %s keeps %d of %d pictures, %.1f MiB (at most %d GiB and '
      'half of the free disk)%s',
      *(self._folder, fit, count, fit * self._stride / 2**20, LIMIT // 2**30),
      '; the others are decoded in every epoch' if fit < count else '',
    )

  def _claimed(self) -> list[int]:
    """Return the slot of each wanted picture, -1 without room."""
    rows, keys = self._files
    most = LIMIT // self._stride * KEY
    stored = os.pread(keys, min(os.fstat(keys).st_size, most), 0)
    ends = range(KEY, len(stored) + 1, KEY)  # a last key may be cut off
    owners = [stored[end - KEY : end] for end in ends]
    slots = {key: slot for slot, key in enumerate(owners)}
    lacking = [key for key in dict.fromkeys(self._wanted) if key not in slots]
    if lacking:
      new = range(len(owners), self._grown(len(owners) + len(lacking)))
      wanted = set(self._wanted)
      old = [slot for slot, key in enumerate(owners) if key not in wanted]
      for key, slot in zip(lacking, (*new, *old), strict=False):
        if slot < len(owners):  # what lies there is a row no more
          os.pwrite(rows, bytes(_TAIL), (slot + 1) * self._stride - _TAIL)
        owners[slot : slot + 1] = [key]
        slots[key] = slot
      os.pwrite(keys, b''.join(owners), 0)
    return [slots.get(key, -1) for key in self._wanted]

  def _grown(self, count: int) -> int:
    """Make room for `count` slots as far as may be; return how many fit."""
    rows = self._files[0]
    size = os.fstat(rows).st_size
    files = pathlib.Path(self._folder).glob('*.u8')
    others = sum(f.stat().st_size for f in files if f != self._path)
    whole = size + others + shutil.disk_usage(self._folder).free
    limit = min(LIMIT, whole // 2) - others
    need = min(count, max(0, limit) // self._stride) * self._stride
    if need > size:
      _reserve(rows, size, need)
    return os.fstat(rows).st_size // self._stride

  def _tail(self, index: int, pixels: bytes | memoryview) -> bytes:
    """Return the checksum of a picture's row."""
    crc = zlib.crc32(pixels, zlib.crc32(self._wanted[index]))
    return crc.to_bytes(_TAIL, 'little')

  @contextlib.contextmanager
  def _telling(self, what: str) -> Iterator[None]:
    """Say once in this process what the file system refuses, and go on."""
    try:
      yield
    except OSError as error:
      if what not in self._said:
        self._said.add(what)
        logging.warning(
          'data.cache: %s %s (%s); the pictures are decoded (said once)',
          *(self._path, what, error.strerror or error),
        )


def _reserve(file: int, size: int, end: int) -> None:
  """Enlarge a file and take the space for it, unless the disk is full."""
  try:
    os.posix_fallocate(file, size, end - size)
  except (OSError, AttributeError) as error:  # macOS has no such call
    if not (isinstance(error, OSError) and error.errno in FULL):
      os.ftruncate(file, end)


@contextlib.contextmanager
def _locked(file: int) -> Iterator[None]:
  """Hold a lock that ends with its process; raises TimeoutError."""
  end = time.monotonic() + _PATIENCE
  while True:
    with contextlib.suppress(BlockingIOError):
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      break
    if time.monotonic() > end:
      raise TimeoutError(errno.ETIMEDOUT, 'another process holds its lock')
    time.sleep(0.05)
  try:
    yield
  finally:
    fcntl.flock(file, fcntl.LOCK_UN)
