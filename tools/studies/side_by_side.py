"""Compares the samples of two runs with each other and with their data.

  python -m tools.studies.side_by_side runs/dcgan_japanese_v1 \
    runs/dcgan_paintings

For each run: KID on pixels32 against the training pictures of the first, its
deviation over subsets, and diversity, the mean pixel distance of two samples
over that of the data (a collapse is near 0). The picture shows training
pictures and the samples of each run, from left to right.
"""

import argparse
import pathlib

import numpy as np

from art_jax import core
from art_jax.inference import run
from art_jax.media import images
from tools.studies import study

_SHOWN = 24


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('runs', nargs='+', help='folders that training wrote')
  parser.add_argument('--num', type=int, default=500, help='samples of each')
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', default='side_by_side.png')
  flags = parser.parse_args()
  try:
    models = [run.load(folder) for folder in flags.runs]
    data = models[0].experiment.data
    dataset = data.source.open(data)
  except core.UserError as error:
    parser.exit(2, f'error: {error}\n')
  real = study.pictures_of(dataset.train[0], data.size)
  shown, found = [real], {}
  for folder, model in zip(flags.runs, models, strict=True):
    cell = study.Trained(model, folder, real, real, flags.num, flags.seed)
    fake = cell.samples()
    kid, deviation = study.distance(real, fake)
    found[f'{pathlib.Path(folder).name}, step {model.step}'] = [
      {
        'kid': kid,
        'kid deviation': deviation,
        'diversity': study.diversity(real[: flags.num], fake),
      }
    ]
    shown.append(fake)
  print(study.table(found))
  grids = [images.grid(rows[:_SHOWN], 4) for rows in shown]
  images.save_png(flags.output, np.concatenate(grids, axis=1))
  print(flags.output)


if __name__ == '__main__':
  main()
