"""Measures how much of a face survives: Gram matrices against MRF and NNST.

  python -m tools.studies.face_kept --content=portrait.png \
    --style=painting.jpg --box=0.12,0.34,0.38,0.56 --output=faces.png

Paints the portrait with `style_transfer` at several content weights, from noise
(the paper) and from the photo, with `style_transfer_mrf` and, with
--nnst_weights=0.5, with `style_transfer_nnst`, and measures
every few steps, in one network, how far the picture is from the painting (the
squared differences of Gram matrices over the painting's own, summed over the
five layers of `style_transfer`) and how far from the photo inside the face
(relu4_2 of the box, over the photo's own). Prints both, and for each MRF or
NNST picture the ratio to the Gram pictures at the same Gram distance, or to the
nearest one if none comes so near.
"""

import collections
import dataclasses
import functools
import io
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.config import experiments
from art_jax.core.paths import write_atomic
from art_jax.data import decode, paintings
from art_jax.media import images
from art_jax.style_transfer import optimize
from art_jax.style_transfer.task import Task
from tools import command

_LAYER = 'relu4_2'


@dataclasses.dataclass(frozen=True)
class Settings:
  """How each picture is painted.

  Attributes:
    size: longest side.
    steps: at each scale.
    every: steps between measurements.
  """

  size: command.Count = 256
  steps: command.Count = 60
  every: command.Count = 10


def main(
  settings: Settings,
  *,
  content: str,
  style: str,
  box: tuple[float, ...] = (0, 0, 1, 1),
  output: str = '',
  workdir: str = '',
  weights: tuple[str, ...] = ('5', '50', '500'),
  mrf_weights: tuple[str, ...] = ('1',),
  nnst_weights: tuple[str, ...] = (),
  starts: tuple[str, ...] = ('noise', 'content'),
) -> None:
  """Paint, measure, print.

  Args:
    settings: of each picture.
    content: a portrait.
    style: a painting.
    box: of the face: top,left,bottom,right in [0, 1]; default: all.
    output: a sheet of the last pictures (PNG).
    workdir: folder that keeps what is painted and measured: the same command
      continues.
    weights: content weights of Gram.
    mrf_weights: content weights of the MRF.
    nnst_weights: content weights of NNST.
    starts: of Gram.
  """
  photo, painting = (
    decode.picture(path).convert('RGB') for path in (content, style)
  )
  task = Task(photo, (painting,))
  measure = _measure(task, settings.size, box)
  curves, made = collections.defaultdict(list), []
  for name, weight, start in (
    *(('style_transfer', w, s) for s in starts for w in weights),
    *(('style_transfer_mrf', w, '') for w in mrf_weights),
    *(('style_transfer_nnst', w, '') for w in nnst_weights),
  ):
    paint = functools.partial(
      _paint, name, weight, start, task, measure, settings
    )
    rows, picture = _kept(workdir, f'{name}_{weight}_{start}', paint)
    curves[start or name] += rows
    made.append(picture)
  for start in starts:
    distances, faces = np.array(sorted(curves[start])).T
    best = np.minimum.accumulate(faces)  # least change for this distance
    for name in ('style_transfer_mrf', 'style_transfer_nnst'):
      for distance, face in curves[name]:
        if distance > distances[-1]:
          continue
        # The first value of `best` where Gram never comes so near.
        same = np.interp(np.log(distance), np.log(distances), best)
        nearest = f' at its nearest, {distances[0]:.4g}'
        print(
          f'at Gram {distance:.4g}: face {face:.4g}, {face / same:.2f} of '
          f'Gram from {start}{nearest * bool(distance < distances[0])} ({name})'
        )
  if output:
    images.save_png(output, images.grid(np.stack(made), len(made)))


def _kept(workdir: str, name: str, paint):
  """Return what is kept below this name, or paint and keep it."""
  path = pathlib.Path(workdir, f'{name}.npz')
  if not workdir or not path.exists():
    rows, picture = paint()
    if workdir:
      path.parent.mkdir(parents=True, exist_ok=True)
      data = io.BytesIO()
      np.savez(data, rows=np.array(rows), picture=picture)
      write_atomic(path, data.getvalue())
    return rows, picture
  with np.load(path) as file:
    return [tuple(row) for row in file['rows'].tolist()], file['picture']


def _paint(name, weight, start, task, measure, settings: Settings):
  """Return [(Gram distance, face distance)] and the last picture."""
  # As the defaults of MRF and NNST.
  parts = {'style_transfer_mrf': 2**0.5, 'style_transfer_nnst': 4}
  coarse = round(settings.size / parts[name]) if name in parts else 0
  changes = [
    f'data.size={settings.size}',
    f'train.duration={settings.steps}',
    f'algorithm.coarse_size={coarse}',
    f'algorithm.content_weight={weight}',
    *([f'algorithm.start={start}'] if start else []),
  ]
  experiment = experiments.override(experiments.load(name), changes)
  rows = []

  def report(step, _, picture):
    if step % min(settings.every, settings.steps):
      return
    made = picture()
    if max(made.shape) == settings.size:  # not of a coarser scale
      gram, face = measure(made)
      rows.append((gram, face))
      print(f'{name} {weight} {start} {step} {gram:.4g} {face:.4g}', flush=True)

  return rows, optimize.paint(experiment, task, report=report)


def _measure(
  task: Task, size: int, box: tuple[float, ...]
) -> Callable[[np.ndarray], tuple[float, float]]:
  """Return the function picture -> (Gram distance, face distance)."""
  algorithm: Any = experiments.override(
    experiments.load('style_transfer'),
    ['algorithm.content_weight=0', 'algorithm.tv_weight=0'],
  ).algorithm
  variables = jax.tree.map(
    jnp.asarray, core.pretrained(algorithm, paintings.read)
  )
  content, style = (
    images.resized(image, images.shape_of(image, size, 1, both=True))[None]
    for image in (task.content, task.styles[0])
  )
  targets = algorithm.targets(variables, content, (style,))
  top, left, bottom, right = box

  @jax.jit
  def distances(x):
    sums = algorithm.sums(variables, x, targets)['styles'][0]
    own = {name: one['gram'] / one['count'] for name, one in sums.items()}
    gram = sum(
      jnp.sum((own[name] - painted) ** 2) / jnp.sum(painted**2)
      for name, painted in targets.styles[0].items()
    )
    layer = algorithm.features.apply(variables, x, (_LAYER,))[_LAYER]
    h, w = layer.shape[1:3]
    face = ((layer - targets.content[_LAYER]) ** 2)[
      :, int(top * h) : int(bottom * h), int(left * w) : int(right * w)
    ]
    return gram, face.mean() / jnp.mean(targets.content[_LAYER] ** 2)

  return lambda picture: tuple(
    map(float, distances(images.from_uint8(picture)[None]))
  )


if __name__ == '__main__':
  command.run(main)
