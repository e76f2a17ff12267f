"""What a source opens to: verified examples, in train and held-out parts."""

import collections
import dataclasses
import functools
import hashlib
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import fingerprint, shards
from art_jax.data.examples import Examples
from art_jax.data.listing import left_out

_SHOWN = 3  # files that a summary names


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
