"""Several steps in one call, and a state split over devices: same results."""

import dataclasses

import jax
import numpy as np
import pytest
import toy

from art_jax import core
from art_jax.algorithms import gan_state, optim, trainable
from art_jax.config import experiments, shapes
from art_jax.devices import memory, mesh
from art_jax.profiling import estimate
from art_jax.runs import metrics_log
from art_jax.runs.checkpoints import Checkpoints
from art_jax.training import loop, multi_step
from art_jax.training.schedule import Schedule

_FIRST = {'log_every': 50, 'render_every': 400, 'checkpoint_every': 400}


@pytest.mark.parametrize(
  'first, duration, steps_per_call, expected',
  [
    (0, 4, 1, [1, 2, 3, 4]),
    # Step 1 is looked at, so it is alone; singles up to what is due.
    (0, 14, 4, [1, 5, 9, 13, 14]),
    (46, 64, 4, [50, 54, 58, 62, 63, 64]),
    (48, 56, 4, [49, 50, 54, 55, 56]),
    (7, 7, 4, []),
  ],
)
def test_calls_end_where_something_is_due(
  first, duration, steps_per_call, expected
):
  train = core.Train(
    duration=duration, batch_size=1, steps_per_call=steps_per_call, **_FIRST
  )
  calls = list(multi_step.calls(first, Schedule(train)))
  assert [step for step, _ in calls] == expected
  assert sum(count for _, count in calls) == duration - first
  assert {count for _, count in calls} <= {1, steps_per_call}


def _saved(workdir):
  with Checkpoints(workdir / 'checkpoints', read_only=True) as checkpoints:
    return checkpoints.restore(shapes.state_shapes(toy.experiment())).state


@pytest.mark.slow
def test_a_run_in_calls_is_the_run_in_steps(tmp_path):
  """Bitwise on a CPU: state, rows, and after a stop in between."""
  devices = mesh.make_devices(8)
  plain = ('train.duration=8', 'train.checkpoint_every=4', 'train.log_every=4')
  calls = (*plain, 'train.steps_per_call=3', 'data.engine=resident')
  loop.train(toy.experiment(*plain), tmp_path / 'steps', devices=devices)
  half = (*calls, 'train.duration=4')
  loop.train(toy.experiment(*half), tmp_path / 'calls', devices=devices)
  loop.train(toy.experiment(*calls), tmp_path / 'calls', devices=devices)
  a, b = (_saved(tmp_path / x) for x in ('steps', 'calls'))
  jax.tree.map(np.testing.assert_array_equal, a, b)
  rows = [
    metrics_log.read_metrics(tmp_path / x / 'metrics.jsonl')
    for x in ('steps', 'calls')
  ]
  assert rows[0] == rows[1] and [r['step'] for r in rows[0]] == [1, 4, 8]


def test_streamed_pictures_are_refused(tmp_path):
  experiment = toy.experiment('train.steps_per_call=2', 'data.engine=streaming')
  with pytest.raises(core.UserError, match='=2 needs the pictures in device'):
    loop.train(experiment, tmp_path, devices=mesh.make_devices(8))


def _with_sgd(name):
  """Return a tiny experiment; Adam would scale rounding noise up."""
  experiment = experiments.load(name, tiny=True)
  changes = {
    field.name: optim.SGD(learning_rate=1e-3)
    for field in dataclasses.fields(experiment.algorithm)
    if field.name.endswith('optimizer')
  }
  algorithm = dataclasses.replace(experiment.algorithm, **changes)
  experiment = dataclasses.replace(experiment, algorithm=algorithm)
  return experiments.resolve(experiment, num_examples=32)


class _Fixed:
  constants = ()

  def prepare(self, constants, inputs):
    return inputs


def _three_steps(name, devices, *, per_call=1):
  """Return the state after 3 steps and the last metrics, on the host."""
  experiment = _with_sgd(name)
  init = devices.compile_init(shapes.initializer(experiment))
  state = init(devices.replicate(jax.random.key(0)))
  step = loop.training_step(experiment.algorithm, _Fixed(), devices.gather)
  step = devices.compile_step(multi_step.scanned(step), state)
  rng = np.random.default_rng(0)
  batches = [
    {
      key: devices.place_batch(
        np.zeros(s.shape, s.dtype)
        if s.dtype == np.int32
        else rng.uniform(-1, 1, s.shape).astype(s.dtype)
      )
      for key, s in shapes.batch_shapes(experiment).items()
    }
    for _ in range(3)
  ]
  key = devices.replicate(jax.random.key(1))
  placed = jax.tree.leaves(state)
  for first in range(0, 3, per_call):
    state, metrics = step(
      *(state, (), tuple(batches[first : first + per_call]), key),
      np.int32(first),
    )
  for before, after in zip(placed, jax.tree.leaves(state), strict=True):
    assert before.sharding == after.sharding
  return jax.device_get((state, metrics)), state


