"""One mesh: batches, several processes, and what replaces pmap."""

import json
import pathlib
import socket
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from art_jax import core
from art_jax.devices import mesh
from art_jax.runs import metrics_log

_ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Generator(nn.Module):
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z):
    x = nn.Dense(4 * 4 * 8, use_bias=False)(z).reshape(-1, 4, 4, 8)
    x = nn.BatchNorm(use_running_average=False, axis_name=self.axis_name)(x)
    x = nn.ConvTranspose(3, (4, 4), (2, 2), use_bias=False)(nn.relu(x))
    return jnp.tanh(x)


class _Discriminator(nn.Module):
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x):
    x = nn.Conv(8, (4, 4), 2, use_bias=False)(x)
    x = nn.BatchNorm(use_running_average=False, axis_name=self.axis_name)(x)
    return nn.Dense(1)(nn.leaky_relu(x, 0.2).reshape(x.shape[0], -1))[:, 0]


def _dcgan_step(axis_name):
  """Return init and one simultaneous DCGAN step (SGD), written plainly."""
  generator, discriminator = _Generator(axis_name), _Discriminator(axis_name)

  def mean(tree):
    return jax.lax.pmean(tree, axis_name) if axis_name else tree

  def score(d, images):
    logits, _ = discriminator.apply(d, images, mutable=['batch_stats'])
    return logits

  def fakes(g, z):
    return generator.apply(g, z, mutable=['batch_stats'])[0]

  def generator_loss(g, d, z):
    return optax.sigmoid_binary_cross_entropy(
      score(d, fakes(g, z)), jnp.float32(1)
    ).mean()

  def discriminator_loss(d, g, real, z):
    return (
      optax.sigmoid_binary_cross_entropy(score(d, real), jnp.float32(1)).mean()
      + optax.sigmoid_binary_cross_entropy(
        score(d, fakes(g, z)), jnp.float32(0)
      ).mean()
    )

  def step(g, d, real, z):
    d_loss, d_grads = jax.value_and_grad(discriminator_loss)(d, g, real, z)
    g_loss, g_grads = jax.value_and_grad(generator_loss)(g, d, z)
    move = lambda p, x: p - 0.1 * x  # noqa: E731
    g = jax.tree.map(move, g, mean(g_grads))
    d = jax.tree.map(move, d, mean(d_grads))
    return g, d, mean({'g': g_loss, 'd': d_loss})

  def init(key):
    g = {'params': generator.init(key, jnp.ones((2, 6)))['params']}
    d = {'params': discriminator.init(key, jnp.ones((2, 8, 8, 3)))['params']}
    return g, d

  return init, step


@pytest.mark.slow
def test_jit_over_the_mesh_equals_pmap_with_synchronised_batch_norm():
  rng = np.random.default_rng(0)
  real = rng.uniform(-1, 1, (16, 8, 8, 3)).astype(np.float32)
  z = rng.normal(size=(16, 6)).astype(np.float32)

  _, pmap_step = _dcgan_step('data')
  init, step = _dcgan_step(None)
  g, d = init(jax.random.key(0))
  copies = jax.tree.map(lambda x: jnp.stack([x] * 8), (g, d))
  split = [x.reshape(8, 2, *x.shape[1:]) for x in (real, z)]
  pmapped = jax.pmap(pmap_step, axis_name='data')
  for _ in range(3):
    *copies, losses = pmapped(*copies, *split)
  theirs = jax.tree.map(lambda x: np.asarray(x)[0], (*copies, losses))

  devices = mesh.make_devices(8)
  whole, rows = devices.replicated, devices.batch_sharding
  ours = jax.jit(
    step, in_shardings=(whole, whole, rows, rows), out_shardings=whole
  )
  state = devices.replicate((g, d))
  for _ in range(3):
    *state, losses = ours(
      *state, devices.place_batch(real), devices.place_batch(z)
    )
  for x, y in zip(
    jax.tree.leaves(theirs), jax.tree.leaves((*state, losses)), strict=True
  ):
    np.testing.assert_allclose(x, y, atol=2e-6)


def test_rows_are_split_and_copied():
  devices = mesh.make_devices(8)
  host = np.arange(64, dtype=np.float32).reshape(16, 4)
  placed = devices.place_batch({'x': host})['x']
  assert placed.sharding == devices.batch_sharding
  assert placed.addressable_shards[0].data.shape == (2, 4)
  host[:] = 0  # Loaders reuse their buffers.
  assert float(placed.sum()) == 2016


