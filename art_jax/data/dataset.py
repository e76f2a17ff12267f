"""What a source opens to: verified examples, in train and held-out parts."""

import collections
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import decode, fingerprint, shards
from art_jax.data.listing import left_out

_SHOWN = 3  # files that a summary names


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
  """

  keys: tuple[str, ...]
  names: Sequence[str]
  read: Callable[[int], dict[str, np.ndarray]]
  marks: Sequence[str] | None = None
  whole: Callable[[int], dict[str, Image.Image]] | None = None

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
    whole = self.whole
    return Examples(
      self.keys,
      tuple(self.names[i] for i in indices),
      lambda i: self.read(indices[i]),
      self.marks and tuple(self.marks[i] for i in indices),
      whole and (lambda i: whole(indices[i])),
    )


class Space(NamedTuple):
  """The training and the held-out examples of one index space, in words too."""

  train: Examples
  heldout: Examples
  text: str = ''


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
  """A verified set.

  Attributes:
    train: the index spaces that training draws from. Two unpaired domains
      are two spaces; pictures with labels, or aligned pairs, are one.
    heldout: the same spaces of examples that are never trained on (of the
      training examples where there are none to spare).
    class_names: name of each label; empty without labels.
    skipped: (path, reason) of the files that cannot be used.
    notes: (path, note) of what was done to a picture, or was odd in its file.
    summary: one line for people.
    columns: `art_jax.data.columns.Column` of each attribute of the pictures.
  """

  train: tuple[Examples, ...]
  heldout: tuple[Examples, ...]
  class_names: tuple[str, ...] = ()
  skipped: tuple[tuple[str, str], ...] = ()
  notes: tuple[tuple[str, str], ...] = ()
  summary: str = ''
  columns: tuple[Any, ...] = ()

  @functools.cached_property
  def fingerprint(self) -> fingerprint.Fingerprint:
    """What the set is, wherever it lies."""
    return fingerprint.of(self)

  @property
  def num_examples(self) -> int:
    """The length of an epoch: the size of the larger domain."""
    return max(len(examples) for examples in self.train)

  @property
  def keys(self) -> tuple[str, ...]:
    """What a batch holds."""
    return tuple(key for examples in self.train for key in examples.keys)


def split(
  names: Sequence[str], share: float, labels: Sequence[int] | None = None
) -> tuple[list[int], list[int]]:
  """Choose the held-out examples by a hash of their names.

  A name's side does not depend on the other names, so adding pictures moves
  none. With two or more names both sides have at least one when `share` > 0.

  Args:
    names: names of the examples, stable from run to run.
    share: share of held-out examples, in [0, 1).
    labels: of the examples, if they have some: each label has a training
      example, so the only picture of a class is trained on.

  Returns:
    Indices of the training and of the held-out examples, each increasing.
  """
  marks = [_mark(name) for name in names]
  order = sorted(range(len(names)), key=marks.__getitem__)
  # Of each label, or of all, the last in this order is trained on.
  last = {labels[i] if labels is not None else 0: i for i in order}
  kept = set(last.values())
  free = [i for i in order if i not in kept] if share else []
  heldout = {i for i in free if marks[i] < share} or set(free[:1])
  train = [i for i in range(len(names)) if i not in heldout]
  return train, sorted(heldout)


def _mark(name: str) -> float:
  """Return a number in [0, 1) that is a pure function of the name."""
  text = name.encode('utf-8', 'surrogateescape')
  digest = hashlib.blake2b(text, digest_size=8).digest()
  return int.from_bytes(digest, 'big') / 2**64


def space(
  examples: Examples,
  share: float,
  heldout: Examples | None = None,
  *,
  labels: Sequence[int] | None = None,
  title: str = '',
) -> Space:
  """Split one index space.

  Args:
    examples: the examples; all are trained on if `heldout` is given.
    share: share to hold out otherwise.
    heldout: the source's own test split.
    labels: of the examples, see `split`.
    title: of the words.
  """
  if heldout is not None and len(heldout):
    text = f'{title}{len(examples)} train, {len(heldout)} test'
    return Space(examples, heldout, text)
  train, held = split(examples.names, share, labels)
  if not held:
    text = f'{title}{len(examples)} train, held-out = train'
    return Space(examples, examples, text)
  text = f'{title}{len(train)} train, {len(held)} held out'
  return Space(examples.subset(train), examples.subset(held), text)


def assemble(
  spaces: Sequence[Space],
  where: str,
  note: str = '',
  verified: Sequence[Any] = (),
  names: Sequence[str] = (),
  unused: Sequence[str] = (),
  columns: Sequence[Any] = (),
) -> Dataset:
  """Make a set of its index spaces.

  Args:
    spaces: the index spaces.
    where: name of the source, for the summary.
    note: what the summary says behind the words of the spaces.
    verified: folders that may have skipped files.
    names: name of each label.
    unused: `data.classes` where the source has no classes to choose from.
    columns: attributes of the pictures.

  Raises:
    UserError: classes were asked for in vain.
  """
  where = printable(str(where))
  core.require(
    not unused,
    f'data.classes={tuple(unused)}: {where!r} has no '
    'classes; pass --set "data.classes=()", or a folder with one sub-folder '
    'per class',
  )
  skipped = (
    *shards.skipped(one.root for one in verified),
    *(pair for one in verified for pair in one.skipped),
  )
  text = '; '.join(space.text for space in spaces if space.text) + note
  if skipped:
    text += f'; {len(skipped)} skipped: {_first(skipped)}'
  others = sum((one.others for one in verified), collections.Counter())
  notes = tuple(pair for one in verified for pair in one.notes)
  text += ''.join(
    f'; {part}' for part in (left_out(others), _counted(notes)) if part
  )
  return Dataset(
    train=tuple(space.train for space in spaces),
    heldout=tuple(space.heldout for space in spaces),
    class_names=tuple(names),
    skipped=skipped,
    notes=notes,
    summary=f'data: {where}: {text}',
    columns=tuple(columns),
  )


def _counted(notes: Sequence[tuple[str, str]]) -> str:
  """Count what data.json notes of pictures by its cause; '' for none."""
  causes = collections.Counter(note for _, note in notes).most_common()
  return '; '.join(f'{note} ({count})' for note, count in causes)


def _first(skipped: Sequence[tuple[str, str]]) -> str:
  """Name the first files that cannot be used."""
  shown = [
    f'{printable(os.path.basename(path))!r} ({reason})'
    for path, reason in skipped[:_SHOWN]
  ]
  return ', '.join(shown) + (', ...' if len(skipped) > _SHOWN else '')


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
  """Return the examples with a single key."""
  return Examples(
    (key,),
    examples.names,
    lambda i: {key: examples.read(i)[key]},
    examples.marks,
    lambda i: {key: examples.picture(i, key)},
  )


def _as_rgb(pixels: np.ndarray) -> Image.Image:
  """Return u8[H, W] or u8[H, W, 1 or 3] as a picture."""
  gray = pixels.ndim == 3 and pixels.shape[2] == 1
  return Image.fromarray(pixels[..., 0] if gray else pixels).convert('RGB')
