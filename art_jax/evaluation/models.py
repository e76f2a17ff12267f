"""Which scores apply to a trained model, told by what it can do."""

import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data import dataset as datasets
from art_jax.data import ops as image_ops
from art_jax.data.sources import Builtin, Pairs
from art_jax.devices import distributed, mesh
from art_jax.evaluation import distributions, likeness, pictures
from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import ROWS, map_rows, survey
from art_jax.inference.run import Run
from art_jax.media import images
from art_jax.metrics import perceptual_path_length
from art_jax.metrics.features import Extractor, score_name

_PATHS = 512  # of the path length
_ENOUGH = 5000  # pictures, unless told otherwise
_KEPT_BYTES = 2**30  # of samples
_SPEAK_EVERY = 5.0  # seconds


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluator:
  """What every score of one model needs.

  Attributes:
    run: the model.
    data: its data set, opened.
    extractor: of the features.
    weights: of the extractor.
    devices: where everything is computed.
    num: pictures to make; None: as many as real ones, 5,000 at most.
    seed: of latents and noise.
  """

  run: Run
  data: datasets.Dataset
  extractor: Extractor
  weights: Any
  devices: mesh.Devices
  num: int | None = None
  seed: int = 0

  def evaluate(self, scores: Scores) -> None:
    """Add every score that applies."""
    algorithm = self.run.algorithm
    kinds = (core.Generative, core.Encoder, core.Translator)
    if not any(isinstance(algorithm, kind) for kind in kinds):
      raise core.UserError(
        f'{type(algorithm).__name__} makes no pictures that could be scored; '
        'compare two folders with --real=DIR --fake=DIR'
      )
    if isinstance(algorithm, core.Generative):
      self._generated(scores)
      self._smoothness(scores)
      if isinstance(algorithm, core.Encoder):
        self._reconstructed(scores)
    if isinstance(algorithm, core.Translator):
      for direction in algorithm.directions:
        if set(direction) <= set(algorithm.inputs):  # 'ab' leads from a to b.
          self._translated(scores, direction)
      if set(algorithm.directions) == {'ab', 'ba'}:
        self._cycles(scores)

  def _look(self, chosen: pictures.Pictures, keep: bool = False):
    return survey(chosen, self.extractor, self.weights, self.devices, keep=keep)

  def _pictures(self, part: str, key: str) -> pictures.Pictures:
    """Return the train or held-out pictures of a key, `num` at most."""
    spaces = getattr(self.data, part)
    examples = next(space for space in spaces if key in space.keys)
    size = self.run.experiment.data.size
    found = pictures.of_examples(f'{part} {key}', examples, key, size)
    return found.first(self.num or _ENOUGH)

  def _generated(self, scores: Scores) -> None:
    real = self._pictures('train', 'image')
    classes = core.num_classes(self.run.algorithm)
    count = self.num or real.count
    labels = None
    if classes:
      # In the proportions of the data.
      labels = real.labels[np.arange(count) % real.count]
    fake = _kept(
      pictures.Pictures('samples', count, self._sampler(labels), labels)
    )
    surveys = self._look(real, keep=True), self._look(fake)
    distributions.compare(scores, self.extractor, self.weights, *surveys)
    likeness.lpips_diversity(scores, fake, real, self.seed)
    if classes and scores.wants('accuracy'):
      heldout = self._pictures('heldout', 'image')
      distributions.conditional_accuracy(
        scores,
        self.extractor,
        (surveys[0], real.labels),
        (self._look(heldout, keep=True), heldout.labels),
        (surveys[1], labels),
      )

  def _sampler(self, labels) -> Callable[[np.ndarray], np.ndarray]:
    """Return indices -> samples: a sample depends on its index alone."""
    algorithm = self.run.algorithm

    def make(given, rows):
      params, key = given
      index, label = rows
      latents_key, noise_key = jax.random.split(key)
      latents = jax.vmap(
        lambda i: algorithm.latents(jax.random.fold_in(latents_key, i), 1)[0]
      )(index)
      noise_key = jax.random.fold_in(noise_key, index[0])
      return algorithm.generate(params, latents, label, key=noise_key)

    apply = self._by_rows(make, (self.run.params, jax.random.key(self.seed)))
    return lambda indices: apply(
      (indices, None if labels is None else labels[indices])
    )

  def _mapped(self, chosen: pictures.Pictures, function, name: str):
    """Return pictures made of pictures by `function(params, f32 rows)`."""

    def make(given, rows):
      return function(given, image_ops.to_float(rows))

    apply = self._by_rows(make, self.run.params)
    return dataclasses.replace(
      chosen, name=name, read=lambda i: apply(chosen.read(i))
    )

  def _by_rows(self, function, params) -> Callable[[Any], np.ndarray]:
    """Return rows -> u8 pictures, computed on all devices."""
    rows = ROWS * self.devices.count
    apply, whole = (
      self.devices.compile_rows(function),
      self.devices.replicate(params),
    )
    return lambda inputs: images.to_uint8(
      map_rows(apply, whole, inputs, rows, self.devices)
    )

  def _smoothness(self, scores: Scores) -> None:
    """Add the perceptual path length of the latents."""
    algorithm, count = self.run.algorithm, min(self.num or _PATHS, _PATHS)

    def add():
      keys = jax.random.split(jax.random.key(self.seed), 3)
      start, end = (algorithm.latents(key, count) for key in keys[:2])
      # A prior that has no negative latents is no normal one.
      spherical = bool((start < 0).any())
      classes = core.num_classes(algorithm)
      labels = jnp.arange(count) % classes if classes else None

      def lengths(given, rows):
        (params, weights), (start, end, t, label) = given, rows
        return perceptual_path_length.path_lengths(
          lambda z: algorithm.generate(params, z, label, key=keys[2]),
          perceptual_path_length.feature_distance(
            self.extractor.apply, weights
          ),
          *(start, end, t),
          spherical=spherical,
        )

      size = ROWS * self.devices.count
      apply = self.devices.compile_rows(lengths)
      whole = self.devices.replicate((self.run.params, self.weights))
      rows = (start, end, jax.random.uniform(keys[2], (count,)), labels)
      found = []
      for at in range(0, count, size):
        part = jax.tree.map(
          lambda x, at=at: np.asarray(x)[at : at + size], rows
        )
        found.append(map_rows(apply, whole, part, size, self.devices))
      values = np.concatenate(found)
      scores.add(
        score_name('path_length', self.extractor.name, count),
        values.mean(),
        deviation=values.std() / np.sqrt(count),
      )

    # Where a latent is a picture, one is made in many steps.
    cheap = algorithm.latents(jax.random.key(0), 1).ndim == 2
    scores.attempt('path_length', add, default=cheap)

  def _reconstructed(self, scores: Scores) -> None:
    """Add how like held-out pictures their reconstructions are."""
    truth, algorithm = self._pictures('heldout', 'image'), self.run.algorithm

    def reconstruct(params, x):
      return algorithm.generate(
        params, algorithm.encode(params, x), key=jax.random.key(self.seed)
      )

    made = self._mapped(truth, reconstruct, 'reconstructions')
    likeness.like_truth(scores, made, truth, 'reconstruction')

  def _translation(self, source: pictures.Pictures, direction: str):
    def translate(params, x):
      return self.run.algorithm.translate(
        params, x, direction, key=jax.random.key(self.seed)
      )

    return self._mapped(source, translate, f'translations {direction}')

  def _translated(self, scores: Scores, direction: str) -> None:
    """Add how like the other domain, or the truth, translations are."""
    source, target = (self._pictures('heldout', key) for key in direction)
    made = self._translation(source, direction)
    found = Scores(scores.wanted)
    real, fake = self._look(target, keep=True), self._look(made)
    distributions.compare(found, self.extractor, self.weights, real, fake)
    scores.include(direction, found)
    if self._truth_is_known():
      count = min(source.count, target.count)
      likeness.like_truth(
        scores, made.first(count), target.first(count), direction
      )

  def _truth_is_known(self) -> bool:
    """Tell whether held-out a and b show the same scenes in one order."""
    source = self.run.experiment.data.source
    return self.run.algorithm.aligned or isinstance(source, Builtin | Pairs)

  def _cycles(self, scores: Scores) -> None:
    """Add how like a picture it is after both translations."""
    for direction in self.run.algorithm.directions:
      source = self._pictures('heldout', direction[0])
      there = self._translation(source, direction)
      back = self._translation(there, direction[::-1])
      likeness.like_truth(scores, back, source, f'cycle_{direction[0]}')


def _kept(chosen: pictures.Pictures) -> pictures.Pictures:
  """Make all pictures at once and keep them, if they fit; say how far it is.

  Several scores look at them, and making them can take longer than all else.
  """
  width, height = chosen.size()
  if chosen.count * width * height * 3 > _KEPT_BYTES:
    return chosen
  parts, began = [], time.monotonic()
  spoke = began
  for part in chosen.batches(ROWS * jax.device_count()):
    parts.append(part)
    done, now = sum(map(len, parts)), time.monotonic()
    if now - spoke > _SPEAK_EVERY and distributed.is_main():
      spoke, rate = now, done / (now - began)
      left = (chosen.count - done) / rate
      print(
        f'{done} of {chosen.count} {chosen.name}, {rate:.1f} a second, '
        f'{left:.0f} s left',
        file=sys.stderr,
        flush=True,
      )
  whole = np.concatenate(parts)
  return dataclasses.replace(chosen, read=lambda indices: whole[indices])
