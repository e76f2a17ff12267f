"""Trains every kind of model on the same pictures for the same time.

  python -m tools.studies.which_model --minutes=20 --workdir=/tmp/which_model

Writes docs/which_model.md and its picture. Each model gets so many minutes of
the machine from its first step on, one after another; so run it while nothing
else runs. What is done is kept: the same command goes on, and another one is
refused the folder.
"""

import dataclasses
import json
import os
import pathlib
import platform

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, recommended
from art_jax.core.paths import write_atomic
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import distances, precision_recall
from art_jax.metrics import kid as kid_metric
from art_jax.monitoring import neighbors
from art_jax.sampling import captions
from tools import command
from tools.benchmarks import timing
from tools.studies import study, timed_run

MODELS = {
  'autoencoder': 'autoencoder',
  'VAE': 'vae',
  'DCGAN': 'dcgan_japanese_v1',
  'WGAN': 'wgan_art128',
  'WGAN-GP': 'wgan_gp_art128',
  'DCGAN for paintings': 'dcgan_paintings',
  'diffusion': 'diffusion_paintings',
}
# Minutes are some hundred steps; the experiment is for 100,000.
_DIFFUSION = (
  'algorithm.denoiser.blocks=1',
  'algorithm.denoiser.dropout=0',
  'algorithm.optimizer.learning_rate=1e-3',
  'algorithm.optimizer.schedule.end=100',
  'algorithm.ema_decay=0.99',
  'algorithm.sampler=dpm_solver_2m',
)
_HEADER = (
  'model|KID|recall|precision|copied|steps|trained, images/s|sampled, images/s'
)
_COLUMNS = 'kid deviation recall precision copied sampled'.split()
_SHOWN = 16
_DONE = 'which_model.json'
_ENOUGH = 10  # minutes; below, the figures are no advice


@dataclasses.dataclass(frozen=True)
class Plan(study.Sizes):
  """How the models are trained and measured.

  Attributes:
    minutes: of each model.
  """

  minutes: float = 20
  width: command.Count = 32


def main(
  plan: Plan,
  *,
  only: tuple[str, ...] = (),
  workdir: str = '/tmp/which_model',
  output: str = 'docs/which_model.md',
) -> None:
  """Train and measure what is not yet measured; write the page.

  Args:
    plan: how.
    only: names of models; default: all.
    workdir: folder of the runs.
    output: the page; its picture goes beside it.
  """
  wanted = command.chosen('only', only, MODELS)
  folders = {n: pathlib.Path(workdir, n.replace(' ', '_')) for n in MODELS}
  results: dict = {n: kept(n, folder, plan) for n, folder in folders.items()}
  sheets = []
  for name, folder in folders.items():
    if results[name] is None:
      results[name] = {'failed': 'not run yet'}
      if name not in wanted:
        continue
      try:
        results[name] = measure(name, folder, plan)
      except (timed_run.Failed, core.UserError) as error:
        results[name] = {'failed': f'not made: {error}'}
    print(name, results[name], flush=True)
    if 'failed' not in results[name]:
      with np.load(folder / 'shown.npz') as file:
        shown = captions.enlarge(images.grid(file['pictures'], 4), 144)
      sheets.append(captions.titled(name, shown))
  picture = f'pictures/{pathlib.Path(output).stem}.png' if sheets else ''
  if sheets:
    images.save_png(
      pathlib.Path(output).parent / picture, np.concatenate(sheets, axis=1)
    )
  write_atomic(output, page(results, plan, picture).encode())
  print(output)


