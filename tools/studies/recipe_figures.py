"""Measures the end of runs on a folder of pictures: the figures of recipes.

  python -m tools.studies.recipe_figures runs/A runs/B

For each checkpoint of the last quarter of a run that `train.keep_every` keeps:
samples compared with the pictures that the run kept aside and with those that
it trained on, in two feature spaces; then mean and deviation over them. A
single checkpoint says little, since GANs go up and down. What is measured is
kept in --output, so the same command continues, and a run that has trained on
gets what is missing. Of a run in progress nothing is changed.

Rows: KID over all pairs, `heldout` or `train` being what it
is compared with; recall and coverage with 3 neighbors, in SqueezeNet's
features; `copied`, the share of samples that are copies of training pictures
as docs/which_model.md defines it; and the alarms that the run has fired.
"""

import json
import pathlib
from typing import Any

import numpy as np

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.devices import mesh
from art_jax.evaluation import pictures
from art_jax.evaluation.survey import survey
from art_jax.inference import run as runs
from art_jax.metrics import distances, features, kid, precision_recall
from art_jax.monitoring import neighbors
from art_jax.runs import alarm_event, metrics_log, metrics_rows
from art_jax.runs.checkpoints import Checkpoints
from art_jax.runs.folder import RunFolder
from tools import command
from tools.studies import study

_NEIGHBORS = 3
_RECALL_IN = 'squeezenet'
_TRAIN = 1000  # training pictures that samples are compared with, at most


def main(
  run: tuple[str, ...],
  *,
  num: command.Count = 500,
  judges: tuple[str, ...] = ('squeezenet', 'vgg16'),
  output: str = 'docs/results/recipe_figures.json',
) -> None:
  """Measure what is not measured yet; print a table.

  Args:
    run: folders that training wrote.
    num: samples of each checkpoint.
    judges: feature extractors that KID is measured in.
    output: JSON file of all figures, which is added to.
  """
  judges = tuple(command.chosen('judges', judges, features.NAMES))
  every = _read(output)
  for folder in run:
    name = pathlib.Path(folder).resolve().name
    entry = _entry(every, name, folder, num, output)
    steps = last_quarter(folder)
    for step in steps:
      row = entry['steps'].setdefault(str(step), {})
      for what, function in _missing(row, folder, step, num, judges):
        row |= function()
        print(name, step, what, flush=True)
        _write(output, every)
    entry['alarms'] = alarms(folder)
    # Earlier ones, of when the run was shorter, stay in the file alone.
    rows = {str(step): entry['steps'][str(step)] for step in steps}
    entry['summary'] = summary(list(rows.values()))
    _write(output, every)
    print(
      f'{name}: alarms {entry["alarms"]}\n\n{_table(rows, entry["summary"])}',
      flush=True,
    )


def last_quarter(folder: str) -> list[int]:
  """Return the kept steps of a run beyond three quarters of its newest.

  Raises:
    core.UserError: there are none that `train.keep_every` keeps.
  """
  experiment = _experiment(folder)
  with Checkpoints(
    RunFolder(folder, writable=False).checkpoints, read_only=True
  ) as checkpoints:
    steps = checkpoints.steps()
  every, newest = experiment.train.keep_every, max(steps, default=0)
  kept = [s for s in steps if every and s % every == 0 and s > 0.75 * newest]
  core.require(
    kept,
    f'{folder} has no checkpoint of its last quarter that stays (steps '
    f'{", ".join(map(str, steps)) or "(none)"}, train.keep_every={every}); '
    'train with --set train.keep_every=N that is an eighth of the run',
  )
  return kept


def alarms(folder: str) -> list[str]:
  """Return the alarms that a run fired, as 'name at step N'."""
  path = RunFolder(folder, writable=False).path / metrics_log.ALARMS
  events = [alarm_event.from_row(row) for _, row in metrics_rows.parse(path)]
  return [f'{e.alarm} at step {e.step}' for e in events if e.begins]


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
  """Return mean and deviation over checkpoints of each figure."""
  names = dict.fromkeys(name for row in rows for name in row)
  values = {
    name: [row[name] for row in rows if name in row]
    for name in names
    if not name.endswith('_interval')
  }
  return {
    name: {
      'mean': float(np.mean(v)),
      'deviation': float(np.std(v, ddof=1)) if len(v) > 1 else 0.0,
      'checkpoints': len(v),
    }
    for name, v in values.items()
  }


