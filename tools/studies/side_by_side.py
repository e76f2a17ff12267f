"""Compares the samples of runs with each other and with their data.

  python -m tools.studies.side_by_side runs/dcgan_japanese_v1 \
    runs/dcgan_paintings

For each run: KID on pixels32 against the training pictures of the first, its
deviation over subsets, and diversity, the mean pixel distance of two samples
over that of the data (a collapse is near 0). The picture shows training
pictures and the samples of each run, from left to right.
"""

import pathlib

import numpy as np

from art_jax.inference import run
from art_jax.media import images
from tools import command
from tools.studies import study

_SHOWN = 24


def main(
  runs: tuple[str, ...],
  *,
  num: command.Count = 500,
  seed: int = 0,
  checkpoint: str = 'latest',
  output: str = 'side_by_side.png',
) -> None:
  """Print the table and write the picture.

  Args:
    runs: folders that training wrote.
    num: samples of each.
    seed: of the samples.
    checkpoint: step, 'latest' or 'best'.
    output: the picture.
  """
  models = [run.load(folder, checkpoint) for folder in runs]
  data = models[0].experiment.data
  real = study.read(data.source.open(data).train, data.size)
  shown, figures = [real], {}
  for folder, model in zip(runs, models, strict=True):
    cell = study.Trained(model, real, real, num, seed)
    fake = cell.samples()
    figures[f'{pathlib.Path(folder).name}, step {model.step}'] = [
      {**cell.kid(fake), 'diversity': cell.diversity(fake)}
    ]
    shown.append(fake)
  print(study.table(figures))
  count = min(_SHOWN, *map(len, shown))
  grids = [images.grid(rows[:count], 4) for rows in shown]
  images.save_png(output, np.concatenate(grids, axis=1))
  print(output)


if __name__ == '__main__':
  command.run(main)
