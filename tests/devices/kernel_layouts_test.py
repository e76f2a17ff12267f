"""Kernels that lie as a GPU reads them: other memory, the same values."""

import jax
import numpy as np
import pytest
from jax.experimental.layout import Format

from art_jax.algorithms import optim
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.devices import mesh
from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator

_ORDERS = {'head': (3, 0, 1, 2), 'conv_0': (3, 0, 1, 2), 'up_0': (2, 0, 1, 3)}


@pytest.mark.slow
def test_a_step_with_arranged_kernels(monkeypatch):
  algorithm = CycleGAN(
    generator=ResnetGenerator(width=2, blocks=1),
    discriminator=PatchGAN(width=2, layers=1),
    generator_optimizer=optim.Adam(),
    discriminator_optimizer=optim.SGD(),
    pool_size=2,
  )
  batch = {name: np.ones((8, 16, 16, 3), np.float32) for name in 'ab'}
  key = jax.random.key(0)

  def step(state, _, batch, key, index):
    return algorithm.step(state, batch, jax.random.fold_in(key, index))

  results = []
  for arranged in (False, True):
    # A CPU keeps any order too; here it is what a GPU is told.
    monkeypatch.setattr(mesh.Devices, 'arranges_kernels', arranged)
    devices = mesh.make_devices(8)
    state = devices.compile_init(lambda key: algorithm.init(key, batch))(key)
    placed = devices.place_state(jax.device_get(state))
    jax.tree.map(np.testing.assert_array_equal, placed, state)
    compiled = devices.compile_step(step, state)
    for index in range(2):  # The second takes what the first returns.
      state, metrics = compiled(
        state, (), devices.place_batch(batch), key, np.int32(index)
      )
    results.append((state, metrics))
  close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)  # noqa: E731
  jax.tree.map(close, *results)
  generators = results[1][0].generators
  for tree in (generators.params, generators.opt_state[0].mu):
    network = tree['ab'] | tree['ab']['block_0']
    for layer, order in _ORDERS.items():
      layout = network[layer]['kernel'].format.layout
      assert layout.major_to_minor == order, layer
  pool = results[1][0].pool_a.images.format.layout
  assert pool.major_to_minor == (0, 1, 2, 3)


def test_only_a_gpu_has_its_kernels_arranged():
  devices = mesh.make_devices(1)
  state = {'conv': {'kernel': np.zeros((3, 3, 4, 5), np.float32)}}
  assert not isinstance(
    devices.state_shardings(state)['conv']['kernel'], Format
  )