class _Measured:
  """One checkpoint: its samples, made once and only if something needs them."""

  def __init__(self, folder: str, step: int, num: int):
    self.model = runs.load(folder, step)
    data = self.model.experiment.data
    self.parts = data.source.open(data)
    core.require(
      self.parts.heldout[0] is not self.parts.train[0],
      f'{folder} keeps no pictures aside (data.heldout={data.heldout:g}); '
      'train with --set data.heldout=0.1',
    )
    self.samples = self.model.sample(num)

  def real(self, part: str) -> pictures.Pictures:
    """Return the pictures of 'train' or 'heldout'."""
    spaces = self.parts.train if part == 'train' else self.parts.heldout
    size = self.model.experiment.data.size
    return pictures.of_examples(part, spaces[0], 'image', size, _TRAIN)

  def judged(self, judge: str) -> dict[str, Any]:
    """Return the figures in one space of features."""
    extractor = features.get(judge)
    weights, devices = extractor.load(), mesh.make_devices(1)

    def points(chosen, keep):
      return survey(chosen, extractor, weights, devices, keep=keep).features

    made = pictures.Pictures(
      'samples', len(self.samples), lambda indices: self.samples[indices]
    )
    fake, row = points(made, False), {}
    for part in ('heldout', 'train'):
      real = points(self.real(part), True)
      value, interval = kid.kid_of_all_pairs(real, fake)
      row[f'kid_{part}/{judge}'] = value
      row[f'kid_{part}/{judge}_interval'] = interval
      if judge == _RECALL_IN:
        _, recall = precision_recall.precision_recall(real, fake, _NEIGHBORS)
        _, coverage = precision_recall.density_coverage(real, fake, _NEIGHBORS)
        row |= {f'recall_{part}': recall, f'coverage_{part}': coverage}
    return row

  def copied(self) -> dict[str, Any]:
    """Return the share of copies, see `neighbors.memorized`."""
    train = self.real('train')
    real = study.features(train.read(np.arange(train.count)))
    apart = np.asarray(distances.pairwise(study.features(self.samples), real))
    share = neighbors.memorized(apart, neighbors.Reference(real))
    return {'copied': share}


def _missing(row, folder, step, num, judges):
  """Yield (name, function) of what a checkpoint lacks."""
  lacks = [j for j in judges if f'kid_train/{j}' not in row]
  if not lacks and 'copied' in row:
    return
  measured = _Measured(folder, step, num)
  if 'copied' not in row:
    yield 'copied', measured.copied
  for judge in lacks:
    yield judge, lambda judge=judge: measured.judged(judge)


def _entry(every, name, folder, num, output) -> dict[str, Any]:
  """Return the entry of a run, a new one if there is none."""
  experiment = _experiment(folder)
  request = {
    'algorithm': type(experiment.algorithm).__name__,
    'size': experiment.data.size,
    'seed': experiment.train.seed,
    'batch': experiment.train.batch_size,
    'num': num,
  }
  entry = every.setdefault(name, {'of': request, 'steps': {}})
  core.require(
    entry['of'] == request,
    f'{output} has figures of another run {name!r}, {entry["of"]}, and now it '
    f'is {request}; pass another --output',
  )
  return entry


def _experiment(folder: str) -> core.Experiment:
  experiment = RunFolder(folder, writable=False).read_config()
  if experiment is None:
    raise core.UserError(f'{folder} is no run: it has no config.txt')
  return experiment


def _table(steps: dict[str, Any], found: dict[str, Any]) -> str:
  rows = [
    [
      name,
      *(f'{row[name]:.4g}' if name in row else '' for row in steps.values()),
      f'{value["mean"]:.4g} +- {value["deviation"]:.2g}',
    ]
    for name, value in found.items()
  ]
  return command.table(['', *steps, 'mean +- deviation'], rows)


def _read(path: str) -> dict[str, Any]:
  if not pathlib.Path(path).exists():
    return {}
  return json.loads(pathlib.Path(path).read_text('utf-8'))


def _write(path: str, every: dict[str, Any]) -> None:
  write_atomic(path, f'{json.dumps(every, indent=2)}\n'.encode())


if __name__ == '__main__':
  command.run(main)
