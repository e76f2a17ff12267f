"""A sheet of samples."""

from typing import Any

from art_jax.media import images
from art_jax.sampling import generate, labels
from art_jax.sampling.study import Request, Result, classes

NEEDS = ('generator',)
_NUM = 64


def study(run: Any, request: Request) -> Result:
  """Sample `num` pictures; classes are dealt in turn.

  Returns:
    `grid`, and the arrays latents, pictures (and labels).
  """
  chosen = classes(run, request)
  count = request.num or _NUM
  dealt = labels.deal(chosen, count)
  latents = generate.latents(run.algorithm, request.seed, count)
  made = generate.generate_bytes(
    run.experiment, run.params, latents, dealt, seed=request.seed
  )
  arrays = {'latents': latents, 'pictures': made}
  if dealt is not None:
    arrays['labels'] = dealt
  # A column for each class.
  columns = len(chosen) if chosen and 2 < len(chosen) <= count else None
  return Result(
    f'{count} samples of seed {request.seed}',
    {'grid': images.grid(made, columns)},
    arrays=arrays,
  )
