"""What the shards of a data set hold: pictures in records, some damaged."""

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from PIL import Image

from art_jax.data import decode

# Columns that hold a picture, a class or a file name, the usual ones first.
_PICTURES = ('image', 'image/encoded', 'img', 'picture', 'photo', 'jpg', 'png')
LABELS = (
  'image/class/text',
  'label',
  'labels',
  'target',
  'class',
  'cls',
  'image/class/label',
  'category',
)
_NAMES = (
  'image/filename',
  'filename',
  'file_name',
  'image_name',
  'name',
  'path',
  'image_id',
  'id',
)
_SUFFIXES = {'JPEG': '.jpg', 'MPO': '.jpg', 'TIFF': '.tif', 'PPM': '.ppm'}


class Record(NamedTuple):
  """One record of a shard.

  Attributes:
    pictures: encoded, by column.
    label: name or number of its class; None without.
    name: of its file, as the shard has it; None without.
  """

  pictures: dict[str, bytes]
  label: str | int | None = None
  name: str | None = None


class Damage(NamedTuple):
  """What cannot be read of a shard.

  Attributes:
    reason: in words.
    lost: number of records; None: all behind it, how many is not known.
  """

  reason: str
  lost: int | None = 1


def is_picture(value: bytes) -> bool:
  """Tell whether some bytes begin as a picture does."""
  with contextlib.suppress(decode.BadPictureError):
    return bool(decode.size_of(value))
  return False


def suffix(value: bytes) -> str:
  """Return the suffix of a picture's format; '' of none that is known."""
  with contextlib.suppress(Exception), Image.open(io.BytesIO(value)) as image:
    kind = image.format or ''
    return _SUFFIXES.get(kind, f'.{kind.lower()}')
  return ''


def picture_columns(candidates: Iterable[str]) -> tuple[str, ...]:
  """Choose among columns that hold pictures: one, or two as two domains."""
  ordered = sorted(candidates)
  for name in _PICTURES:
    if name in ordered:
      return (name,)
  return tuple(ordered) if len(ordered) == 2 else tuple(ordered[:1])


def is_usual(column: str) -> bool:
  """Tell whether a column has a name that is usual for pictures."""
  return column in _PICTURES


def label_of(values: Mapping[str, Any]) -> str | int | None:
  """Return the class that a record names under a usual column, if any.

  A text that is empty names none.
  """
  return _first(values, LABELS, (str, int))


def name_of(values: Mapping[str, Any]) -> str | None:
  """Return the file name that a record has under a usual column, if any."""
  name = _first(values, _NAMES, (str, int))
  return None if name is None else str(name)


def _first(values, columns, kinds):
  for column in columns:
    value = values.get(column)
    if isinstance(value, kinds) and not isinstance(value, bool) and value != '':
      return value
  return None
