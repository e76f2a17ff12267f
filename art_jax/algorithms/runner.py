"""Several networks inside one loss function, in training mode."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import passes
from art_jax.algorithms.trainable import Collections


class Runner:
  """Applies several networks of one loss in turn, in training mode.

  It lives inside one evaluation of a loss function, which stays pure; every
  call has its own dropout mask. A single network needs `pure.apply_train`.

  Attributes:
    collections: the networks' other variables, as the calls so far left them.
  """

  def __init__(
    self,
    modules: nn.Module | Mapping[str, nn.Module],
    params: core.Params,
    collections: Collections,
    key: core.Key | None = None,
  ):
    """Start with the variables of a Trainable of several networks.

    Args:
      modules: of each network, or the one that all have in common.
      params: mapping by network.
      collections: mappings by network.
      key: of the dropout; None where there is none.
    """
    self._modules, self._params, self._key = modules, params, key
    self.collections = collections
    self._calls = 0

  def __call__(self, name: str, *inputs: Any, method: str | None = None) -> Any:
    """Return the output of the network called `name`.

    Args:
      name: of the network.
      *inputs: its arguments.
      method: which of its methods; None: `__call__`.
    """
    return self._run(name, [inputs], method)[0]

  def each(self, name: str, *batches: jax.Array) -> list[Any]:
    """Return the outputs of the network called `name` for several batches.

    They are one pass where that is exact, see `passes.apply_each`.

    Args:
      name: of the network.
      *batches: its argument, of one size.
    """
    return self._run(name, [(batch,) for batch in batches], None)

  def _run(self, name, batches, method):
    modules, keys = self._modules, [self._key] * len(batches)
    module = modules if isinstance(modules, nn.Module) else modules[name]
    if self._key is not None:
      keys = [
        jax.random.fold_in(self._key, self._calls + i)
        for i in range(len(batches))
      ]
    self._calls += len(batches)
    outputs, updated = passes.apply_each(
      module,
      self._params[name],
      {kind: nets[name] for kind, nets in self.collections.items()},
      batches,
      keys=keys,
      method=method,
    )
    self.collections = {
      kind: {**nets, name: updated[kind]}
      for kind, nets in self.collections.items()
    }
    return outputs
