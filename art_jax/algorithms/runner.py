"""Several networks inside one loss function, in training mode."""

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from art_jax import core
from art_jax.algorithms.trainable import Collections
from art_jax.nn import pure


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
    modules, key = self._modules, self._key
    module = modules if isinstance(modules, nn.Module) else modules[name]
    if key is not None:
      key = jax.random.fold_in(key, self._calls)
    self._calls += 1
    output, updated = pure.apply_train(
      module,
      self._params[name],
      {kind: nets[name] for kind, nets in self.collections.items()},
      *inputs,
      key=key,
      method=method,
    )
    self.collections = {
      kind: {**nets, name: updated[kind]}
      for kind, nets in self.collections.items()
    }
    return output
