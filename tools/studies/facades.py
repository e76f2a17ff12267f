"""Scores translations of facades: labels by class, photos by LPIPS.

  python -m tools.studies.facades runs/pix2pix_facades
  python -m tools.studies.facades runs/cyclegan_facades --direction=ab --lpips

Direction ab turns photos into label maps. Both the translation and the truth
are snapped to the nearest of the 12 colours of the CMP palette, then compared
pixel by pixel: accuracy, and intersection over union, averaged over the classes
that occur. The commonest class of the training labels is the baseline. ba turns
labels into photos; --lpips adds LPIPS (SqueezeNet 1.1) to the true ones; its
weights are found as for --mode=evaluate. A grid shows translations left, truth
right.
"""

import argparse
import pathlib

import numpy as np

from art_jax import core
from art_jax.data import detect
from art_jax.evaluation import pictures
from art_jax.inference import run
from art_jax.media import images
from art_jax.metrics import lpips

# Background, facade, window, door, cornice, sill, balcony, blind, deco,
# molding, pillar, shop (Tylecek & Sara 2013): the 12 commonest colours of the
# label maps in the set that pix2pix used.
PALETTE = np.array(
  [
    *([0, 0, 222], [0, 48, 255], [0, 128, 255], [0, 207, 255], [32, 255, 224]),
    *([112, 255, 143], [192, 255, 63], [255, 240, 0], [255, 159, 0]),
    *([255, 80, 0], [255, 0, 0], [174, 0, 0]),
  ]
)


def snap(pictures: np.ndarray) -> np.ndarray:
  """Return the class i64[...] of u8[..., 3], that of the nearest colour."""
  differences = pictures[..., None, :].astype(np.int64) - PALETTE
  return np.square(differences).sum(axis=-1).argmin(axis=-1)


def agreement(said: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
  """Return per-pixel accuracy and mean IoU over the classes of either."""
  counts = np.zeros((len(PALETTE), len(PALETTE)))
  np.add.at(counts, (truth.ravel(), said.ravel()), 1)
  hits = np.diag(counts)
  union = counts.sum(axis=0) + counts.sum(axis=1) - hits
  seen = union > 0
  return hits.sum() / counts.sum(), float((hits[seen] / union[seen]).mean())


def _read(spaces, key, size):
  examples = next(space for space in spaces if key in space.keys)
  found = pictures.of_examples(key, examples, key, size)
  return found.read(np.arange(found.count))


def report(flags) -> None:
  """Print the figures and write the grid."""
  model = run.load(flags.run, flags.checkpoint)
  algorithm, data = model.algorithm, model.experiment.data
  if not isinstance(algorithm, core.Translator):
    raise core.UserError(f'{flags.run} translates nothing; pass such a run')
  source = data.source
  if flags.data:
    source, _ = detect.parse(flags.data, ('a', 'b'), True)
  dataset = source.open(data)
  direction = flags.direction or algorithm.directions[0]
  given, truth = (_read(dataset.heldout, key, data.size) for key in direction)
  made = np.concatenate(
    [model.translate(row[None], direction, seed=flags.seed) for row in given]
  )
  print(f'step {model.step}, {direction}, {len(made)} held-out pictures')
  if direction == 'ab':
    labels = snap(_read(dataset.train, 'b', data.size))
    common = np.bincount(labels.ravel(), minlength=len(PALETTE)).argmax()
    for name, said in (
      ('translation', snap(made)),
      ('commonest class', np.full(truth.shape[:3], common)),
    ):
      accuracy, iou = agreement(said, snap(truth))
      print(f'{name}: accuracy {accuracy:.1%}, mean IoU {iou:.3f}')
  elif flags.lpips:
    distance = lpips.load('squeeze')
    floats = [images.from_uint8(rows) for rows in (made, truth)]
    values = np.asarray(distance(*floats))
    # What a photo of another facade scores.
    other = np.asarray(distance(floats[1], np.roll(floats[1], 1, axis=0)))
    print(
      f'LPIPS-squeeze: {values.mean():.3f} +- '
      f'{values.std() / np.sqrt(len(values)):.3f}; of another photo '
      f'{other.mean():.3f}'
    )
  rows = np.stack([made, truth], axis=1)[:8].reshape(-1, *made.shape[1:])
  path = pathlib.Path(flags.run) / f'facades_{direction}.png'
  images.save_png(path, images.grid(rows, 4))
  print(path)


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('run', help='the folder that training wrote')
  parser.add_argument('--data', help='pairs to score on; default: of the run')
  parser.add_argument('--direction', choices=('ab', 'ba'))
  parser.add_argument('--checkpoint', default='latest')
  parser.add_argument('--lpips', action='store_true')
  parser.add_argument('--seed', type=int, default=0)
  flags = parser.parse_args()
  try:
    report(flags)
  except core.UserError as error:
    parser.exit(2, f'error: {error}\n')


if __name__ == '__main__':
  main()
