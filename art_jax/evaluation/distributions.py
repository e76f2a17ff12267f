"""Scores of a set of pictures against the real ones."""

import functools
from typing import Any

import numpy as np

from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import Survey
from art_jax.metrics import distances, fid, kid, mifid
from art_jax.metrics.conditional_accuracy import nearest_classes
from art_jax.metrics.features import Extractor, score_name
from art_jax.metrics.inception_score import inception_score
from art_jax.metrics.precision_recall import density_coverage, precision_recall

NEIGHBORS = 5  # of the classifier
# Fields of a survey by the names of their scores, which never change.
_APPEARANCE = {
  'colourfulness': 'colorfulness',
  'sharpness': 'sharpness',
  'checkerboard': 'checkerboard',
}


def compare(
  scores: Scores,
  extractor: Extractor,
  params: Any,
  real: Survey,
  fake: Survey,
  *,
  few: bool = False,
) -> None:
  """Add the scores that need nothing but features.

  Args:
    scores: to add to.
    extractor: of the features.
    params: its weights.
    real: pictures to compare with.
    fake: pictures to score.
    few: there are so few real pictures that KID takes every pair and has an
      interval, and density and coverage take 3 neighbors in place of 5.
  """
  a, b = real.features, fake.features
  fewer = f'-of-{real.count}' if real.count != fake.count else ''
  protocol = f'{fake.count}{fewer}'

  def add(metric, value, deviation=None, **fields):
    scores.add(
      score_name(metric, extractor.name, protocol),
      value,
      deviation=deviation,
      **fields,
    )

  def add_each(metrics, function):
    values = functools.cache(functools.partial(function, a, b))
    for i, metric in enumerate(metrics):
      scores.attempt(
        metric, lambda m=metric, i=i: add(m, values()[i], better='higher')
      )

  def add_kid():
    if few:
      value, interval = kid.kid_of_all_pairs(a, b)
      return add('kid', value, interval=interval)
    return add('kid', *kid.kid(a, b))

  def add_diversity():
    value, of_real = distances.mean_pairwise(b), distances.mean_pairwise(a)
    add('diversity', value, real=of_real, better='like real')

  def add_inception_score(logits):
    value, deviation = inception_score(logits(params, b))
    of_real, _ = inception_score(logits(params, a))
    add('inception_score', value, deviation, real=of_real, better='higher')

  scores.attempt('kid', add_kid)
  count = min(real.count, fake.count)
  if scores.wants('fid', default=count >= fid.MIN_COUNT):
    scores.attempt(
      'fid',
      lambda: add(
        'fid', fid.frechet_distance(fid.statistics(a), fid.statistics(b))
      ),
    )
  elif not scores.wanted:
    scores.left_out['fid'] = (
      f'its bias is large under {fid.MIN_COUNT} pictures (here {count}): kid '
      'has none; --metrics=fid computes it all the same'
    )
  scores.attempt(
    'mifid', lambda: add('mifid', mifid.mifid(a, b)), default=False
  )
  scores.attempt(
    'fid_infinity',
    lambda: add('fid_infinity', fid.infinity(fid.statistics(a), b)),
    default=False,
  )
  add_each(('precision', 'recall'), precision_recall)
  add_each(
    ('density', 'coverage'),
    functools.partial(density_coverage, k=3 if few else 5),
  )
  scores.attempt('diversity', add_diversity)
  if extractor.logits:
    scores.attempt(
      'inception_score', lambda: add_inception_score(extractor.logits)
    )
  _compare_appearance(scores, protocol, real, fake)


def _compare_appearance(
  scores: Scores, protocol: str, real: Survey, fake: Survey
) -> None:
  """Add what is measured on the pictures themselves."""
  for metric, field in _APPEARANCE.items():
    value, of_real = (np.mean(getattr(s, field)) for s in (fake, real))
    if np.isfinite([value, of_real]).all() and scores.wants(metric):
      scores.add(
        f'{metric}@{protocol}',
        value,
        real=float(of_real),
        better='like real',
      )


def conditional_accuracy(
  scores: Scores,
  extractor: Extractor,
  real: tuple[Survey, np.ndarray],
  heldout: tuple[Survey, np.ndarray] | None,
  fake: tuple[Survey, np.ndarray],
) -> None:
  """Add how often samples look like the class that was requested.

  The classifier is the vote of the nearest training pictures. Its accuracy on
  held-out pictures, if there are any, stands beside: more cannot be reached.
  """

  def accuracy(survey, labels):
    features = real[0].features
    classes = nearest_classes(features, real[1], survey.features, NEIGHBORS)
    return float((classes == labels).mean())

  def add():
    scores.add(
      score_name(f'accuracy-{NEIGHBORS}nn', extractor.name, fake[0].count),
      accuracy(*fake),
      real=accuracy(*heldout) if heldout else None,
      better='higher',
    )

  scores.attempt('accuracy', add)
