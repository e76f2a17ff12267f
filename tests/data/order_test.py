"""Tests for art_jax.data.order: epochs are permutations, nothing wraps."""

import numpy as np
import pytest

from art_jax.data import order


def _run(seed, group, steps, rows, num_examples):
  return np.concatenate(
    [
      order.indices(seed, group, order.positions(step, rows), num_examples)
      for step in range(steps)
    ]
  )


@pytest.mark.parametrize(
  'num_examples, rows', [(10, 4), (7, 7), (3, 8), (1, 4), (100, 1)]
)
def test_every_epoch_takes_every_example_once(num_examples, rows):
  epochs = 4
  taken = _run(5, 0, -(-epochs * num_examples // rows), rows, num_examples)
  epochs = taken[: epochs * num_examples].reshape(epochs, num_examples)
  assert (np.sort(epochs) == np.arange(num_examples)).all()


def test_seed_group_and_epoch_change_the_order():
  orders = [
    order.permutation(seed, group, epoch, 50)
    for seed, group, epoch in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
  ]
  for i, one in enumerate(orders):
    for other in orders[i + 1 :]:
      assert (one != other).sum() > 25
  assert (orders[0] == order.permutation(0, 0, 0, 50)).all()


def test_order_is_the_same_on_every_machine_and_version():
  # From NumPy 2.4.6 on x86-64; raw Philox bits are guaranteed to be stable.
  assert order.permutation(7, 1, 3, 8).tolist() == [5, 2, 7, 4, 0, 1, 3, 6]


def test_batch_size_does_not_change_the_order():
  whole = _run(3, 0, 6, 8, 11)
  assert (whole == _run(3, 0, 12, 4, 11)).all()
  assert (whole == _run(3, 0, 48, 1, 11)).all()


def test_positions_never_wrap():
  step = 2**31
  far = order.positions(step, 1024)
  assert far.dtype == np.uint64 and int(far[-1]) == 2**41 + 1023
  words = order.words(far)
  assert words.dtype == np.uint32 and words.shape == (1024, 2)
  assert (words[:, 0] == 2**9).all() and words[-1, 1] == 1023
  indices = order.indices(0, 0, far, 5000)
  assert indices.dtype == np.int32
  assert 0 <= indices.min() and indices.max() < 5000
  assert len(set(indices.tolist())) > 900