def measure(name: str, folder: pathlib.Path, plan: Plan) -> dict[str, float]:
  """Train and measure one model."""
  trained, log = folder / 'run', folder / 'train.log'
  timed_run.art_jax(_training(name, trained, plan), log, plan.minutes)
  model = run.load(trained)
  data = model.experiment.data
  real = study.read(data.source.open(data).train, plan.size)
  samples = model.sample(plan.num)
  x, y = study.features(real), study.features(samples)
  kid, deviation = kid_metric.kid(x, y, subsets=study.SUBSETS)
  precision, recall = precision_recall.precision_recall(x, y)
  apart = np.asarray(distances.pairwise(y, x))
  steps, rate = timed_run.speed(trained)
  model.sample(4 * _SHOWN)  # compiles
  sampled = timing.seconds(lambda: model.sample(4 * _SHOWN))
  figures = {
    'kid': kid,
    'deviation': deviation,
    'recall': float(recall),
    'precision': float(precision),
    'copied': float(neighbors.memorized(apart, neighbors.Reference(x))),
    'steps': steps,
    'trained': rate * plan.batch * core.batches_per_step(model.algorithm),
    'sampled': 4 * _SHOWN / sampled,
  }
  np.savez(folder / 'shown.npz', pictures=model.sample(_SHOWN))
  done = {'asked': _request(name, folder, plan), 'found': figures}
  write_atomic(folder / _DONE, json.dumps(done).encode())
  return figures


def kept(name: str, folder: pathlib.Path, plan: Plan) -> dict | None:
  """Return what was measured before; None if nothing was.

  Raises:
    core.UserError: it was measured with other flags.
  """
  done = folder / _DONE
  if not done.exists():
    return None
  before, request = json.loads(done.read_text()), _request(name, folder, plan)
  core.require(
    before.get('asked') == request,
    f'{done} was made by {before.get("asked")}, and now it is {request}; '
    'pass another --workdir',
  )
  return before['found']


def _request(name: str, folder: pathlib.Path, plan: Plan) -> list[str]:
  training = _training(name, folder / 'run', plan)
  return [f'--minutes={plan.minutes:g}', f'--num={plan.num}', *training]


def _training(name: str, folder: pathlib.Path, plan: Plan) -> list[str]:
  algorithm = experiments.load(MODELS[name]).algorithm
  changes = [
    *study.sized(algorithm, plan.size, plan.width),
    f'train.batch_size={plan.batch}',
    # No schedule is stretched to a duration that is not reached.
    'train.duration=10000000',
    'train.rescale=false',
    'train.log_every=100',
    'train.render_every=10000000',
    'train.checkpoint_every=10000000',
    'train.on_alarm=off',
    'train.best_metric=none',
  ]
  if name == 'diffusion':
    changes += _DIFFUSION
  if not plan.data:
    changes.append(f"data.source=Builtin(layout='images', count={plan.count})")
  return [
    f'--experiment={MODELS[name]}',
    f'--workdir={folder}',
    *([f'--data={plan.data}'] if plan.data else []),
    *(f'--set={change}' for change in changes),
  ]


def page(results: dict, plan: Plan, picture: str) -> str:
  """Return the page: what was done, the table, what to choose."""
  data = 'a folder' if plan.data else f'{plan.count} built-in paintings'
  lines = [
    '# Which model',
    '',
    *_recommended(),
    '## Every kind of model for the same time',
    '',
    f'Every kind of model on {data} at {plan.size} px, networks of width '
    f'{plan.width}, batch {plan.batch}, {plan.minutes:g} minute(s) of '
    'training each (compilation not counted), on one machine '
    f'({jax.devices()[0].device_kind}, '
    f'{platform.machine()}, {len(os.sched_getaffinity(0))} core(s) each). This '
    'page is written by',
    '',
    f'    python -m tools.studies.which_model --minutes={plan.minutes:g} '
    f'--size={plan.size} --width={plan.width} --batch={plan.batch}',
    '',
    f'KID compares {plan.num} samples with the training pictures in '
    '`pixels32`, with its standard deviation over subsets: less is better. '
    'Recall is the share of the data near to samples, precision the share of '
    'samples near to data, copied the share of samples that are as near to a '
    'training picture as the nearest training pictures are to each other, and '
    'much nearer to it than to any other. See [metrics](metrics.md).',
    '',
  ]
  rows = [[name, *_shown(row)] for name, row in results.items()]
  lines.append(command.table(_HEADER.split('|'), rows))
  if picture:
    lines += ['', f'![{_SHOWN} samples of each model]({picture})']
  return '\n'.join([*lines, '', *_verdict(results, plan), ''])


