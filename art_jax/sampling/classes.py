"""The same latents in every class: what the label changes."""

from typing import Any

import numpy as np

from art_jax.media import images
from art_jax.sampling import captions, generate, labels
from art_jax.sampling.study import Request, Result
from art_jax.sampling.study import classes as classes_of

NEEDS = ('generator', 'classes')
_NUM = 8
_LEAST_SIDE = 64  # pixels; a name fits over that


def study(run: Any, request: Request) -> Result:
  """Draw `num` latents in every class, or in those of --labels.

  Returns:
    `classes`: a row for each latent, a column for each class; and the arrays
    latents[num], labels[K], pictures[num, K, H, W, C].
  """
  chosen = classes_of(run, request, default=('all',)) or []
  rows, columns = request.num or _NUM, len(chosen)
  latents = generate.latents(run.algorithm, request.seed, rows)
  made = generate.generate_bytes(
    run.experiment,
    run.params,
    latents.repeat(columns, axis=0),
    labels.deal(chosen, rows * columns),
    seed=request.seed,
  )
  sheet = images.grid(captions.enlarge(made, _LEAST_SIDE), columns)
  names = [labels.name_of(number, run.class_names) for number in chosen]
  return Result(
    f'{rows} latents (rows) in {columns} classes (columns)',
    {'classes': captions.header(names, sheet)},
    arrays={
      'latents': latents,
      'labels': np.array(chosen, np.int32),
      'pictures': made.reshape(rows, columns, *made.shape[1:]),
    },
  )
