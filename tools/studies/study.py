"""What the studies share: trained cells, distances to the data, tables.

A cell is an experiment with some fields changed. Every cell is trained with
every seed and measured, and its figures are written beside the run, so that the
same command continues where it was stopped.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.core.paths import write_atomic
from art_jax.data import detect, sources
from art_jax.evaluation import pictures
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import distances, kid, pixels32
from art_jax.sampling import generate
from art_jax.training import loop
from tools import command

T = TypeVar('T')
SUBSETS = 30  # of KID
_ROWS = 100
_TIMES = 10  # that a cell is saved and probed
_MAKERS = ('generator', 'decoder', 'denoiser')
_NETWORKS = ('generator', 'discriminator', 'encoder', 'decoder', 'denoiser')


@dataclasses.dataclass(frozen=True)
class Sizes:
  """What models are trained on, and how large everything is.

  Attributes:
    data: a folder; default: the built-in paintings.
    count: number of built-in paintings.
    batch: pictures of one update.
    size: side of the pictures.
    width: channels of the first layer of each network.
    num: samples that are measured.
  """

  data: str = ''
  count: command.Count = 1000
  batch: command.Count = 64
  size: command.Count = 32
  width: command.Count = 16
  num: command.Count = 500


@dataclasses.dataclass(frozen=True)
class Settings(Sizes):
  """How the cells of a table are trained and measured.

  Attributes:
    workdir: folder of the runs; default: of the table, below /tmp.
    seeds: number of seeds.
    steps: updates of each cell; default: of the table.
    train: what is not trained yet; without it the table shows what there is.
  """

  workdir: str = ''
  seeds: command.Count = 1
  steps: int = 0
  train: bool = True


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
    train: u8[N, H, W, C], training pictures, 1,000 at most.
    heldout: the same of held-out pictures.
    num: samples to make.
    seed: of the samples.
  """

  model: run.Run
  train: np.ndarray
  heldout: np.ndarray
  num: int
  seed: int

  def samples(self, latents: np.ndarray | None = None) -> np.ndarray:
    """Return u8[num, H, W, C] of the model's own latents, or of these."""
    if latents is None:
      return self.model.sample(self.num, seed=self.seed)
    model = self.model
    return generate.generate_bytes(model.experiment, model.params, latents)

  def kid(self, samples: np.ndarray) -> dict[str, float]:
    """Return KID on pixels32 against the training pictures, two columns."""
    real, fake = features(self.train), features(samples)
    value, deviation = kid.kid(real, fake, subsets=SUBSETS)
    return {'kid': value, 'kid deviation': deviation}

  def diversity(self, samples: np.ndarray) -> float:
    """Return the diversity of samples over that of `num` pictures."""
    return diversity(self.train[: self.num], samples)


def needs(model: run.Run, kind: type[T], text: str) -> T:
  """Return the algorithm of a run, which is of this class or protocol.

  Raises:
    core.UserError: it is not; the text says of what a run is to be passed.
  """
  core.require(
    isinstance(model.algorithm, kind),
    f'{model.folder} holds a {type(model.algorithm).__name__}; pass a run of '
    f'{text}',
  )
  return model.algorithm


def opened(
  fields: core.Data, data: str, inputs: tuple[str, ...], aligned: bool = False
):
  """Return the data set of a run, or in its place that of --data."""
  source = detect.parse(data, inputs, aligned)[0] if data else fields.source
  return source.open(dataclasses.replace(fields, source=source))


def features(rows: np.ndarray) -> np.ndarray:
  """Return f32[N, D], pixels32 of u8[N, H, W, C]."""
  apply, starts = jax.jit(pixels32.features), range(0, len(rows), _ROWS)
  return np.concatenate(
    [apply(images.from_uint8(rows[i : i + _ROWS])) for i in starts]
  )


def diversity(real: np.ndarray, fake: np.ndarray) -> float:
  """Return the mean pixel distance of two samples over that of the data."""
  fake_spread, real_spread = (
    distances.mean_pairwise(rows.reshape(len(rows), -1).astype(np.float32))
    for rows in (fake, real)
  )
  return fake_spread / real_spread


