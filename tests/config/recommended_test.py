"""What `art_jax list` recommends exists."""

from art_jax.config import experiment_files, recommended


def test_recommended_experiments_exist():
  names = experiment_files.files()
  for one in recommended.RECOMMENDED:
    assert set(one.experiments.values()) <= set(names)
