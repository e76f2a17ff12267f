"""Sources that read folders of pictures: plain, classes, domains, pairs."""

import dataclasses
import os

import numpy as np

from art_jax import core
from art_jax.data import decode, verify
from art_jax.data.dataset import (
  Dataset,
  Examples,
  assemble,
  choose_classes,
  cutter,
  only,
  parts,
)

_TEST_FOLDERS = ('test', 'val', 'validation')
_DOMAINS = ('a', 'b')


@dataclasses.dataclass(frozen=True)
class Folder:
  """All pictures below one folder; key 'image'.

  Sub-folders are searched too. If `train` and one of `test`, `val` or
  `validation` are the only ones, they are the train and held-out splits.

  Attributes:
    root: the folder.
  """

  root: str

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    root, test_root = splits(self.root)
    found = verify.verify(root, data)
    test = test_root and verify.verify(test_root, data)
    train, heldout, text = parts(
      _pictures(found, 'image', data),
      data.heldout,
      test and _pictures(test, 'image', data),
    )
    return assemble(
      [(train, heldout)],
      text,
      [found, test],
      self.root,
      unused=data.classes,
    )


@dataclasses.dataclass(frozen=True)
class Classes:
  """One sub-folder of pictures per class; keys 'image' and 'label'.

  Labels follow the sorted names of the sub-folders, or `data.classes`.
  `train` and `test` (or `val`) above the classes are recognised.

  Attributes:
    root: the folder of the sub-folders.
  """

  root: str

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    root, test_root = splits(self.root)
    names = choose_classes(class_folders(root), data.classes, root)
    found = [verify.verify(os.path.join(root, name), data) for name in names]
    train = _labelled(names, found, data)
    test, test_found = None, []
    if test_root:
      kept = [name for name in names if name in class_folders(test_root)]
      test_found = [
        verify.verify(os.path.join(test_root, name), data) for name in kept
      ]
      labels = [names.index(name) for name in kept]
      test = _labelled(kept, test_found, data, labels)
    train, heldout, text = parts(train, data.heldout, test)
    text = f'{text}, {len(names)} classes'
    found += test_found
    return assemble([(train, heldout)], text, found, self.root, names)


@dataclasses.dataclass(frozen=True)
class Unpaired:
  """Two sets of pictures that show different scenes; keys 'a' and 'b'.

  Attributes:
    root: a folder with `trainA` and `trainB`, and `testA` and `testB` if
      there is a test split; or give
    a: the folder of domain a, and
    b: the folder of domain b.
  """

  root: str | None = None
  a: str | None = None
  b: str | None = None

  def __post_init__(self):
    two = self.a is not None and self.b is not None
    if (self.root is None) != two or (self.root and (self.a or self.b)):
      raise core.UserError(
        f'{self!r}: it takes root (with trainA and trainB), or both a and b; '
        "pass e.g. Unpaired('/pictures')"
      )

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    spaces, texts, all_found = [], [], []
    for domain in _DOMAINS:
      root, test_root = self._folders(domain)
      found = verify.verify(root, data)
      test = test_root and verify.verify(test_root, data)
      train, heldout, text = parts(
        _pictures(found, domain, data),
        data.heldout,
        test and _pictures(test, domain, data),
      )
      spaces.append((train, heldout))
      texts.append(f'{domain}: {text}')
      all_found += [found, test]
    where = self.root or f'{self.a} and {self.b}'
    return assemble(
      spaces, '; '.join(texts), all_found, where, unused=data.classes
    )

  def _folders(self, domain: str) -> tuple[str, str | None]:
    if self.root is None:
      return splits(getattr(self, domain))
    root = verify.check_folder(self.root)
    train = os.path.join(root, f'train{domain.upper()}')
    test = os.path.join(root, f'test{domain.upper()}')
    return train, test if os.path.isdir(test) else None


@dataclasses.dataclass(frozen=True)
class Pairs:
  """Side-by-side pictures of one scene; keys 'a' and 'b'.

  `train` and `val` (or `test`) sub-folders are recognised.

  Attributes:
    root: the folder.
    left: the domain of the left half, 'a' or 'b'.
    paired: True: a row of a batch shows one scene twice, with the same crop
      and flip; False: a and b are drawn independently.
  """

  root: str
  left: str = 'a'
  paired: bool = True

  def __post_init__(self):
    if self.left not in _DOMAINS:
      raise core.UserError(
        f"Pairs(left={self.left!r}): the left half is domain 'a' or 'b'; pass "
        'one of them'
      )

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    root, test_root = splits(self.root)
    found = verify.verify(root, data, halves=True)
    test = test_root and verify.verify(test_root, data, halves=True)
    train, heldout, text = parts(
      self._examples(found, data),
      data.heldout,
      test and self._examples(test, data),
    )
    spaces = [(train, heldout)]
    if not self.paired:
      spaces = [(only(train, key), only(heldout, key)) for key in _DOMAINS]
    text = f'pairs: {text}' + ('' if self.paired else ', drawn independently')
    return assemble(spaces, text, [found, test], self.root, unused=data.classes)

  def _examples(self, found: verify.Verified, data: core.Data) -> Examples:
    cut = cutter(data)

    def load(index):
      left, right = decode.halves(found.path(index), **cut)
      a, b = (left, right) if self.left == 'a' else (right, left)
      return {'a': a, 'b': b}

    return Examples(_DOMAINS, found.names, load)


def splits(root: str) -> tuple[str, str | None]:
  """Return the folders of the train and test split; (root, None) without.

  A class may be called `train`, so the splits must be the only sub-folders.
  """
  root = verify.check_folder(root)
  subs = _sub_folders(root)
  tests = [name for name in _TEST_FOLDERS if name in subs]
  if 'train' not in subs or set(subs) - {'train', *_TEST_FOLDERS}:
    return root, None
  test = os.path.join(root, tests[0]) if tests else None
  return os.path.join(root, 'train'), test


def class_folders(root: str) -> tuple[str, ...]:
  """Return the names of the class folders, sorted."""
  return tuple(_sub_folders(verify.check_folder(root)))


def _sub_folders(root: str) -> list[str]:
  with os.scandir(root) as entries:
    return sorted(
      entry.name
      for entry in entries
      if entry.is_dir() and not entry.name.startswith('.')
    )


def _pictures(found: verify.Verified, key: str, data: core.Data) -> Examples:
  cut = cutter(data)
  return Examples(
    (key,),
    found.names,
    lambda index: {key: decode.decode(found.path(index), **cut)},
  )


def _labelled(names, found, data, labels=None) -> Examples:
  """Join the pictures of several classes into one index space."""
  cut = cutter(data)
  labels = range(len(names)) if labels is None else labels
  rows = [
    (f'{name}/{file}', one.path(index), label)
    for name, one, label in zip(names, found, labels, strict=True)
    for index, file in enumerate(one.names)
  ]

  def load(index):
    _, path, label = rows[index]
    return {
      'image': decode.decode(path, **cut),
      'label': np.array(label, np.int32),
    }

  return Examples(('image', 'label'), tuple(row[0] for row in rows), load)
