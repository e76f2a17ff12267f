"""A model that compiles at once, for tests of what surrounds a model."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.config import experiments
from art_jax.data.sources import Builtin


@dataclasses.dataclass(frozen=True, kw_only=True)
class Toy:
  """Adds up its batches and its random numbers.

  Attributes:
    bad_metric: index of the step whose metric is NaN.
    bad_state: index of the step after which the state holds a NaN.
    cursed: steps go bad again after a rollback.
  """

  inputs: ClassVar[tuple[str, ...]] = ('a', 'b')
  aligned: ClassVar[bool] = False
  bad_metric: int = 99
  bad_state: int = 99
  cursed: bool = False

  def networks(self, batch):
    return {}

  def init(self, key, batch, pretrained=()):
    return {
      'clock': jnp.int32(0),
      'noise': jax.random.normal(key, (3,)),
      'sum': jnp.zeros(batch['a'].shape[1:]),
    }

  def step(self, state, batch, key):
    metric = jnp.where(self._hit(self.bad_metric, state, key), jnp.nan, 1.0)
    poison = jnp.where(self._hit(self.bad_state, state, key), jnp.inf, 0.0)
    state = {
      'clock': state['clock'] + 1,
      'noise': state['noise'] + jax.random.normal(key, (3,)) + poison,
      'sum': 0.9 * state['sum'] + (batch['a'] - batch['b'])[0],
    }
    return state, {'loss/toy': metric}

  def render(self, state, batch, key):
    return {'a': batch['a']}

  def inference(self, state):
    return state['sum']

  def _hit(self, index, state, key):
    # The key of this step in a run of seed 0 that never went back.
    first = jax.random.split(jax.random.key(0), 3)[1]
    first = jax.random.key_data(jax.random.fold_in(first, index))
    same = (jax.random.key_data(key) == first).all()
    return (state['clock'] == index) & (same | self.cursed)


def experiment(*assignments: str, **fields) -> core.Experiment:
  """Return a run of 8 steps with a checkpoint after every second."""
  return experiments.override(
    core.Experiment(
      algorithm=Toy(**fields),
      data=core.Data(source=Builtin(count=12), size=16),
      train=core.Train(
        duration=8,
        batch_size=8,
        log_every=1,
        render_every=8,
        checkpoint_every=2,
      ),
    ),
    assignments,
  )


def tiny() -> core.Experiment:
  """Return the same: it has no other size."""
  return experiment()
