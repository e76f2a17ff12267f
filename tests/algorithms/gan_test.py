"""The GAN: Algorithm 1 of the papers, and every stabilizer on its own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import augment, gan_state, optim, trainable
from art_jax.algorithms.acgan import ACGAN
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.projected_gan import ProjectedGAN
from art_jax.algorithms.stabilizers import (
  AUGMENTATIONS,
  CriticWarmup,
  Stabilizers,
)
from art_jax.losses.adversarial import (
  Hinge,
  LeastSquares,
  Relativistic,
  Wasserstein,
)
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator
from art_jax.nn.dcgan import DCGANDiscriminator, DCGANGenerator
from art_jax.nn.norm import BatchNorm


class Affine(nn.Module):
  """A generator of 1 x 1 pictures: w z + b.

  Attributes:
    norm: normalize the latents over the batch first.
  """

  size: int = 1
  channels: int = 1
  latent_size: int = 1
  norm: bool = False

  @nn.compact
  def __call__(self, z, *given, train=False):
    if self.norm:
      z = BatchNorm()(z, train)
    w = self.param('w', nn.initializers.constant(0.1), ())
    b = self.param('b', nn.initializers.zeros, ())
    shift = sum(jnp.sum(y * jnp.arange(y.shape[1]), 1) for y in given)
    return (w * z[:, :1] + b + jnp.reshape(shift, (-1, 1)))[:, :, None, None]


class Curve(nn.Module):
  """A discriminator of 1 x 1 pictures: a x + c x^2 + e.

  Attributes:
    norm: normalize the pictures over the batch first.
  """

  norm: bool = False

  @nn.compact
  def __call__(self, x, *given, train=False):
    if self.norm:
      x = BatchNorm()(x, train)
    a, c, e = (self.param(k, nn.initializers.zeros, ()) for k in 'ace')
    x = x.reshape(-1)
    return a * x + c * x**2 + e


_SLOW = optim.SGD(learning_rate=0.1)


def _toy(**fields) -> GAN:
  fields = {
    'generator': Affine(),
    'discriminator': Curve(),
    'generator_optimizer': _SLOW,
    'discriminator_optimizer': _SLOW,
    **fields,
  }
  return GAN(**fields)


def _batch(gan, seed=0, rows=64, mean=2.0):
  rows *= gan.n_critic
  x = mean + 0.5 * jax.random.normal(jax.random.key(seed), (rows, 1, 1, 1))
  return {'image': x, 'label': jnp.zeros(rows, jnp.int32)}


def _train(gan, steps, rows=64):
  state = jax.jit(gan.init)(jax.random.key(0), _batch(gan, 0, rows))
  step = jax.jit(gan.step)
  for i in range(steps):
    state, metrics = step(state, _batch(gan, i, rows), jax.random.key(i))
    yield state, metrics


@pytest.mark.slow
def test_one_step_by_hand():
  """D: a, c, e <- rate (E[real] - E[fake]) / 2; then G against that D."""
  gan = _toy()
  batch, key = _batch(gan), jax.random.key(3)
  state = gan.init(jax.random.key(0), batch)
  state, metrics = gan.step(state, batch, key)
  z = gan.latents(jax.random.fold_in(jax.random.split(key, 3)[0], 0), 64)
  real, fake = np.asarray(batch['image']).ravel(), 0.1 * np.asarray(z)[:, 0]
  # All logits are 0, where the slope of softplus is 1/2.
  a = 0.1 * 0.5 * (real.mean() - fake.mean())
  c = 0.1 * 0.5 * ((real**2).mean() - (fake**2).mean())
  d = state.discriminator.params
  assert float(metrics['loss/discriminator']) == pytest.approx(2 * np.log(2))
  np.testing.assert_allclose([d['a'], d['c'], d['e']], [a, c, 0], atol=1e-6)
  # G: the same latents, the new D; dL/dlogit = sigmoid(logit) - 1.
  logit = a * fake + c * fake**2
  slope = (1 / (1 + np.exp(-logit)) - 1) * (a + 2 * c * fake)
  assert float(state.generator.params['b']) == pytest.approx(
    -0.1 * slope.mean(), abs=1e-6
  )


@pytest.mark.parametrize(
  'loss', [LeastSquares(), Hinge(), Wasserstein(), Relativistic(gamma=0.1)]
)
def test_generator_moves_to_the_data(loss):
  optimizer = dataclasses.replace(_SLOW, clip_weights=0.05)
  gan = _toy(loss=loss, discriminator_optimizer=optimizer)
  *_, (state, _) = _train(gan, 20)
  assert state.generator.params['b'] > 0


@pytest.mark.parametrize('family', [ACGAN, ProjectedGAN])
def test_pairs_are_for_gan_alone(family):
  with pytest.raises(core.UserError, match=f'this is a {family.__name__}'):
    family(loss=Relativistic())


def test_penalties_of_pairs_by_hand():
  """D = a x + c x^2: its gradient is a + 2 c x, in R2 that of the fakes."""
  gan = _toy(loss=Relativistic(gamma=0.5))
  batch = _batch(gan)
  state = gan.init(jax.random.key(0), batch)
  params = {'a': jnp.float32(0.3), 'c': jnp.float32(-0.2), 'e': jnp.float32(9)}
  state = state.replace(
    discriminator=state.discriminator.replace(params=params)
  )
  _, metrics = gan.step(state, batch, jax.random.key(1))
  x = batch['image'].reshape(-1)
  z = gan.latents(
    jax.random.fold_in(jax.random.split(jax.random.key(1), 3)[0], 0), len(x)
  )
  g = 0.1 * z[:, 0]
  for name, images in (('r1', x), ('r2', g)):
    expected = 0.25 * jnp.mean((0.3 - 0.4 * images) ** 2)
    assert float(metrics[f'loss/{name}']) == pytest.approx(float(expected))
  apart = 0.3 * (g - x) - 0.2 * (g**2 - x**2)
  assert float(metrics['loss/pairs']) == pytest.approx(
    float(jax.nn.softplus(apart).mean())
  )
  assert np.isfinite(metrics['loss/generator'])


@pytest.mark.slow
def test_it_learns_a_mean_and_a_spread():
  """Real: N(2, 0.5^2); G begins at N(0, 0.1^2)."""
  adam = optim.Adam(learning_rate=2e-2)
  gan = _toy(
    generator_optimizer=adam,
    discriminator_optimizer=adam,
    stabilizers=Stabilizers(r1_weight=0.5, ema_decay=0.99),
  )
  *_, (state, _) = _train(gan, 800, rows=128)
  z = gan.latents(jax.random.key(5), 1000)
  images = gan.generate(gan.inference(state), z)
  assert float(images.mean()) == pytest.approx(2.0, abs=0.3)
  assert 0.25 < float(images.std()) < 0.8


@pytest.mark.slow
def test_wasserstein_weights_stay_in_the_box():
  gan = _toy(
    loss=Wasserstein(),
    discriminator_optimizer=optim.RMSProp(clip_weights=0.01),
    discriminator=Curve(norm=True),
    n_critic=3,
  )
  for state, _ in _train(gan, 4):
    for leaf in jax.tree.leaves(state.discriminator.params):
      assert float(jnp.abs(leaf).max()) <= 0.01


def test_critic_steps_come_before_the_generator(monkeypatch):
  order = []
  descend, descend_vjp = trainable.descend, trainable.descend_vjp

  def spy(subject, loss_fn, optimizer, clock, batch):
    after, aux = descend(subject, loss_fn, optimizer, clock, batch)
    for leaf in jax.tree.leaves(after.params):
      limit = optimizer.clip_weights
      assert limit is None or float(jnp.abs(leaf).max()) <= limit
    order.append('D' if 'real' in batch else 'G')
    return after, aux

  def spy_vjp(*args):
    order.append('G')
    return descend_vjp(*args)

  monkeypatch.setattr(trainable, 'descend', spy)
  monkeypatch.setattr(trainable, 'descend_vjp', spy_vjp)
  gan = _toy(
    loss=Wasserstein(),
    discriminator_optimizer=optim.RMSProp(clip_weights=0.01),
    n_critic=5,
  )
  batch = _batch(gan)
  gan.step(gan.init(jax.random.key(0), batch), batch, jax.random.key(0))
  assert order == ['D'] * 5 + ['G']
  assert core.batches_per_step(gan) == 5


def test_one_pass_of_the_generator_serves_both_updates(monkeypatch):
  gan = _toy(n_critic=2)
  batch, key = _batch(gan), jax.random.key(0)
  state = gan.init(key, batch)
  once = gan.step(state, batch, key)
  descend_vjp = trainable.descend_vjp
  monkeypatch.setattr(
    trainable, 'descend_vjp', lambda g, _, *args: descend_vjp(g, None, *args)
  )
  twice = gan.step(state, batch, key)
  for a, b in zip(jax.tree.leaves(once), jax.tree.leaves(twice), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_each_critic_step_sees_a_batch_of_its_own(monkeypatch):
  seen = []
  descend = trainable.descend

  def spy(subject, loss_fn, optimizer, clock, batch):
    seen.append(batch)
    return descend(subject, loss_fn, optimizer, clock, batch)

  monkeypatch.setattr(trainable, 'descend', spy)
  gan = _toy(n_critic=3, share_latents=False)
  batch = _batch(gan)
  gan.step(gan.init(jax.random.key(0), batch), batch, jax.random.key(0))
  real = np.concatenate([b['real'].ravel() for b in seen[:3]])
  np.testing.assert_array_equal(
    np.sort(real), np.sort(np.asarray(batch['image']).ravel())
  )
  fakes = [np.asarray(b['fake']).ravel() for b in seen[:3]]
  assert not np.intersect1d(fakes[0], fakes[1]).size
  assert not np.intersect1d(0.1 * np.asarray(seen[3]['z']), fakes[2]).size


def test_warmup_makes_the_generator_wait():
  """6 critic updates before updates 0, 1 and 4 of G, else n_critic = 2."""
  gan = _toy(n_critic=2, warmup=CriticWarmup(steps=6, first=2, every=4))
  moved, before = [], None
  for state, metrics in _train(gan, 13):
    now = float(state.generator.params['b'])
    moved.append(float(metrics['update/generator']))
    assert before is None or (now != before) == bool(moved[-1])
    before = now
  assert moved == [0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1]
  assert int(state.generator_steps) == 7


def test_authors_warmup():
  needed = CriticWarmup().needed(jnp.array([0, 24, 25, 499, 500, 501]), 5)
  assert needed.tolist() == [100, 100, 5, 5, 100, 5]


def test_targets_lie_in_their_ranges():
  smooth = Stabilizers(real_range=(0.7, 1.0), fake_range=(0.0, 0.3))
  targets = np.asarray(smooth.draw_targets(jax.random.key(0), 1000))
  assert 0.7 <= targets[:, 0].min() < 0.71 < 0.99 < targets[:, 0].max() <= 1
  assert 0 <= targets[:, 1].min() < 0.01 < 0.29 < targets[:, 1].max() <= 0.3
  plain = np.asarray(Stabilizers().draw_targets(jax.random.key(0), 10))
  np.testing.assert_array_equal(plain, [[1, 0]] * 10)


def test_flipping_exchanges_the_targets_of_some_rows():
  flips = Stabilizers(flip_probability=0.25)
  targets = np.asarray(flips.draw_targets(jax.random.key(0), 4000))
  np.testing.assert_array_equal(targets.sum(1), 1)
  assert targets[:, 1].mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.slow
def test_real_and_fake_are_separate_batches_of_batch_norm():
  gan = _toy(discriminator=Curve(norm=True), generator=Affine(norm=True))
  batch = _batch(gan)
  state = gan.init(jax.random.key(0), batch)
  after, metrics = gan.step(state, batch, jax.random.key(0))
  mean = after.discriminator.collections['batch_stats']['BatchNorm_0']['mean']
  real = float(batch['image'].mean())
  # momentum 0.9 twice, real first; fakes have mean 0 (normalized latents).
  assert float(mean[0]) == pytest.approx(0.9 * 0.1 * real, abs=1e-5)
  # G's statistics move once a step.
  z = gan.latents(
    jax.random.fold_in(jax.random.split(jax.random.key(0), 3)[0], 0), 64
  )
  mean = after.generator.collections['batch_stats']['BatchNorm_0']['mean']
  assert float(mean[0]) == pytest.approx(0.1 * float(z.mean()), abs=1e-6)


def test_average_of_the_generator():
  gan = _toy(stabilizers=Stabilizers(ema_decay=0.5))
  # d = min(0.5, (1 + t) / (10 + t)): 0.1 and 2 / 11 for the first two steps.
  states = [state for state, _ in _train(gan, 2)]
  b = [float(s.generator.params['b']) for s in states]
  first = 0.9 * b[0]
  second = 2 / 11 * first + 9 / 11 * b[1]
  for state, value in zip(states, (first, second), strict=True):
    average = gan.inference(state)['generator']['params']['b']
    assert float(average) == pytest.approx(value, rel=1e-5)


def test_replay_shows_what_it_kept():
  memory = gan_state.empty_replay(
    jnp.zeros((2, 1, 1, 1)), jnp.zeros(2, jnp.int32)
  )
  shown = []
  for i in range(6):
    images = jnp.full((2, 1, 1, 1), float(i)).at[1].add(0.5)
    memory, pictures, labels = gan_state.exchange(
      memory, images, jnp.array([i, -1]), every=3
    )
    shown.append((pictures.ravel().tolist(), labels.tolist()))
  assert shown[2] == ([0.0, 1.0], [0, 1])
  assert shown[4] == ([4.0, 4.5], [4, -1]), 'new ones in between'
  assert shown[5] == ([4.0, 3.0], [4, 3])


@pytest.mark.slow
@pytest.mark.parametrize('name', AUGMENTATIONS)
def test_augmentation_is_one_draw_per_picture(name):
  images = jax.random.uniform(
    jax.random.key(0), (6, 16, 16, 3), minval=-1, maxval=1
  )
  keys = jax.random.split(jax.random.key(1), 6)
  whole = augment.augment(images, keys, (name,))
  assert whole.shape == images.shape
  parts = [augment.augment(images[i::2], keys[i::2], (name,)) for i in (0, 1)]
  np.testing.assert_allclose(whole[1::2], parts[1], atol=1e-6)
  again = augment.augment(images[:1].repeat(6, 0), keys, (name,))
  assert not np.allclose(again[0], again[1])
  slope = jax.grad(
    lambda x: jnp.sum(augment.augment(x, keys, (name,)) * images)
  )(images)
  assert np.isfinite(slope).all() and np.abs(slope).max() > 0


def test_translation_and_cutout_zero_what_they_hide():
  images = jnp.ones((200, 16, 16, 1))
  keys = jax.random.split(jax.random.key(0), 200)
  cut = np.asarray(augment.augment(images, keys, ('cutout',)))
  hidden = (cut == 0).sum((1, 2, 3))
  assert set(np.unique(cut)) == {0, 1}
  assert hidden.max() == 64 and hidden.min() >= 16
  moved = np.asarray(augment.augment(images, keys, ('translation',)))
  left = (moved == 0).sum((1, 2, 3))
  assert left.min() == 0 and left.max() == 16 * 16 - 14 * 14


def test_instance_noise_fades_with_its_schedule():
  noisy = Stabilizers(
    instance_noise=0.5,
    noise_schedule=optim.LinearDecay(start=0, end=10),
  )
  images = jnp.zeros((1000, 1, 1, 1))
  keys = jax.random.split(jax.random.key(0), 1000)
  for clock, expected in ((0, 0.5), (5, 0.25), (10, 0.0)):
    seen = noisy.perturb(images, keys, jnp.int32(clock))
    assert float(seen.std()) == pytest.approx(expected, rel=0.1)


def _everything() -> GAN:
  return GAN(
    generator=CDCGANGenerator(size=32, width=4, latent_size=8),
    discriminator=CDCGANDiscriminator(width=4, norm='none'),
    num_classes=3,
    warmup=CriticWarmup(steps=2, first=1, every=2),
    loss=LeastSquares(),
    stabilizers=Stabilizers(
      real_range=(0.8, 1.0),
      fake_range=(0.0, 0.2),
      flip_probability=0.1,
      instance_noise=0.1,
      replay_every=2,
      r1_weight=0.1,
      ema_decay=0.9,
      augment=('color', 'translation', 'cutout'),
    ),
  )


def _pictures(rows):
  rng = np.random.default_rng(0)
  return {
    'image': jnp.asarray(rng.uniform(-1, 1, (rows, 32, 32, 3)), 'f4'),
    'label': jnp.asarray(rng.integers(0, 3, rows), 'i4'),
  }


@pytest.mark.slow
def test_everything_at_once_keeps_types_and_is_finite():
  gan = _everything()
  batch = _pictures(4)
  state = jax.jit(gan.init)(jax.random.key(0), batch)
  step = jax.jit(gan.step, donate_argnums=0)
  for i in range(3):
    state, metrics = step(state, batch, jax.random.key(i))
  assert step._cache_size() == 1
  for leaf in jax.tree.leaves((state, metrics)):
    assert np.isfinite(leaf).all()
  images = gan.render(state, batch, jax.random.key(0))['samples']
  assert images.shape == (4, 32, 32, 3)
  scores = gan.score(gan.inference(state), batch['image'], batch['label'])
  assert scores.shape == (4,)
  assert isinstance(gan, core.Generative) and isinstance(gan, core.Scorer)


@pytest.mark.slow
def test_accumulation_is_the_whole_batch():
  """Latents, targets, noise and augmentation belong to rows."""
  whole = _toy(
    generator=Affine(latent_size=2),
    n_critic=2,
    num_classes=3,
    stabilizers=Stabilizers(
      real_range=(0.8, 1.0),
      flip_probability=0.3,
      instance_noise=0.1,
      r1_weight=0.1,
      replay_every=2,
      augment=('color',),
    ),
  )
  sliced = dataclasses.replace(
    whole,
    generator_optimizer=dataclasses.replace(_SLOW, accumulate=2),
    discriminator_optimizer=dataclasses.replace(_SLOW, accumulate=2),
  )
  batch = _batch(whole)
  state = whole.init(jax.random.key(0), batch)
  a, _ = jax.jit(whole.step)(state, batch, jax.random.key(1))
  b, _ = jax.jit(sliced.step)(state, batch, jax.random.key(1))
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_allclose(x, y, atol=1e-5)


@pytest.mark.parametrize(
  'fields, message',
  [
    ({'n_critic': 0}, 'n_critic=0: it is at least 1'),
    ({'real_range': (1.0, 0.8)}, r'range \(low, high\)'),
    ({'fake_range': (0.0, 1.2)}, r'in \[0, 1\]'),
    ({'loss': Hinge(), 'real_range': (0.8, 1.0)}, 'with Hinge'),
    ({'loss': Wasserstein(), 'flip_probability': 0.1}, 'with Wasserstein'),
    ({'ema_decay': 1.0}, r'in \[0, 1\)'),
    ({'augment': ('hue',)}, 'color, translation, cutout'),
    ({'loss': Wasserstein(penalty_weight=10.0)}, 'norm=instance_affine'),
    ({'r1_weight': 1.0}, 'norm=instance_affine'),
    ({'loss': Relativistic()}, 'norm=instance_affine'),
    ({'loss': Relativistic(), 'r1_weight': 1.0}, 'algorithm.loss.gamma'),
    ({'loss': Relativistic(), 'real_range': (0.8, 1.0)}, 'with Relativistic'),
  ],
)
def test_bad_fields(fields, message):
  own = {field.name for field in dataclasses.fields(GAN)}
  with pytest.raises(core.UserError, match=message):
    nested = Stabilizers(**{k: v for k, v in fields.items() if k not in own})
    GAN(stabilizers=nested, **{k: fields[k] for k in own & fields.keys()})


def test_bad_input():
  gan = _everything()
  batch = _pictures(4)
  params = gan.inference(jax.jit(gan.init)(jax.random.key(0), batch))
  with pytest.raises(core.UserError, match='needs labels'):
    gan.generate(params, gan.latents(jax.random.key(0), 2))
  with pytest.raises(core.UserError, match=r'\[N, 8\]'):
    gan.generate(params, jnp.zeros((2, 9)), jnp.zeros(2, jnp.int32))
  other = GAN(
    generator=DCGANGenerator(size=64), discriminator=DCGANDiscriminator()
  )
  with pytest.raises(core.UserError, match='algorithm.generator.size=32'):
    other.init(jax.random.key(0), batch)


@pytest.mark.slow
def test_the_step_of_dcgan_is_that_of_optax():
  """One step of the real networks against losses written out once more."""
  gan = GAN(
    generator=DCGANGenerator(size=32, width=4, latent_size=8),
    discriminator=DCGANDiscriminator(width=4),
    generator_optimizer=_SLOW,
    discriminator_optimizer=_SLOW,
  )
  x = _pictures(8)['image']
  state = jax.jit(gan.init)(jax.random.key(0), {'image': x})
  key = jax.random.key(2)
  after, _ = jax.jit(gan.step)(state, {'image': x}, key)
  z = gan.latents(jax.random.fold_in(jax.random.split(key, 3)[0], 0), 8)

  def run(module, trainable_, params, *inputs):
    variables = {'params': params, **trainable_.collections}
    return module.apply(
      variables, *inputs, train=True, mutable=['batch_stats']
    )[0]

  g, d = state.generator, state.discriminator
  ones = jnp.ones(8)

  def bce(logits, target):
    return optax.sigmoid_binary_cross_entropy(logits, target).mean()

  @jax.jit
  def expected():
    fake = run(gan.generator, g, g.params, z)
    grads = jax.grad(
      lambda p: (
        bce(run(gan.discriminator, d, p, x), ones)
        + bce(run(gan.discriminator, d, p, fake), 0 * ones)
      )
    )(d.params)
    new_d = jax.tree.map(lambda p, s: p - 0.1 * s, d.params, grads)
    grads = jax.grad(
      lambda p: bce(
        run(gan.discriminator, d, new_d, run(gan.generator, g, p, z)), ones
      )
    )(g.params)
    return new_d, jax.tree.map(lambda p, s: p - 0.1 * s, g.params, grads)

  found = (after.discriminator.params, after.generator.params)
  for a, b in zip(
    jax.tree.leaves(found), jax.tree.leaves(expected()), strict=True
  ):
    np.testing.assert_allclose(a, b, atol=1e-5)
