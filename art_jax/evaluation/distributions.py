"""Scores of a set of pictures against the real ones."""

from typing import Any

import numpy as np

from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import Survey
from art_jax.metrics import distances, fid, inception_score, kid
from art_jax.metrics.conditional_accuracy import nearest_classes
from art_jax.metrics.features import Extractor, score_name
from art_jax.metrics.precision_recall import density_coverage, precision_recall

NEIGHBOURS = 5  # of the classifier


def compare(
  scores: Scores, extractor: Extractor, params: Any, real: Survey, fake: Survey
) -> None:
  """Add the scores that need nothing but features."""
  protocol = f'{fake.count}'
  if real.count != fake.count:
    protocol += f'-of-{real.count}'

  def name(metric):
    return score_name(metric, extractor.name, protocol)

  def add_kid():
    mean, deviation = kid.kid(real.features, fake.features)
    scores.add(name('kid'), mean, deviation=deviation)

  def add_fid():
    a, b = (fid.update(None, s.features) for s in (real, fake))
    scores.add(name('fid'), fid.frechet_distance(a, b))

  def add_fid_infinity():
    value = fid.infinity(fid.update(None, real.features), fake.features)
    scores.add(name('fid_infinity'), value)

  def add_precision_recall():
    found = precision_recall(real.features, fake.features)
    for metric, value in zip(('precision', 'recall'), found, strict=True):
      scores.add(name(metric), value, better='higher')

  def add_density_coverage():
    found = density_coverage(real.features, fake.features)
    for metric, value in zip(('density', 'coverage'), found, strict=True):
      scores.add(name(metric), value, better='higher')

  def add_diversity():
    values = [distances.mean_pairwise(s.features) for s in (fake, real)]
    scores.add(name('diversity'), values[0], real=values[1], better='like real')

  def add_inception_score():
    values = [
      inception_score.inception_score(extractor.logits(params, s.features))
      for s in (fake, real)
    ]
    scores.add(
      name('inception_score'),
      values[0][0],
      deviation=values[0][1],
      real=values[1][0],
      better='higher',
    )

  scores.attempt('kid', add_kid)
  count = min(real.count, fake.count)
  if scores.wants('fid', default=count >= fid.MIN_COUNT):
    scores.attempt('fid', add_fid)
  else:
    scores.left_out['fid'] = (
      f'its bias is large under {fid.MIN_COUNT} pictures (here {count}): kid '
      'has none; --metrics=fid computes it all the same'
    )
  if scores.wants('fid_infinity', default=False):
    scores.attempt('fid_infinity', add_fid_infinity)
  scores.attempt('precision', add_precision_recall)
  scores.attempt('density', add_density_coverage)
  scores.attempt('diversity', add_diversity)
  if extractor.logits:
    scores.attempt('inception_score', add_inception_score)
  _appearance(scores, real, fake, protocol)


def conditional_accuracy(
  scores: Scores,
  extractor: Extractor,
  real: tuple[Survey, np.ndarray],
  heldout: tuple[Survey, np.ndarray],
  fake: tuple[Survey, np.ndarray],
) -> None:
  """Add how often samples look like the class that was asked for.

  The classifier is the vote of the nearest training pictures; its accuracy
  on held-out pictures is given beside, as what can be reached.
  """

  def add():
    values = [
      float(
        np.mean(
          nearest_classes(
            real[0].features, real[1], survey.features, NEIGHBOURS
          )
          == labels
        )
      )
      for survey, labels in (fake, heldout)
    ]
    metric = f'accuracy-{NEIGHBOURS}nn'
    scores.add(
      score_name(metric, extractor.name, fake[0].count),
      values[0],
      real=values[1],
      better='higher',
    )

  scores.attempt('accuracy', add)


def _appearance(scores, real, fake, protocol) -> None:
  for metric in ('colourfulness', 'sharpness', 'checkerboard'):
    values = [float(np.mean(getattr(s, metric))) for s in (fake, real)]
    if np.isfinite(values).all() and scores.wants(metric):
      scores.add(
        f'{metric}@{protocol}', values[0], real=values[1], better='like real'
      )
