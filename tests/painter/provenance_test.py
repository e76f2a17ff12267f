"""Shares, continued regions and layouts: pictures with known answers."""

import numpy as np
import pytest

from art_jax.nn.field import Field, Turned
from art_jax.painter import provenance


def _copy(shape, picture=0, row=0, column=0):
  y, x = np.indices(shape)
  return Field(np.full(shape, picture), y + row, x + column)


def _joined(*fields, axis):
  return Field(*(np.concatenate(x, axis) for x in zip(*fields, strict=True)))


def test_shares_are_of_sources_whatever_their_turn():
  field = _joined(
    *(_copy((4, n), picture) for picture, n in ((0, 1), (1, 2), (2, 5))), axis=1
  )
  pictures = [Turned(1, 0), Turned(0, 0), Turned(1, 5)]
  assert provenance.shares(field, pictures) == {1: 0.75, 0: 0.25}


_SCATTERED = Field(*np.random.default_rng(0).integers(0, 99, (3, 8, 8)))


@pytest.mark.parametrize(
  'field, area',
  [
    (_copy((8, 8)), 64),
    (_copy((8, 8), 3, 7, 5), 64),
    (_SCATTERED, 1),
    # Two halves: another picture, another offset, or the next cells of one.
    (_joined(_copy((8, 3)), _copy((8, 5), 1, 0, 3), axis=1), 40),
    (_joined(_copy((8, 3)), _copy((8, 5), 0, 1, 3), axis=1), 40),
    (_joined(_copy((8, 3)), _copy((8, 5), 0, 0, 3), axis=1), 64),
    (_joined(_copy((3, 8)), _copy((5, 8), 0, 3, 0), axis=0), 64),
    # A constant field repeats one cell and continues nothing.
    (Field(*(np.zeros((8, 8), int) for _ in range(3))), 1),
  ],
)
def test_largest_region(field, area):
  assert provenance.largest_region(field) == np.sqrt(area / 64)
  labels = provenance.regions(field)
  assert np.bincount(labels.ravel()).max() == area


def test_diagonal_cells_do_not_touch():
  board = np.add.outer(np.arange(6), np.arange(6)) % 2
  y, x = np.indices((6, 6))
  assert provenance.largest_region(Field(board, y, x)) == 1 / 6


def test_layout_agreement_is_that_of_scipy_by_its_generalized_eigenproblem():
  # Hotelling: rho^2 is the largest root of Cxy Cyy^-1 Cyx a = rho^2 Cxx a.
  from scipy import linalg

  rng = np.random.default_rng(0)
  first = rng.normal(size=(16, 16, 3))
  second = first @ rng.normal(size=(3, 3)) + rng.normal(size=(16, 16, 3))
  x, y = first.reshape(-1, 3), second.reshape(-1, 3)
  c = np.cov(x.T, y.T)
  middle = c[:3, 3:] @ np.linalg.inv(c[3:, 3:]) @ c[3:, :3]
  wanted = np.sqrt(linalg.eigh(middle, c[:3, :3])[0][-1])
  result = provenance.layout_agreement(first, second)
  np.testing.assert_allclose(result, wanted, rtol=1e-10)


def test_layout_agreement_of_known_pictures():
  rng = np.random.default_rng(0)
  picture = rng.normal(size=(40, 56, 3)).astype(np.float32)
  recolored = picture @ np.array([[0, 1, 0], [0.5, 0, 0.1], [0.2, 0, 1]]) + 0.3
  agreement = provenance.layout_agreement
  np.testing.assert_allclose(agreement(picture, recolored), 1, atol=1e-6)
  # Enlarging a picture does not change its layout.
  large = picture.repeat(3, 0).repeat(3, 1)
  np.testing.assert_allclose(agreement(large, picture), 1, atol=1e-6)
  assert agreement(picture, np.full((64, 64, 3), 0.3, np.float32)) == 0
  gray = np.repeat(picture[..., :1], 3, -1)
  np.testing.assert_allclose(agreement(picture, gray), 1, atol=1e-6)
