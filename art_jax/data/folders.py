"""Sources that read folders of pictures: plain, classes, domains, pairs."""

import dataclasses
import os
from collections.abc import Callable, Sequence

import numpy as np

from art_jax import core
from art_jax.data import decode, tree, verify
from art_jax.data.class_names import choose_classes, few, untrained
from art_jax.data.dataset import Dataset, Space, assemble, space
from art_jax.data.examples import Examples, Files, cutter, only

# The first that is there is held out.
_TEST_FOLDERS = ('test', 'val', 'validation', 'valid')
_DOMAINS = ('a', 'b')


@dataclasses.dataclass(frozen=True)
class Folder:
  """All pictures below one folder; key 'image'.

  Sub-folders are searched too. If `train`, with or without one of `test`,
  `val`, `validation` or `valid`, are the only ones, they are the train and
  held-out splits; the summary counts the pictures outside of them.

  Attributes:
    root: the folder.
  """

  root: str

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    verified = _verify(*splits(self.root), data)
    spaces = [_space(verified, data, _pictures('image', data))]
    note = _left_out(self.root)
    return assemble(
      spaces, self.root, note, verified=verified, unused=data.classes
    )


@dataclasses.dataclass(frozen=True)
class Classes:
  """One sub-folder of pictures per class; keys 'image' and 'label'.

  Labels follow the sorted names of the sub-folders, or `data.classes`.
  `train` and `test` (or `val`, `valid`) above the classes are recognized.

  Attributes:
    root: the folder of the sub-folders.
  """

  root: str

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    root, test_root = splits(self.root)
    names = choose_classes(class_folders(root), data.classes, root)
    cut, every = cutter(data), []

    def labeled(folder):
      """Verify the pictures of the classes: one index space, and labels."""
      there = class_folders(folder)
      verified = {
        name: verify.verify_class(os.path.join(folder, name), data)
        for name in names
        if name in there
      }
      every.extend(verified.values())
      rows = [
        (
          f'{name}/{file}',
          pictures.path(index),
          names.index(name),
          pictures.marks[index],
        )
        for name, pictures in verified.items()
        for index, file in enumerate(pictures.names)
      ]

      def numbers(index):
        return {'label': np.array(rows[index][2], np.int32)}

      examples = Examples(
        ('image', 'label'),
        [name for name, *_ in rows],
        lambda i: {'image': decode.decode(rows[i][1], **cut)} | numbers(i),
        [mark for *_, mark in rows],
        lambda index: {'image': decode.picture(rows[index][1]).convert('RGB')},
        Files(numbers, lambda i: verify.unchanged(rows[i][1], rows[i][3])),
      )
      return examples, [label for _, _, label, _ in rows]

    train, labels = labeled(root)
    test = [labeled(test_root)[0]] if test_root else []
    spaces = [space(train, data.heldout, *test, labels=labels)]
    note = f', {len(names)} classes{few(labels, names)}'
    note += _left_out(self.root, classes=True)
    if test_root:
      note += untrained(class_folders(test_root), class_folders(root))
    return assemble(spaces, self.root, note, every, names)


@dataclasses.dataclass(frozen=True)
class Unpaired:
  """Two sets of pictures that show different scenes; keys 'a' and 'b'.

  Attributes:
    root: a folder with `trainA` and `trainB`, and `testA` and `testB` if
      there is a test split; or give
    a: the folder of domain a, and
    b: the folder of domain b.
    swapped: a and b change places.
  """

  root: str | None = None
  a: str | None = None
  b: str | None = None
  swapped: bool = False

  def __post_init__(self):
    two = self.a is not None and self.b is not None
    core.require(
      (self.root is None) == two and not (self.root and (self.a or self.b)),
      f'{self!r}: it takes root (with trainA and trainB), or both a and b; '
      "pass e.g. Unpaired('/pictures')",
    )

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    both = [_verify(*self._folders(domain), data) for domain in _DOMAINS]
    spaces = [
      _space(verified, data, _pictures(domain, data), f'{domain}: ')
      for domain, verified in zip(_DOMAINS, both, strict=True)
    ]
    where = self.root or f'{self.a} and {self.b}'
    note = ''.join(_left_out(folder) for folder in (self.a, self.b) if folder)
    return assemble(
      spaces, where, note, [*both[0], *both[1]], unused=data.classes
    )

  def _folders(self, domain: str) -> tuple[str, str | None]:
    if self.swapped:
      domain = {'a': 'b', 'b': 'a'}[domain]
    if self.root is None:
      return splits(getattr(self, domain))
    root = tree.resolve(self.root)
    train, test = (
      os.path.join(root, split + domain.upper()) for split in ('train', 'test')
    )
    there = tree.is_folder(test) and tree.has_pictures(test)
    return train, test if there else None


