"""Sets of pictures to score: of a folder, of a data set, made by a model."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from absl import logging

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import decode, listing, parallel, tree
from art_jax.data.dataset import Examples


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
  """Pictures of one size that are read, or made, batch by batch.

  Attributes:
    name: for people, e.g. the folder.
    count: how many there are.
    read: i32[n] indices in [0, count) -> u8[n, H, W, C]; pure: a picture
      depends on its index only.
    labels: i32[count], or None.
  """

  name: str
  count: int
  read: Callable[[np.ndarray], np.ndarray]
  labels: np.ndarray | None = None

  def batches(self, rows: int) -> Iterator[np.ndarray]:
    """Yield all pictures in order, `rows` at a time, the last batch fewer."""
    for first in range(0, self.count, rows):
      yield self.read(np.arange(first, min(first + rows, self.count)))

  def first(self, count: int) -> 'Pictures':
    """Return the first `count` pictures, or all if there are fewer."""
    count = min(count, self.count)
    labels = None if self.labels is None else self.labels[:count]
    return dataclasses.replace(self, count=count, labels=labels)

  def size(self) -> tuple[int, int]:
    """Return (width, height)."""
    _, height, width, _ = self.read(np.arange(1)).shape
    return width, height

  def digest(self, rows: int = 64) -> str:
    """Return a hash of every pixel."""
    state = hashlib.sha256()
    for batch in self.batches(rows):
      state.update(f'{batch.shape[1:]}'.encode())
      state.update(np.ascontiguousarray(batch).data)
    return state.hexdigest()


def of_folder(
  root: str | pathlib.Path, flag: str, size: int | None = None
) -> Pictures:
  """Return the pictures below a folder, in the order of their names.

  Args:
    root: the folder; sub-folders are searched too.
    flag: that named it, for errors.
    size: resize the shorter side to it, with antialiasing, and cut the center
      square; None: they must all be of one size.

  Raises:
    core.UserError: there is no picture, one cannot be read, or sizes differ.
  """
  try:
    root = tree.resolve(root)
  except core.UserError as error:
    raise core.UserError(f'--{flag}: {error}') from None
  names, _, others = tree.survey(root)
  core.require(
    names,
    f'--{flag}={root} holds 0 pictures ({" ".join(listing.SUFFIXES)}); pass '
    'a folder with some in it',
  )
  if left_out := listing.left_out(others):
    logging.warning('--%s=%s: %s', flag, printable(str(root)), left_out)
  paths = [pathlib.Path(root) / name for name in names]
  if size is None:
    _require_one_size(paths, flag)

  def one(index):
    if size is not None:
      picture = decode.picture(paths[index], at_least=2 * size)
      return decode.resize(picture, size, 3, 'crop')
    return np.asarray(decode.picture(paths[index]).convert('RGB'))

  return Pictures(str(root), len(paths), _stacked(one))


def of_examples(name: str, examples: Examples, key: str, size: int) -> Pictures:
  """Return the pictures of a data set, cut in the center, never flipped.

  Args:
    name: for people.
    examples: of one index space.
    key: of the pictures, e.g. 'image'.
    size: side of the result, in pixels.
  """

  def one(index):
    picture = examples.read(index)[key]
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return picture[top : top + size, left : left + size]

  labels = None
  if 'label' in examples.keys:
    rows = parallel.map_indices(
      lambda i: examples.read(i)['label'], len(examples), 'reading labels'
    )
    labels = np.asarray(rows, np.int32)
  return Pictures(name, len(examples), _stacked(one), labels)


def _stacked(
  one: Callable[[int], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
  """Return a function that reads several pictures, in threads."""
  return lambda indices: np.stack(
    parallel.map_indices(
      lambda i: one(int(indices[i])), len(indices), 'reading pictures'
    )
  )


def _require_one_size(paths: list[pathlib.Path], flag: str) -> None:
  sizes = parallel.map_indices(
    lambda i: decode.size_of(paths[i]), len(paths), 'reading headers'
  )
  kinds = sorted(set(sizes))
  if len(kinds) > 1:
    examples = ', '.join(
      f'{printable(paths[sizes.index(kind)].name)!r} is {kind[0]}x{kind[1]}'
      for kind in kinds[:3]
    )
    raise core.UserError(
      f'--{flag} holds pictures of {len(kinds)} sizes ({examples}): scores '
      'would compare the sizes too; pass --size=N to bring all to one'
    )
