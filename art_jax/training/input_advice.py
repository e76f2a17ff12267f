"""Says when a run waits for its pictures, and what to do about it."""

from collections.abc import Mapping

from art_jax import core
from art_jax.data import pipeline
from art_jax.data.dataset import Dataset

_LEAST = 20.0  # seconds of steps and waiting; before, shares jump
_SHARE = 0.1  # of waiting, from which on it is said


def helps(data: core.Data, dataset: Dataset, engine: pipeline.Engine) -> bool:
  """Return whether pictures are decoded in each epoch but need not be.

  Args:
    data: of the run.
    dataset: opened with it.
    engine: that gives the batches.
  """
  return (
    engine.kind == 'streaming'
    and data.cache is None
    and all(examples.files is not None for examples in dataset.train)
  )


def sentence(
  seconds: Mapping[str, float], since: Mapping[str, float]
) -> str | None:
  """Return what to do if the device waits for pictures; None: it does not.

  Args:
    seconds: of `goodput.Clocks`, now.
    since: the same at the first row of metrics: the first batch takes long,
      since its reader starts.
  """
  waiting, stepping = (
    seconds.get(name, 0.0) - since.get(name, 0.0) for name in ('input', 'step')
  )
  busy = waiting + stepping
  if busy < _LEAST or waiting < _SHARE * busy:
    return None
  return (
    f'the device waits {100 * waiting / busy:.0f} % of the time for pictures, '
    'which are decoded in every epoch; stop the run and pass '
    '--set data.cache=~/.cache/art_jax/pictures: they are decoded once, and '
    'the run goes on from its checkpoint'
  )
