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
- spikes: rows where G's loss is above twice the median of 21 rows around.

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
import pathlib
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage
import scipy.stats

from art_jax import core
from art_jax.algorithms import gan, vae
from art_jax.media import images
from art_jax.metrics import appearance, checkerboard
from art_jax.runs import metrics_log
from tools import command
from tools.studies import study

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
) -> None:
  """Train, measure and print one table.

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
      latent_figures,
      [
        study.Cell(f'{name}_{n}', name, (f'algorithm.latent_size={n}',))
        for n in latents
        for name in ('autoencoder', 'vae')
      ],
    ),
    'wgan': (
      wgan_figures,
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
    'smoothing': (smoothing_figures, japanese(SMOOTHING)),
    'stabilizer': (
      stabilizer_figures,
      japanese(
        {name: STABILIZERS[name] for name in ('baseline', *stabilizers)}
      ),
    ),
  }
  figures, cells = tables[table]
  results = study.measure(cells, figures, settings)
  if table == 'stabilizer':
    baseline = results.pop('baseline')
    rows = [(n, shown(*effect(r, baseline))) for n, r in results.items()]
    print(f'\n{command.table(("", "kid against the baseline"), rows)}')


def japanese(changes: dict[str, tuple[str, ...]]) -> list[study.Cell]:
  """Return cells of version 1 of the Japanese-art GAN."""
  return [study.Cell(n, 'dcgan_japanese_v1', c) for n, c in changes.items()]


def latent_figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one autoencoder."""
  model, bounded = cell.model, not isinstance(cell.model.algorithm, vae.VAE)
  encode = jax.jit(study.needs(model, core.Encoder, 'an autoencoder').encode)
  codes, heldout = (
    np.asarray(encode(model.params, images.from_uint8(rows)))
    for rows in (cell.train, cell.heldout)
  )
  errors = np.square(
    cell.samples(heldout).astype(np.float64) - cell.heldout
  ).mean(axis=(1, 2, 3))
  samples = cell.samples()
  drawn = np.random.default_rng(cell.seed).multivariate_normal(
    codes.mean(axis=0), np.cov(codes.T), cell.num
  )
  drawn = np.clip(drawn, 0, 1) if bounded else drawn
  refitted = cell.kid(cell.samples(drawn.astype(np.float32)))
  sharpness = [
    float(appearance.sharpness(jnp.array(images.from_uint8(rows))).mean())
    for rows in (samples, cell.train)
  ]
  return {
    'psnr': float((10 * np.log10(255**2 / errors)).mean()),
    **cell.kid(samples),
    'kid refitted': refitted['kid'],
    'refitted deviation': refitted['kid deviation'],
    'active': int((codes.var(axis=0) * (12 if bounded else 1) > 0.01).sum()),
    'sharpness': sharpness[0] / sharpness[1],
  }


def smoothing_figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one cell of labels and activations."""
  samples = cell.samples()
  rows = metrics_log.read_metrics(
    pathlib.Path(cell.model.folder, metrics_log.FILE)
  )
  energy = jax.jit(checkerboard.checkerboard_energy)
  grids = [
    float(energy(images.from_uint8(a[: cell.num])))
    for a in (samples, cell.train)
  ]
  steps, d, g = (
    np.array([row[name] for row in rows])
    for name in ('step', 'loss/discriminator', 'loss/generator')
  )
  # Smoothed labels keep D's loss up, by their own entropy.
  targets = study.needs(cell.model, gan.GAN, 'a GAN').stabilizers
  floor = entropy(*targets.real_range) + entropy(*targets.fake_range)
  won = scipy.ndimage.median_filter(d, 5) - floor < 0.25 * (
    2 * np.log(2) - floor
  )
  onset = np.flatnonzero(~won)[-1] + 1 if not won.all() else 0
  return {
    'checkerboard': grids[0] / grids[1],
    'onset': float(steps[min(onset, len(steps) - 1)]),
    'spikes': int((g > 2 * scipy.ndimage.median_filter(g, 21)).sum()),
    'diversity': cell.diversity(samples),
    **cell.kid(samples),
  }


def entropy(low: float, high: float) -> float:
  """Return the mean entropy in nats of targets from U(low, high)."""
  t = np.clip(np.linspace(low, high, 101), 1e-9, 1 - 1e-9)
  return float(-(t * np.log(t) + (1 - t) * np.log(1 - t)).mean())


def wgan_figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one critic."""
  model, samples = cell.model, cell.samples()
  critic = study.needs(model, core.Scorer, 'a GAN')
  score = jax.jit(critic.score)

  @jax.jit
  def slope(params, rows):
    gradient = jax.grad(lambda x: critic.score(params, x).sum())(rows)
    return jnp.sqrt(jnp.square(gradient).sum(axis=(1, 2, 3)))

  real, fake = (
    images.from_uint8(rows[: cell.num]) for rows in (cell.train, samples)
  )
  gap = score(model.params, real).mean() - score(model.params, fake).mean()
  largest = float(np.max(slope(model.params, real)))
  return {
    'gap': float(gap),
    'slope': largest,
    'gap / slope': float(gap) / largest,
    'diversity': cell.diversity(samples),
    **cell.kid(samples),
  }


def stabilizer_figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one stabilizer."""
  samples = cell.samples()
  return {**cell.kid(samples), 'diversity': cell.diversity(samples)}


def effect(rows, baseline) -> tuple[float, float]:
  """Return the mean difference of kid and half its 95 % interval."""
  difference = np.array(
    [a['kid'] - b['kid'] for a, b in zip(rows, baseline, strict=True)]
  )
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
