"""The ACGAN: two heads, the sum of their losses, GANGogh's pre-training."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.acgan import ACGAN
from art_jax.algorithms.stabilizers import CriticWarmup, Stabilizers
from art_jax.losses.adversarial import Wasserstein, class_cross_entropy
from art_jax.nn.acgan import ACGANDiscriminator, ACGANGenerator
from art_jax.nn.gangogh import GANGoghDiscriminator, GANGoghGenerator


class Shift(nn.Module):
  """A generator of 1 x 1 pictures: 0.1 z + b[label]."""

  size: int = 1
  channels: int = 1
  latent_size: int = 1

  @nn.compact
  def __call__(self, z, y, train=False):
    b = self.param('b', nn.initializers.zeros, (y.shape[1],))
    return (0.1 * z + (y @ b)[:, None])[:, :, None, None]


class Lines(nn.Module):
  """A discriminator of 1 x 1 pictures: logit a x + e, class logits x c."""

  num_classes: int = 2
  slope: float = 0.0

  @nn.compact
  def __call__(self, x, train=False):
    x = x.reshape(-1)
    a, e = (self.param(k, nn.initializers.zeros, ()) for k in 'ae')
    c = self.param(
      'c', lambda key, shape: self.slope * jnp.array([-1.0, 1.0]), (2,)
    )
    return a * x + e, x[:, None] * c


_SGD = optim.SGD(learning_rate=0.1)


def _toy(**fields) -> ACGAN:
  fields = {
    'generator': Shift(),
    'discriminator': Lines(),
    'generator_optimizer': _SGD,
    'discriminator_optimizer': _SGD,
    **fields,
  }
  return ACGAN(**fields)


def _batch(gan, rows=64):
  """Class 0 lies at -1 and class 1 at 1."""
  rows *= gan.n_critic
  label = jnp.arange(rows) % 2
  noise = 0.1 * jax.random.normal(jax.random.key(9), (rows,))
  x = 2.0 * label - 1 + noise
  return {'image': x[:, None, None, None], 'label': label.astype(jnp.int32)}


def test_class_loss_by_hand():
  logits = jnp.array([[0.0, np.log(3.0)], [1.0, 1.0]])
  loss = class_cross_entropy(logits, jnp.array([1, 0]))
  assert float(loss) == pytest.approx(-np.log(0.75 * 0.5) / 2)
  gradient = jax.grad(class_cross_entropy)(logits, jnp.array([1, 0]))
  # softmax - one-hot, over 2 rows.
  expected = np.array([[0.25, -0.25], [-0.5, 0.5]]) / 2
  np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize('fake_weight', [1.0, 0.0])
def test_one_step_by_hand(fake_weight):
  gan = _toy(class_weight=2.0, fake_class_weight=fake_weight)
  batch, key = _batch(gan), jax.random.key(3)
  state = gan.init(jax.random.key(0), batch)
  state, metrics = jax.jit(gan.step)(state, batch, key)
  z = gan.latents(jax.random.fold_in(jax.random.split(key, 3)[0], 0), 64)
  real, fake = np.asarray(batch['image']).ravel(), 0.1 * np.asarray(z)[:, 0]
  sign = 2 * np.asarray(batch['label']) - 1
  # All logits are 0: sigmoid 1/2, softmax (1/2, 1/2).
  loss = 2 * np.log(2) + (2 + fake_weight) * np.log(2)
  assert float(metrics['loss/discriminator']) == pytest.approx(loss)
  assert float(metrics['accuracy/real']) == 0.5
  assert ('loss/class_fake' in metrics) == bool(fake_weight)
  a = 0.1 * 0.5 * (real.mean() - fake.mean())
  c = 0.1 * (
    2 * (sign * real / 2).mean() + fake_weight * (sign * fake / 2).mean()
  )
  found = state.discriminator.params
  np.testing.assert_allclose(
    [found['a'], found['e'], found['c'][1], found['c'][0]],
    [a, 0, c, -c],
    atol=1e-6,
  )
  # G against that D: slopes of -log s(a x) and of -log P(C = label | x).
  source = (1 / (1 + np.exp(-a * fake)) - 1) * a
  wrong = 1 / (1 + np.exp(2 * c * fake * sign))
  slope = (source - 2 * c * sign * wrong) / 64
  expected = [-0.1 * slope[sign == s].sum() for s in (-1, 1)]
  np.testing.assert_allclose(state.generator.params['b'], expected, atol=1e-6)
  assert float(metrics['loss/generator']) == pytest.approx(
    float(metrics['loss/adversarial'] + metrics['loss/class']), rel=1e-6
  )


def test_generator_moves_each_class_to_where_it_is_named():
  gan = _toy(discriminator=Lines(slope=1.0))
  batch = _batch(gan)
  state = gan.init(jax.random.key(0), batch)
  step = jax.jit(gan.step)
  for i in range(20):
    state, metrics = step(state, batch, jax.random.key(i))
  low, high = np.asarray(state.generator.params['b'])
  assert low < -0.2 and high > 0.2
  assert float(metrics['accuracy/fake']) > 0.9


def test_pre_training_leaves_the_generator_alone():
  """2 critic updates a step, 6 before the first of G: G waits for 2 steps."""
  gan = _toy(
    loss=Wasserstein(penalty_weight=10.0),
    fake_class_weight=0.0,
    n_critic=2,
    warmup=CriticWarmup(steps=6, first=1, every=0),
    share_latents=False,
    stabilizers=Stabilizers(ema_decay=0.9),
    generator_optimizer=optim.Adam(),
  )
  batch = _batch(gan)
  state = gan.init(jax.random.key(0), batch)
  step = jax.jit(gan.step)
  moved = []
  for i in range(5):
    after, metrics = step(state, batch, jax.random.key(i))
    pairs = zip(
      jax.tree.leaves((state.generator, state.average)),
      jax.tree.leaves((after.generator, after.average)),
      strict=True,
    )
    same = all(np.array_equal(x, y) for x, y in pairs)
    assert same != bool(metrics['update/generator'])
    assert float(after.discriminator.params['c'][1]) > float(
      state.discriminator.params['c'][1]
    )
    moved.append(not same)
    state = after
  assert moved == [False, False, True, True, True]


@pytest.mark.slow
def test_penalty_is_on_the_first_head_alone():
  gan = _toy(loss=Wasserstein(penalty_weight=10.0))
  batch = _batch(gan)
  state = gan.init(jax.random.key(0), batch)
  params = {'a': jnp.float32(3), 'e': jnp.float32(0), 'c': jnp.ones(2) * 7}
  d = state.discriminator.replace(params=params)
  state = state.replace(discriminator=d)
  _, metrics = gan.step(state, batch, jax.random.key(0))
  assert float(metrics['loss/penalty']) == pytest.approx(10 * (3 - 1) ** 2)


def _pictures(rows, classes):
  rng = np.random.default_rng(0)
  return {
    'image': jnp.asarray(rng.uniform(-1, 1, (rows, 32, 32, 3)), 'f4'),
    'label': jnp.asarray(rng.integers(0, classes, rows), 'i4'),
  }


@pytest.mark.slow
def test_every_stabiliser_at_once_and_the_capabilities():
  gan = ACGAN(
    generator=ACGANGenerator(size=32, width=2, latent_size=8),
    discriminator=ACGANDiscriminator(
      num_classes=3, width=2, norm='layer', dropout=0.3, minibatch_std=2
    ),
    stabilizers=Stabilizers(
      real_range=(0.8, 1.0),
      flip_probability=0.1,
      instance_noise=0.1,
      replay_every=2,
      r1_weight=0.1,
      ema_decay=0.9,
      augment=('color',),
    ),
  )
  batch = _pictures(4, 3)
  state = jax.jit(gan.init)(jax.random.key(0), batch)
  step = jax.jit(gan.step, donate_argnums=0)
  state, metrics = step(state, batch, jax.random.key(1))
  for leaf in jax.tree.leaves((state, metrics)):
    assert np.isfinite(leaf).all()
  for capability in (core.Generative, core.Scorer, core.Classifier):
    assert isinstance(gan, capability)
  params = gan.inference(state)
  assert gan.score(params, batch['image']).shape == (4,)
  assert gan.classify(params, batch['image']).shape == (4, 3)
  assert gan.render(state, batch, jax.random.key(0))['samples'].shape == (
    *(4, 32, 32, 3),
  )
  with pytest.raises(core.UserError, match='3 classes and needs labels'):
    gan.generate(params, gan.latents(jax.random.key(0), 2))


@pytest.mark.slow
def test_label_changes_every_gate():
  module = GANGoghGenerator(size=32, width=2, latent_size=4)
  z, y = jnp.ones((2, 4)), jnp.eye(2)
  variables = module.init(jax.random.key(0), z, y)
  images = module.apply(variables, z, y)
  assert images.shape == (2, 32, 32, 3)
  for i in range(3):
    params = dict(variables['params'])
    name = f'label_{i}'
    params[name] = jax.tree.map(lambda w: 50 * w, params[name])
    other = module.apply({**variables, 'params': params}, z, y)
    assert not np.allclose(images[0], other[0], atol=1e-4), name


@pytest.mark.parametrize(
  'fields, message',
  [
    ({'class_weight': -1.0}, 'class_weight=-1.0: it is >= 0'),
    ({'loss': Wasserstein(penalty_weight=10.0)}, 'norm=instance_affine'),
    ({'n_critic': 0}, 'is at least 1'),
  ],
)
def test_bad_fields(fields, message):
  with pytest.raises(core.UserError, match=message):
    ACGAN(**fields)


@pytest.mark.parametrize(
  'module, inputs, message',
  [
    (ACGANGenerator(size=96), ((2, 100), (2, 3)), '32, 64, 128, 150, 256'),
    (ACGANDiscriminator(), ((2, 48, 48, 3),), '32, 64, 128, 150, 256'),
    (ACGANDiscriminator(num_classes=0), ((2, 32, 32, 3),), 'num_classes = 0'),
    (ACGANGenerator(), ((2, 100), (3, 3)), r'one-hot rows \[2, K\]'),
    (GANGoghGenerator(size=48), ((2, 128), (2, 3)), '32, 64, 128 pixels'),
    (GANGoghDiscriminator(), ((2, 150, 150, 3),), '32, 64, 128 pixels'),
    (GANGoghGenerator(), ((2, 100), (2, 3)), r'expected \[B, 128\]'),
  ],
)
def test_networks_say_what_they_take(module, inputs, message):
  inputs = [jax.ShapeDtypeStruct(shape, 'float32') for shape in inputs]
  with pytest.raises(ValueError, match=message):
    jax.eval_shape(module.init, jax.random.key(0), *inputs)


def test_replacing_keeps_the_number_of_classes_in_one_place():
  gan = ACGAN(discriminator=ACGANDiscriminator(num_classes=7))
  assert gan.num_classes == 7
  assert 'num_classes' not in {f.name for f in dataclasses.fields(gan)}
