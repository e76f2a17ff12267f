"""Says whether a trained GAN draws the classes asked for, and varies them.

  python -m tools.studies.class_agreement runs/cdcgan_mnist
  python -m tools.studies.class_agreement runs/acgan_wikiart --per_class=200
  python -m tools.studies.class_agreement RUN --set algorithm.guidance=2

A small classifier learns the run's own labeled pictures (once; it is cached)
and names the class of every sample. Of a GAN without classes the shares of the
classes in its samples are printed instead, by a classifier trained on --data.
Diversity is the mean distance of two samples of one class over that of two
held-out pictures of this class: in the classifier's features, and in pixels.
"""

from collections.abc import Sequence

import numpy as np

from art_jax import core
from art_jax.cli import options
from art_jax.evaluation import classifier, pictures
from art_jax.inference import run as runs
from art_jax.media import images
from tools import command
from tools.studies import study

_HELDOUT = 5000


def read(
  examples, size: int, limit: int
) -> tuple[np.ndarray, np.ndarray | None]:
  """Return (u8 pictures, labels) of `limit` examples, evenly chosen."""
  count = len(examples)
  chosen = np.unique(np.linspace(0, count - 1, min(limit, count)).astype(int))
  space = pictures.of_examples(
    'labeled', examples.subset(chosen), 'image', size
  )
  return space.read(np.arange(space.count)), space.labels


def main(
  run: str,
  *,
  data: str = '',
  checkpoint: str = 'latest',
  per_class: command.Count = 100,
  steps: command.Count = 1200,
  limit: command.Count = 20000,
  seed: int = 0,
  set_: Sequence[str] = (),
  output: str = '',
) -> None:
  """Print the figures and write the grid.

  Args:
    run: the folder that training wrote.
    data: other labeled pictures to learn from; default: those of the run.
    checkpoint: step, 'latest' or 'best'.
    per_class: samples of each class.
    steps: of the classifier.
    limit: training pictures that are read.
    seed: of the latents.
    set_: FIELD=VALUE of a trained model in use, such as algorithm.guidance=2.
    output: folder of the grid; default: the run.
  """
  model = options.in_use(runs.load(run, checkpoint), set_)
  conditional = bool(core.num_classes(model.algorithm))
  fields = model.experiment.data
  dataset = study.opened(fields, data, ('image', 'label'))
  names = dataset.class_names
  core.require(
    names,
    'the pictures of the run have no classes; pass labeled ones with --data',
  )
  train, train_labels = read(dataset.train[0], fields.size, limit)
  held, truth = read(dataset.heldout[0], fields.size, _HELDOUT)
  network = classifier.Classifier(len(names))
  weights = classifier.fit_once(
    network, train, train_labels, steps=steps, flip=fields.flip
  )
  predicted, real = classifier.predict(network, weights, held)
  print(
    f'classifier: {(predicted == truth).mean():.2%} of {len(held)} held-out '
    f'pictures (trained on {len(train)})'
  )
  # In the order 0, 1, ..., K-1, 0, ...
  wanted = np.tile(np.arange(len(names)), per_class)
  asked = range(len(names)) if conditional else None
  made = model.sample(len(wanted), labels=asked, seed=seed)
  predicted, fake = classifier.predict(network, weights, made)
  # Of small sets the training pictures are the better measure of variety.
  if len(held) < 100 * len(names):
    held, truth = train, train_labels
    real = classifier.predict(network, weights, held)[1]
  groups = wanted if conditional else predicted
  ratios = {
    name: classifier.spread_by_class(a, groups, len(names))
    / classifier.spread_by_class(b, truth, len(names))
    for name, a, b in (('features', fake, real), ('pixels', made, held))
  }
  print(f'step {model.step}, {len(made)} samples, by class:')
  print_classes(names, wanted if conditional else None, predicted, ratios)
  path = f'{output or run}/class_agreement.png'
  images.save_png(path, images.grid(made[: 10 * len(names)], len(names)))
  print(path)


def print_classes(names, wanted, predicted, ratios) -> None:
  """Print a line for each class and one for all.

  Args:
    names: of the classes.
    wanted: i32[N], classes asked for; None of a model without classes.
    predicted: i64[N], classes that the classifier names.
    ratios: by space, the diversity of each class, f64[K].
  """
  shares = np.bincount(predicted, minlength=len(names)) / len(predicted)
  right = None if wanted is None else predicted == wanted
  for c, name in enumerate(names):
    agreed = (
      '' if right is None else f'agreement {right[wanted == c].mean():6.1%}  '
    )
    print(
      f'  {name:14} {agreed}share {shares[c]:6.1%}  '
      f'diversity {ratios["features"][c]:.2f} features '
      f'{ratios["pixels"][c]:.2f} pixels'
    )
  agreed = '' if right is None else f'agreement {right.mean():.1%}, '
  print(
    f'all: {agreed}classes present {(shares > 0).sum()}, diversity '
    f'{np.nanmean(ratios["features"]):.2f} features '
    f'{np.nanmean(ratios["pixels"]):.2f} pixels'
  )


if __name__ == '__main__':
  command.run(main)
