"""Trains every kind of model on the same pictures for the same time.

  python -m tools.studies.which_model --minutes=20 --workdir=/tmp/which_model

Writes docs/which_model.md and its picture. Each model gets so many minutes of
the machine from its first step on, one after another; so run it while nothing
else runs. What is done is kept: the same command goes on, and another one is
refused the folder.
"""

import argparse
import json
import os
import pathlib
import platform
import sys

import jax
import numpy as np

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics.precision_recall import precision_recall
from art_jax.monitoring.alarms import neighbours
from art_jax.sampling import captions
from tools.studies import study, timed_run

# Name, what is asked of it besides: networks that go with the width.
GENERATED = ('generator', 'discriminator')
MODELS = {
  'autoencoder': ('autoencoder', ('encoder', 'decoder')),
  'VAE': ('vae', ('encoder', 'decoder')),
  'DCGAN': ('dcgan_japanese_v1', GENERATED),
  'WGAN': ('wgan_art128', GENERATED),
  'WGAN-GP': ('wgan_gp_art128', GENERATED),
  'DCGAN for paintings': ('dcgan_paintings', GENERATED),
  'diffusion': ('diffusion_paintings', ('denoiser',)),
}
_SHOWN = 16
_DONE = 'which_model.json'
# Minutes below which the figures are no advice.
_ENOUGH = 10


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--minutes', type=float, default=20, help='of each model')
  parser.add_argument('--data', default='', help='a folder; default: built in')
  parser.add_argument('--count', type=int, default=1000)
  parser.add_argument('--size', type=int, default=32)
  parser.add_argument('--width', type=int, default=32, help='of all networks')
  parser.add_argument('--batch', type=int, default=64)
  parser.add_argument('--num', type=int, default=500, help='samples measured')
  parser.add_argument('--only', default='', help='names, with commas')
  parser.add_argument('--workdir', default='/tmp/which_model')
  parser.add_argument('--output', default='docs/which_model.md')
  flags = parser.parse_args()
  chosen = [n for n in MODELS if not flags.only or n in flags.only.split(',')]
  folders = {
    n: pathlib.Path(flags.workdir, n.replace(' ', '_')) for n in MODELS
  }
  try:
    before = {n: kept(n, folder, flags) for n, folder in folders.items()}
  except core.UserError as error:
    sys.exit(f'which_model: {error}')
  found, sheets = {}, []
  for name, folder in folders.items():
    if name not in chosen and before[name] is None:
      found[name] = {'failed': 'not run yet'}
      continue
    try:
      found[name] = before[name] or one(name, folder, flags)
    except (timed_run.Failed, core.UserError) as error:
      print(f'{name}: {error}', flush=True)
      found[name] = {'failed': f'not made: {error}'}
      continue
    print(name, found[name], flush=True)
    with np.load(folder / 'shown.npz') as file:
      shown = captions.enlarge(images.grid(file['pictures'], 4), 144)
    sheets.append(captions.titled(name, shown))
  output = pathlib.Path(flags.output)
  picture = output.parent / 'pictures' / f'{output.stem}.png'
  if sheets:
    images.save_png(picture, np.concatenate(sheets, axis=1))
  text = page(found, flags, f'pictures/{picture.name}' if sheets else '')
  write_atomic(output, text.encode())
  print(output)


def one(name: str, folder: pathlib.Path, flags) -> dict[str, float]:
  """Train and measure one model."""
  trained = folder / 'run'
  log = folder / 'train.log'
  timed_run.art_jax(_training(name, trained, flags), log, flags.minutes)
  model = run.load(trained)
  data = model.experiment.data
  space = data.source.open(data).train[0]
  real = study.pictures_of(space, flags.size)
  fake = model.sample(flags.num)
  both = study.features(real), study.features(fake)
  kid, deviation = study.distance(real, fake)
  precision, recall = precision_recall(*both)
  products = neighbours.products(both[1], both[0])
  away = neighbours.Products(**products, width=both[0].shape[1]).distances()
  reference = neighbours.Reference(both[0])
  steps, rate = timed_run.speed(trained)
  batches = core.batches_per_step(model.algorithm)
  found = {
    'kid': kid,
    'deviation': deviation,
    'recall': float(recall),
    'precision': float(precision),
    'copied': float(neighbours.memorised(np.asarray(away), reference)),
    'steps': steps,
    'trained': rate * flags.batch * batches,
    'sampled': timed_run.sampling_speed(model, 4 * _SHOWN),
  }
  np.savez(folder / 'shown.npz', pictures=model.sample(_SHOWN))
  done = {'asked': _asked(name, folder, flags), 'found': found}
  write_atomic(folder / _DONE, json.dumps(done).encode())
  return found


def kept(name: str, folder: pathlib.Path, flags) -> dict[str, float] | None:
  """Return what was measured before; None if nothing was.

  Raises:
    core.UserError: it was asked for with other flags.
  """
  done = folder / _DONE
  if not done.exists():
    return None
  before = json.loads(done.read_text())
  asked = _asked(name, folder, flags)
  if before.get('asked') != asked:
    raise core.UserError(
      f'{done} was asked for by {before.get("asked")}, and now it is {asked}; '
      'pass another --workdir'
    )
  return before['found']


def _asked(name: str, folder: pathlib.Path, flags) -> list[str]:
  limits = [f'--minutes={flags.minutes:g}', f'--num={flags.num}']
  return limits + _training(name, folder / 'run', flags)


