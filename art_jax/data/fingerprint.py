"""What a set of pictures is, wherever it lies: to know it again, or not.

A run keeps the fingerprint of its data: with the same one it continues bit for
bit from any path and machine, and of another one it can tell what changed.
"""

import dataclasses
import functools
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from art_jax.core.paths import shown

_NAMED = 3  # files that a message names
_TITLES = {'train': 'training', 'heldout': 'held-out'}


@dataclasses.dataclass(frozen=True)
class Fingerprint:
  """What a set is; equal digests mean the same batches in the same order.

  Attributes:
    parts: (name, mark) of the examples in their order, by title: 'train' and
      'heldout', or 'train a', 'heldout a', 'train b', 'heldout b'.
    classes: name of each label.
    categories: names of the numbers of each column that has names.
    keys: what a batch takes of each index space.
    exact: marks tell what examples hold; False: only their names are known.
  """

  parts: Mapping[str, tuple[tuple[str, str], ...]]
  classes: tuple[str, ...] = ()
  categories: Mapping[str, tuple[str, ...]] = dataclasses.field(
    default_factory=dict
  )
  keys: tuple[tuple[str, ...], ...] = ()
  exact: bool = True

  @functools.cached_property
  def digest(self) -> str:
    """32 hexadecimal digits of all of it."""
    # ASCII, so that names that are no UTF-8 have a digest too.
    names = [self.parts, self.classes, self.categories]
    text = json.dumps([*names, self.keys, self.exact])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

  def summary(self) -> dict[str, Any]:
    """Return what a checkpoint keeps, as JSON: small, however many files."""
    return {
      'digest': self.digest,
      'exact': self.exact,
      'counts': {title: len(part) for title, part in self.parts.items()},
      'classes': list(self.classes),
      'categories': {k: list(v) for k, v in self.categories.items()},
    }


def of(dataset: Any) -> Fingerprint:
  """Return the fingerprint of a `dataset.Dataset`.

  No file is read: `verify` has taken a checksum of each with its first look,
  and a .zip holds them. It consists of the names relative to the root, bytes
  and checksums, the labels with their names, and which examples are held
  out. It does not depend on paths, times and machines, nor on whether the
  pictures lie in a folder or in an archive; what is decoded of them (size,
  fit, channels) is no part of it.
  """
  parts, exact = {}, True
  for i, keys in enumerate(examples.keys for examples in dataset.train):
    end = f' {" ".join(keys)}' if len(dataset.train) > 1 else ''
    for title in _TITLES:
      examples = getattr(dataset, title)[i]
      exact = exact and examples.marks is not None
      marks = examples.marks or [''] * len(examples)
      parts[f'{title}{end}'] = tuple(zip(examples.names, marks, strict=True))
  return Fingerprint(
    parts,
    tuple(dataset.class_names),
    {c.name: tuple(c.values) for c in dataset.columns if c.values},
    tuple(examples.keys for examples in dataset.train),
    exact,
  )


def mark(*texts: str) -> str:
  """Return what an example holds in a few characters, of several texts."""
  first, *more = texts
  return f'{first}-{zlib.crc32(json.dumps(more).encode()):08x}'


def remapped(
  old: Mapping[str, Any], new: Fingerprint, read: Collection[str]
) -> str:
  """Return which names have other labels, in words; '' if none.

  Args:
    old: a `summary`.
    new: of the data now.
    read: what the model reads of a batch: 'label', names of columns.
  """
  pairs = [('classes', old['classes'], new.classes)] if 'label' in read else []
  pairs += [
    (f'values of {name!r}', old['categories'].get(name, ()), values)
    for name, values in new.categories.items()
    if name in read
  ]
  return '; '.join(
    f'the {what} were {_names(before)} and are {_names(now)}'
    for what, before, now in pairs
    if tuple(before) != tuple(now)
  )


def same_counts(old: Mapping[str, Any], new: Fingerprint) -> bool:
  """Tell whether a `summary` has as many examples in each part as a set."""
  return old['counts'] == new.summary()['counts']


def changes(
  old: Mapping[str, Any],
  parts: Mapping[str, Sequence[Sequence[str]]] | None,
  new: Fingerprint,
) -> str:
  """Return what is another in a set, in words.

  Args:
    old: a `summary`.
    parts: of the same set; None: only the summary is known.
    new: of the data now.
  """
  texts = []
  for title in old['counts'] | new.summary()['counts']:
    kind, _, domain = title.partition(' ')
    now = new.parts.get(title, ())
    counts = old['counts'].get(title, 0), len(now)
    named = '' if parts is None else _named(parts.get(title, ()), now)
    if counts[0] != counts[1] or named:
      of = f' of {domain}' if domain else ''
      texts.append(
        f'{counts[0]} -> {counts[1]} {_TITLES.get(kind, kind)} pictures{of}'
        f'{named}'
      )
  return '; '.join(texts) or 'other pictures, as many as before'


def _named(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> str:
  """Return the first names of what was added, removed and replaced."""
  before, now = ({name: mark for name, mark in part} for part in (old, new))
  kinds = {
    'added': [name for name in now if name not in before],
    'removed': [name for name in before if name not in now],
    'replaced': [n for n in now if n in before and before[n] != now[n]],
  }
  texts = [
    f'{len(names)} {kind}: {_names(names, _NAMED)}'
    for kind, names in kinds.items()
    if names
  ]
  return f' ({"; ".join(texts)})' if texts else ''


def _names(names: Sequence[str], count: int = 8) -> str:
  more = ', ...' if len(names) > count else ''
  return ', '.join(map(shown, names[:count])) + more or 'none'
