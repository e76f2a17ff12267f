"""Checks of a data set against a model."""

import logging
import re
import types

import pytest

from art_jax import core
from art_jax.data import class_names, dataset, fit


def _with(*names):
  return dataset.Dataset(train=(), heldout=(), class_names=names)


def _model(num_classes, **fields):
  return types.SimpleNamespace(num_classes=num_classes, **fields)


def test_more_classes_than_the_model_has():
  with pytest.raises(core.UserError, match=r'3 classes \(a, b, c\)') as error:
    fit.check_classes(_with('a', 'b', 'c'), _model(2))
  assert 'algorithm.num_classes=3' in str(error.value)
  assert 'data.classes' in str(error.value)


def test_the_field_to_set_is_the_one_of_the_model():
  model = _model(1, num_classes_field='algorithm.discriminator.num_classes')
  with pytest.raises(core.UserError, match='algorithm.discriminator.num_c'):
    fit.check_classes(_with('a', 'b'), model)


def test_fewer_classes_are_warned_of(caplog):
  with caplog.at_level(logging.WARNING, logger='absl'):
    fit.check_classes(_with('a', 'b'), _model(3))
  assert 'others will not be trained' in caplog.text


@pytest.mark.parametrize('num_classes', [0, 2])
def test_as_many_or_no_labels(num_classes, caplog):
  with caplog.at_level(logging.WARNING, logger='absl'):
    fit.check_classes(_with('a', 'b'), _model(num_classes))
    fit.check_classes(_with(), _model(5))
  assert not caplog.text


@pytest.mark.parametrize(
  'sizes, batch_size, told',
  [
    ((5,), 8, '5 training picture.*batch_size=8.*train.batch_size=4'),
    ((1,), 2, '1 training picture.*train.batch_size=1'),
    ((40, 12), 16, '12 training picture.*train.batch_size=8'),
    ((8,), 8, ''),
    ((40,), 8, ''),
  ],
)
def test_fewer_pictures_than_a_batch(sizes, batch_size, told, caplog):
  spaces = tuple(
    dataset.Examples(
      ('image',), [f'{i}.png' for i in range(size)], lambda i: {}
    )
    for size in sizes
  )
  with caplog.at_level(logging.WARNING, logger='absl'):
    fit.check_batch(dataset.Dataset(train=spaces, heldout=spaces), batch_size)
  assert bool(caplog.text) == bool(told)
  assert re.search(told, caplog.text)


@pytest.mark.parametrize(
  'counts, told',
  [
    ((9, 9), ''),
    ((9, 1), ' (1 of one picture, which is trained on: b)'),
    ((9, 3), ' (1 of fewer than 8, which a model repeats: b)'),
    (
      (1, 2, 7, 8, 3, 4),
      ' (1 of one picture, which is trained on: a; 4 of fewer than 8, which a '
      'model repeats: b, c, e, ...)',
    ),
  ],
)
def test_classes_too_small(counts, told):
  names = 'abcdef'[: len(counts)]
  labels = [label for label, count in enumerate(counts) for _ in range(count)]
  assert class_names.few(labels, names) == told
