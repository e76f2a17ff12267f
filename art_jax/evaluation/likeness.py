"""Scores of pairs: of a result and its ground truth, of two samples."""

from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np

from art_jax.evaluation.pictures import Pictures
from art_jax.evaluation.scores import Scores
from art_jax.media import images as image_values
from art_jax.metrics import lpips, resize, ssim

TRUNK = 'squeeze'
_ROWS = 32
_DIVERSITY_PAIRS = 500


def like_truth(
  scores: Scores, made: Pictures, truth: Pictures, what: str
) -> None:
  """Add PSNR, SSIM, MS-SSIM and LPIPS of pictures to their ground truth.

  Args:
    scores: to add to.
    made: the results.
    truth: as many, in the same order.
    what: put before the names, e.g. 'reconstruction'.
  """
  side, every = min(truth.size()), np.arange(made.count)

  def add(metric, distance, better):
    values = [distance(a, b) for a, b in _pairs(made, truth, every, every)]
    scores.add(
      f'{what}/{metric}@{made.count}',
      np.concatenate(values).mean(),
      better=better,
    )

  for metric, function, smallest in (
    ('psnr', ssim.psnr, 1),
    ('ssim', ssim.ssim, ssim.SSIM_SIDE),
    ('ms_ssim', ssim.ms_ssim, ssim.MS_SSIM_SIDE),
  ):
    if side >= smallest and scores.wants(metric):
      add(metric, function, 'higher')
  scores.attempt('lpips', lambda: add(f'lpips-{TRUNK}', load_lpips(), 'lower'))


def lpips_diversity(
  scores: Scores, fake: Pictures, real: Pictures, seed: int
) -> None:
  """Add the mean LPIPS of random pairs of samples, and that of real ones.

  Collapsed samples are alike: their value falls far below that of real ones.
  """

  def add():
    distance = load_lpips()
    pairs = min(_DIVERSITY_PAIRS, fake.count // 2, real.count // 2)

    def mean_distance(chosen):
      order = np.random.default_rng(seed).permutation(chosen.count)
      halves = order[:pairs], order[pairs : 2 * pairs]
      parts = [distance(*two) for two in _pairs(chosen, chosen, *halves)]
      return float(np.concatenate(parts).mean())

    name, value = f'lpips_diversity-{TRUNK}@{pairs}', mean_distance(fake)
    scores.add(name, value, real=mean_distance(real), better='like real')

  if min(fake.count, real.count) >= 2:
    scores.attempt('lpips_diversity', add)


def load_lpips() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
  """Return LPIPS of f32[N, H, W, C] pictures; raises UserError if absent."""
  metric = lpips.load(TRUNK)
  return lambda a, b: np.asarray(
    metric(resize.to_rgb(jnp.asarray(a)), resize.to_rgb(jnp.asarray(b)))
  )


def _pairs(
  a: Pictures, b: Pictures, of_a: np.ndarray, of_b: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Yield f32 batches of the pictures at these indices of a and of b."""
  for at in range(0, len(of_a), _ROWS):
    rows = slice(at, at + _ROWS)
    yield (
      image_values.from_uint8(a.read(of_a[rows])),
      image_values.from_uint8(b.read(of_b[rows])),
    )
