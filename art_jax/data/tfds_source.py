"""A source that reads any picture set of TensorFlow Datasets.

A prepared set in the array_record format is read by random access; of other
formats the encoded pictures of a split are held in host memory, in the order
of the files. Either way Pillow decodes them, as for folders.
"""

import dataclasses
from typing import Any

import numpy as np

from art_jax import core
from art_jax.data import decode, streaming, tfds_prepare
from art_jax.data.class_names import choose_classes
from art_jax.data.dataset import Dataset, assemble, space
from art_jax.data.examples import Examples, cutter

_TEST_SPLITS = ('test', 'validation')

# Training pictures of one epoch (of the larger domain), from the catalogue of
# TensorFlow Datasets: to tell the length of a run before anything is there.
_NUM_TRAIN = {
  'cifar10': 50_000,
  'cycle_gan/apple2orange': 1_019,
  'cycle_gan/cezanne2photo': 6_287,
  'cycle_gan/facades': 400,
  'cycle_gan/horse2zebra': 1_334,
  'cycle_gan/iphone2dslr_flower': 3_325,
  'cycle_gan/maps': 1_096,
  'cycle_gan/monet2photo': 6_287,
  'cycle_gan/summer2winter_yosemite': 1_231,
  'cycle_gan/ukiyoe2photo': 6_287,
  'cycle_gan/vangogh2photo': 6_287,
  'mnist': 60_000,
}


@dataclasses.dataclass(frozen=True)
class Tfds:
  """A set of TensorFlow Datasets, prepared (downloaded) when it is missing.

  Splits trainA and trainB (cycle_gan/...) give keys 'a' and 'b', with testA
  and testB held out; other sets give 'image', and 'label' if there is one,
  with the test split held out, or the validation split where the pictures of
  the test split have no labels.

  Attributes:
    name: e.g. 'cycle_gan/horse2zebra' or 'mnist'.
    data_dir: where prepared sets lie; None: the default of tfds.
    manual_dir: folder with the upstream archives, to prepare without network.
  """

  name: str
  data_dir: str | None = None
  manual_dir: str | None = None

  @property
  def num_train(self) -> int | None:
    """Number of training pictures of one epoch, where it is known ahead."""
    return _NUM_TRAIN.get(self.name.partition(':')[0])

  def open(self, data: core.Data) -> Dataset:
    """Prepare the set if need be and open it; raises UserError."""
    builder = tfds_prepare.prepared(self.name, self.data_dir, self.manual_dir)
    splits = builder.info.splits
    if 'trainA' in splits and 'trainB' in splits:
      return _domains(builder, data)
    return _images(builder, data)


def _domains(builder: Any, data: core.Data) -> Dataset:
  spaces = []
  for key in ('a', 'b'):
    train, *test = (
      _examples(builder, split, {key: 'image'}, data)
      for split in (f'train{key.upper()}', f'test{key.upper()}')
      if split in builder.info.splits
    )
    spaces.append(space(train, data.heldout, *test, title=f'{key}: '))
  return assemble(spaces, builder.info.full_name, unused=data.classes)


def _images(builder: Any, data: core.Data) -> Dataset:
  import tensorflow_datasets as tfds

  info = builder.info
  features = dict(info.features.items()) if info.features else {}
  pictures = [
    key for key, f in features.items() if isinstance(f, tfds.features.Image)
  ]
  core.require(
    pictures,
    f'tfds set {info.full_name!r} has no pictures (features: '
    f'{", ".join(features)}); pass a picture set by --data=tfds:NAME',
  )
  fields = {'image': 'image' if 'image' in pictures else pictures[0]}
  names = kept = ()
  if isinstance(features.get('label'), tfds.features.ClassLabel):
    fields['label'] = 'label'
    names = tuple(features['label'].names)
    kept = choose_classes(names, data.classes, info.full_name)
  train_split = 'train' if 'train' in info.splits else next(iter(info.splits))
  tests = [t for t in _TEST_SPLITS if t in info.splits and t != train_split]
  labels = {names.index(name): label for label, name in enumerate(kept)}

  def examples(split):
    return _examples(builder, split, fields, data, labels)

  test = next(filter(len, map(examples, tests)), None)
  return assemble(
    [space(examples(train_split), data.heldout, test)],
    info.full_name,
    names=kept,
    unused=() if names else data.classes,
  )


def _examples(
  builder: Any,
  split: str,
  fields: dict[str, str],
  data: core.Data,
  labels: dict[int, int] | None = None,
) -> Examples:
  """Return one split.

  Args:
    builder: of a prepared set.
    split: its name.
    fields: feature behind each key of the batch.
    data: how pictures are cut.
    labels: label of the batch by label of the set; others are left out.
  """
  picture_key, picture_field = next(iter(fields.items()))
  records = _records(builder, split, picture_field)
  chosen = range(len(records))
  if labels and int(records[0]['label']) < 0:  # which means that none has one
    chosen = ()
  elif labels and len(labels) < builder.info.features['label'].num_classes:
    chosen = [i for i in chosen if int(records[i]['label']) in labels]
  names = [f'{builder.info.full_name} {split} {i}' for i in chosen]
  cut = cutter(data)

  def load(index):
    record = records[chosen[index]]
    try:
      row = {picture_key: decode.decode(bytes(record[picture_field]), **cut)}
    except decode.BadPictureError as error:
      raise core.UserError(
        f'picture {names[index]!r} cannot be read: {error.reason}; prepare the '
        'set again'
      ) from error
    if labels:
      row['label'] = np.array(labels[int(record['label'])], np.int32)
    return row

  def whole(index):
    encoded = bytes(records[chosen[index]][picture_field])
    return {picture_key: decode.picture(encoded).convert('RGB')}

  # The name of the set holds its version: that is what the pictures are.
  return Examples(tuple(fields), names, load, [''] * len(names), whole)


def _records(builder: Any, split: str, field: str) -> Any:
  """Return a sequence of records whose picture is still encoded."""
  import tensorflow_datasets as tfds

  encoded = {field: tfds.decode.SkipDecoding()}
  file_format = builder.info.file_format
  if file_format and file_format.value == 'array_record':
    return builder.as_data_source(split, decoders=encoded)
  streaming.require_tensorflow(
    f'reading {builder.info.full_name} (format {file_format})',
    'a set prepared as array_record',
  )
  streaming.import_tensorflow()
  kept = {field, 'label'} & set(builder.info.features)
  records = builder.as_dataset(
    split,
    decoders=encoded,
    shuffle_files=False,
    # One file after the other: the order must not depend on the machine.
    read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
  )
  return [
    {key: record[key] for key in kept} for record in tfds.as_numpy(records)
  ]
