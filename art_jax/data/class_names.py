"""Names of classes: which ones a set has, which are kept, which are rare."""

import collections
import difflib
import unicodedata
from collections.abc import Sequence

from art_jax import core
from art_jax.core.paths import printable

SMALL = 8  # pictures, below which a summary names a class
_SHOWN = 3  # classes that a summary names


def choose_classes(
  found: tuple[str, ...], wanted: tuple[str, ...], where: str
) -> tuple[str, ...]:
  """Return the classes to keep, in the order of their labels.

  Raises:
    UserError: there is none, or a wanted one is unknown or named twice.
  """
  core.require(
    found,
    f'{printable(where)!r} holds no class sub-folders; pass a folder '
    'with one sub-folder per class by --data=PATH',
  )
  spelled = {_nfc(name): name for name in found}
  wanted = tuple(
    name if name in found else spelled.get(_nfc(name), name) for name in wanted
  )
  for name in wanted:
    if name not in found:
      near = difflib.get_close_matches(name, found, n=3, cutoff=0.4) or found
      raise core.UserError(
        f'data.classes names {name!r}, which {printable(where)!r} does '
        f'not have; nearest: {", ".join(near[:3])}'
      )
  twice = [name for name in wanted if wanted.count(name) > 1]
  core.require(
    not twice,
    f'data.classes names {", ".join(map(repr, dict.fromkeys(twice)))} more '
    'than once: name each class once',
  )
  return wanted or tuple(found)


def _nfc(name: str) -> str:
  """Return a name with each accented letter as one character."""
  return unicodedata.normalize('NFC', name)


def untrained(found: Sequence[str], trained: Sequence[str]) -> str:
  """Return what a summary says of classes that only the test split has."""
  lost = [name for name in found if name not in trained]
  text = f'; test classes without training are left out: {_shown(lost)}'
  return text if lost else ''


def few(labels: Sequence[int], names: Sequence[str]) -> str:
  """Return what a summary says of classes with few training pictures.

  A model that is told the class repeats those of such a one.
  """
  counts = collections.Counter(labels)
  single, small = (
    [name for i, name in enumerate(names) if counts[i] in sizes]
    for sizes in ((1,), range(2, SMALL))
  )
  said = (
    (single, 'of one picture, which is trained on'),
    (small, f'of fewer than {SMALL}, which a model repeats'),
  )
  parts = [
    f'{len(those)} {text}: {_shown(those)}' for those, text in said if those
  ]
  return f' ({"; ".join(parts)})' if parts else ''


def _shown(names: Sequence[str]) -> str:
  """Return the first names."""
  more = ', ...' if len(names) > _SHOWN else ''
  return ', '.join(map(printable, names[:_SHOWN])) + more