def test_replicated_copies_survive_donation():
  devices = mesh.make_devices(8)
  original = jnp.ones(4)
  copy = devices.replicate({'x': original, 'key': jax.random.key(3)})
  jax.jit(lambda t: jax.tree.map(lambda x: x, t), donate_argnums=0)(copy)
  assert float(original.sum()) == 4


@pytest.mark.parametrize(
  'batch_size, accumulate, works',
  [(8, 1, True), (16, 2, True), (6, 1, False), (8, 2, False)],
)
def test_check_batch_prints_commands_that_work(batch_size, accumulate, works):
  devices = mesh.make_devices(8)
  if works:
    mesh.require_batch_divides(devices, batch_size, accumulate)
    return
  with pytest.raises(core.UserError) as error:
    mesh.require_batch_divides(devices, batch_size, accumulate)
  words = str(error.value).replace(',', '').split()
  fewer = next(w for w in words if w.startswith('--devices='))
  larger = next(
    w for w in words if w.startswith('train.batch_size=') and words.index(w) > 3
  )
  mesh.require_batch_divides(
    mesh.make_devices(int(fewer.split('=')[1])), batch_size, accumulate
  )
  mesh.require_batch_divides(devices, int(larger.split('=')[1]), accumulate)


def _free_port() -> int:
  with socket.socket() as listener:
    listener.bind(('127.0.0.1', 0))
    return listener.getsockname()[1]


def _start(workdir, num_devices, *arguments):
  program = (
    'import os, sys;'
    f'os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count='
    f'{num_devices}";'
    'from art_jax import main; main.cli()'
  )
  # Small steps: a ReLU that flips by rounding shows at once in a GAN.
  sgd = 'SGD(learning_rate=1e-4)'
  return subprocess.Popen(
    [
      sys.executable,
      '-c',
      program,
      '--experiment=cyclegan_demo',
      '--tiny',
      f'--workdir={workdir}',
      '--set',
      'train.duration=3',
      '--set',
      'train.log_every=1',
      '--set',
      'data.source=Builtin(count=10)',
      '--set',
      f'algorithm.generator_optimizer={sgd}',
      '--set',
      f'algorithm.discriminator_optimizer={sgd}',
      *arguments,
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    cwd=_ROOT,
  )


@pytest.mark.slow
@pytest.mark.process
def test_two_processes_that_stream_equal_one_that_does_not(tmp_path):
  one = _start(tmp_path / 'one', 4, '--set', 'data.engine=resident')
  output = one.communicate(timeout=240)[0]
  assert one.returncode == 0, output
  cluster = [f'--coordinator=127.0.0.1:{_free_port()}', '--num_processes=2']
  pair = [
    _start(
      tmp_path / 'two',
      2,
      '--set',
      'data.engine=streaming',
      *cluster,
      f'--process_id={i}',
    )
    for i in range(2)
  ]
  outputs = [process.communicate(timeout=240)[0] for process in pair]
  assert [p.returncode for p in pair] == [0, 0], outputs
  ours = metrics_log.read_metrics(tmp_path / 'two' / 'metrics.jsonl')
  theirs = metrics_log.read_metrics(tmp_path / 'one' / 'metrics.jsonl')
  assert [row['step'] for row in ours] == [1, 2, 3]
  for x, y in zip(ours, theirs, strict=True):
    for name, value in x.items():
      assert value == pytest.approx(y[name], rel=1e-4, abs=1e-5), name
  starts = json.loads((tmp_path / 'two' / 'run.json').read_text())
  assert starts[0]['processes'] == 2 and starts[0]['devices'] == 4


@pytest.mark.parametrize(('sharded', 'share'), [(False, 1), (True, 4)])
def test_a_device_keeps_its_part_of_a_state(sharded, share):
  devices = mesh.make_devices(4).with_sharded_state(sharded)
  shapes = {
    'large': jax.ShapeDtypeStruct((3, 512, 64), jnp.float32),
    'small': jax.ShapeDtypeStruct((64,), jnp.float32),
    'key': jax.eval_shape(lambda: jax.random.key(0)),
  }
  expected = 4 * 3 * 512 * 64 // share + 4 * 64 + 8
  assert devices.state_bytes(shapes) == expected
