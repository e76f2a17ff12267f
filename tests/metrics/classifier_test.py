"""Tests for art_jax/evaluation/classifier.py."""

import numpy as np
import pytest

from art_jax.evaluation import classifier


def _bars(count, seed):
  """Return pictures of a bright row (class 0) or column (class 1)."""
  rng = np.random.default_rng(seed)
  pictures = rng.integers(0, 60, (count, 16, 16, 1), dtype=np.uint8)
  labels = rng.integers(0, 2, count).astype(np.int32)
  for picture, label, place in zip(
    pictures, labels, rng.integers(2, 14, count), strict=True
  ):
    picture[(place, slice(None)) if label == 0 else (slice(None), place)] = 250
  return pictures, labels


@pytest.mark.slow
def test_learns_classes_and_is_cached(tmp_path, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  network = classifier.Classifier(2, width=8, features=16)
  pictures, labels = _bars(400, seed=0)
  weights = classifier.fit_once(network, pictures, labels, steps=300)
  unseen, truth = _bars(200, seed=1)
  said, features = classifier.predict(network, weights, unseen)
  assert (said == truth).mean() > 0.9
  assert features.shape == (200, 16)

  def never(*args, **how):
    raise AssertionError('trained again')

  monkeypatch.setattr(classifier, 'fit', never)
  again = classifier.fit_once(network, pictures, labels, steps=300)
  np.testing.assert_array_equal(
    classifier.predict(network, again, unseen)[1], features
  )
  with pytest.raises(AssertionError, match='trained again'):
    classifier.fit_once(network, pictures, 1 - labels, steps=300)


def test_spread_by_class():
  # Distances within class 0: 3, 4, 5; class 1 has one row, class 2 none.
  rows = np.array([[0, 0], [9, 9], [3, 0], [0, 4]], np.uint8)
  result = classifier.spread_by_class(rows, np.array([0, 1, 0, 0]), 3)
  np.testing.assert_allclose(result, [4, np.nan, np.nan], rtol=1e-5)
