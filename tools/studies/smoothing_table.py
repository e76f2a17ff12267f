"""Label smoothing x leaky ReLU in G: which of the two made the grid?

  python -m tools.studies.smoothing_table --workdir=/tmp/smoothing --seeds=3

Version 2 of the Japanese-art GAN changed both at once. The four cells:

- checkerboard: energy at the frequencies of up-sampling, samples over data.
- onset: first step from which on D's loss, as a median of 5 rows, is below a
  quarter of its value with labels that cannot be told apart (2 log 2): D has
  won; the number of steps where it never is.
- spikes: rows where G's loss is above twice the median of 21 rows around.
- diversity, kid: as in wgan_table.py.
"""

import jax
import numpy as np
import scipy.ndimage

from art_jax.media import images
from art_jax.metrics import checkerboard
from tools.studies import study

_SMOOTH = ('algorithm.real_range=(0.7, 1)', 'algorithm.fake_range=(0, 0.3)')
_LEAKY = ("algorithm.generator.activation='leaky_relu'",)


def figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one cell."""
  samples, rows = cell.samples(), cell.rows()
  energy = jax.jit(checkerboard.checkerboard_energy)
  grids = [
    float(energy(images.from_uint8(a[: cell.num])))
    for a in (samples, cell.train)
  ]
  steps = [row['step'] for row in rows]
  d, g = (
    np.array([row[f'loss/{name}'] for row in rows])
    for name in ('discriminator', 'generator')
  )
  # Smoothed labels keep D's loss up, by their own entropy.
  targets = cell.model.algorithm
  floor = _entropy(*targets.real_range) + _entropy(*targets.fake_range)
  won = scipy.ndimage.median_filter(d, 5) - floor < 0.25 * (
    2 * np.log(2) - floor
  )
  onset = np.flatnonzero(~won)[-1] + 1 if not won.all() else 0
  median = scipy.ndimage.median_filter(g, 21)
  kid, deviation = study.distance(cell.train, samples)
  return {
    'checkerboard': grids[0] / grids[1],
    'onset': float(steps[onset] if onset < len(steps) else steps[-1]),
    'spikes': int((g > 2 * median).sum()),
    'diversity': study.diversity(cell.train[: cell.num], samples),
    'kid': kid,
    'kid deviation': deviation,
  }


def _entropy(low: float, high: float) -> float:
  """Return the mean entropy in nats of targets from U(low, high)."""
  t = np.clip(np.linspace(low, high, 101), 1e-9, 1 - 1e-9)
  return float(-(t * np.log(t) + (1 - t) * np.log(1 - t)).mean())


def main() -> None:
  """Run the command line."""
  flags = study.parser(
    __doc__, workdir='/tmp/smoothing_table', steps=500
  ).parse_args()
  cells = [
    study.Cell(name, 'dcgan_japanese_v1', changes)
    for name, changes in (
      ('plain', ()),
      ('leaky', _LEAKY),
      ('smoothed', _SMOOTH),
      ('smoothed_leaky', _SMOOTH + _LEAKY),
    )
  ]
  study.main(cells, figures, flags)


if __name__ == '__main__':
  main()
