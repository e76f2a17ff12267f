"""Detail that votes have averaged, made as strong as at its origin."""

import numpy as np
import pytest

from art_jax.nn.field import Field, Turned, turned
from art_jax.painter import patch_detail


@pytest.mark.parametrize('turn', [0, 3, 4, 6])
def test_weakened_strokes_get_the_strength_of_their_origin(turn):
  source = np.random.default_rng(0).normal(0, 0.3, (64, 48, 3))
  source = np.clip(source, -1, 1).astype(np.float32)
  shown = turned(source, turn)
  row, column = np.indices(shown.shape[:2])
  origins = Field(np.zeros_like(row), row, column)
  fine = patch_detail._detail(shown)

  def strength(factor):
    weak = shown - (1 - factor) * fine
    made = patch_detail.restored(weak, origins, [Turned(0, turn)], [source])
    # The weakened fine part itself holds a little of what a blur leaves.
    return patch_detail._detail(made).std() / fine.std()

  assert strength(0.8) == pytest.approx(1, abs=0.03)
  assert strength(1.0) == pytest.approx(1, abs=0.01)
  assert strength(1.5) > 1.3  # stronger strokes are left
  assert strength(0.1) < 0.5  # and no noise is amplified without end
