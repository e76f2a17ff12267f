"""What `--data=PATH|hf:NAME|tfds:NAME|builtin` means, and whether it is fit."""

import contextlib
import os

from art_jax import core
from art_jax.core import hub
from art_jax.core.paths import printable
from art_jax.data import archives, decode, labeled, shards, sources, tree
from art_jax.data.folders import class_folders, num_outside, splits

_LAYOUTS = (
  'A folder holds the pictures to learn from, for labels in one sub-folder per '
  'class, for attributes with a labels.csv, for two domains in trainA and '
  'trainB, for pairs side by side'
)
_PROBED = 8  # pictures whose shape tells whether they are pairs


def parse(
  text: str, inputs: tuple[str, ...], aligned: bool
) -> tuple[core.Source, str]:
  """Return the source that a short text means.

  Args:
    text: a path, 'hf:OWNER/NAME[:SPLIT]', 'tfds:NAME' or 'builtin'.
    inputs: keys that the algorithm reads, e.g. ('a', 'b').
    aligned: `a` and `b` of one row must show the same scene.

  Returns:
    The source, and one line that says what was detected.

  Raises:
    UserError: nothing there can serve the inputs.
  """
  domains = 'a' in inputs or 'b' in inputs
  attributes = set(inputs) - {'a', 'b', 'image', 'label'}
  if text == 'builtin':
    pictures = 'attributes' if attributes else 'images'
    pairs = 'pairs' if aligned else 'unpaired'
    layout = pairs if domains else pictures
    return sources.Builtin(layout), f'data: built-in pictures ({layout})'
  if text.startswith('tfds:'):
    return sources.Tfds(text[5:]), f'data: tfds {text[5:]}'
  core.require(
    '://' not in text,
    f'--data={printable(text)}: pictures are read from a disk; mount the '
    'bucket (gcsfuse) or copy it to every host, and pass that folder; or pass '
    'hf:OWNER/NAME or tfds:NAME',
  )
  path = os.path.abspath(os.path.expanduser(text))
  if on_hub := hub.is_name(text):  # the run keeps the commit of today
    path = str(hub.pin(hub.parse(text), 'dataset'))
  if path.endswith('.npz'):
    source = sources.Arrays(path, paired=aligned)
    return source, f'data: arrays in {printable(path)}'
  there = 'is one file' if os.path.exists(path) else 'no such folder'
  core.require(
    on_hub
    or tree.is_folder(path)
    or archives.is_archive(path)
    or shards.holds(path),
    f'--data={printable(text)}: {there}; pass a folder of pictures, an '
    f'archive ({" ".join(archives.SUFFIXES)}), .parquet or .tfrecord files, an '
    f'.npz file, hf:OWNER/NAME, tfds:NAME, or builtin. {_LAYOUTS}',
  )
  if domains:
    return _domains(path, aligned)
  if attributes:
    return _labeled(path)
  return _images(path, labeled='label' in inputs)


def _domains(path: str, aligned: bool) -> tuple[core.Source, str]:
  shown = printable(path)
  folder = tree.resolve(path)  # of an archive: the one inside
  both = [os.path.join(folder, f'train{domain}') for domain in 'AB']
  if all(map(tree.is_folder, both)):
    names_a, names_b = (tree.scan(folder)[0] for folder in both)
    core.require(
      not aligned,
      f'--data={shown} holds trainA and trainB, which are not paired, but '
      'the algorithm learns from pairs; pass a folder of side-by-side '
      f'pictures{_how_to_pair({*names_a} & {*names_b})}',
    )
    count_a, count_b = len(names_a), len(names_b)
    text = f'data: {count_a} and {count_b} pictures in {shown}'
    return sources.Unpaired(path), f'{text} (trainA and trainB)'
  names, *_ = tree.require_pictures(folder)
  beside = _side_by_side(folder, names)
  if not (beside or aligned) and (two := _two_folders(path)):
    a, b = map(os.path.basename, two)
    text = f'data: a is {printable(a)}, b is {printable(b)} of {shown}'
    source = sources.Unpaired(a=two[0], b=two[1])
    return source, f'{text} (--set data.source.swapped=True exchanges them)'
  unpaired = (
    ''
    if aligned
    else 'sub-folders trainA and trainB, two sub-folders of other names, or '
  )
  core.require(
    beside,
    f'--data={shown} has {len(names)} pictures, but the algorithm reads two '
    f'domains a and b: it needs {unpaired}side-by-side pictures twice as wide '
    'as high; pass such a folder, or --data=builtin',
  )
  how = 'pairs' if aligned else 'drawn independently'
  count = len(names) - num_outside(path, names=names)
  text = f'data: {count} side-by-side pictures in {shown} ({how})'
  return sources.Pairs(path, paired=aligned), text


