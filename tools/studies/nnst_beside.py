"""Compares NNST with Gatys, W2 and MRF at equal computing time.

  ART_JAX_ASSETS=FOLDER python -m tools.studies.nnst_beside \
    --content=photos --style=paintings --output=pictures

Paints every content like every style at the same size with `style_transfer`,
the same with `WassersteinStyle`, `style_transfer_mrf` and
`style_transfer_nnst`. Each method takes as many steps as fit into the same
processor seconds, compiling left out: a few steps at each of its scales are
timed first. Style distance is measured in a network that none of them uses:
over the fire outputs of SqueezeNet, the sum of |G - A|^2 / |A|^2 of the Gram
matrices of picture and style. Results are kept in `results`, picture by
picture: the same command continues.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.core.paths import write_atomic
from art_jax.data import decode
from art_jax.media import images
from art_jax.nn import pure, squeezenet
from art_jax.style_transfer import optimize
from art_jax.style_transfer.task import Task, painter_of, scales
from art_jax.weights import features as feature_weights
from tools import command

_FIRES = tuple(f'features.{i}' for i in (3, 4, 6, 7, 9, 10, 11, 12))
_METHODS = {
  'gatys': ('style_transfer', ()),
  'w2': (
    'style_transfer',
    ('algorithm.style_loss=WassersteinStyle()',),
  ),
  'mrf': ('style_transfer_mrf', ()),
  'nnst': ('style_transfer_nnst', ()),
}
_TIMED = 3  # steps of each scale


@dataclasses.dataclass(frozen=True)
class Settings:
  """How each picture is painted.

  Attributes:
    size: longest side.
    seconds: of the processor, for each picture, over all its cores.
  """

  size: command.Count = 256
  seconds: command.Count = 120


def main(
  settings: Settings,
  *,
  content: str,
  style: str,
  output: str,
  contents: tuple[str, ...] = ('astronaut', 'chelsea', 'coffee', 'rocket'),
  styles: tuple[str, ...] = (
    'starry_night',
    'the_scream',
    'great_wave',
    'composition_vii',
  ),
  methods: tuple[str, ...] = tuple(_METHODS),
  network: str = 'squeezenet1_1',
  results: str = 'docs/results/nnst_beside.json',
) -> None:
  """Paint and measure what is missing, and print the table.

  Args:
    settings: of each picture.
    content: folder of the photos.
    style: folder of the paintings.
    output: folder of the pictures.
    contents: names of the photos, without the ending.
    styles: names of the paintings, without the ending.
    methods: of gatys, w2, mrf and nnst.
    network: weights of SqueezeNet.
    results: the file that keeps the figures.
  """
  path, folder = pathlib.Path(results), pathlib.Path(output)
  folder.mkdir(parents=True, exist_ok=True)
  rows = json.loads(path.read_text()) if path.exists() else {}
  steps: dict[tuple, int] = {}
  for photo, painting in ((c, s) for c in contents for s in styles):
    task = Task(_read(content, photo), (_read(style, painting),))
    distance = style_distance(network, task.styles[0], settings.size)
    for method in methods:
      name = f'{photo}/{painting}/{method}'
      if _kept(rows, name, settings):
        continue
      experiment = _experiment(method, settings.size, task)
      shape = method, task.content.size, task.styles[0].size
      if shape not in steps:
        steps[shape] = _steps(experiment, task, settings.seconds)
      picture = _paint(experiment, task, steps[shape])
      images.save_png(folder / f'{name.replace("/", "_")}.png', picture)
      rows[name] = {
        **dataclasses.asdict(settings),
        'steps': steps[shape],
        'distance': distance(picture),
      }
      print(name, rows[name], flush=True)
      path.parent.mkdir(parents=True, exist_ok=True)
      write_atomic(path, json.dumps(rows, indent=1, sort_keys=True) + '\n')
  _print(rows, contents, styles, methods)


def _kept(rows: dict[str, Any], name: str, settings: Settings) -> bool:
  wanted = dataclasses.asdict(settings)
  return name in rows and wanted.items() <= rows[name].items()


def _read(folder: str, name: str) -> Image.Image:
  path = next(iter(sorted(pathlib.Path(folder).glob(f'{name}.*'))), None)
  core.require(path, f'{folder}: there is no picture {name!r}; name one of it')
  return decode.picture(path).convert('RGB')


def _experiment(method: str, size: int, task: Task) -> core.Experiment:
  """Return the experiment; W2 with Gram's style loss at the start."""
  name, changes = _METHODS[method]
  experiment = experiments.override(
    experiments.load(name), [f'data.size={size}', *changes]
  )
  if method == 'w2':
    gram, own = (
      _first(experiments.override(one, ['algorithm.coarse_size=0']), task)
      for one in (_experiment('gatys', size, task), experiment)
    )
    weight = 100 * gram / own
    experiment = experiments.override(
      experiment, [f'algorithm.style_weights={(weight,) * 5}']
    )
  return experiment


def _first(experiment: core.Experiment, task: Task) -> float:
  """Return the style loss of the photo."""
  losses = []
  _run(experiment, task, 1, lambda _, m, p: losses.append(m['loss/style']))
  return float(losses[0])


def _steps(experiment: core.Experiment, task: Task, seconds: int) -> int:
  """Return how many steps of every scale take so many processor seconds."""
  marks: list[float] = []

  def mark(number, metrics, picture):
    jax.block_until_ready(metrics)
    marks.append(time.process_time())

  _run(experiment, task, _TIMED, mark)
  count = len(scales(painter_of(experiment), experiment.data.size))
  taken = np.diff(np.reshape(marks, (count, _TIMED)), axis=1).mean(1)
  return max(round(seconds / taken.sum()), 1)


def _paint(experiment: core.Experiment, task: Task, steps: int) -> np.ndarray:
  return _run(experiment, task, steps, None)


def _run(experiment, task: Task, steps: int, report) -> np.ndarray:
  changed = experiments.override(experiment, [f'train.duration={steps}'])
  changed = experiments.resolve(changed, num_examples=1)
  return optimize.paint(changed, task, report=report)


def style_distance(
  network: str, painting: Image.Image, size: int
) -> Callable[[np.ndarray], float]:
  """Return the function from a picture to its distance to the painting."""
  module = squeezenet.SqueezeNet()
  variables = feature_weights.load(module, network, _FIRES)

  @jax.jit
  def grams(pixels):
    layers = pure.apply(module, variables, pixels, _FIRES)
    return [
      jnp.einsum('bhwi,bhwj->ij', x, x) / (x.shape[1] * x.shape[2])
      for x in layers.values()
    ]

  shape = images.shape_of(painting, size, 1, both=True)
  wanted = grams(images.resized(painting, shape)[None])

  def distance(picture):
    own = grams(images.from_uint8(picture)[None])
    return sum(
      float(jnp.sum((g - a) ** 2) / jnp.sum(a**2))
      for g, a in zip(own, wanted, strict=True)
    )

  return distance


def _print(rows, contents, styles, methods) -> None:
  print('| content | style | ' + ' | '.join(methods) + ' |')
  print('|---' * (2 + len(methods)) + '|')
  for photo, painting in ((c, s) for c in contents for s in styles):
    cells = [rows.get(f'{photo}/{painting}/{m}') for m in methods]
    numbers = [f'{c["distance"]:.3f}' if c else '' for c in cells]
    print(f'| {photo} | {painting} | ' + ' | '.join(numbers) + ' |')


if __name__ == '__main__':
  command.run(main)
