"""descend: plain, accumulated, scheduled, projected."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import optim, trainable


def _quadratic(params, collections, batch):
  loss = jnp.mean(jnp.square(batch['x'] @ params['w'] - batch['y']))
  return loss, (collections, {'loss': loss, 'rows': batch['x']})


def _batch(rows=8):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(rows, 3)).astype(np.float32)
  return {'x': jnp.array(x), 'y': jnp.array(x @ np.float32([1, -2, 3]))}


def _start(optimizer):
  return trainable.from_params({'w': jnp.zeros(3)}, {}, optimizer)


@pytest.mark.process
@pytest.mark.parametrize(
  'optimizer, reference',
  [
    (optim.SGD(learning_rate=0.1), optax.sgd(0.1)),
    (optim.SGD(learning_rate=0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9)),
    (optim.Adam(learning_rate=0.1, b1=0.5), optax.adam(0.1, b1=0.5)),
    (
      optim.RMSProp(learning_rate=0.1),
      optax.rmsprop(0.1, decay=0.99, eps_in_sqrt=False),
    ),
    (
      optim.SGD(learning_rate=0.1, clip_norm=0.5),
      optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)),
    ),
    (
      optim.SGD(learning_rate=0.1, clip_value=0.2),
      optax.chain(optax.clip(0.2), optax.sgd(0.1)),
    ),
  ],
)
def test_descend_equals_optax(optimizer, reference):
  batch, state = _batch(), _start(optimizer)
  params, opt_state = {'w': jnp.zeros(3)}, reference.init({'w': jnp.zeros(3)})
  for clock in range(5):
    state, _ = trainable.descend(
      state, _quadratic, optimizer, jnp.int32(clock), batch
    )
    grads = jax.grad(lambda p: _quadratic(p, {}, batch)[0])(params)
    updates, opt_state = reference.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
  np.testing.assert_allclose(state.params['w'], params['w'], rtol=1e-6)


def test_a_pass_made_before_is_descended_as_one_in_the_loss():
  batch, optimizer = _batch(), optim.Adam(learning_rate=0.1, clip_norm=0.5)
  start = trainable.from_params(
    {'w': jnp.ones(3)}, {'seen': jnp.zeros(())}, optimizer
  )

  def predict(params, collections, batch):
    y = jnp.tanh(batch['x'] @ params['w'])
    return y, {'seen': collections['seen'] + 1}

  def loss_of(y, batch):
    loss = jnp.mean(jnp.square(y - batch['y']))
    return loss, {'loss': loss}

  def loss_fn(params, collections, batch):
    y, collections = predict(params, collections, batch)
    loss, aux = loss_of(y, batch)
    return loss, (collections, aux)

  clock = jnp.int32(0)
  expected = trainable.descend(start, loss_fn, optimizer, clock, batch)
  done = trainable.forward_vjp(start, predict, batch)
  y, _ = predict(start.params, start.collections, batch)
  np.testing.assert_array_equal(done.output, y)
  for each in (done, None):
    got = trainable.descend_vjp(
      start, each, predict, loss_of, optimizer, clock, batch
    )
    for a, b in zip(
      jax.tree.leaves(got), jax.tree.leaves(expected), strict=True
    ):
      np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.process
def test_accumulated_gradient_is_the_whole_batch_s():
  batch = _batch(12)
  whole = optim.SGD(learning_rate=0.1)
  sliced = optim.SGD(learning_rate=0.1, accumulate=3)
  a, aux_a = trainable.descend(
    _start(whole), _quadratic, whole, jnp.int32(0), batch
  )
  b, aux_b = trainable.descend(
    _start(sliced), _quadratic, sliced, jnp.int32(0), batch
  )
  np.testing.assert_allclose(a.params['w'], b.params['w'], rtol=1e-6)
  np.testing.assert_allclose(aux_a['loss'], aux_b['loss'], rtol=1e-6)
  np.testing.assert_array_equal(aux_a['rows'], aux_b['rows'])


@pytest.mark.process
def test_it_learns():
  optimizer = optim.Adam(learning_rate=0.3)
  state = _start(optimizer)
  step = jax.jit(
    lambda s, c: trainable.descend(s, _quadratic, optimizer, c, _batch())
  )
  for clock in range(100):
    state, aux = step(state, clock)
  assert aux['loss'] < 1e-2


@pytest.mark.process
def test_weights_stay_in_the_box():
  optimizer = optim.SGD(learning_rate=1.0, clip_weights=0.01)
  state, _ = trainable.descend(
    _start(optimizer), _quadratic, optimizer, jnp.int32(0), _batch()
  )
  assert jnp.max(jnp.abs(state.params['w'])) <= np.float32(0.01)


def test_linear_decay_is_the_papers():
  # lambda_rule of the authors' code: 1 - max(0, e + 1 - n) / (n_decay + 1)
  # per epoch; ours is its continuous form, equal at both ends.
  schedule = optim.LinearDecay(start=100, end=200)
  factors = [float(schedule.factor(jnp.int32(s))) for s in (0, 100, 150, 200)]
  assert factors == [1.0, 1.0, 0.5, 0.0]


def test_step_decay():
  schedule = optim.StepDecay(boundaries=(10, 20), gamma=0.5)
  factors = [float(schedule.factor(jnp.int32(s))) for s in (9, 10, 19, 20)]
  assert factors == [1.0, 0.5, 0.5, 0.25]


@pytest.mark.process
def test_schedule_reads_the_clock_not_the_count_of_updates():
  optimizer = optim.SGD(
    learning_rate=1.0, schedule=optim.LinearDecay(start=0, end=10)
  )
  state, _ = trainable.descend(
    _start(optimizer), _quadratic, optimizer, jnp.int32(10), _batch()
  )
  np.testing.assert_array_equal(state.params['w'], 0)


def test_split_batch_takes_every_nth_row():
  parts = trainable.split_batch({'x': jnp.arange(6)}, 2)
  assert [x['x'].tolist() for x in parts] == [[0, 2, 4], [1, 3, 5]]


def test_create_keeps_collections_of_each_network():
  class Normed(nn.Module):
    @nn.compact
    def __call__(self, x):
      return nn.BatchNorm(use_running_average=False)(nn.Dense(2)(x))

  made = trainable.create(
    {'p': Normed(), 'q': Normed()},
    jax.random.key(0),
    jnp.ones((4, 3)),
    optimizer=optim.Adam(),
  )
  assert set(made.params) == {'p', 'q'}
  assert set(made.collections['batch_stats']) == {'p', 'q'}
  leaves = zip(
    jax.tree.leaves(made.params['p']),
    jax.tree.leaves(made.params['q']),
    strict=True,
  )
  assert any((a != b).any() for a, b in leaves)  # each its own weights


@pytest.mark.parametrize(
  'make',
  [
    lambda: optim.Adam(learning_rate=0.0),
    lambda: optim.Adam(learning_rate=-1.0),
    lambda: optim.SGD(clip_norm=0.0),
    lambda: optim.RMSProp(clip_weights=-0.01),
  ],
)
def test_bad_fields(make):
  with pytest.raises(core.UserError, match='it is > 0'):
    make()


@pytest.mark.parametrize(
  'make, message',
  [
    # Kingma & Ba 2015, algorithm 1: b1 and b2 lie in [0, 1).
    (lambda: optim.Adam(b1=1.0), r'Adam.b1=1.0: it is in \[0, 1\)'),
    (lambda: optim.Adam(b2=1.5), 'Adam.b2=1.5'),
    (lambda: optim.Adam(eps=0.0), 'Adam.eps=0.0: it is > 0'),
    (lambda: optim.RMSProp(decay=-0.1), 'RMSProp.decay=-0.1'),
    (lambda: optim.SGD(momentum=float('nan')), 'SGD.momentum=nan'),
    (lambda: optim.StepDecay(boundaries=(1,), gamma=-0.1), 'uphill'),
  ],
)
def test_what_no_descent_is_made_of_is_refused(make, message):
  with pytest.raises(core.UserError, match=message):
    make()
