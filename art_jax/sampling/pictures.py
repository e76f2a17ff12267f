"""Samples as files of their own, any number of them."""

import collections
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from art_jax.media import images
from art_jax.sampling import generate, labels
from art_jax.sampling.study import Request, Result, Series, class_names, classes

NEEDS = ('generator',)
_NUM = 64


def study(run: Any, request: Request) -> Result:
  """Make `num` pictures, chunk by chunk; classes are dealt in turn.

  Picture i is that of `Run.sample`: it depends on the seed, its class and i.

  Returns:
    A series.
  """
  chosen = classes(run, request)
  count = request.num or _NUM
  dealt = labels.deal(chosen, count)
  length = generate.chunk_length(run.experiment)
  make = generate.maker(run.experiment, run.params, request.seed)

  def chunk(start: int) -> np.ndarray:
    """Return pictures start to start + length, u8."""
    index = np.minimum(np.arange(start, start + length), count - 1)
    rows = generate.latents_at(run.algorithm, request.seed, start, length)
    made = make(start, rows, None if dealt is None else dealt[index])
    return images.to_uint8(np.asarray(made))[: count - start]

  names = _file_names(class_names(run))
  ends = ['' if dealt is None else f'_{names[dealt[i]]}' for i in range(count)]
  stems = [f'seed{request.seed}_{i:06d}{end}' for i, end in enumerate(ends)]
  return Result(
    f'{count} pictures of seed {request.seed}',
    series=Series(stems, length, chunk),
  )


def _file_names(classes: Sequence[str]) -> list[str]:
  """Return the names of classes as parts of files' names, no two the same.

  Those that would be one name ('C+' and 'C#') get their numbers too.
  """
  plain = [re.sub(r'[^\w-]+', '_', name)[:60] for name in classes]
  counts = collections.Counter(plain)
  return [
    name if counts[name] == 1 else f'{name}_{number}'
    for number, name in enumerate(plain)
  ]
