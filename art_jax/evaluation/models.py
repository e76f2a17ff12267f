"""Which scores apply to a trained model: its capabilities decide."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from art_jax import core
from art_jax.config import experiments
from art_jax.data import dataset as datasets
from art_jax.data import ops, sources
from art_jax.devices import distributed, mesh
from art_jax.evaluation import distributions, likeness, pictures
from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import ROWS, Survey, by_rows, survey
from art_jax.inference.run import Run
from art_jax.media import images
from art_jax.metrics import features, perceptual_path_length

_PATHS = 512  # of the path length
_ENOUGH = 5000  # pictures, unless `num` is given
_ASIDE = 500  # samples that are compared with held-out pictures
_KEPT_BYTES = 2**30  # of samples


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluator:
  """What every score of one model needs.

  Attributes:
    run: the model.
    data: its data set, opened.
    extractor: of the features.
    weights: of the extractor.
    devices: where everything is computed.
    num: pictures to make, and to compare with at most; None: as many as real
      ones, 5,000 at most, or 500 that are compared with held-out pictures.
    seed: of latents and noise.
    reference: the real pictures of samples, 'train' or 'heldout'.
  """

  run: Run
  data: datasets.Dataset
  extractor: features.Extractor
  weights: Any
  devices: mesh.Devices
  num: int | None = None
  seed: int = 0
  reference: str = 'train'

  def evaluate(self, scores: Scores) -> None:
    """Add every score that applies."""
    algorithm = self.run.algorithm
    ways = self._domains()
    core.require(
      isinstance(algorithm, core.Generative | core.Encoder) or ways,
      f'{type(algorithm).__name__} makes no pictures that could be scored; '
      'compare two folders with --real=DIR --fake=DIR',
    )
    self._require_reference()
    if isinstance(algorithm, core.Generative):
      real = self._pictures(scores, self.reference, 'image')
      self._score_samples(scores, algorithm, real)
      self._score_smoothness(scores, algorithm, real)
      if isinstance(algorithm, core.Encoder):
        self._score_reconstructions(scores, algorithm)
    if isinstance(algorithm, core.Translator):
      for direction in ways:
        self._score_translations(scores, algorithm, direction)
      if {*ways} == {'ab', 'ba'}:
        self._score_cycles(scores, algorithm)

  def _domains(self) -> list[str]:
    """Return the directions between two domains: 'ab' leads from a to b."""
    algorithm = self.run.algorithm
    if not isinstance(algorithm, core.Translator):
      return []
    return [d for d in algorithm.directions if {*d} <= {*algorithm.inputs}]

  def _require_reference(self) -> None:
    """Raise UserError unless there are pictures of the chosen reference."""
    if self.reference != 'heldout':
      return
    kind = type(self.run.algorithm).__name__
    core.require(
      isinstance(self.run.algorithm, core.Generative),
      f'--reference=heldout is for samples, and {kind} makes none: its '
      'pictures are compared with held-out ones as it is; leave the flag out',
    )
    core.require(
      self._keeps_aside(),
      '--reference=heldout: this run keeps no pictures aside '
      f'(data.heldout={self.run.experiment.data.heldout:g}, or a single '
      'picture): it trains on all; train one with --set data.heldout=0.1, or '
      'use --reference=train',
    )

  def _keeps_aside(self) -> bool:
    """Tell whether the held-out pictures are others than the training ones."""
    parts = zip(self.data.train, self.data.heldout, strict=True)
    return all(train is not heldout for train, heldout in parts)

  def _survey(self, chosen: pictures.Pictures, keep: bool = False) -> Survey:
    return survey(chosen, self.extractor, self.weights, self.devices, keep=keep)

  def _pictures(self, scores: Scores, part: str, key: str) -> pictures.Pictures:
    """Return the train or held-out pictures of a key, `num` at most.

    They are a fixed random subset, the same of two keys of as many pictures, so
    that pairs stay pairs. `scores` note it.
    """
    examples = next(x for x in getattr(self.data, part) if key in x.keys)
    size = self.run.experiment.data.size
    name, most = f'{part} {key}', self.num or _ENOUGH
    algorithm, labels = self.run.algorithm, None
    if core.attributes(algorithm):
      labels = functools.partial(core.labels, algorithm)
    chosen = pictures.of_examples(name, examples, key, size, most, labels)
    scores.tell_subset(name, chosen.count, chosen.total)
    return chosen

  def _score_samples(
    self, scores: Scores, algorithm: core.Generative, real: pictures.Pictures
  ) -> None:
    aside = self.reference == 'heldout'
    count = self.num or (_ASIDE if aside else real.count)
    classes, told = core.num_classes(algorithm), core.attributes(algorithm)
    labels = real.dealt(count) if classes or told else None
    fake = _kept(
      pictures.Pictures(
        'samples', count, self._sampler(algorithm, labels), labels
      )
    )
    surveys = self._survey(real, keep=True), self._survey(fake)
    part = Scores(scores.wanted) if aside else scores
    distributions.compare(
      part, self.extractor, self.weights, *surveys, few=aside
    )
    likeness.lpips_diversity(part, fake, real, self.seed)
    if aside:
      scores.include('heldout', part)
    if classes and labels is not None and scores.wants('accuracy'):
      self._score_classes(scores, (surveys[1], labels))

  def _score_classes(
    self, scores: Scores, fake: tuple[Survey, np.ndarray]
  ) -> None:
    """Add how often samples look like the class that was requested."""

    def labeled(part):
      chosen = self._pictures(scores, part, 'image')
      return self._survey(chosen, keep=True), np.asarray(chosen.labels)

    heldout = labeled('heldout') if self._keeps_aside() else None
    distributions.conditional_accuracy(
      scores, self.extractor, labeled('train'), heldout, fake
    )

  def _sampler(
    self, algorithm: core.Generative, labels: np.ndarray | None
  ) -> Callable[[np.ndarray], np.ndarray]:
    """Return indices -> samples: a sample depends on its index only."""

    def make(inputs, rows):
      (params, key), (index, label) = inputs, rows
      latents_key, noise_key = jax.random.split(key)
      latents = jax.vmap(
        lambda i: algorithm.latents(jax.random.fold_in(latents_key, i), 1)[0]
      )(index)
      noise_key = jax.random.fold_in(noise_key, index[0])
      return algorithm.generate(params, latents, label, key=noise_key)

    inputs = self.run.params, jax.random.key(self.seed)
    apply = by_rows(make, inputs, self.devices)
    return lambda indices: images.to_uint8(
      apply((indices, None if labels is None else labels[indices]))
    )

  def _mapped(
    self, chosen: pictures.Pictures, function: Callable, name: str
  ) -> pictures.Pictures:
    """Return pictures made of pictures by `function(params, f32 rows)`."""
    apply = by_rows(
      lambda params, rows: function(params, ops.to_float(rows)),
      self.run.params,
      self.devices,
    )
    return dataclasses.replace(
      chosen, name=name, read=lambda i: images.to_uint8(apply(chosen.read(i)))
    )

  def _score_smoothness(
    self, scores: Scores, algorithm: core.Generative, real: pictures.Pictures
  ) -> None:
    """Add the perceptual path length of the latents."""
    count = min(self.num or _PATHS, _PATHS)
    # bfloat16 rounds by more than a picture changes in a step of 1e-4.
    exact = experiments.everywhere(algorithm, {'dtype': 'float32'})

    def add():
      keys = jax.random.split(jax.random.key(self.seed), 3)
      start, end = (algorithm.latents(key, count) for key in keys[:2])
      # A prior that has no negative latents is no normal one.
      spherical = bool((start < 0).any())
      classes = core.num_classes(algorithm)
      labels = jnp.arange(count) % classes if classes else None
      if core.attributes(algorithm):
        labels = real.dealt(count)

      def lengths(inputs, rows):
        (params, weights), (start, end, t, label) = inputs, rows
        return perceptual_path_length.path_lengths(
          lambda z: exact.generate(params, z, label, key=keys[2]),
          perceptual_path_length.feature_distance(
            self.extractor.apply, weights
          ),
          start,
          end,
          t,
          spherical=spherical,
        )

      rows = (start, end, jax.random.uniform(keys[2], (count,)), labels)
      weights = self.run.params, self.weights
      values = by_rows(lengths, weights, self.devices)(
        jax.tree.map(np.asarray, rows)
      )
      scores.add(
        features.score_name('path_length', self.extractor.name, count),
        values.mean(),
        deviation=values.std() / np.sqrt(count),
      )

    # A latent of the size of a picture takes many steps to become one.
    cheap = algorithm.latents(jax.random.key(0), 1).ndim == 2
    scores.attempt('path_length', add, default=cheap)

  def _score_reconstructions(self, scores: Scores, algorithm: Any) -> None:
    """Add how similar reconstructions of held-out pictures are to them."""
    truth = self._pictures(scores, 'heldout', 'image')

    def reconstruct(params, x):
      return algorithm.generate(
        params, algorithm.encode(params, x), key=jax.random.key(self.seed)
      )

    made = self._mapped(truth, reconstruct, 'reconstructions')
    likeness.like_truth(scores, made, truth, 'reconstruction')

  def _translation(
    self,
    algorithm: core.Translator,
    source: pictures.Pictures,
    direction: str,
  ) -> pictures.Pictures:
    def translate(params, x):
      key = jax.random.key(self.seed)
      return algorithm.translate(params, x, direction, key=key)

    return self._mapped(source, translate, f'translations {direction}')

  def _score_translations(
    self, scores: Scores, algorithm: core.Translator, direction: str
  ) -> None:
    """Add how similar translations are to their domain, or to the truth."""
    source, target = (
      self._pictures(scores, 'heldout', key) for key in direction
    )
    made = self._translation(algorithm, source, direction)
    part = Scores(scores.wanted)
    real, fake = self._survey(target, keep=True), self._survey(made)
    distributions.compare(part, self.extractor, self.weights, real, fake)
    scores.include(direction, part)
    # Whether held-out a and b show the same scenes in one order.
    paired = isinstance(
      self.run.experiment.data.source, sources.Builtin | sources.Pairs
    )
    if paired or self.run.algorithm.aligned:
      count = min(source.count, target.count)
      likeness.like_truth(
        scores, made.first(count), target.first(count), direction
      )

  def _score_cycles(self, scores: Scores, algorithm: core.Translator) -> None:
    """Add how similar a picture is to itself after both translations."""
    for direction in algorithm.directions:
      source = self._pictures(scores, 'heldout', direction[0])
      there = self._translation(algorithm, source, direction)
      back = self._translation(algorithm, there, direction[::-1])
      likeness.like_truth(scores, back, source, f'cycle_{direction[0]}')


def _kept(chosen: pictures.Pictures) -> pictures.Pictures:
  """Make all pictures at once and keep them, if they fit in memory.

  Several scores read them, and making them can take longer than all else.
  """
  width, height = chosen.size()
  if chosen.count * width * height * 3 > _KEPT_BYTES:
    return chosen
  parts = []
  quiet = None if distributed.is_main() else True  # None: on a terminal only
  with tqdm.tqdm(total=chosen.count, desc=chosen.name, disable=quiet) as bar:
    for part in chosen.batches(ROWS * jax.device_count()):
      parts.append(part)
      bar.update(len(part))
  whole = np.concatenate(parts)
  return dataclasses.replace(chosen, read=lambda indices: whole[indices])
