"""Real pictures for a study: of --input, or held out of the training."""

import pathlib

import numpy as np

from art_jax import core
from art_jax.data import decode, listing, ops, pipeline


def pictures(
  data: core.Data, source: pathlib.Path | None, count: int
) -> np.ndarray:
  """Return real pictures as the model takes them.

  Args:
    data: how pictures are cut.
    source: a picture or a folder of pictures; None: held-out ones of the data
      that the run was trained on.
    count: the most that are wanted.

  Returns:
    f32[N, size, size, C] in [-1, 1], 1 <= N <= count.

  Raises:
    core.UserError: there is none, or one cannot be read.
  """
  if source is None:
    return _held_out(data, count)
  size = data.load_size or data.size  # cut as those held out
  whole = [
    decode.decode(p, size=size, channels=data.channels, fit=data.fit)
    for p in listing.pictures(source.expanduser())[:count]
  ]
  return ops.center({'image': np.stack(whole)}, data.size)['image']


def _held_out(data: core.Data, count: int) -> np.ndarray:
  dataset = data.source.open(data)
  core.require(
    'image' in dataset.keys,
    f'the data of this run gives {", ".join(dataset.keys)}; pass '
    '--input=PICTURE',
  )
  (examples,) = (e for e in dataset.heldout if 'image' in e.keys)
  return pipeline.heldout_batch(dataset, data, min(count, len(examples)))[
    'image'
  ]
