"""A source that reads pictures from one .npz file."""

import dataclasses
import os
import zipfile
import zlib

import numpy as np

from art_jax import core
from art_jax.core.paths import printable
from art_jax.data.class_names import choose_classes
from art_jax.data.dataset import Dataset, assemble, space
from art_jax.data.examples import of_arrays

MAX_BYTES = 16 * 2**30  # of the arrays in memory; a small .npz can hold more
_MAX_CLASSES = 100_000  # a larger label is no class
_ALIASES = {'image': ('image', 'x'), 'label': ('label', 'y')}


@dataclasses.dataclass(frozen=True)
class Arrays:
  """An .npz file of u8 pictures, [N, H, W], [N, H, W, 1] or [N, H, W, 3].

  Keys are `image` (and `label`), or `a` and `b`; `x` and `y` mean image and
  label. `x_train` is the same as `x`, `x_test` is its held-out split, likewise
  for the others. `class_names` may name the labels, [max(label) + 1] texts.
  Pictures of another size than `data.load_size` are resized, to larger ones
  too. The summary names arrays that are left out.

  Attributes:
    path: the file.
    paired: row i of a and b shows one scene.
  """

  path: str
  paired: bool = False

  def open(self, data: core.Data) -> Dataset:
    """Read and check the arrays; raises UserError."""
    path = os.path.expanduser(self.path)
    arrays = _read(path)
    names = arrays.pop('class_names', None)
    train, test, left_out = _split_keys(arrays)
    _require_pictures(path, train, test, self.paired)
    names = _class_names(path, names, train, test)
    kept = names
    if 'label' in train and data.classes:
      kept = choose_classes(names, data.classes, path)
      train, test = (_keep(rows, names, kept) for rows in (train, test))
      core.require(
        len(train['label']),
        f'file {printable(path)!r} has no training row of the classes '
        f'{", ".join(kept)}; choose others by data.classes',
      )
    apart = 'a' in train and not self.paired
    spaces = []
    for keys in [('a',), ('b',)] if apart else [tuple(train)]:
      splits = (
        of_arrays(chosen, 'row', data, marks=_marks(chosen))
        for rows in (train, test)
        if set(keys) <= set(rows)
        for chosen in [{key: rows[key] for key in keys}]
      )
      examples, *heldout = splits
      title = f'{" ".join(keys)}: '
      labels = train['label'].tolist() if 'label' in keys else None
      spaces.append(
        space(examples, data.heldout, *heldout, labels=labels, title=title)
      )
    height, width = next(iter(train.values())).shape[1:3]
    note = f'; {width}x{height} resized to {data.load_size or data.size}'
    if left_out:
      note += f'; left out: {", ".join(map(printable, left_out))}'
    unused = () if 'label' in train else data.classes
    return assemble(spaces, path, note, names=kept, unused=unused)


def _read(path: str) -> dict[str, np.ndarray]:
  shown = repr(printable(path))
  core.require(
    os.path.isfile(path),
    f'file {shown} does not exist; pass an .npz file by --data=PATH',
  )
  try:
    with zipfile.ZipFile(path) as archive:
      num_bytes = sum(entry.file_size for entry in archive.infolist())
    core.require(
      num_bytes <= MAX_BYTES,
      f'file {shown} unpacks to {num_bytes} bytes; the limit is {MAX_BYTES}; '
      'pass a folder of pictures instead',
    )
    with np.load(path, allow_pickle=False) as file:
      return {key: file[key] for key in file.files}
  except core.UserError:
    raise
  # A damaged archive can raise nearly anything.
  except Exception as error:
    raise core.UserError(
      f'file {shown} cannot be read as .npz: {error}; write it by '
      'numpy.savez(path, image=..., label=...)'
    ) from error


def _split_keys(arrays):
  """Sort arrays into train and test by the key of the batch; name the rest.

  A test split without all that is trained on (x_test, but no y_test) is none.
  """
  single = {'image', 'x'} & {name.removesuffix('_train') for name in arrays}

  def chosen(*suffixes):
    return {
      key: alias + suffix
      for key in (('image', 'label') if single else ('a', 'b'))
      for alias in _ALIASES.get(key, (key,))
      for suffix in suffixes
      if alias + suffix in arrays
    }

  train, test = chosen('', '_train'), chosen('_test')
  test = {key: test[key] for key in train} if set(test) >= set(train) else {}
  used = {*train.values(), *test.values()}
  splits = ({k: arrays[name] for k, name in s.items()} for s in (train, test))
  return *splits, sorted(set(arrays) - used)


def _require_pictures(path, train, test, paired):
  shown = repr(printable(path))
  core.require(
    'image' in train or {'a', 'b'} <= set(train),
    f'file {shown} has no pictures that are known: name the arrays image '
    '(and label), or a and b, or x_train, y_train, x_test, y_test',
  )
  for rows in (train, test):
    for key, value in rows.items():
      if key == 'label':
        good = (
          value.ndim == 1
          and value.dtype.kind in 'iu'
          and ((value >= 0) & (value < _MAX_CLASSES)).all()
        )
        rule = f'whole numbers from 0 to {_MAX_CLASSES - 1} of shape [N]'
      else:
        good = value.dtype == np.uint8 and (
          value.ndim == 3 or (value.ndim == 4 and value.shape[3] in (1, 3))
        )
        rule = 'uint8 of shape [N, H, W], [N, H, W, 1] or [N, H, W, 3]'
      core.require(
        good and value.size,
        f'file {shown}: array {key} is {value.dtype}{list(value.shape)}; it '
        f'must be {rule}, and not empty; convert it and save it again',
      )
    counts = {key: len(value) for key, value in rows.items()}
    core.require(
      not ((paired or 'label' in rows) and len(set(counts.values())) > 1),
      f'file {shown}: arrays that belong together have {counts} rows; give '
      'each the same number',
    )


def _class_names(path, names, *splits) -> tuple[str, ...]:
  labels = [rows['label'] for rows in splits if 'label' in rows]
  if not labels:
    return ()
  count = 1 + max(int(values.max()) for values in labels)
  if names is None:
    return tuple(map(str, range(count)))
  core.require(
    names.ndim == 1 and len(names) >= count,
    f'file {printable(path)!r}: class_names has shape {list(names.shape)}, and '
    f'the largest label is {count - 1}; give it {count} names, or leave it out',
  )
  return tuple(
    name.decode('utf-8', 'replace') if isinstance(name, bytes) else str(name)
    for name in names
  )


def _marks(rows) -> list[str]:
  """Return a checksum of each row of all arrays."""
  values = [
    value.astype(np.int64) if value.ndim == 1 else np.ascontiguousarray(value)
    for value in rows.values()
  ]
  return [
    '-'.join(f'{zlib.crc32(row):08x}' for row in each)
    for each in zip(*values, strict=True)
  ]


def _keep(rows, names, kept):
  """Keep the rows of some classes and number these from 0."""
  if not rows:
    return rows
  number = {name: label for label, name in enumerate(kept)}
  new = np.array([number.get(name, -1) for name in names], np.int32)
  labels = new[rows['label']]
  chosen = labels >= 0
  return {'image': rows['image'][chosen], 'label': labels[chosen]}