@dataclasses.dataclass(frozen=True)
class Pairs:
  """Side-by-side pictures of one scene; keys 'a' and 'b'.

  `train` and `val` (or `test`) sub-folders are recognized.

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
    core.require(
      self.left in _DOMAINS,
      f"Pairs(left={self.left!r}): the left half is domain 'a' or 'b'; pass "
      'one of them',
    )

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures; raises UserError."""
    cut = cutter(data)
    keys = _DOMAINS if self.left == 'a' else _DOMAINS[::-1]

    def examples(found):
      return Examples(
        _DOMAINS,
        found.names,
        lambda index: dict(
          zip(keys, decode.halves(found.path(index), **cut), strict=True)
        ),
        [f'{mark}-{self.left}' for mark in found.marks],
        lambda index: dict(
          zip(keys, decode.whole_halves(found.path(index)), strict=True)
        ),
        Files(_no_numbers, found.unchanged),
      )

    verified = _verify(*splits(self.root), data, halves=True)
    pairs = _space(verified, data, examples, 'pairs: ')
    spaces, note = [pairs], _left_out(self.root)
    if not self.paired:
      note = f'{pairs.text}, drawn independently{note}'
      spaces = [
        Space(only(pairs.train, key), only(pairs.heldout, key))
        for key in _DOMAINS
      ]
    return assemble(spaces, self.root, note, verified, unused=data.classes)


def splits(root: str) -> tuple[str, str | None]:
  """Return the folders of the train and test split; (root, None) without.

  `train` alone is enough: what is not trained on is split as usual.
  A class may be called `train`, so no other sub-folder may have pictures. Their
  names may have capitals, as in `Train`.
  """
  root = tree.resolve(root)
  subs = tree.sub_folders(root)
  if 'train' in map(str.lower, subs):  # else nothing has to be listed
    subs = [s for s in subs if tree.has_pictures(os.path.join(root, s))]
  found = {name.lower(): os.path.join(root, name) for name in subs}
  others = set(found) - {'train', *_TEST_FOLDERS}
  if 'train' not in found or others or len(found) < len(subs):
    return root, None
  tests = [found[name] for name in _TEST_FOLDERS if name in found]
  return found['train'], tests[0] if tests else None


def num_outside(
  root: str, classes: bool = False, names: Sequence[str] | None = None
) -> int:
  """Count the pictures that are in no split, or in no class of one.

  Args:
    root: folder of the splits, or of the classes.
    classes: there are class folders.
    names: of all pictures below it; None: they are listed, where that tells.
  """
  root = tree.resolve(root)
  used = [os.path.relpath(folder, root) for folder in splits(root) if folder]
  tops = used if used != ['.'] else []
  least = bool(tops) + classes  # folders above a picture
  if not least:
    return 0
  names = tree.scan(root)[0] if names is None else names
  above = (name.split('/')[:-1] for name in names)
  return sum(
    len(parts) < least or bool(tops and parts[0] not in tops) for parts in above
  )


def class_folders(root: str) -> tuple[str, ...]:
  """Return the names of the class folders, sorted."""
  return tuple(tree.sub_folders(tree.resolve(root)))


def _left_out(root: str, classes: bool = False) -> str:
  """Return what a summary says of the pictures of `num_outside`."""
  count = num_outside(root, classes)
  where = 'class folders' if classes else 'split folders'
  return f'; {count} outside of the {where} are left out' if count else ''


def _verify(
  root: str, test_root: str | None, data: core.Data, halves: bool = False
) -> list[verify.Verified]:
  """Verify a folder, and its test split where there is one."""
  return [
    verify.verify(folder, data, halves=halves)
    for folder in (root, test_root)
    if folder
  ]


def _space(
  verified: list[verify.Verified],
  data: core.Data,
  examples: Callable[[verify.Verified], Examples],
  title: str = '',
) -> Space:
  train, *test = map(examples, verified)
  return space(train, data.heldout, *test, title=title)


def _pictures(
  key: str, data: core.Data
) -> Callable[[verify.Verified], Examples]:
  cut = cutter(data)
  return lambda found: Examples(
    (key,),
    found.names,
    lambda index: {key: decode.decode(found.path(index), **cut)},
    found.marks,
    lambda index: {key: decode.picture(found.path(index)).convert('RGB')},
    Files(_no_numbers, found.unchanged),
  )


def _no_numbers(index: int) -> dict[str, np.ndarray]:
  return {}
