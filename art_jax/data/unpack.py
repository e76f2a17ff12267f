"""Write the records of shards as a folder of pictures."""

import os
import re
from collections.abc import Callable, Iterator, Sequence

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data import archive_entries, listing, records
from art_jax.data.litter import is_litter
from art_jax.data.records import Damage, Record

PICTURES = 'pictures'
_SPLIT = re.compile(r'(?:^|/)(train|test|validation|valid|val)(?=[-_./\d])')
_ODD = re.compile('[\x00-\x1f\x7f/\\\\]')
_MAX_BYTES = 200  # of a part of a path

Reader = Callable[[str], Iterator[Record | Damage]]
Losses = list[list[tuple[str, int | None]]]


def unpack(
  root: str, names: Sequence[str], read: Reader, target: str
) -> tuple[list[int], Losses]:
  """Write the pictures of some shards below `<target>/pictures`.

  Args:
    root: folder of the shards.
    names: of them, relative to it.
    read: yields the records of one.
    target: a folder.

  Returns:
    The number of pictures of each shard, and (reason, records lost) of what
    is damaged in it; None for an unknown number.
  """
  writer = _Writer(os.path.join(target, PICTURES))
  counts, lost = [], []
  for name, place in zip(names, _places(names), strict=True):
    before, damage = writer.count, []
    for number, record in enumerate(read(os.path.join(root, name))):
      if isinstance(record, Damage):
        damage.append(tuple(record))
        continue
      writer.add(place, name, number, record)
    counts.append(writer.count - before)
    lost.append(damage)
  writer.finish()
  return counts, lost


class _Writer:
  """Writes pictures below a folder, each under a name of its own."""

  def __init__(self, root: str):
    self._root = root
    self._names: set[str] = set()
    self._labels: dict[str, set[str | None]] = {}
    self._folders: dict[str, str] = {}  # of each class
    self._used: set[str] = set()  # names of these folders
    self._bytes = 0
    self.count = 0
    os.makedirs(root)

  def add(self, place: str, shard: str, number: int, record: Record) -> None:
    """Write the pictures of a record."""
    several = len(record.pictures) > 1
    for domain, (_, data) in zip('AB', record.pictures.items(), strict=False):
      name = _file_name(record.name, shard, number, data)
      label = None if record.label is None else self._folder(str(record.label))
      if label is not None and not name.startswith(f'{label}/'):
        name = f'{label}/{name}'
      split = place or 'train'
      folder = f'{split}{domain}' if several else place
      name = self._free('/'.join(filter(None, (folder, name))))
      self._bytes += len(data)
      core.require(
        self._bytes <= archive_entries.MAX_BYTES
        and self.count < archive_entries.MAX_FILES,
        f'shards hold more than {archive_entries.MAX_BYTES} bytes or '
        f'{archive_entries.MAX_FILES} pictures; pass a part of them',
      )
      path = os.path.join(self._root, name)
      os.makedirs(os.path.dirname(path), exist_ok=True)
      with open(path, 'xb') as file:
        file.write(data)
      self._labels.setdefault(folder, set()).add(label)
    self.count += 1

  def finish(self) -> None:
    """Give numbers of classes one width; take one class for none."""
    labels = set().union(*self._labels.values())
    named = {label for label in labels if label is not None}
    if len(named) == 1 and None not in labels:
      for folder in self._labels:
        _lift(os.path.join(self._root, folder), next(iter(named)))
    elif named and all(label.isdigit() for label in named):
      width = max(len(label) for label in named)
      if len({label.zfill(width) for label in named}) < len(named):
        return  # 7 and 07 are two classes
      for folder, inside in self._labels.items():
        for label in filter(None, inside):
          at = os.path.join(self._root, folder)
          old, new = (os.path.join(at, label.zfill(w)) for w in (0, width))
          if old != new:
            os.rename(old, new)

  def _folder(self, label: str) -> str:
    """Return the folder of a class, which no other class has."""
    if label not in self._folders:
      self._folders[label] = _unused(_plain(label), '', self._used)
    return self._folders[label]

  def _free(self, name: str) -> str:
    """Return a name that no other picture has."""
    return _unused(*os.path.splitext(name), self._names)


def _unused(stem: str, end: str, used: set[str]) -> str:
  """Return a name that is not used yet, in capitals or not; add it to those."""
  name, count = stem + end, 1
  while name.lower() in used:
    count += 1
    name = f'{stem}~{count}{end}'
  used.add(name.lower())
  return name


def _places(names: Sequence[str]) -> list[str]:
  """Return the folder of each shard's pictures: split or sub-folder, or ''."""
  splits = [_SPLIT.search(name) for name in names]
  found = {match[1] for match in splits if match}
  if all(splits) and 'train' in found and len(found) > 1:
    return [match[1] for match in splits if match]
  tops = [name.rpartition('/')[0].partition('/')[0] for name in names]
  return tops if len(set(tops)) > 1 else [''] * len(names)


def _file_name(name: str | None, shard: str, number: int, data: bytes) -> str:
  """Return a relative name that is safe, with the suffix of a picture."""
  if not name:
    stem = shard.rpartition('/')[2].partition('.')[0]
    name = f'{_plain(stem)}_{number:06d}'
  name = name.replace('\\', '/')
  parts = [part for part in name.split('/') if part not in ('', '.')]
  odd = name.startswith('/') or ':' in name or '..' in parts or len(parts) > 8
  parts = [_plain(part) for part in (parts[-1:] if odd else parts)]
  name = '/'.join(parts) or f'{number:06d}'
  if not name.lower().endswith(listing.SUFFIXES):
    name += records.suffix(data) or '.png'  # what is no picture is named so
  return name


def _plain(part: str) -> str:
  """Return a part of a path without what a file system may refuse."""
  cut = _ODD.sub('_', printable(part)).encode()[-_MAX_BYTES:]
  part = cut.decode('utf-8', 'ignore') or '_'
  return f'_{part}' if is_litter(part) or part.startswith('.') else part


def _lift(folder: str, label: str) -> None:
  """Move what lies in the sub-folder of a class up into its folder."""
  below = os.path.join(folder, label)
  for name in os.listdir(below):
    if not os.path.exists(os.path.join(folder, name)):
      os.rename(os.path.join(below, name), os.path.join(folder, name))
  if not os.listdir(below):
    os.rmdir(below)
