"""The figures of a cell of each table of tools/studies/tables.py."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage
from etils import epath

from art_jax import core
from art_jax.algorithms import gan, vae
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import appearance, checkerboard
from art_jax.runs import alarm_event, metrics_log, metrics_rows
from tools.studies import study

_LOST = ('diverging', 'spiking', 'discriminator_wins')


def latent(cell: study.Trained) -> dict[str, float]:
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


def smoothing(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one cell of labels and activations."""
  samples = cell.samples()
  folder = str(cell.model.folder)
  # The moment that the run itself found best, by the distance of its probes.
  best = dataclasses.replace(cell, model=run.load(folder, 'best'))
  rows = metrics_log.read_metrics(pathlib.Path(folder, metrics_log.FILE))
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
    'alarm': _first_alarm(folder, steps[-1]),
    'spikes': int((g > 2 * scipy.ndimage.median_filter(g, 21)).sum()),
    'diversity': cell.diversity(samples),
    **cell.kid(samples),
    'best kid': cell.kid(best.samples())['kid'],
  }


def _first_alarm(folder: str, last: float) -> float:
  """Return the step since which losses diverge or D wins; the last if never."""
  rows = metrics_rows.parse(epath.Path(folder, metrics_log.ALARMS))
  events = [alarm_event.from_row(row) for _, row in rows]
  return float(
    min(
      (e.since for e in events if e.alarm in _LOST and e.begins), default=last
    )
  )


def entropy(low: float, high: float) -> float:
  """Return the mean entropy in nats of targets from U(low, high)."""
  t = np.clip(np.linspace(low, high, 101), 1e-9, 1 - 1e-9)
  return float(-(t * np.log(t) + (1 - t) * np.log(1 - t)).mean())


def wgan(cell: study.Trained) -> dict[str, float]:
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


def stabilizer(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one stabilizer."""
  samples = cell.samples()
  return {**cell.kid(samples), 'diversity': cell.diversity(samples)}