def read(
  spaces: Sequence[Any], size: int, key: str = 'image', limit: int | None = 1000
) -> np.ndarray:
  """Return pictures of a part of a data set, u8[N, size, size, C].

  Args:
    spaces: `train` or `heldout` of the data set.
    size: side of the pictures.
    key: of the pictures; the first space that has it is read.
    limit: N at most, a fixed random subset; None: all.
  """
  examples = next(space for space in spaces if key in space.keys)
  chosen = pictures.of_examples(key, examples, key, size, limit)
  return chosen.read(np.arange(chosen.count))


def sized(algorithm: Any, size: int, width: int) -> list[str]:
  """Return the fields that fit a model to a size and a width of networks."""
  fields = {field.name for field in dataclasses.fields(algorithm)}
  return [
    f'data.size={size}',
    *(f'algorithm.{n}.size={size}' for n in _MAKERS if n in fields),
    *(f'algorithm.{n}.width={width}' for n in _NETWORKS if n in fields),
  ]


def measure(
  cells: Sequence[Cell],
  figures: Callable[[Trained], dict[str, float]],
  settings: Settings,
) -> dict[str, list[dict[str, float]]]:
  """Train and measure what is not measured yet; print the table.

  Returns:
    By the name of the cell, its figures for every seed.
  """
  results = {cell.name: [] for cell in cells}
  for seed in range(settings.seeds):
    for cell in cells:
      folder = pathlib.Path(settings.workdir) / f'{cell.name}_{seed}'
      done = folder / 'figures.json'
      if not done.exists():
        if not settings.train:
          continue
        values = figures(_train(cell, seed, folder, settings))
        write_atomic(done, json.dumps(values).encode())
      results[cell.name].append(json.loads(done.read_text()))
      print(cell.name, seed, results[cell.name][-1], flush=True)
  results = {name: seeds for name, seeds in results.items() if seeds}
  core.require(
    results, f'{settings.workdir} has no cell that is trained and measured'
  )
  data = settings.data or f'{settings.count} built-in paintings'
  print(
    f'\n{data}, {settings.size} px, width {settings.width}, {settings.steps} '
    f'steps of {settings.batch}, {settings.seeds} seed(s), {settings.num} '
    f'samples\n\n{table(results)}'
  )
  return results


def _train(
  cell: Cell, seed: int, folder: pathlib.Path, settings: Settings
) -> Trained:
  experiment = experiments.load(cell.experiment)
  source = sources.Builtin('images', count=settings.count)
  if settings.data:
    source, _ = detect.parse(settings.data, ('image',), False)
  often = max(settings.steps // _TIMES, 1)
  changes = [
    f'data.source={serialization.to_text(source)}',
    *sized(experiment.algorithm, settings.size, settings.width),
    f'train.duration={settings.steps}',
    f'train.batch_size={settings.batch}',
    f'train.seed={seed}',
    'train.log_every=10',
    f'train.render_every={often}',
    f'train.checkpoint_every={often}',
    *cell.changes,
  ]
  experiment = experiments.override(experiment, changes)
  loop.train(experiment, folder)
  dataset = experiment.data.source.open(experiment.data)
  train, heldout = (
    read(part, settings.size) for part in (dataset.train, dataset.heldout)
  )
  return Trained(run.load(folder), train, heldout, settings.num, seed)


def table(results: dict[str, list[dict[str, float]]]) -> str:
  """Return a Markdown table: mean, and deviation over seeds if several."""

  def shown(values):
    text = f'{np.mean(values):.3g}'
    return text + f' +- {np.std(values, ddof=1):.2g}' * (len(values) > 1)

  names = list(next(iter(results.values()))[0])
  rows = [
    [cell, *(shown([float(row[name]) for row in seeds]) for name in names)]
    for cell, seeds in results.items()
  ]
  return command.table(['', *names], rows)
