"""Sets of pictures to score: of a folder, of a data set, made by a model."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import dataset, decode, listing, ops, order, parallel, tree

_CHUNK = 1024  # pictures that are probed before it is asked for more
_BATCH = 64  # examples whose attributes are computed at once


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
  """Pictures of one size that are read, or made, batch by batch.

  Attributes:
    name: for people, e.g. the folder.
    count: how many there are.
    read: i32[n] indices in [0, count) -> u8[n, H, W, C]; pure: a picture
      depends on its index only.
    labels: i32[count] classes, f32[count, W] attributes, or None.
    unreadable: name and reason of what is left out of a folder.
    total: how many there are, if these are a random subset of them.
  """

  name: str
  count: int
  read: Callable[[np.ndarray], np.ndarray]
  labels: np.ndarray | None = None
  unreadable: tuple[tuple[str, str], ...] = ()
  total: int | None = None

  def batches(self, rows: int) -> Iterator[np.ndarray]:
    """Yield all pictures in order, `rows` at a time, the last batch fewer."""
    for first in range(0, self.count, rows):
      yield self.read(np.arange(first, min(first + rows, self.count)))

  def first(self, count: int) -> 'Pictures':
    """Return the first `count` pictures, or all if there are fewer."""
    count = min(count, self.count)
    labels = None if self.labels is None else self.labels[:count]
    return dataclasses.replace(self, count=count, labels=labels)

  def dealt(self, count: int) -> np.ndarray | None:
    """Return `count` labels in the proportions of the pictures, if any.

    Those of all pictures as often as `count` allows, then of a random subset.
    """
    if self.labels is None:
      return None
    left = range(count, 0, -self.count)
    rows = [subset(self.count, number) for number in left]
    return self.labels[np.concatenate(rows)]

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


def subset(count: int, most: int | None) -> np.ndarray:
  """Return i32[min(count, most)] indices in [0, count).

  Pictures lie class by class or artist by artist, so the first ones would be
  of one kind: these are a random subset, in random order, the same at every
  call. All of them, in order, where `most` is no fewer or None.
  """
  if most is None or most >= count:
    return np.arange(count, dtype=np.int32)
  return order.permutation(0, 0, 0, count)[:most]


def of_folder(
  root: str | pathlib.Path,
  flag: str,
  size: int | None = None,
  most: int | None = None,
) -> Pictures:
  """Return the pictures below a folder, in the order of their names.

  If there are more than `most`, a fixed random subset, in random order.
  What cannot be read is left out and told in `unreadable`.

  Args:
    root: the folder; sub-folders are searched too.
    flag: that named it, for errors.
    size: resize the shorter side to it, with antialiasing, and cut the center
      square; None: they must all be of one size.
    most: so many that can be read; None: all.

  Raises:
    core.UserError: there is no picture that can be read, or sizes differ.
  """
  try:
    root = tree.resolve(root)
  except core.UserError as error:
    raise core.UserError(f'--{flag}: {error}') from None
  names, skipped, others = tree.survey(root)
  core.require(
    names,
    f'--{flag}={root} holds 0 pictures ({" ".join(listing.SUFFIXES)}); pass '
    'a folder with some in it',
  )
  if left_out := listing.left_out(others):
    logging.warning('--%s=%s: %s', flag, printable(str(root)), left_out)
  sizes, reasons = _probed(root, names, most)
  unreadable = (*((printable(str(p)), why) for p, why in skipped), *reasons)
  core.require(
    sizes,
    f'--{flag}={root}: none of {len(names)} pictures can be read '
    f'({": ".join(unreadable[0]) if unreadable else ""}); pass a folder with '
    'pictures in it',
  )
  paths = [pathlib.Path(root) / name for name in sizes]
  if size is None:
    _require_one_size(sizes, flag)

  def one(index):
    if size is not None:
      picture = decode.picture(paths[index], at_least=2 * size)
      return decode.resize(picture, size, 3, 'crop')
    return np.asarray(decode.picture(paths[index]).convert('RGB'))

  left = len(names) - len(paths) - len(reasons)
  return Pictures(
    str(root),
    len(paths),
    _stacked(one),
    unreadable=tuple(unreadable),
    total=len(names) if left else None,
  )


def of_examples(
  name: str,
  examples: dataset.Examples,
  key: str,
  size: int,
  most: int | None = None,
  labels: Callable[[dict[str, np.ndarray]], Any] | None = None,
) -> Pictures:
  """Return the pictures of a data set, cut in the center, never flipped.

  Args:
    name: for people.
    examples: of one index space.
    key: of the pictures, e.g. 'image'.
    size: side of the result, in pixels.
    most: a fixed random subset of so many, if there are more; None: all.
    labels: batch -> labels by rows; None: its 'label', if it has one.
  """
  total = len(examples)
  if most is not None and most < total:
    examples = examples.subset(subset(total, most).tolist())

  def whole(index):
    example = examples.read(index)
    picture = example[key]
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return example | {key: picture[top : top + size, left : left + size]}

  told = None
  if labels is not None:
    told = _observed(labels, whole, len(examples), key)
  elif 'label' in examples.keys:
    rows = parallel.map_indices(
      lambda i: examples.read(i)['label'], len(examples), 'reading labels'
    )
    told = np.asarray(rows, np.int32)
  return Pictures(
    name,
    len(examples),
    _stacked(lambda i: whole(i)[key]),
    told,
    total=total if len(examples) < total else None,
  )


def _observed(
  labels: Callable[[dict[str, np.ndarray]], Any],
  read: Callable[[int], dict[str, np.ndarray]],
  count: int,
  key: str,
) -> np.ndarray:
  """Return the labels of examples, computed batch by batch."""
  parts = []
  for first in range(0, count, _BATCH):
    rows = parallel.map_indices(
      lambda i, first=first: read(first + i),
      min(_BATCH, count - first),
      'reading labels',
    )
    batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    batch[key] = ops.to_float(batch[key])
    parts.append(np.asarray(labels(batch)))
  return np.concatenate(parts)


def _stacked(
  one: Callable[[int], np.ndarray],
) -> Callable[[np.ndarray], np.ndarray]:
  """Return a function that reads several pictures, in threads."""
  return lambda indices: np.stack(
    parallel.map_indices(
      lambda i: one(int(indices[i])), len(indices), 'reading pictures'
    )
  )


def _probed(
  root: str, names: Sequence[str], most: int | None
) -> tuple[dict[str, tuple[int, int]], list[tuple[str, str]]]:
  """Decode pictures until `most` are good, in random order if there are more.

  Returns:
    (width, height) of the good ones by name, and name and reason of the others.
  """
  sizes, reasons = {}, {}
  drawn = names
  if most is not None and most < len(names):
    drawn = [names[i] for i in order.permutation(0, 0, 0, len(names))]

  def one(name):
    try:
      return decode.probe(pathlib.Path(root) / name)
    except decode.BadPictureError as error:
      return error.reason

  for first in range(0, len(names), _CHUNK):
    part = drawn[first : first + _CHUNK]
    results = parallel.map_indices(
      lambda i, part=part: one(part[i]), len(part), 'reading pictures'
    )
    for name, result in zip(part, results, strict=True):
      if isinstance(result, str):
        reasons[name] = result
      else:
        sizes[name] = result
    if most is not None and len(sizes) >= most:
      break
  chosen = list(sizes)[:most]
  if len(chosen) + len(reasons) == len(names):  # There were no more.
    chosen = [name for name in names if name in sizes]
  return {name: sizes[name] for name in chosen}, [
    (printable(name), reasons[name]) for name in names if name in reasons
  ]


def _require_one_size(sizes: Mapping[str, tuple[int, int]], flag: str) -> None:
  kinds = {size: name for name, size in reversed(list(sizes.items()))}
  if len(kinds) > 1:
    examples = ', '.join(
      f'{printable(pathlib.Path(kinds[kind]).name)!r} is {kind[0]}x{kind[1]}'
      for kind in sorted(kinds)[:3]
    )
    raise core.UserError(
      f'--{flag} holds pictures of {len(kinds)} sizes ({examples}): scores '
      'would compare the sizes too; pass --size=N to bring all to one'
    )
