"""A source that reads any picture set of TensorFlow Datasets.

A prepared set in the array_record format is read by random access; of other
formats the encoded pictures of a split are held in host memory, in the order
of the files. Either way Pillow decodes them, as for folders.
"""

import dataclasses
import difflib
import importlib.util
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from absl import logging
import numpy as np

from art_jax import core
from art_jax.data import decode, streaming, verify
from art_jax.data.dataset import (
  Dataset,
  Examples,
  assemble,
  choose_classes,
  cutter,
  parts,
)

_CONNECT_SECONDS = 5.0
_TEST_SPLITS = ('test', 'validation')


@dataclasses.dataclass(frozen=True)
class Tfds:
  """A set of TensorFlow Datasets, prepared (downloaded) when it is missing.

  Splits trainA and trainB (cycle_gan/...) give keys 'a' and 'b', with testA
  and testB held out; other sets give 'image', and 'label' if there is one,
  with the test split held out.

  Attributes:
    name: e.g. 'cycle_gan/horse2zebra' or 'mnist'.
    data_dir: where prepared sets lie; None: the default of tfds.
    manual_dir: folder with the upstream archives, to prepare without network.
  """

  name: str
  data_dir: str | None = None
  manual_dir: str | None = None

  def open(self, data: core.Data) -> Dataset:
    """Prepare the set if need be and open it; raises UserError."""
    builder = _builder(self)
    if not builder.is_prepared():
      builder = _prepare(self, builder)
    splits = builder.info.splits
    if 'trainA' in splits and 'trainB' in splits:
      return _domains(builder, data)
    return _images(builder, data)


def _domains(builder: Any, data: core.Data) -> Dataset:
  spaces, texts = [], []
  for key in ('a', 'b'):
    train, test = (
      _examples(builder, f'{split}{key.upper()}', {key: 'image'}, data)
      if f'{split}{key.upper()}' in builder.info.splits
      else None
      for split in ('train', 'test')
    )
    one, held, text = parts(train, data.heldout, test)
    spaces.append((one, held))
    texts.append(f'{key}: {text}')
  return assemble(spaces, '; '.join(texts), [], builder.info.full_name)


def _images(builder: Any, data: core.Data) -> Dataset:
  import tensorflow_datasets as tfds

  info = builder.info
  features = dict(info.features.items()) if info.features else {}
  pictures = [
    key for key, f in features.items() if isinstance(f, tfds.features.Image)
  ]
  if not pictures:
    raise core.UserError(
      f'tfds set {info.full_name!r} has no pictures (features: '
      f'{", ".join(features)}); pass a picture set by --data=tfds:NAME'
    )
  fields = {'image': 'image' if 'image' in pictures else pictures[0]}
  names = kept = ()
  if isinstance(features.get('label'), tfds.features.ClassLabel):
    fields['label'] = 'label'
    names = tuple(features['label'].names)
    kept = choose_classes(names, data.classes, info.full_name)
  train_split = 'train' if 'train' in info.splits else next(iter(info.splits))
  tests = [name for name in _TEST_SPLITS if name in info.splits]
  labels = {names.index(name): label for label, name in enumerate(kept)}
  train = _examples(builder, train_split, fields, data, labels)
  test = None
  if tests and tests[0] != train_split:
    test = _examples(builder, tests[0], fields, data, labels)
  train, heldout, text = parts(train, data.heldout, test)
  return assemble([(train, heldout)], text, [], info.full_name, kept)


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
  if labels and len(labels) < builder.info.features['label'].num_classes:
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

  return Examples(tuple(fields), names, load)


def _records(builder: Any, split: str, field: str) -> Any:
  """Return a sequence of records whose picture is still encoded."""
  import tensorflow_datasets as tfds

  encoded = {field: tfds.decode.SkipDecoding()}
  file_format = builder.info.file_format
  if file_format and file_format.value == 'array_record':
    return builder.as_data_source(split, decoders=encoded)
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


def _builder(source: Tfds, **kwargs) -> Any:
  """Return the tfds builder; names near to an unknown one."""
  if not importlib.util.find_spec('tensorflow_datasets'):
    raise core.UserError(
      f'--data=tfds:{source.name} needs TensorFlow Datasets, which is not '
      'installed; run: pip install tensorflow-datasets tensorflow-cpu, or pass '
      '--data=PATH of a folder, or --data=builtin'
    )
  import tensorflow_datasets as tfds

  if source.data_dir is not None:
    kwargs['data_dir'] = os.path.expanduser(source.data_dir)
  try:
    return tfds.builder(source.name, **kwargs)
  # Depending on what is wrong with a name, tfds raises four kinds of errors.
  except Exception as error:
    near = _near_names(source.name)
    reason = str(error).strip().splitlines()[0]
    raise core.UserError(
      f'tfds has no set {source.name!r} ({reason[:200]}); nearest: '
      f'{", ".join(near)}; pass one by --data=tfds:NAME'
    ) from error