def _two_folders(path: str) -> tuple[str, str] | None:
  """Return the two sub-folders with pictures, if there are just two.

  Where none has pictures, those with shards are meant; what is split into
  train and test is one set.
  """
  if hub.is_name(path) or splits(path)[1]:
    return None
  root = tree.resolve(path) if archives.is_archive(path) else path
  names = tree.sub_folders(root) if tree.is_folder(root) else []
  folders = [os.path.join(root, name) for name in names]
  for holds in (lambda below: bool(tree.scan(below)[0]), shards.holds):
    chosen = [folder for folder in folders if holds(folder)]
    if chosen:
      return (chosen[0], chosen[1]) if len(chosen) == 2 else None
  return None


def _how_to_pair(names: set[str]) -> str:
  """Return how pictures of equal names become side-by-side ones."""
  if not names:
    return ''
  name = printable(min(names))
  return (
    f'. {len(names)} names are in both: if each is one scene, put the picture '
    'of A left and that of B right in one, of equal sizes, as with '
    f"ImageMagick: magick 'trainA/{name}' 'trainB/{name}' +append "
    f"'pairs/{name}', and pass --data=pairs"
  )


def _images(path: str, labeled: bool) -> tuple[core.Source, str]:
  shown = printable(path)
  folder = tree.resolve(path)
  names, *_ = tree.require_pictures(folder)
  core.require(
    not tree.is_folder(os.path.join(folder, 'trainA')),
    f'--data={shown} holds two domains, but the algorithm reads one set of '
    f'pictures; pass one of them, e.g. --data={shown}/trainA',
  )
  count = len(names) - num_outside(path, labeled, names)
  if not labeled:
    text = f'data: {count} pictures in {shown} (plain folder)'
    return sources.Folder(path), text
  classes = class_folders(splits(path)[0])
  core.require(
    classes or not shards.holds(path),
    f'--data={shown}, unpacked into {folder!r}, names no classes, but the '
    'algorithm reads labels: it needs a column such as `label`, of texts or '
    'whole numbers; add one, or remove the unpacked folder to read it again',
  )
  core.require(
    classes,
    f'--data={shown} has no sub-folders, but the algorithm reads labels: it '
    'needs one sub-folder of pictures per class; pass such a folder',
  )
  text = f'data: {count} pictures of {len(classes)} classes in {shown}'
  return sources.Classes(path), f'{text} (class sub-folders)'


def _labeled(path: str) -> tuple[core.Source, str]:
  shown = printable(path)
  folder, table = labeled.find(path)
  core.require(
    archives.exists(table),
    f'--data={shown} has no {labeled.FILE}, but the algorithm reads '
    'attributes: put a table there with a column `file` and one for each '
    'attribute; pass such a folder, or --data=builtin',
  )
  names, *_ = tree.require_pictures(folder)
  text = f'data: {len(names)} pictures in {shown} ({labeled.FILE})'
  return sources.Labeled(path), text


def _side_by_side(path: str, names: list[str]) -> bool:
  """Tell whether most of the first pictures are about twice as wide as high."""
  votes = []
  for name in names[:_PROBED]:
    with contextlib.suppress(decode.BadPictureError):
      width, height = decode.size_of(os.path.join(path, name))
      votes.append(1.9 < width / height < 2.1)
  return sum(votes) * 2 > len(votes)
