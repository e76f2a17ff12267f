"""Turned pictures and the way back, against numpy."""

import numpy as np
import pytest

from art_jax.nn import field


@pytest.mark.parametrize('turn', range(8))
def test_inverse_finds_the_cell_of_the_source(turn):
  source = np.arange(3 * 5 * 2).reshape(3, 5, 2)
  picture = field.turned(source, turn)
  wanted = np.rot90(source[:, ::-1] if turn >= 4 else source, turn % 4)
  np.testing.assert_array_equal(picture, wanted)
  rows, columns = np.indices(picture.shape[:2])
  at = field.inverse(rows, columns, turn, (3, 5))
  np.testing.assert_array_equal(source[at], picture)


def test_field_in_sources():
  shapes = ((3, 5), (4, 2))
  sources = [
    100 * number + np.arange(h * w).reshape(h, w, 1)
    for number, (h, w) in enumerate(shapes)
  ]
  pictures = [field.Turned(0, 0), field.Turned(1, 3), field.Turned(0, 6)]
  values, number, row, column = [], [], [], []
  for i, (source, turn) in enumerate(pictures):
    picture = field.turned(sources[source], turn)
    values += picture[..., 0].ravel().tolist()
    r, c = np.indices(picture.shape[:2])
    number += [i] * r.size
    row += r.ravel().tolist()
    column += c.ravel().tolist()
  cells = field.Field(*(np.array([x]) for x in (number, row, column)))
  back = field.in_sources(cells, pictures, shapes)
  found = [
    sources[s][r, c, 0]
    for s, r, c in zip(*(np.ravel(x) for x in back), strict=True)
  ]
  assert found == values


def test_an_orientation_that_does_not_exist():
  with pytest.raises(ValueError, match='turn = 8'):
    field.turned(np.zeros((2, 2, 1)), 8)