def _near_names(name: str) -> list[str]:
  import tensorflow_datasets as tfds

  known = tfds.list_builders(with_community_datasets=False)
  stem = name.split('/')[0].split(':')[0]
  if stem in known:
    configs = tfds.builder_cls(stem).builder_configs
    known = [f'{stem}/{config}' for config in configs] or [stem]
  near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
  return near or ['mnist', 'oxford_flowers102', 'cycle_gan/monet2photo']


def _prepare(source: Tfds, builder: Any) -> Any:
  """Download and prepare a set, or say at once why it cannot be."""
  import tensorflow_datasets as tfds

  streaming.import_tensorflow()
  manual = source.manual_dir and verify.check_folder(source.manual_dir)
  _announce(builder)
  missing = _missing(builder, manual)
  if missing:
    reason = _unreachable(next(iter(missing)))
    if reason:
      raise core.UserError(_offline_text(source, missing, reason))
  if importlib.util.find_spec('array_record'):
    builder = _builder(source, file_format='array_record')
  config = tfds.download.DownloadConfig(manual_dir=manual)
  try:
    builder.download_and_prepare(download_config=config)
  # From the network, the archive, the disk or the builder's own code.
  except Exception as error:
    reason = f'{type(error).__name__}: {str(error).strip()[:300]}'
    raise core.UserError(
      _offline_text(source, missing or _urls(builder), reason)
    ) from error
  return builder


def _urls(builder: Any) -> dict[str, Any]:
  """Return what is known of the downloads, by URL; of this config alone."""
  urls = dict(builder.url_infos or {})
  config = builder.builder_config.name if builder.builder_config else None
  own = {url: info for url, info in urls.items() if config and config in url}
  return own or urls


def _missing(builder: Any, manual: str | None) -> dict[str, Any]:
  return {
    url: info
    for url, info in _urls(builder).items()
    if not (manual and os.path.exists(os.path.join(manual, info.filename)))
  }


def _announce(builder: Any) -> None:
  """Log what is about to be downloaded, how much, and on what terms."""
  info, urls = builder.info, _urls(builder)
  size = sum(int(entry.size or 0) for entry in urls.values())
  hosts = sorted({urllib.parse.urlsplit(url).netloc for url in urls})
  lines = [line.strip(' ,') for line in (info.citation or '').splitlines()]
  title = next((t for t in lines if t.lower().startswith('title')), '')
  terms = info.redistribution_info.license or f'see {info.homepage}'
  logging.info(
    'data: preparing tfds %s: %.1f MiB from %s; licence: %s; cite: %s',
    *(info.full_name, size / 2**20, ', '.join(hosts) or 'local files'),
    *(terms, title or info.homepage),
  )


def _unreachable(url: str) -> str | None:
  """Return why a host cannot be reached; None if it answers in time.

  tfds itself would try again and again for more than three minutes.
  """
  result = ['no answer']

  def ask():
    request = urllib.request.Request(url, method='HEAD')
    try:
      with urllib.request.urlopen(request, timeout=_CONNECT_SECONDS):
        result[0] = None
    except urllib.error.HTTPError as error:
      # The host is there; it may only dislike HEAD.
      result[0] = None if error.code < 500 else str(error)
    except (OSError, ValueError) as error:
      result[0] = str(getattr(error, 'reason', error))

  # A thread, since looking up a host's name knows no time-out.
  thread = threading.Thread(target=ask, daemon=True)
  thread.start()
  thread.join(_CONNECT_SECONDS)
  return result[0]


def _offline_text(source: Tfds, urls: dict[str, Any], reason: str) -> str:
  url = next(iter(urls), None)
  files = ', '.join(info.filename for info in urls.values())
  return (
    f'tfds {source.name!r} cannot be prepared'
    + (f' from {url}' if url else '')
    + f' ({reason}). Without network, either put {files or "its archives"} '
    f"into a folder DIR and pass --set \"data.source=Tfds('{source.name}', "
    "manual_dir='DIR')\"; or copy a prepared tfds folder and pass its path as "
    'data_dir=; or pass your own pictures by --data=PATH; or the built-in ones '
    'by --data=builtin'
  )
