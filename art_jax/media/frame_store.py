"""Frames of a video in the making: kept one by one until it is whole."""

import itertools
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.media import images

_JOB = 'job.json'


class Frames:
  """A folder beside the output with the frames that are done.

  A killed run finds them again. They belong to one job: what was painted and
  how; another job is refused.

  Args:
    output: path of the video; the folder is `<output>.frames`.
    job: plain values that tell one job from another.
    overwrite: drop the frames of another job.
  """

  def __init__(
    self, output: pathlib.Path, job: Mapping[str, Any], overwrite: bool = False
  ):
    self.folder = output.with_name(output.name + '.frames')
    text = json.dumps(job, indent=1, sort_keys=True)
    note = self.folder / _JOB
    if self.folder.exists():
      same = note.is_file() and note.read_text('utf-8') == text
      core.require(
        same or overwrite,
        f'{self.folder} holds frames of another job (another clip, painting, '
        'network or setting); give the same flags to continue it, or pass '
        '--overwrite to drop them',
      )
      if not same:
        shutil.rmtree(self.folder)
    write_atomic(note, text)
    self.count = next(
      n for n in itertools.count() if not self._path(n).is_file()
    )

  def __iter__(self) -> Iterator[np.ndarray]:
    """Return the frames u8[H, W, 3] in order, read one by one."""
    return map(self.__getitem__, range(self.count))

  def __getitem__(self, number: int) -> np.ndarray:
    """Return frame `number`, u8[H, W, 3], also of a gray one."""
    with Image.open(self._path(number)) as image:
      return images.of_pillow(image, 3)

  def append(self, frame: np.ndarray) -> None:
    """Keep the next frame u8[H, W, C], whole or not at all."""
    images.save_png(self._path(self.count), frame)
    self.count += 1

  def drop(self) -> None:
    """Remove the folder: the video is whole."""
    shutil.rmtree(self.folder)

  def _path(self, number: int) -> pathlib.Path:
    return self.folder / f'{number:06d}.png'


def fingerprint(path: str | os.PathLike) -> list:
  """Return what tells one file from another: path, size and time."""
  path = pathlib.Path(path).expanduser()
  if not path.exists():  # a built-in picture
    return [os.fspath(path)]
  stat = path.stat()
  return [str(path.resolve()), stat.st_size, stat.st_mtime_ns]
