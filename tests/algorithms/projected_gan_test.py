"""Projected GAN: what it refuses and says, classes, gray pictures, slices."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import projected_features
from art_jax.algorithms.projected_gan import ProjectedGAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.config import experiments, shapes
from art_jax.data import paintings
from art_jax.losses.adversarial import Wasserstein
from art_jax.nn.fastgan import FastGANGenerator
from art_jax.weights import efficientnet_lite


def _tiny(*assignments):
  experiment = experiments.load('projected_paintings64', tiny=True)
  return experiments.resolve(experiments.override(experiment, assignments), 32)


def _stepped(experiment):
  """Return shapes of the state, of the next one, and the metrics."""
  state = shapes.state_shapes(experiment)
  key = jax.eval_shape(lambda: jax.random.key(0))
  batch = shapes.batch_shapes(experiment)
  step = experiment.algorithm.step
  return state, *jax.eval_shape(step, state, batch, key)


@pytest.mark.parametrize(
  'fields, match',
  [
    ({'project_size': 100}, 'project_size=100: it is a multiple of 32'),
    ({'project_size': 0}, 'project_size=0: it is a multiple of 32'),
    ({'num_classes': -1}, 'num_classes=-1'),
    ({'loss': Wasserstein()}, 'loss=.*bounds its logits'),
    ({'stabilizers': Stabilizers(r1_weight=1)}, 'r1_weight=1: it is 0'),
    ({'stabilizers': Stabilizers(replay_every=2)}, 'replay_every=2: it is 0'),
  ],
)
def test_fields_that_mean_nothing_are_refused(fields, match):
  with pytest.raises(core.UserError, match=match):
    ProjectedGAN(**fields)


@pytest.mark.parametrize(
  'changes, match',
  [
    (('data.size=128',), '64x64 pictures of 3 channels, the data 128x128'),
    (('data.channels=1',), 'the data 64x64 of 1'),
    (
      ('data.size=96', 'algorithm.generator.size=96'),
      'cannot be built for 96 px.*FastGAN makes 64, 128, 256, 512, 1024 px',
    ),
  ],
)
def test_pictures_that_g_cannot_make_are_refused(changes, match):
  with pytest.raises(core.UserError, match=match):
    shapes.state_shapes(_tiny(*changes))


def test_absent_weights_say_how_to_get_them(monkeypatch, tmp_path):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  match = r'not here. Three ways: \(1\) art_jax fetch efficientnet_lite0; \(2\)'
  with pytest.raises(core.UserError, match=match):
    ProjectedGAN().pretrained(paintings.read)


@pytest.mark.parametrize('size, project, says', [(64, 224, True), (64, 64, 0)])
def test_small_pictures_are_spoken_of(size, project, says, capsys):
  algorithm = ProjectedGAN(
    generator=FastGANGenerator(size=size), project_size=project, weights=''
  )
  assert algorithm.pretrained(paintings.read) == ()
  said = capsys.readouterr().err
  assert ('64 px are enlarged to algorithm.project_size=224' in said) == says


@pytest.mark.slow
@pytest.mark.parametrize(
  'changes',
  [
    (
      'data.channels=1',
      'algorithm.generator.channels=1',
      'algorithm.num_classes=5',
      'algorithm.generator.light=False',
    ),
    ('train.accumulate=2', 'algorithm.stabilizers.ema_decay=0'),
  ],
)
def test_forms_keep_their_state(changes):
  experiment = _tiny(*changes)
  state, after, metrics = _stepped(experiment)
  assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == jax.tree.map(
    lambda x: (x.shape, x.dtype), after
  )
  assert metrics['loss/generator'].shape == ()
  algorithm = experiment.algorithm
  z = jax.ShapeDtypeStruct((3, 16), jnp.float32)
  labels = jnp.zeros(3, jnp.int32) if algorithm.num_classes else None

  def use(state, z):
    params = algorithm.inference(state)
    pictures = algorithm.generate(params, z, labels)
    return pictures, algorithm.score(params, pictures, labels)

  pictures, scores = jax.eval_shape(use, state, z)
  assert pictures.shape == (3, 64, 64, experiment.data.channels)
  assert scores.shape == (3,)


def test_the_mixing_is_the_same_for_every_seed():
  algorithm = _tiny().algorithm

  @functools.partial(jax.jit, static_argnums=0)
  def mixing(algorithm, key):
    return projected_features.draw(algorithm, key)['projection']

  one, other = (mixing(algorithm, jax.random.key(seed)) for seed in (0, 1))
  jax.tree.map(np.testing.assert_array_equal, one, other)
  seeded = dataclasses.replace(algorithm, projection_seed=1)
  third = mixing(seeded, jax.random.key(0))
  for x, y in zip(*map(jax.tree.leaves, (one, third)), strict=True):
    assert not np.array_equal(x, y)


def test_taps_of_published_weights_need_no_head(assets):
  params = efficientnet_lite.load_taps(
    str(assets / 'weights/classifiers/efficientnet_lite0_fp16.safetensors')
  )
  assert '_conv_head' not in params
  algorithm = ProjectedGAN(project_size=32)
  shape = jax.eval_shape(
    functools.partial(projected_features.draw, algorithm), jax.random.key(0)
  )
  jax.tree.map(
    lambda x, y: np.testing.assert_equal(x.shape, y.shape),
    dict(shape['network']['params']),
    params,
  )
