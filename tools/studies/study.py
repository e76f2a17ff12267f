"""What the tables of tools/*_table.py share: cells, training, one table.

A cell is an experiment with some fields changed. Every cell is trained with
every seed, measured, and its figures are written beside the run, so that the
same command goes on where it was stopped.
"""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.core.paths import write_atomic
from art_jax.data import detect
from art_jax.evaluation import pictures
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import distances, kid, pixels32
from art_jax.training import loop

_ROWS = 100


@dataclasses.dataclass(frozen=True)
class Cell:
  """One row of a table.

  Attributes:
    name: of the row and of its run folders.
    experiment: name of the experiment it starts from.
    changes: 'path=value' of the fields that make the difference.
  """

  name: str
  experiment: str
  changes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
  """What a cell is measured by.

  Attributes:
    model: the trained model.
    folder: its run folder.
    train: u8[N, H, W, C], training pictures, 1,000 at most.
    heldout: the same of held-out pictures.
    num: samples to make.
    seed: of the samples.
  """

  model: run.Run
  folder: pathlib.Path
  train: np.ndarray
  heldout: np.ndarray
  num: int
  seed: int

  def samples(self, latents: jax.Array | None = None) -> np.ndarray:
    """Return u8[num, H, W, C] of the model's own latents, or of these."""
    algorithm, key = self.model.algorithm, jax.random.key(self.seed)
    if latents is None:
      latents = algorithm.latents(key, self.num)
    make = jax.jit(algorithm.generate)
    parts = [
      make(self.model.params, latents[i : i + _ROWS], key=key)
      for i in range(0, len(latents), _ROWS)
    ]
    return images.to_uint8(np.concatenate(parts))

  def rows(self) -> list[dict[str, float]]:
    """Return the rows of metrics.jsonl."""
    text = (self.folder / 'metrics.jsonl').read_text()
    return [json.loads(line) for line in text.splitlines()]


def distance(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
  """Return KID on pixels32 and its deviation over subsets."""
  return kid.kid(features(real), features(fake), subsets=30)


def features(rows: np.ndarray) -> np.ndarray:
  """Return f32[N, D], pixels32 of u8[N, H, W, C]."""
  apply = jax.jit(pixels32.features)
  return np.concatenate(
    [
      apply(images.from_uint8(rows[i : i + _ROWS]))
      for i in range(0, len(rows), _ROWS)
    ]
  )


def diversity(real: np.ndarray, fake: np.ndarray) -> float:
  """Return the mean pixel distance of two samples over that of the data."""

  def spread(rows):
    rows = rows.reshape(len(rows), -1).astype(np.float32)
    return distances.mean_pairwise(rows)

  return spread(fake) / spread(real)


def parser(doc: str, **defaults: Any) -> argparse.ArgumentParser:
  """Return a parser of the flags of every table, with these defaults."""
  new = argparse.ArgumentParser(description=doc.partition('\n')[0])
  texts = {
    'workdir': 'folder of the runs',
    'data': 'a folder; default: the built-in paintings',
    'count': 'number of built-in paintings',
    'seeds': 'number of seeds',
    'steps': 'updates of each cell',
    'batch': 'pictures of one update',
    'size': 'side of the pictures',
    'width': 'channels of the first layer of each network',
    'num': 'samples that are measured',
  }
  given = {'data': '', 'count': 1000, 'seeds': 1, 'batch': 64, 'size': 32}
  given |= {'width': 16, 'num': 500} | defaults
  for name, text in texts.items():
    value = given[name]
    new.add_argument(f'--{name}', type=type(value), default=value, help=text)
  return new


def measure(
  cells: Sequence[Cell],
  figures: Callable[[Trained], dict[str, float]],
  flags: argparse.Namespace,
) -> dict[str, list[dict[str, float]]]:
  """Train and measure what is not measured yet.

  Returns:
    By the name of the cell, its figures for every seed.
  """
  found = {cell.name: [] for cell in cells}
  for seed in range(flags.seeds):
    for cell in cells:
      folder = pathlib.Path(flags.workdir) / f'{cell.name}_{seed}'
      done = folder / 'figures.json'
      if not done.exists():
        values = figures(_train(cell, seed, folder, flags))
        write_atomic(done, json.dumps(values).encode())
      found[cell.name].append(json.loads(done.read_text()))
      print(cell.name, seed, found[cell.name][-1], flush=True)
  return found


def _train(cell, seed, folder, flags) -> Trained:
  experiment = experiments.load(cell.experiment)
  data = f"Builtin(layout='images', count={flags.count})"
  if flags.data:
    data = serialization.to_text(detect.parse(flags.data, ('image',), False)[0])
  networks = [
    name
    for name in ('generator', 'discriminator', 'encoder', 'decoder')
    if name in {x.name for x in dataclasses.fields(experiment.algorithm)}
  ]
  maker = 'generator' if 'generator' in networks else 'decoder'
  changes = [
    f'data.source={data}',
    f'data.size={flags.size}',
    f'algorithm.{maker}.size={flags.size}',
    *(f'algorithm.{name}.width={flags.width}' for name in networks),
    f'train.duration={flags.steps}',
    f'train.batch_size={flags.batch}',
    f'train.seed={seed}',
    'train.log_every=10',
    f'train.render_every={flags.steps}',
    f'train.checkpoint_every={flags.steps}',
    *cell.changes,
  ]
  experiment = experiments.override(experiment, changes)
  loop.train(experiment, folder)
  dataset = experiment.data.source.open(experiment.data)
  train, heldout = (
    pictures_of(space[0], flags.size)
    for space in (dataset.train, dataset.heldout)
  )
  return Trained(run.load(folder), folder, train, heldout, flags.num, seed)


def pictures_of(examples, size: int) -> np.ndarray:
  """Return u8[N, size, size, C], the first 1,000 pictures at most."""
  found = pictures.of_examples('data', examples, 'image', size).first(1000)
  return found.read(np.arange(found.count))


def table(found: dict[str, list[dict[str, float]]]) -> str:
  """Return a Markdown table: mean, and deviation over seeds if several."""
  names = list(next(iter(found.values()))[0])
  lines = ['| | ' + ' | '.join(names) + ' |', '|---' * (len(names) + 1) + '|']
  for cell, rows in found.items():
    shown = []
    for name in names:
      values = np.array([row[name] for row in rows], np.float64)
      text = f'{values.mean():.3g}'
      if len(values) > 1:
        text += f' +- {values.std(ddof=1):.2g}'
      shown.append(text)
    lines.append(f'| {cell} | ' + ' | '.join(shown) + ' |')
  return '\n'.join(lines)


def main(cells, figures, flags) -> dict[str, list[dict[str, float]]]:
  """Measure, and print the table and how it came about; return the figures."""
  try:
    found = measure(cells, figures, flags)
  except core.UserError as error:
    raise SystemExit(f'error: {error}') from error
  data = flags.data or f'{flags.count} built-in paintings'
  print(
    f'\n{data}, {flags.size} px, width {flags.width}, {flags.steps} steps of '
    f'{flags.batch}, {flags.seeds} seed(s), {flags.num} samples\n'
  )
  print(table(found))
  return found
