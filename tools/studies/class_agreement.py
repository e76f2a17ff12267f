"""Says whether a trained GAN draws the classes asked for, and varies them.

  python -m tools.studies.class_agreement runs/cdcgan_mnist
  python -m tools.studies.class_agreement runs/acgan_wikiart --per_class=200
  python -m tools.studies.class_agreement RUN --set algorithm.guidance=2

A small classifier learns the run's own labelled pictures (once; it is cached)
and names the class of every sample. Of a GAN without classes the shares of the
classes in its samples are told instead, by a classifier trained on --data.
Diversity is the mean distance of two samples of one class over that of two
held-out pictures of this class: in the classifier's features, and in pixels.
"""

import argparse
import dataclasses
import pathlib

import jax
import numpy as np

from art_jax import core
from art_jax.cli import options
from art_jax.data import detect
from art_jax.evaluation import classifier, pictures
from art_jax.inference import run
from art_jax.media import images


def read(examples, name, size, limit):
  """Return (u8 pictures, labels) of `limit` examples, evenly chosen."""
  chosen = np.unique(
    np.linspace(0, len(examples) - 1, min(limit, len(examples))).astype(int)
  )
  found = pictures.of_examples(name, examples.subset(chosen), 'image', size)
  return found.read(np.arange(found.count)), found.labels


def samples(model, labels, seed):
  """Return u8 samples, one a label; labels are used by conditional models."""
  algorithm, parts = model.algorithm, []
  make = jax.jit(algorithm.generate)
  conditional = bool(core.num_classes(algorithm))
  for first in range(0, len(labels), 100):
    key = jax.random.fold_in(jax.random.key(seed), first)
    given = labels[first : first + 100]
    z = algorithm.latents(key, len(given))
    made = make(model.params, z, given if conditional else None, key=key)
    parts.append(images.to_uint8(np.asarray(made)))
  return np.concatenate(parts), conditional


def report(model, data, flags):
  """Print the figures and write the grid."""
  dataset = data.source.open(data)
  names = dataset.class_names
  train, known = read(dataset.train[0], 'train', data.size, flags.limit)
  held, truth = read(dataset.heldout[0], 'held out', data.size, 5000)
  network = classifier.Classifier(len(names))
  weights = classifier.fit_once(
    network, train, known, steps=flags.steps, flip=data.flip
  )
  found, real = classifier.predict(network, weights, held)
  print(
    f'classifier: {(found == truth).mean():.2%} of {len(held)} held-out '
    f'pictures (trained on {len(train)})'
  )
  # In the order 0, 1, ..., K-1, 0, ...
  wanted = np.tile(np.arange(len(names), dtype=np.int32), flags.per_class)
  made, conditional = samples(model, wanted, flags.seed)
  said, fake = classifier.predict(network, weights, made)
  shares = np.bincount(said, minlength=len(names)) / len(said)
  groups = wanted if conditional else said
  # Of small sets the training pictures are the better measure of variety.
  if len(held) < 100 * len(names):
    held, truth = train, known
    real = classifier.predict(network, weights, held)[1]
  ratios = {
    name: classifier.spread_by_class(a, groups, len(names))
    / classifier.spread_by_class(b, truth, len(names))
    for name, a, b in (('features', fake, real), ('pixels', made, held))
  }
  print(f'step {model.step}, {len(made)} samples, by class:')
  for c, name in enumerate(names):
    hit = f'agreement {(said[wanted == c] == c).mean():6.1%}  '
    print(
      f'  {name:14} {hit if conditional else ""}share {shares[c]:6.1%}  '
      f'diversity {ratios["features"][c]:.2f} features '
      f'{ratios["pixels"][c]:.2f} pixels'
    )
  agreed = f'agreement {(said == wanted).mean():.1%}, ' if conditional else ''
  means = {name: np.nanmean(values) for name, values in ratios.items()}
  print(
    f'all: {agreed}classes present {(shares > 0).sum()}, diversity '
    f'{means["features"]:.2f} features {means["pixels"]:.2f} pixels'
  )
  path = pathlib.Path(flags.output or flags.run) / 'class_agreement.png'
  path.parent.mkdir(parents=True, exist_ok=True)
  images.save_png(path, images.grid(made[: 10 * len(names)], len(names)))
  print(path)


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('run', help='the folder that training wrote')
  parser.add_argument('--data', help='other labelled pictures to learn from')
  parser.add_argument('--checkpoint', default='latest')
  parser.add_argument('--per_class', type=int, default=100)
  parser.add_argument(
    '--steps', type=int, default=1200, help='of the classifier'
  )
  parser.add_argument('--limit', type=int, default=20000, help='pictures read')
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument(
    '--set',
    action='append',
    default=[],
    metavar='FIELD=VALUE',
    help='of a trained model in use, such as algorithm.guidance=2',
  )
  parser.add_argument('--output', help='folder of the grid; default: the run')
  flags = parser.parse_args()
  try:
    model = options.in_use(run.load(flags.run, flags.checkpoint), flags.set)
    if not isinstance(model.algorithm, core.Generative):
      raise core.UserError(f'{flags.run} makes no samples; pass a GAN or a VAE')
    data = model.experiment.data
    if flags.data:
      source, _ = detect.parse(flags.data, ('image', 'label'), False)
      data = dataclasses.replace(data, source=source)
    report(model, data, flags)
  except core.UserError as error:
    parser.exit(2, f'error: {error}\n')


if __name__ == '__main__':
  main()
