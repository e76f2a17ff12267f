"""Scores translations of facades: labels by class, photos by LPIPS.

  python -m tools.studies.facades runs/pix2pix_facades
  python -m tools.studies.facades runs/cyclegan_facades --direction=ab --lpips

Direction ab turns photos into label maps. Both the translation and the truth
are snapped to the nearest of the 12 colors of the CMP palette, then compared
pixel by pixel: accuracy, and intersection over union, averaged over the classes
that occur. The commonest class of the training labels is the baseline. ba turns
labels into photos; --lpips adds LPIPS (SqueezeNet 1.1) to the true ones; its
weights are found as for `art_jax evaluate`. A grid shows translations left,
truth right.
"""

import functools
import pathlib
from typing import Literal

import numpy as np

from art_jax import core
from art_jax.inference import run as runs
from art_jax.media import images
from art_jax.metrics import lpips as lpips_metric
from tools import command
from tools.studies import study

# Background, facade, window, door, cornice, sill, balcony, blind, deco,
# molding, pillar, shop (Tylecek & Sara 2013): the 12 commonest colors of the
# label maps in the set that pix2pix used.
PALETTE = np.array(
  [
    (0, 0, 222),
    (0, 48, 255),
    (0, 128, 255),
    (0, 207, 255),
    (32, 255, 224),
    (112, 255, 143),
    (192, 255, 63),
    (255, 240, 0),
    (255, 159, 0),
    (255, 80, 0),
    (255, 0, 0),
    (174, 0, 0),
  ]
)


def snap(pictures: np.ndarray) -> np.ndarray:
  """Return the class i64[...] of u8[..., 3], that of the nearest color."""
  differences = pictures[..., None, :].astype(np.int64) - PALETTE
  return np.square(differences).sum(axis=-1).argmin(axis=-1)


def agreement(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
  """Return per-pixel accuracy and mean IoU over the classes of either."""
  counts = np.zeros((len(PALETTE), len(PALETTE)))
  np.add.at(counts, (truth.ravel(), predicted.ravel()), 1)
  hits = np.diag(counts)
  union = counts.sum(axis=0) + counts.sum(axis=1) - hits
  seen = union > 0
  return hits.sum() / counts.sum(), float((hits[seen] / union[seen]).mean())


def main(
  run: str,
  *,
  data: str = '',
  direction: Literal['ab', 'ba'] | None = None,
  checkpoint: str = 'latest',
  lpips: bool = False,
  seed: int = 0,
) -> None:
  """Print the figures and write the grid.

  Args:
    run: the folder that training wrote.
    data: pairs to score on; default: those of the run.
    direction: default: the first of the model.
    checkpoint: step, 'latest' or 'best'.
    lpips: of direction ba, add LPIPS to the true photos.
    seed: of the translation.
  """
  model = runs.load(run, checkpoint)
  algorithm = study.needs(model, core.Translator, 'CycleGAN or pix2pix')
  fields = model.experiment.data
  dataset = study.opened(fields, data, ('a', 'b'), aligned=True)
  chosen = direction or algorithm.directions[0]
  read = functools.partial(study.read, size=fields.size, limit=None)
  given, truth = (read(dataset.heldout, key=key) for key in chosen)
  made = np.concatenate(
    [model.translate(row[None], chosen, seed=seed) for row in given]
  )
  print(f'step {model.step}, {chosen}, {len(made)} held-out pictures')
  if chosen == 'ab':
    labels = snap(read(dataset.train, key='b'))
    common = np.bincount(labels.ravel()).argmax()
    for name, predicted in {
      'translation': snap(made),
      'commonest class': np.full(truth.shape[:3], common),
    }.items():
      accuracy, iou = agreement(predicted, snap(truth))
      print(f'{name}: accuracy {accuracy:.1%}, mean IoU {iou:.3f}')
  elif lpips:
    distance = lpips_metric.load('squeeze')
    fake, real = (images.from_uint8(rows) for rows in (made, truth))
    values = np.asarray(distance(fake, real))
    # What a photo of another facade scores.
    other = np.asarray(distance(real, np.roll(real, 1, axis=0)))
    print(
      f'LPIPS-squeeze: {values.mean():.3f} +- '
      f'{values.std() / np.sqrt(len(values)):.3f}; of another photo '
      f'{other.mean():.3f}'
    )
  rows = np.stack([made, truth], axis=1)[:8].reshape(-1, *made.shape[1:])
  path = pathlib.Path(run) / f'facades_{chosen}.png'
  images.save_png(path, images.grid(rows, 4))
  print(path)


if __name__ == '__main__':
  command.run(main)
