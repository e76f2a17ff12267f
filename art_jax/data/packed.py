"""Decoded pictures kept on disk, so that each file is decoded once.

`data.cache` names the folder. The key of a picture is a hash of its name and
checksum, of how it is cut and of what decodes it: of a changed folder only the
changed pictures are decoded anew. Labels and attributes are not kept.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import os
import pathlib
import platform
import zlib

import numpy as np
import PIL
from absl import logging
from PIL import features

from art_jax import core
from art_jax.data import bit_depth, color_management, decode
from art_jax.data.dataset import Dataset
from art_jax.data.examples import Examples, cutter
from art_jax.data.rows import FULL, KEY, Rows

_LIBRARIES = ('jpg', 'libjpeg_turbo', 'libtiff', 'webp', 'avif', 'littlecms2')


def kept(dataset: Dataset, data: core.Data) -> Dataset:
  """Return a set whose training pictures are decoded once and then kept.

  It gives the very arrays that `dataset` gives. What cannot be kept is decoded
  whenever it is read, and that is logged.

  Args:
    dataset: opened with `data`.
    data: gives `cache`, the folder; None: the set is returned as it is.

  Raises:
    UserError: `data.cache` is no folder that can be written to.
  """
  if data.cache is None:
    return dataset
  counts = {len(_pictures(examples)) for examples in dataset.train}
  if len(counts) > 1 or 0 in counts:
    logging.warning(
      'data.cache is left out: it keeps pictures of files, and those of this '
      'data are none'
    )
    return dataset
  side = data.load_size or data.size
  shape = (*counts, side, side, data.channels)
  keys = [key for examples in dataset.train for key in _keys(examples, data)]
  folder = os.path.abspath(os.path.expanduser(data.cache))
  try:
    os.makedirs(folder, exist_ok=True)
    rows = Rows(folder, shape, keys)
  except OSError as error:
    core.require(
      error.errno in FULL,
      f'data.cache={folder!r} cannot be written to ({error.strerror}); pass a '
      'folder that can, or leave it out: --set data.cache=None',
    )
    logging.warning('data.cache is left out: %s', error)
    return dataset
  rows.claim()
  firsts = itertools.accumulate(map(len, dataset.train[:-1]), initial=0)
  train = map(functools.partial(_through, rows), firsts, dataset.train)
  return dataclasses.replace(dataset, train=tuple(train))


def _pictures(examples: Examples) -> tuple[str, ...]:
  """Return the keys of what can be kept of an example; () for nothing."""
  if examples.files is None or examples.marks is None:
    return ()
  numbers = examples.files.numbers(0)
  return tuple(key for key in examples.keys if key not in numbers)


def _keys(examples: Examples, data: core.Data) -> list[bytes]:
  """Return for each example what tells its pictures from all others."""
  common = [_decoder(), cutter(data), _pictures(examples)]
  digest = hashlib.sha256(json.dumps(common).encode()).hexdigest()
  texts = (  # ASCII, so that names that are no UTF-8 have a key too
    json.dumps([digest, name, mark]).encode()
    for name, mark in zip(examples.names, examples.marks or (), strict=True)
  )
  return [hashlib.blake2b(text, digest_size=KEY).digest() for text in texts]


@functools.cache
def _decoder() -> list:
  """Return what decodes and resizes: our code and the libraries."""
  sources = (
    pathlib.Path(str(module.__file__)).read_bytes()
    for module in (decode, bit_depth, color_management)
  )
  return [
    *map(zlib.crc32, sources),
    *(PIL.__version__, np.__version__, platform.machine()),
    *map(features.version, _LIBRARIES),
  ]


def _through(rows: Rows, first: int, examples: Examples) -> Examples:
  """Return examples that are read from rows, and decoded into them."""
  files, pictures = examples.files, _pictures(examples)
  assert files is not None

  def read(index):
    row = rows.load(first + index)
    if row is not None:
      return dict(zip(pictures, row, strict=True)) | files.numbers(index)
    example = examples.read(index)
    if files.unchanged(index):
      rows.store(first + index, np.stack([example[key] for key in pictures]))
    return example

  return dataclasses.replace(examples, read=read)
