"""The samples that the discriminator holds for most and least real."""

from typing import Any

import numpy as np

from art_jax import core
from art_jax.losses.adversarial import NonSaturating
from art_jax.media import images
from art_jax.sampling import captions, generate, labels
from art_jax.sampling.study import Request, Result, classes

NEEDS = ('generator', 'discriminator')
_NUM = 8
_POOL = 32  # samples for each of the best
_LEAST_SIDE = 64  # pixels; a number fits under that


def study(run: Any, request: Request) -> Result:
  """Show the best and the worst `num` out of 32 `num` samples of each class.

  Under each stands D(x), the probability of being real that the discriminator
  gives; where its loss knows no probability (a critic, least squares, hinge),
  the score itself.

  Returns:
    `top`, and the arrays latents, scores (logits) and, if any, labels, of the
    whole pool, best first in each class.
  """
  chosen = classes(run, request, default=('all',)) or [None]
  num = request.num or _NUM
  latents = generate.latents(run.algorithm, request.seed, _POOL * num)
  sheets, scores, order = [], [], []
  for label in chosen:
    made, judged = _judge(run, request.seed, latents, label)
    best = np.argsort(-judged, kind='stable')
    name = labels.name_of(label, run.class_names)
    for what, rows in (('best', best[:num]), ('worst', best[-num:])):
      sheets.append(_row(run, f'{name} {what}', made[rows], judged[rows]))
    scores.append(judged[best])
    order.append(best)
  arrays = {'latents': latents[np.stack(order)], 'scores': np.stack(scores)}
  if chosen[0] is not None:
    arrays['labels'] = np.array(chosen, np.int32)
  what = 'probability of being real'
  if not has_probability(run.algorithm):
    judge = core.adversarial_loss(run.algorithm) or run.algorithm
    what = f'score ({type(judge).__name__} knows no probability)'
  return Result(
    f'the best and the worst {num} of {len(latents)} samples'
    f'{" of each class" if arrays.get("labels") is not None else ""} by the '
    f'discriminator; under each: its {what}',
    {'top': np.concatenate(sheets)},
    arrays=arrays,
  )


def has_probability(algorithm: Any) -> bool:
  """Return whether the sigmoid of a score is a probability of being real."""
  return isinstance(core.adversarial_loss(algorithm), NonSaturating)


def _judge(
  run: Any, seed: int, latents: np.ndarray, label: int | None
) -> tuple[np.ndarray, np.ndarray]:
  """Return u8[N, H, W, C] samples of one class and their scores f32[N]."""
  dealt = labels.deal(None if label is None else [label], len(latents))
  made = generate.generate(
    run.experiment, run.params, latents, dealt, seed=seed
  )
  score = generate.compiled(run.algorithm.score)
  return images.to_uint8(made), generate.in_chunks(
    run.experiment,
    lambda start, rows, part: score(run.params, rows, part),
    made,
    dealt,
  )


def _row(
  run: Any, title: str, pictures: np.ndarray, scores: np.ndarray
) -> np.ndarray:
  probable = has_probability(run.algorithm)
  texts = [_probability(x) if probable else f'{x:.3g}' for x in scores]
  tiles = captions.under(captions.enlarge(pictures, _LEAST_SIDE), texts)
  return captions.titled(title.strip(), images.grid(tiles, len(tiles)))


def _probability(score: float) -> str:
  value = 1 / (1 + np.exp(-score))
  return f'{value:.3f}' if value >= 0.001 else f'{value:.0e}'
