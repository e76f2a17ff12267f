"""Measures whether a GAN follows the palette and the category asked for.

  python -m tools.studies.attributes runs/cdcgan_attributes

Samples are asked for the attributes of held-out pictures: first as they belong
together, then with the categories shuffled among the palettes. Printed are the
Pearson correlation of the mean L*, a*, b* of the samples with what was asked,
and how often a classifier names the category asked for. The classifier is
trained here, on the training pictures as grey values of mean 0 and deviation 1:
it never saw the GAN and cannot tell by colour.
"""

import argparse
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms import optim, trainable
from art_jax.algorithms.attributes import Category, Palette
from art_jax.data import pipeline
from art_jax.inference import run
from art_jax.losses.adversarial import class_cross_entropy
from art_jax.media import lab
from art_jax.nn.acgan import ACGANDiscriminator

_ROWS = 64


def shapes_only(images: jax.Array) -> jax.Array:
  """Return f32[N, H, W, 1], L* with mean 0 and deviation 1 in each picture."""
  light = lab.rgb_to_lab(images)[..., :1]
  light -= light.mean((1, 2, 3), keepdims=True)
  return light / (light.std((1, 2, 3), keepdims=True) + 1e-3)


def train_classifier(images, labels, count: int, steps: int, seed: int):
  """Return a function: f32[N, H, W, C] -> i32[N], categories by shape."""
  module = ACGANDiscriminator(num_classes=count, norm='layer', dropout=0.3)
  adam = optim.Adam(learning_rate=1e-3, b1=0.9)
  inputs = jax.jit(shapes_only)(images)
  key = jax.random.key(seed)
  state = jax.jit(
    lambda: trainable.create(module, key, inputs[:2], optimizer=adam)
  )()

  @jax.jit
  def step(state, index, key):
    def loss_fn(params, collections, batch):
      x = jnp.where(
        jax.random.bernoulli(key), batch['x'], batch['x'][:, :, ::-1]
      )
      variables = {'params': params, **collections}
      _, logits = module.apply(variables, x, train=True, rngs={'dropout': key})
      return class_cross_entropy(logits, batch['y']), (collections, ())

    batch = {'x': inputs[index], 'y': labels[index]}
    return trainable.descend(state, loss_fn, adam, jnp.int32(0), batch)[0]

  for i in range(steps):
    key_i = jax.random.fold_in(key, i)
    index = jax.random.randint(key_i, (_ROWS,), 0, len(labels))
    state = step(state, index, key_i)
  return jax.jit(
    lambda x: module.apply(state.variables, shapes_only(x))[1].argmax(axis=1)
  )


def measure(model: run.Run, classify, categories, palettes, name, seed):
  """Return the correlations of L*, a*, b* and how often each is named."""
  gan, count = model.algorithm, len(categories)
  z = gan.latents(jax.random.key(seed), count)
  asked = {name: categories, 'palette': palettes}
  samples = gan.generate(model.params, z, asked)
  found = np.asarray(Palette().measure(samples)).reshape(count, 3)
  wanted = np.asarray(palettes).reshape(count, -1, 3).mean(1)
  r = [np.corrcoef(found[:, i], wanted[:, i])[0, 1] for i in range(3)]
  right = np.asarray(classify(samples) == categories)
  return r, [right[categories == k].mean() for k in np.unique(categories)]


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('run', help='the folder that training wrote')
  parser.add_argument('--count', type=int, default=500, help='of samples')
  parser.add_argument('--steps', type=int, default=600, help='of classifier')
  parser.add_argument('--seed', type=int, default=0)
  flags = parser.parse_args()
  try:
    model = run.load(flags.run)
    told = core.attributes(model.algorithm)
    palette = next((one for one in told if isinstance(one, Palette)), None)
    category = next((one for one in told if isinstance(one, Category)), None)
    if not (palette and category):
      raise core.UserError(
        f'{flags.run}: its model has no Palette and Category among its '
        'attributes; pass a run of cdcgan_attributes'
      )
    data = model.experiment.data
    dataset = data.source.open(data)
  except core.UserError as error:
    parser.exit(2, f'error: {error}\n')
  train = pipeline.heldout_batch(
    dataclasses.replace(dataset, heldout=dataset.train),
    *(data, len(dataset.train[0])),
  )
  held = pipeline.heldout_batch(dataset, data, flags.count)
  name = category.name
  known = [batch[name] >= 0 for batch in (train, held)]
  images, labels = train['image'][known[0]], train[name][known[0]]
  classify = train_classifier(
    images, jnp.asarray(labels), category.count, flags.steps, flags.seed
  )
  images, labels = held['image'][known[1]], held[name][known[1]]
  right = float((classify(images) == labels).mean())
  print(f'{name} of held-out pictures named by shape: {100 * right:.1f} %')
  palettes = palette.measure(images)
  shuffled = np.random.default_rng(flags.seed).permutation(labels)
  for text, asked in (('as in the data', labels), ('shuffled', shuffled)):
    r, right = measure(model, classify, asked, palettes, name, flags.seed)
    numbers = ', '.join(f'{c} {v:.3f}' for c, v in zip('Lab', r, strict=True))
    each = ', '.join(f'{100 * share:.0f}' for share in right)
    counts = np.unique(asked, return_counts=True)[1]
    mean = 100 * np.average(right, weights=counts)
    print(
      f'{len(asked)} samples, {name} and palette {text}: r of {numbers}; '
      f'{name} named {mean:.1f} % (each: {each})'
    )


if __name__ == '__main__':
  main()