def _recommended() -> list[str]:
  """Return what to begin with, as `art_jax list` says it."""
  return [
    '## What to begin with',
    '',
    *(f'- {line}' for line in recommended.lines('`')),
    '',
    'For paintings, [Projected GAN](projected.md#how-good-it-is) has the '
    'figures of an hour of one CPU core beside those of DCGAN, and [the '
    'painter](painter.md) paints samples large.',
    '',
  ]


def _shown(row: dict) -> list[str]:
  """Return the figures of a model as text."""
  if 'failed' in row:
    return [row['failed'], *[''] * 6]
  return [
    f'{row["kid"]:.3g} +- {row["deviation"]:.2g}',
    *(f'{row[name]:.2f}' for name in ('recall', 'precision', 'copied')),
    f'{row["steps"]:,}',
    *(f'{row[name]:.0f}' for name in ('trained', 'sampled')),
  ]


def _verdict(results: dict, plan: Plan) -> list[str]:
  """Return what the figures say, in sentences."""
  measured = {k: v for k, v in results.items() if 'kid' in v}
  if len(measured) < len(MODELS) or plan.minutes < _ENOUGH:
    return [
      f'This is a trial of the command: {len(measured)} of {len(MODELS)} '
      f'models, {plan.minutes:g} minute(s) each, perhaps with other work on '
      f'the machine. With all models and {_ENOUGH} minutes or more on an idle '
      'machine the page says here which to choose.',
    ]
  kid, deviation, recall, precision, copied, sampled = (
    {name: row[column] for name, row in measured.items()} for column in _COLUMNS
  )
  best, second, *_ = by_kid = sorted(kid, key=kid.__getitem__)
  noise = max(deviation[best], deviation[second])
  nearest = (
    f'{best} comes nearest to the data in this time (lowest KID)'
    if kid[second] - kid[best] > 2 * noise
    else f'{best} and {second} come nearest, apart by less than two deviations'
  )
  # Blurs and noise lie far from each other, which counts as covering the data:
  # recall is said of those models only whose samples are often near to it.
  precise = max(precision.values()) / 2
  near = [name for name in precision if precision[name] >= precise]
  varied = max(near, key=recall.__getitem__)
  quick = max(sampled, key=sampled.__getitem__)
  slow = min(sampled, key=sampled.__getitem__)
  fast = next(n for n in by_kid if sampled[n] > sampled[quick] / 10)
  copies = ', '.join(name for name in copied if copied[name] > 0.05)
  return [
    f'## After {plan.minutes:g} minute(s)',
    '',
    f'- {nearest}.',
    f'- {varied} covers the largest share of the data (recall '
    f'{recall[varied]:.2f}) among the models with a precision of '
    f'{precise:.2f} or more.',
    f'- {quick} samples fastest, {sampled[quick] / sampled[slow]:,.0f} times '
    f'as many pictures a second as {slow}.',
    '- Models that copy training pictures (more than 5 % of the samples): '
    f'{copies or "none"}.',
    '',
    '## Which to choose, by these figures',
    '',
    f'- New pictures near to the data: {best}.',
    f'- The same, with many pictures a second: {fast}.',
    f'- The variety of the data: {varied}.',
    '- Latent codes of given pictures, to change and decode: the autoencoder '
    'or the VAE, the only models with an encoder.',
    '- Painting over a picture, and inpainting: diffusion, the only model that '
    'does it.',
  ]


if __name__ == '__main__':
  command.run(main)
