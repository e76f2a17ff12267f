"""Trains every kind of model on the same pictures for the same time.

  python -m tools.studies.which_model --minutes=10 --size=64
  python -m tools.studies.which_model --minutes=10 --data=van_gogh --size=64

Writes docs/which_model.md from the figures of both, those of the built-in
paintings and those of a folder, which --results keeps. Each model gets so many
minutes of the machine from its first step on, one after another; so run it
while nothing else runs. What is done is kept: the same command goes on, and
another one is refused the folder.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.core.paths import write_atomic
from art_jax.core.version import VERSION
from art_jax.devices import mesh
from art_jax.evaluation import pictures
from art_jax.evaluation.survey import survey
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import distances, features, precision_recall
from art_jax.metrics import kid as kid_metric
from art_jax.monitoring import neighbors
from art_jax.sampling import captions
from tools import command
from tools.benchmarks import timing
from tools.studies import study, timed_run, which_model_page
from tools.studies.systems import gather

MODELS = {
  'autoencoder': 'autoencoder',
  'VAE': 'vae',
  'DCGAN': 'dcgan_japanese_v1',
  'WGAN': 'wgan_art128',
  'WGAN-GP': 'wgan_gp_art128',
  'DCGAN for paintings': 'dcgan_paintings',
  'Projected GAN': 'projected_paintings64',
  'diffusion': 'diffusion_paintings',
  'rectified flow': 'flow_paintings',
}
# They are judged as they are recommended: with their own width and batch.
RECIPES = ('Projected GAN', 'rectified flow')
# Minutes are some hundred steps; the experiment is for 100,000.
_DIFFUSION = (
  'algorithm.denoiser.blocks=1',
  'algorithm.denoiser.dropout=0',
  'algorithm.optimizer.learning_rate=1e-3',
  'algorithm.optimizer.schedule.end=100',
  'algorithm.ema_decay=0.99',
  'algorithm.sampler=dpm_solver_2m',
)
_JUDGE = 'squeezenet'
_SHOWN = 16
_ACROSS, _SIDE = 3, 272  # sheets in a row, and pixels of one
_HELDOUT = '--set=data.heldout=0.1'  # of a folder, as in other studies
_BYTES = 140_000  # of their picture
_DONE = 'which_model.json'
_ENDING = {'built-in': '', 'folder': '_folder'}


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
  train: bool = True,
  workdir: str = '',
  results: str = 'docs/results/which_model.json',
  output: str = 'docs/which_model.md',
) -> None:
  """Train and measure what is not yet measured; write the page.

  Args:
    plan: how.
    only: names of models; default: all.
    train: what is not trained yet; without it the page is written anew.
    workdir: folder of the runs of these pictures; default: one for those that
      are built in and one for a folder, below /tmp.
    results: JSON file of all figures, which is added to.
    output: the page; its pictures go beside it.
  """
  wanted = command.chosen('only', only, MODELS)
  file, page = pathlib.Path(results), pathlib.Path(output)
  known = json.loads(file.read_text('utf-8')) if file.exists() else {}
  if train:
    runs = pathlib.Path(workdir or f'/tmp/which_model{_ENDING[_part(plan)]}')
    for _ in _fill(known, plan, wanted, runs, page):
      write_atomic(file, json.dumps(known, indent=1, sort_keys=True) + '\n')
  text = which_model_page.page(known, tuple(MODELS), RECIPES)
  write_atomic(page, text.encode())
  print(output)


def _fill(
  known: dict[str, Any],
  plan: Plan,
  wanted: Sequence[str],
  workdir: pathlib.Path,
  page: pathlib.Path,
) -> Iterator[str]:
  """Add to what is known; yield after each thing that is new."""
  folders = {name: workdir / name.replace(' ', '_') for name in MODELS}
  found: dict[str, Any] = {n: kept(n, at, plan) for n, at in folders.items()}
  part = _part(plan)
  section = known.setdefault(part, {'rows': {}})
  section['plan'] = asked = described(plan)
  for name in MODELS:
    if found[name] is None and name in wanted:
      try:
        found[name] = measure(name, folders[name], plan)
      except (timed_run.Failed, core.UserError) as error:
        found[name] = {'failed': f'not made: {error}'}
    if found[name] is not None:
      print(name, found[name], flush=True)
      measured = 'kid' in section['rows'].get(name, {})
      if not (measured and 'failed' in found[name]):  # no figure is lost
        section['rows'][name] = {'plan': asked, **found[name]}
        yield name
  if shown := [n for n, row in found.items() if row and 'failed' not in row]:
    section['picture'] = _sheet(shown, folders, part, page)
    yield section['picture']


def _part(plan: Plan) -> str:
  """Return which part of the page is of these pictures."""
  return 'folder' if plan.data else 'built-in'


def described(plan: Plan) -> dict[str, Any]:
  """Return what the figures of a row are of, for people and for comparison."""
  fields = ('minutes', 'size', 'width', 'batch', 'num')
  return {
    'data': pathlib.Path(plan.data).name,
    'pictures': 'a folder' if plan.data else f'{plan.count} built-in paintings',
    'machine': f'{timed_run.processor()}, {len(os.sched_getaffinity(0))} '
    'core(s)',
    'version': VERSION,
    **{name: getattr(plan, name) for name in fields},
  }


def _sheet(
  names: list[str],
  folders: dict[str, pathlib.Path],
  part: str,
  page: pathlib.Path,
) -> str:
  """Write the samples of these models side by side; return the picture."""
  sheets = []
  for name in names:
    with np.load(folders[name] / 'shown.npz') as file:
      shown = captions.enlarge(images.grid(file['pictures'], 4), _SIDE)
    sheets.append(captions.titled(name, shown))
  rows = [sheets[i : i + _ACROSS] for i in range(0, len(sheets), _ACROSS)]
  rows[-1] += [np.full_like(sheets[0], 255)] * (_ACROSS - len(rows[-1]))
  sheet = np.concatenate([np.concatenate(row, axis=1) for row in rows])
  path = f'pictures/{page.stem}{_ENDING[part]}.jpg'
  (page.parent / path).parent.mkdir(parents=True, exist_ok=True)
  data = gather.as_jpeg(Image.fromarray(sheet), _BYTES)
  write_atomic(page.parent / path, data)
  return path


def measure(name: str, folder: pathlib.Path, plan: Plan) -> dict[str, float]:
  """Train and measure one model; training that was cut short goes on."""
  trained, log = folder / 'run', folder / 'train.log'
  _keep(name, folder, plan, None)
  left = plan.minutes - timed_run.trained(trained) / 60
  if left > 0:
    timed_run.art_jax(_training(name, trained, plan), log, left)
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
  rows = model.experiment.rows_per_step
  figures = {
    'kid': kid,
    'deviation': deviation,
    **_judged(real, samples),
    'recall': float(recall),
    'precision': float(precision),
    'copied': float(neighbors.memorized(apart, neighbors.Reference(x))),
    'steps': steps,
    'trained': rate * rows,
    'sampled': 4 * _SHOWN / sampled,
  }
  np.savez(folder / 'shown.npz', pictures=model.sample(_SHOWN))
  _keep(name, folder, plan, figures)
  return figures


def _keep(
  name: str,
  folder: pathlib.Path,
  plan: Plan,
  figures: dict[str, float] | None,
) -> None:
  """Note what a folder is of, and what was measured (None: nothing yet)."""
  folder.mkdir(parents=True, exist_ok=True)
  done = {'asked': _request(name, folder, plan), 'found': figures}
  write_atomic(folder / _DONE, json.dumps(done).encode())


def _judged(real: np.ndarray, samples: np.ndarray) -> dict[str, float]:
  """Return KID in SqueezeNet's features; nothing without its weights."""
  extractor, devices = features.get(_JUDGE), mesh.make_devices(1)
  try:
    weights = extractor.load()
  except core.UserError:
    return {}

  def points(rows):
    chosen = pictures.Pictures('', len(rows), lambda indices: rows[indices])
    return survey(chosen, extractor, weights, devices).features

  value, deviation = kid_metric.kid(
    points(real), points(samples), subsets=study.SUBSETS
  )
  return {f'kid/{_JUDGE}': value, f'deviation/{_JUDGE}': deviation}


def kept(name: str, folder: pathlib.Path, plan: Plan) -> dict | None:
  """Return what was measured before; None if nothing was.

  Raises:
    core.UserError: the folder is of other flags, measured or not.
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
  asked = [f'--minutes={plan.minutes:g}', f'--num={plan.num}', *training]
  return [f'version {VERSION}', *asked]


def _training(name: str, folder: pathlib.Path, plan: Plan) -> list[str]:
  algorithm = experiments.load(MODELS[name]).algorithm
  fitted = study.sized(algorithm, plan.size, plan.width)
  own = [change for change in fitted if '.width=' not in change]
  changes = [
    *(own if name in RECIPES else [*fitted, f'train.batch_size={plan.batch}']),
    # No schedule is stretched to a duration that is not reached.
    'train.duration=10000000',
    'train.rescale=false',
    'train.log_every=20',  # of a run that goes on, the time counts from a row
    'train.render_every=10000000',
    'train.checkpoint_every=500',
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
    *([f'--data={plan.data}', _HELDOUT] if plan.data else []),
    *(f'--set={change}' for change in changes),
  ]


if __name__ == '__main__':
  command.run(main)
