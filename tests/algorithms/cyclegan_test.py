"""CycleGAN: what its cycle loss compares."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.cyclegan import CycleGAN
from art_jax.nn.patchgan import PatchGAN


class Checker(nn.Module):
  """Adds a checkerboard of +-0.2 and 0.1, once there and once back."""

  @nn.compact
  def __call__(self, x, train=False):
    self.param('unused', nn.initializers.zeros, (1,))
    rows, columns = np.mgrid[: x.shape[1], : x.shape[2]]
    return x + 0.05 + 0.1 * ((rows + columns) % 2 * 2 - 1)[..., None]


@pytest.mark.slow
@pytest.mark.parametrize('cell, wanted', [(1, 0.2), (2, 0.1), (4, 0.1)])
def test_the_cycle_loss_compares_means_of_cells(cell, wanted):
  # Twice 0.05 + 0.1 or 0.05 - 0.1: 0.3 or -0.1, of mean 0.1, and 0.2 apart
  # from nothing on average.
  algorithm = CycleGAN(
    generator=Checker(),
    discriminator=PatchGAN(2, 1, 'none'),
    generator_optimizer=optim.Adam(),
    discriminator_optimizer=optim.Adam(),
    identity_weight=0,
    pool_size=0,
    cycle_cell=cell,
  )
  x = np.zeros((1, 16, 16, 3), np.float32)
  batch = {'a': x, 'b': x}
  state = algorithm.init(jax.random.key(0), batch)
  _, metrics = jax.jit(algorithm.step)(state, batch, jax.random.key(1))
  assert float(metrics['loss/cycle_a']) == pytest.approx(wanted, rel=1e-4)


def test_bad_cell():
  with pytest.raises(core.UserError, match='cycle_cell=0: it is >= 1'):
    CycleGAN(cycle_cell=0)
  batch = dict.fromkeys('ab', np.zeros((1, 16, 16, 3), np.float32))
  with pytest.raises(core.UserError, match='cycle_cell=17.*data.size=16'):
    CycleGAN(cycle_cell=17).init(jax.random.key(0), batch)  # NaN, a mean of ()
