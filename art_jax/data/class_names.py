"""Names of classes: which ones a set has, which are kept, which are rare."""

import collections
import difflib
import unicodedata
from collections.abc import Sequence

from art_jax import core
from art_jax.core.paths import printable

_SHOWN = 3  # classes that a summary names


def choose_classes(
  found: tuple[str, ...], wanted: tuple[str, ...], where: str
) -> tuple[str, ...]:
  """Return the classes to keep, in the order of their labels.

  Raises:
    UserError: there is none, or a wanted one is unknown.
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
  return tuple(wanted) or tuple(found)


def _nfc(name: str) -> str:
  """Return a name with each accented letter as one character."""
  return unicodedata.normalize('NFC', name)


def few(labels: Sequence[int], names: Sequence[str]) -> str:
  """Return what a summary says of classes with one training picture."""
  counts = collections.Counter(labels)
  single = [name for i, name in enumerate(names) if counts[i] == 1]
  if not single:
    return ''
  shown = ', '.join(map(printable, single[:_SHOWN]))
  more = ', ...' if len(single) > _SHOWN else ''
  return f' ({len(single)} of one picture, which is trained on: {shown}{more})'
