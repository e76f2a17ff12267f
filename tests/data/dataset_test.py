"""Checks of a data set against a model."""

import logging
import types

import pytest

from art_jax import core
from art_jax.data import dataset, fit


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
