"""Four questions, each a table: its cells are trained, measured, printed.

  python -m tools.studies.tables latent --steps=600
  python -m tools.studies.tables stabilizer --seeds=3 --workdir=/tmp/cells

In all of them kid is KID on pixels32 of samples against training pictures (less
is better), with its deviation over subsets, and diversity the mean pixel
distance of two samples over that of the data.

latent: autoencoder against VAE by latent size.
- psnr: of the reconstructions of held-out pictures, in dB.
- kid: samples from the prior, U(0, 1) of the autoencoder, N(0, 1) of the VAE.
- kid refitted: samples from a Gaussian with the mean and the covariance of the
  codes of the training pictures.
- active: dimensions whose code varies over the data, Var > 0.01 (Burda et al.
  2016, arXiv:1509.00519, section 5.1); of the autoencoder's codes in (0, 1) the
  variance is divided by the prior's, 1/12.
- sharpness: variance of the Laplacian of samples over that of the data.

smoothing: label smoothing x leaky ReLU in G. Which of the two made the grid?
Version 2 of the Japanese-art GAN changed both at once.
- checkerboard: energy at the frequencies of upsampling, samples over data.
- onset: first step from which on D's loss, as a median of 5 rows, is below a
  quarter of its value with labels that cannot be told apart (2 log 2): D has
  won; the number of steps where it never is.
- alarm: the step since which an alarm of the run holds that losses diverge or
  spike, or that D wins; the number of steps if none does.
- spikes: rows where G's loss is above twice the median of 21 rows around.
- best kid: kid of the checkpoint that the run kept as its best.
A second table has the effect of each change, over seeds and the other change.

wgan: three ways to bound a critic: clipped gradients, clipped weights, gradient
penalty.
- gap: E[D(x)] - E[D(G(z))], the critic's estimate of the distance.
- slope: the largest norm of the gradient of D at a training picture. D is a
  distance only while it is bounded; the estimate comparable between rows is
  gap / slope.

stabilizer: every stabilizer alone against the plain GAN, on the same seeds. A
second table has the effect on kid: the mean over seeds of the difference to the
baseline of the same seed, and its 95 % interval by Student's t. An interval
that holds 0 shows no effect.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy.stats

from art_jax.cli.terminal import STOPPED
from art_jax.training import loop
from tools import command
from tools.studies import cell_figures, study

_A = 'algorithm.'
_S = 'algorithm.stabilizers.'
_SMOOTH = (_S + 'real_range=(0.7, 1)', _S + 'fake_range=(0, 0.3)')
_LEAKY = (_A + "generator.activation='leaky_relu'",)
SMOOTHING = {
  'plain': (),
  'leaky': _LEAKY,
  'smoothed': _SMOOTH,
  'smoothed_leaky': _SMOOTH + _LEAKY,
}
_FALL = 'schedule=StepDecay(boundaries=(Epochs(10), Epochs(15)), gamma=0.1)'
STABILIZERS = {
  'baseline': (),
  'smoothing': (_S + 'real_range=(0.8, 1)', _S + 'fake_range=(0, 0.2)'),
  'flipping': (_S + 'flip_probability=0.05',),
  'noise': (_S + 'instance_noise=0.1',),
  'dropout': (_A + 'discriminator.dropout=0.3',),
  'replay': (_S + 'replay_every=10',),
  'two_rates': (_A + 'generator_optimizer.learning_rate=0.00025',),
  'step_schedule': (
    _A + 'generator_optimizer.' + _FALL,
    _A + 'discriminator_optimizer.' + _FALL,
  ),
  'spectral_norm': (
    _A + 'discriminator.spectral_norm=True',
    _A + "discriminator.norm='none'",
  ),
  'r1': (_S + 'r1_weight=1.0', _A + "discriminator.norm='instance_affine'"),
  'minibatch_std': (_A + 'discriminator.minibatch_std=4',),
  'diffaugment': (_S + "augment=('color', 'translation', 'cutout')",),
  'average': (_S + 'ema_decay=0.99',),
}
_STEPS = {'latent': 1500, 'smoothing': 500, 'wgan': 300, 'stabilizer': 300}


def main(
  table: Literal['latent', 'smoothing', 'wgan', 'stabilizer'],
  settings: study.Settings,
  *,
  latents: tuple[int, ...] = (16, 64, 256),
  only: tuple[str, ...] = (),
) -> int:
  """Train, measure and print one table; return the exit code.

  Args:
    table: which one.
    settings: how.
    latents: sizes of the table `latent`.
    only: stabilizers of the table `stabilizer`; default: all.
  """
  stabilizers = command.chosen('only', only, STABILIZERS)
  settings = dataclasses.replace(
    settings,
    workdir=settings.workdir or f'/tmp/{table}_table',
    steps=settings.steps or _STEPS[table],
  )
  tables = {
    'latent': (
      cell_figures.latent,
      [
        study.Cell(f'{name}_{n}', name, (f'algorithm.latent_size={n}',))
        for n in latents
        for name in ('autoencoder', 'vae')
      ],
    ),
    'wgan': (
      cell_figures.wgan,
      [
        study.Cell('gradients_clipped', 'wgan_art128_as_described'),
        # The 100 critic steps before some steps of G would be most of a quick
        # run.
        study.Cell(
          'weights_clipped', 'wgan_art128', ('algorithm.warmup=None',)
        ),
        study.Cell('gradient_penalty', 'wgan_gp_art128'),
      ],
    ),
    'smoothing': (cell_figures.smoothing, japanese(SMOOTHING)),
    'stabilizer': (
      cell_figures.stabilizer,
      japanese(
        {name: STABILIZERS[name] for name in ('baseline', *stabilizers)}
      ),
    ),
  }
  figures, cells = tables[table]
  try:
    results = study.measure(cells, figures, settings)
  except loop.Preempted as error:
    print(error)
    return STOPPED
  if table == 'stabilizer':
    baseline = results.pop('baseline', [])
    rows = [(n, shown(*effect(r, baseline))) for n, r in results.items()]
    print(f'\n{command.table(("", "kid against the baseline"), rows)}')
  if table == 'smoothing' and len(results) == len(cells):
    print(f'\n{factors(results)}')
  return 0


def japanese(changes: dict[str, tuple[str, ...]]) -> list[study.Cell]:
  """Return cells of version 1 of the Japanese-art GAN."""
  return [study.Cell(n, 'dcgan_japanese_v1', c) for n, c in changes.items()]


def factors(results: dict[str, list[dict[str, float]]]) -> str:
  """Return what each of the two changes does, with 95 % intervals.

  The mean over the seeds and over the other change; a cell that was stopped
  has fewer seeds.
  """
  rows = []
  for name, pairs in {
    'leaky ReLU in G': ('leaky', 'plain', 'smoothed_leaky', 'smoothed'),
    'smoothed labels': ('smoothed', 'plain', 'smoothed_leaky', 'leaky'),
  }.items():
    count = min(len(results[cell]) for cell in pairs)
    one, none, both, other = (results[cell][:count] for cell in pairs)
    rows.append(
      [
        name,
        shown(*effect(one + both, none + other, 'checkerboard', np.log)),
        *(
          shown(*effect(one + both, none + other, column))
          for column in ('onset', 'kid')
        ),
      ]
    )
  return command.table(('change', 'ln checkerboard', 'onset', 'kid'), rows)


def effect(
  rows, baseline, name: str = 'kid', scale: Callable = float
) -> tuple[float, float]:
  """Return the mean difference of a figure and half its 95 % interval.

  Args:
    rows: figures of each seed.
    baseline: the same of the baseline; of fewer seeds the first ones count.
    name: of the figure.
    scale: the differences are those of scale(figure).
  """
  difference = np.array(
    [
      scale(a[name]) - scale(b[name])
      for a, b in zip(rows, baseline, strict=False)
    ]
  )
  if len(difference) == 0:
    return float('nan'), float('nan')
  if len(difference) < 2:
    return float(difference.mean()), float('nan')
  half = scipy.stats.t.ppf(0.975, len(difference) - 1) * scipy.stats.sem(
    difference
  )
  return float(difference.mean()), float(half)


def shown(mean: float, half: float) -> str:
  """Return an effect as text."""
  return f'{mean:+.3g}' + ('' if math.isnan(half) else f' +- {half:.2g}')


if __name__ == '__main__':
  command.run(main)
