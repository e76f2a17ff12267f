"""Measures whether a GAN follows the palette and the category asked for.

  python -m tools.studies.attributes runs/cdcgan_attributes

Samples are asked for the attributes of held-out pictures: first as they belong
together, then with the categories shuffled among the palettes. Printed are the
Pearson correlation of the mean L*, a*, b* of the samples with what was asked,
and how often a classifier names the category asked for. The classifier is
trained here, on the training pictures as gray values of mean 0 and deviation 1:
it never saw the GAN and cannot tell by color.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms import attributes, optim, trainable
from art_jax.data import pipeline
from art_jax.inference import run as runs
from art_jax.losses.adversarial import class_cross_entropy
from art_jax.media import cielab
from art_jax.nn.acgan import ACGANDiscriminator
from tools import command

_ROWS = 64


def shapes_only(images: jax.Array) -> jax.Array:
  """Return f32[N, H, W, 1], L* with mean 0 and deviation 1 in each picture."""
  light = cielab.rgb_to_lab(images)[..., :1]
  light -= light.mean((1, 2, 3), keepdims=True)
  return light / (light.std((1, 2, 3), keepdims=True) + 1e-3)


def train_classifier(images, labels, count: int, steps: int, seed: int):
  """Return a function: f32[N, H, W, C] -> i32[N], categories by shape."""
  module = ACGANDiscriminator(num_classes=count, norm='layer', dropout=0.3)
  adam = optim.Adam(learning_rate=1e-3, b1=0.9)
  inputs, key = jax.jit(shapes_only)(images), jax.random.key(seed)
  state = jax.jit(
    lambda: trainable.create(module, key, inputs[:2], optimizer=adam)
  )()

  @jax.jit
  def step(state, index, key):
    def loss_fn(params, collections, batch):
      x = jnp.where(
        jax.random.bernoulli(key), batch['x'], batch['x'][:, :, ::-1]
      )
      _, logits = module.apply(
        {'params': params, **collections}, x, train=True, rngs={'dropout': key}
      )
      return class_cross_entropy(logits, batch['y']), (collections, ())

    batch = {'x': inputs[index], 'y': labels[index]}
    return trainable.descend(state, loss_fn, adam, jnp.int32(0), batch)[0]

  for i in range(steps):
    step_key = jax.random.fold_in(key, i)
    index = jax.random.randint(step_key, (_ROWS,), 0, len(labels))
    state = step(state, index, step_key)
  return jax.jit(
    lambda x: module.apply(state.variables, shapes_only(x))[1].argmax(axis=1)
  )


def attributes_of(
  model: runs.Run,
) -> tuple[attributes.Palette, attributes.Category]:
  """Return the palette and the category that a model takes.

  Raises:
    core.UserError: it has not both.
  """
  by_class = {type(each): each for each in core.attributes(model.algorithm)}
  core.require(
    {attributes.Palette, attributes.Category} <= set(by_class),
    f'{model.folder}: its model has no Palette and Category among its '
    'attributes; pass a run of cdcgan_attributes',
  )
  return by_class[attributes.Palette], by_class[attributes.Category]


def main(
  run: str,
  *,
  count: command.Count = 500,
  steps: command.Count = 600,
  seed: int = 0,
) -> None:
  """Train the classifier, sample twice, print.

  Args:
    run: the folder that training wrote.
    count: number of samples.
    steps: of the classifier.
    seed: of the classifier and the samples.
  """
  model = runs.load(run)
  palette, category = attributes_of(model)
  gan: Any = model.algorithm
  name, data = category.name, model.experiment.data
  dataset = data.source.open(data)
  (images, labels), (heldout, truth) = (
    _labeled(dataset, part, name, data, size)
    for part, size in (
      (dataset.train, len(dataset.train[0])),
      (dataset.heldout, count),
    )
  )
  classify = train_classifier(
    images, jnp.asarray(labels), category.count, steps, seed
  )
  right = 100 * float((classify(heldout) == truth).mean())
  print(f'{name} of held-out pictures named by shape: {right:.1f} %')
  palettes = palette.measure(heldout)
  for text, wanted in (
    ('as in the data', truth),
    ('shuffled', np.random.default_rng(seed).permutation(truth)),
  ):
    z = gan.latents(jax.random.key(seed), len(wanted))
    samples = gan.generate(model.params, z, {name: wanted, 'palette': palettes})
    colors, asked = (
      np.asarray(values).reshape(len(wanted), -1, 3).mean(1)
      for values in (attributes.Palette().measure(samples), palettes)
    )
    r = [np.corrcoef(colors[:, i], asked[:, i])[0, 1] for i in range(3)]
    right = np.asarray(classify(samples) == wanted)
    each = [right[wanted == k].mean() for k in np.unique(wanted)]
    print(
      f'{len(wanted)} samples, {name} and palette {text}: r of '
      f'L {r[0]:.3f}, a {r[1]:.3f}, b {r[2]:.3f}; {name} named '
      f'{100 * right.mean():.1f} % '
      f'(each: {", ".join(f"{100 * share:.0f}" for share in each)})'
    )


def _labeled(dataset, part, name: str, data: core.Data, count: int):
  """Return the pictures of a part whose category is known, and it."""
  batch = pipeline.heldout_batch(
    dataclasses.replace(dataset, heldout=part), data, count
  )
  known = batch[name] >= 0
  return batch['image'][known], batch[name][known]


if __name__ == '__main__':
  command.run(main)
