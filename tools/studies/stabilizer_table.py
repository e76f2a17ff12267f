"""Every stabiliser alone against the plain GAN, on the same seeds.

  python -m tools.studies.stabilizer_table --workdir=/tmp/stabilisers --seeds=3

The last table is the effect on kid (KID on pixels32; less is better): the
mean over seeds of the difference to the baseline of the same seed, and its 95 %
interval by Student's t. An interval that holds 0 shows no effect.
"""

import math

import numpy as np
import scipy.stats

from tools.studies import study

_NORM = "algorithm.discriminator.norm='instance_affine'"
_A = 'algorithm.'
_FALL = 'schedule=StepDecay(boundaries=(Epochs(10), Epochs(15)), gamma=0.1)'
CELLS = {
  'baseline': (),
  'smoothing': (_A + 'real_range=(0.8, 1)', _A + 'fake_range=(0, 0.2)'),
  'flipping': (_A + 'flip_probability=0.05',),
  'noise': (_A + 'instance_noise=0.1',),
  'dropout': (_A + 'discriminator.dropout=0.3',),
  'replay': (_A + 'replay_every=10',),
  'two_rates': (_A + 'generator_optimizer.learning_rate=0.00025',),
  'step_schedule': (
    _A + 'generator_optimizer.' + _FALL,
    _A + 'discriminator_optimizer.' + _FALL,
  ),
  'spectral_norm': (
    _A + 'discriminator.spectral_norm=True',
    _A + "discriminator.norm='none'",
  ),
  'r1': (_A + 'r1_weight=1.0', _NORM),
  'minibatch_std': (_A + 'discriminator.minibatch_std=4',),
  'diffaugment': (_A + "augment=('colour', 'translation', 'cutout')",),
  'average': (_A + 'ema_decay=0.99',),
}


def figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one cell."""
  samples = cell.samples()
  kid, deviation = study.distance(cell.train, samples)
  return {
    'kid': kid,
    'kid deviation': deviation,
    'diversity': study.diversity(cell.train[: cell.num], samples),
  }


def effect(rows, baseline) -> tuple[float, float]:
  """Return the mean difference of kid and half its 95 % interval."""
  difference = np.array(
    [a['kid'] - b['kid'] for a, b in zip(rows, baseline, strict=True)]
  )
  if len(difference) < 2:
    return float(difference.mean()), float('nan')
  error = difference.std(ddof=1) / np.sqrt(len(difference))
  half = scipy.stats.t.ppf(0.975, len(difference) - 1) * error
  return float(difference.mean()), float(half)


def main() -> None:
  """Run the command line."""
  parser = study.parser(__doc__, workdir='/tmp/stabilizer_table', steps=300)
  parser.add_argument('--only', nargs='+', choices=CELLS, default=list(CELLS))
  flags = parser.parse_args()
  names = ['baseline', *(name for name in flags.only if name != 'baseline')]
  cells = [study.Cell(name, 'dcgan_japanese_v1', CELLS[name]) for name in names]
  found = study.main(cells, figures, flags)
  print('\n| | kid against the baseline |\n|---|---|')
  for name in names[1:]:
    mean, half = effect(found[name], found['baseline'])
    error = '' if math.isnan(half) else f' +- {half:.2g}'
    print(f'| {name} | {mean:+.3g}{error} |')


if __name__ == '__main__':
  main()