def _training(name: str, folder: pathlib.Path, flags) -> list[str]:
  experiment, networks = MODELS[name]
  maker = {'encoder': 'decoder'}.get(networks[0], networks[0])
  changes = [
    f'data.size={flags.size}',
    f'algorithm.{maker}.size={flags.size}',
    *(f'algorithm.{network}.width={flags.width}' for network in networks),
    f'train.batch_size={flags.batch}',
    # No schedule is stretched to a duration that is not reached.
    *('train.duration=10000000', 'train.rescale=false'),
    *('train.log_every=100', 'train.render_every=10000000'),
    'train.checkpoint_every=10000000',
    *('train.on_alarm=off', 'train.best_metric=none'),
  ]
  if name == 'diffusion':
    # Minutes are some hundred steps; the experiment is for 100,000.
    changes += [
      'algorithm.denoiser.blocks=1',
      'algorithm.denoiser.dropout=0',
      'algorithm.optimizer.learning_rate=1e-3',
      'algorithm.optimizer.schedule.end=100',
      'algorithm.ema_decay=0.99',
      'algorithm.sampler=dpm_solver_2m',
    ]
  source = f"Builtin(layout='images', count={flags.count})"
  given = [f'--data={flags.data}'] if flags.data else []
  if not flags.data:
    changes.append(f'data.source={source}')
  return [
    *(f'--experiment={experiment}', f'--workdir={folder}', *given),
    *(f'--set={change}' for change in changes),
  ]


def page(found: dict, flags, picture: str) -> str:
  """Return the page: what was done, the table, what to choose."""
  good = {k: v for k, v in found.items() if 'kid' in v}
  device = jax.devices()[0].device_kind
  cores = os.cpu_count()
  if hasattr(os, 'sched_getaffinity'):  # Linux: those this process may use.
    cores = len(os.sched_getaffinity(0))
  data = 'a folder' if flags.data else f'{flags.count} built-in paintings'
  lines = [
    '# Which model',
    '',
    f'Every kind of model on {data} at {flags.size} px, networks of width '
    f'{flags.width}, batch {flags.batch}, {flags.minutes:g} minute(s) each '
    f'from the first step on, on one machine ({device}, '
    f'{platform.machine()}, {cores} core(s) each). This page is written by',
    '',
    f'    python -m tools.studies.which_model --minutes={flags.minutes:g} '
    f'--size={flags.size} --width={flags.width} --batch={flags.batch}',
    '',
    f'KID is on `pixels32` with its deviation over subsets, of {flags.num} '
    'samples against the training pictures: less is better. Recall is the '
    'share of the data that samples come near to, precision the share of '
    'samples near to data, copied the share of samples that lie as near to a '
    'training picture as the nearest of these lie to each other, and much '
    'nearer to it than to any other. See [metrics](metrics.md).',
    '',
    '| model | KID | recall | precision | copied | steps | trained, images/s '
    '| sampled, images/s |',
    '|---' * 8 + '|',
  ]
  for name, row in found.items():
    if 'failed' in row:
      lines.append(f'| {name} | {row["failed"]} |' + ' |' * 6)
      continue
    lines.append(
      f'| {name} | {row["kid"]:.3g} +- {row["deviation"]:.2g} | '
      f'{row["recall"]:.2f} | {row["precision"]:.2f} | {row["copied"]:.2f} | '
      f'{row["steps"]:,} | {row["trained"]:.0f} | {row["sampled"]:.0f} |'
    )
  if picture:
    lines += ['', f'![{_SHOWN} samples of each model]({picture})']
  return '\n'.join([*lines, '', *_verdict(good, flags), ''])


def _verdict(found: dict, flags) -> list[str]:
  """Return what the figures say, in sentences."""
  if len(found) < len(MODELS) or flags.minutes < _ENOUGH:
    return [
      f'This is a trial of the command: {len(found)} of {len(MODELS)} models, '
      f'{flags.minutes:g} minute(s) each, perhaps beside other work. With all '
      f'of them and {_ENOUGH} minutes or more on a quiet machine the page says '
      'here which to choose when.',
    ]
  by_kid = sorted(found, key=lambda name: found[name]['kid'])
  best, second = by_kid[:2]
  gap = found[second]['kid'] - found[best]['kid']
  noise = max(found[n]['deviation'] for n in (best, second))
  told = (
    f'{best} comes nearest to the data in this time'
    if gap > 2 * noise
    else f'{best} and {second} come nearest, apart by less than two deviations'
  )
  # Blurs and noise lie far from each other, which counts as covering the data:
  # recall is said of those models only whose samples are often near to it.
  precise = max(row['precision'] for row in found.values()) / 2
  near = [name for name in found if found[name]['precision'] >= precise]
  varied = max(near, key=lambda name: found[name]['recall'])
  quick = max(found, key=lambda name: found[name]['sampled'])
  slow = min(found, key=lambda name: found[name]['sampled'])
  factor = found[quick]['sampled'] / found[slow]['sampled']
  copies = [name for name, row in found.items() if row['copied'] > 0.05]
  fast = [
    n for n in by_kid if found[n]['sampled'] * 10 > found[quick]['sampled']
  ]
  return [
    f'## After {flags.minutes:g} minute(s)',
    '',
    f'- {told}.',
    f'- {varied} covers most of the data (recall '
    f'{found[varied]["recall"]:.2f}) of those whose samples are near to it '
    f'(precision {precise:.2f} or more).',
    f'- {quick} makes pictures fastest, {factor:,.0f} times as many a second '
    f'as {slow}.',
    f'- Samples near copies of training pictures (> 5 %): '
    f'{", ".join(copies) or "none"}.',
    '',
    '## Which to choose, by these figures',
    '',
    f'- New pictures near to the data: {best}.',
    f'- The same where many are wanted a second: {fast[0]}.',
    f'- As many kinds of pictures as the data has: {varied}.',
    '- Given pictures as codes, to be changed and put together again: only the '
    'autoencoder and the VAE have an encoder; painting over a picture and '
    'filling in holes: only diffusion.',
  ]


if __name__ == '__main__':
  main()
