"""Examples of one index space, and how they are made of pictures."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import decode


class Files(NamedTuple):
  """What is known of the examples of picture files without decoding them.

  Attributes:
    numbers: index -> what `Examples.read` returns beside the pictures.
    unchanged: index -> whether the file still is what its mark says.
  """

  numbers: Callable[[int], dict[str, np.ndarray]]
  unchanged: Callable[[int], bool]


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
  """One index space of examples with random access.

  Attributes:
    keys: what `read` returns, e.g. `('image', 'label')`.
    names: file name of each example, or another name to show in errors.
    read: index -> u8[load, load, C] pictures and i32[] labels, by key; a pure
      function that threads may call at once.
    marks: what each example holds, in a few characters that are the same
      wherever it lies (see `fingerprint`); None: that is not known.
    whole: index -> the pictures by key, uncut and at their own size, in mode
      'RGB'; None: `read` is all there is.
    files: what is known without decoding; None: they are no picture files.
  """

  keys: tuple[str, ...]
  names: Sequence[str]
  read: Callable[[int], dict[str, np.ndarray]]
  marks: Sequence[str] | None = None
  whole: Callable[[int], dict[str, Image.Image]] | None = None
  files: Files | None = None

  def __len__(self) -> int:
    return len(self.names)

  def name(self, index: int) -> str:
    """Return the name of example `index` to show in errors."""
    return self.names[index]

  def picture(self, index: int, key: str) -> Image.Image:
    """Return a whole picture of an example, mode 'RGB'."""
    if self.whole:
      return self.whole(index)[key]
    return _as_rgb(self.read(index)[key])

  def subset(self, indices: Sequence[int]) -> 'Examples':
    """Return the examples at `indices`, in that order."""
    whole, files = self.whole, self.files
    return Examples(
      self.keys,
      tuple(self.names[i] for i in indices),
      lambda i: self.read(indices[i]),
      self.marks and tuple(self.marks[i] for i in indices),
      whole and (lambda i: whole(indices[i])),
      files
      and Files(
        lambda i: files.numbers(indices[i]),
        lambda i: files.unchanged(indices[i]),
      ),
    )


def cutter(data: core.Data) -> decode.Cut:
  """Return the keyword arguments of `decode.decode` for this data."""
  size = data.load_size or data.size
  return {'size': size, 'channels': data.channels, 'fit': data.fit}


def of_arrays(
  arrays: Mapping[str, np.ndarray],
  title: str,
  data: core.Data,
  first: int = 0,
  marks: Sequence[str] | None = None,
) -> Examples:
  """Return examples whose pictures are in memory.

  Args:
    arrays: u8[N, H, W(, C)] pictures, which are resized, and integers [N].
    title: example 7 is called '<title> 7'.
    data: how the pictures are cut.
    first: number of the first one.
    marks: what each holds, see `Examples`.
  """
  cut = cutter(data)

  def one(value):
    if value.ndim == 0:
      return np.array(value, np.int32)
    gray = value.ndim == 3 and value.shape[2] == 1
    return decode.resize(
      Image.fromarray(value[..., 0] if gray else value), **cut
    )

  def read(index):
    return {key: one(value[index]) for key, value in arrays.items()}

  def whole(index):
    return {
      key: _as_rgb(value[index])
      for key, value in arrays.items()
      if value.ndim > 1
    }

  count = len(next(iter(arrays.values())))
  names = [f'{title} {first + index}' for index in range(count)]
  return Examples(tuple(arrays), names, read, marks, whole)


def only(examples: Examples, key: str) -> Examples:
  """Return the examples with a single key, that of a picture."""
  return Examples(
    (key,),
    examples.names,
    lambda i: {key: examples.read(i)[key]},
    examples.marks,
    lambda i: {key: examples.picture(i, key)},
    examples.files,
  )


def _as_rgb(pixels: np.ndarray) -> Image.Image:
  """Return u8[H, W] or u8[H, W, 1 or 3] as a picture."""
  gray = pixels.ndim == 3 and pixels.shape[2] == 1
  return Image.fromarray(pixels[..., 0] if gray else pixels).convert('RGB')