@pytest.mark.slow
def test_scanned_steps_are_close_to_single_ones():
  devices = mesh.make_devices(2)
  single, _ = _three_steps('vae_mnist_mlp', devices)
  called, _ = _three_steps('vae_mnist_mlp', devices, per_call=3)
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-5),
    *(called, single),
  )


@pytest.mark.slow
def test_a_state_that_is_split_trains_the_same(monkeypatch):
  """With convolutions: left to itself, XLA would split their channels."""
  monkeypatch.setattr(mesh, 'SPLIT_FROM', 256)
  devices = mesh.make_devices(8)
  single, _ = _three_steps('autoencoder', devices)
  split, state = _three_steps('autoencoder', devices.with_sharded_state(True))
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-5),
    *(split, single),
  )
  leaves = [x for x in jax.tree.leaves(state) if x.size >= 256]
  held = sum(x.addressable_shards[0].data.nbytes for x in leaves)
  assert held < 0.2 * sum(x.nbytes for x in leaves)


@pytest.mark.parametrize(
  'shape, split',
  [
    ((3, 3, 64, 128), (3, 3, 64, 16)),
    ((16, 1024), (16, 128)),
    ((1 << 14,), (1 << 11,)),
    ((7, 50, 101), (7, 50, 101)),  # nothing divides by 8
    ((8, 8), (8, 8)),  # too small
  ],
)
def test_the_largest_axis_that_divides_is_split(shape, split):
  devices = mesh.make_devices(8).with_sharded_state(True)
  placed = devices.place_state({'x': np.zeros(shape, np.float32)})['x']
  assert placed.addressable_shards[0].data.shape == split


def test_an_estimate_is_of_the_split_state(monkeypatch):
  monkeypatch.setattr(mesh, 'SPLIT_FROM', 8)
  devices, arguments, names = mesh.make_devices(8), {}, set()
  for split in (False, True):
    experiment = toy.experiment(f'train.shard_state={split}')
    state = shapes.state_shapes(experiment)
    step = estimate.compile_step(
      experiment, devices.with_sharded_state(split), state
    )
    lowered = step.lower(
      *(state, (), shapes.batch_shapes(experiment)),
      *(jax.eval_shape(lambda: jax.random.key(0)), np.int32(0)),
    )
    arguments[split] = memory.needs(lowered.compile())['arguments']
    names.add(estimate._key(experiment, devices))
    assert estimate.step_seconds(experiment, devices)[1] >= 3
  assert arguments[True] < arguments[False] and len(names) == 2


@pytest.mark.slow
def test_checkpoints_do_not_know_of_the_split(tmp_path, monkeypatch):
  monkeypatch.setattr(mesh, 'SPLIT_FROM', 8)
  split = ('train.shard_state=true', 'train.duration=4')
  loop.train(toy.experiment(*split), tmp_path, devices=mesh.make_devices(8))
  loop.train(
    toy.experiment('train.shard_state=false'),
    tmp_path,
    devices=mesh.make_devices(2),
  )
  loop.train(toy.experiment(), tmp_path / 'whole', devices=mesh.make_devices(8))
  a, b = (_saved(x) for x in (tmp_path, tmp_path / 'whole'))
  jax.tree.map(np.testing.assert_array_equal, a, b)


def test_a_replay_on_several_devices_keeps_every_fake():
  """A scatter on rows split over devices, twice, lost some of them."""
  devices, rows = mesh.make_devices(8), np.arange(32)

  def step(state, constants, batch, key, index):
    shown = []
    for part in trainable.split_batch(batch, 2):
      noise = 0 * jax.random.normal(key, part['x'].shape)
      fakes = part['x'] * jax.numpy.cos(noise)
      state, fakes, labels = gan_state.exchange(state, fakes, part['y'], 2)
      shown += trainable.split_batch({'x': fakes, 'y': labels}, 2)
    return state, {'shown': sum(part['x'].sum() for part in shown)}

  x = np.broadcast_to(rows[:, None, None, None], (32, 32, 32, 3))
  batch = {'x': x.astype(np.float32), 'y': rows.astype(np.int32)}
  state = gan_state.empty_replay(
    np.zeros((16, 32, 32, 3), np.float32), np.zeros(16, np.int32)
  )
  state = devices.place_state(jax.device_get(state))
  compiled = devices.compile_step(step, state)
  for index in range(2):
    state, _ = compiled(
      *(state, (), devices.place_batch(batch)),
      *(devices.replicate(jax.random.key(0)), np.int32(index)),
    )
  for kept in (state.images[:5, 0, 0, 0], state.labels[:5]):
    np.testing.assert_array_equal(kept, [0, 1, 0, 1, 0])
