"""One optimiser's worth of parameters, and the one way to update them."""

from collections.abc import Callable, Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from art_jax import core
from art_jax.algorithms import optim

Collections = Mapping[str, Any]
Aux = Any
# (params, collections, batch) -> (loss f32[], (collections, aux)).
LossFn = Callable[
  [core.Params, Collections, core.Batch],
  tuple[jax.Array, tuple[Collections, Aux]],
]


class Trainable(flax.struct.PyTreeNode):
  """Parameters that one optimiser updates together: one net, two, or pixels.

  Attributes:
    params: pytree of f32 parameters.
    collections: other variables of the networks, e.g. `batch_stats`; {} when
      there are none.
    opt_state: state of `optimizer.make()`.
  """

  params: core.Params
  collections: Collections
  opt_state: optax.OptState

  @property
  def variables(self) -> dict[str, Any]:
    """The argument of `module.apply` for a Trainable of one network."""
    return {'params': self.params, **self.collections}


def create(
  modules: nn.Module | Mapping[str, nn.Module],
  key: core.Key,
  *inputs: jax.Array,
  optimizer: optim.Optimizer,
) -> Trainable:
  """Initialise one network, or several that share an optimiser.

  Args:
    modules: a linen module, or a mapping of them; with a mapping, `params`
      and each collection are mappings with the same keys.
    key: PRNG key; every network gets its own.
    *inputs: example arguments of `module.__call__`.
    optimizer: its config.

  Returns:
    A Trainable with fresh optimiser state.
  """
  if isinstance(modules, nn.Module):
    collections = dict(modules.init(key, *inputs))
    params = collections.pop('params')
    return from_params(params, collections, optimizer)
  networks = {name: (module, inputs) for name, module in modules.items()}
  return create_networks(networks, key, optimizer)


def create_networks(
  networks: core.Networks, key: core.Key, optimizer: optim.Optimizer
) -> Trainable:
  """Initialise several networks of different inputs that share an optimiser.

  Args:
    networks: by role, the module and its example arguments.
    key: PRNG key; every network gets its own.
    optimizer: its config.

  Returns:
    A Trainable; `params` and each collection are mappings by role.
  """
  keys = jax.random.split(key, len(networks))
  each = {
    name: dict(module.init(k, *inputs))
    for (name, (module, inputs)), k in zip(networks.items(), keys, strict=True)
  }
  params = {name: variables.pop('params') for name, variables in each.items()}
  kinds = {kind for variables in each.values() for kind in variables}
  collections = {
    kind: {name: v.get(kind, {}) for name, v in each.items()}
    for kind in sorted(kinds)
  }
  return from_params(params, collections, optimizer)


def from_params(
  params: core.Params, collections: Collections, optimizer: optim.Optimizer
) -> Trainable:
  """Wrap existing parameters with a fresh optimiser state."""
  opt_state = jax.tree.map(_strong, optimizer.make().init(params))
  return Trainable(params, collections, opt_state)


def descend(
  trainable: Trainable,
  loss_fn: LossFn,
  optimizer: optim.Optimizer,
  clock: jax.Array,
  batch: core.Batch,
) -> tuple[Trainable, Aux]:
  """Take one optimiser step down the gradient of a loss.

  With `optimizer.accumulate` = k, the batch is cut into k slices and the
  gradients are averaged, which is the gradient of the whole batch for a loss
  that is a mean over examples; collections pass from slice to slice.

  Args:
    trainable: what to update; everything else that `loss_fn` closes over is
      constant.
    loss_fn: (params, collections, batch) -> (f32[], (collections, aux)).
    optimizer: the config that `trainable` was created with.
    clock: i32[], the algorithm's step, read by the schedule.
    batch: what the loss sees; every leaf has the examples as leading axis.

  Returns:
    The updated trainable and `aux` (with slices: scalars averaged, arrays
    joined along the examples in the batch's order).
  """
  gradient = jax.value_and_grad(loss_fn, has_aux=True)
  slices = optimizer.accumulate
  if slices == 1:
    (_, (collections, aux)), grads = gradient(
      trainable.params, trainable.collections, batch
    )
  else:
    collections, grads, auxes = trainable.collections, None, []
    parts = split_batch(batch, slices)
    # Unrolled: XLA:CPU runs convolutions inside a loop 3 to 13 times slower.
    for i in range(slices):
      part = jax.tree.map(lambda x, i=i: x[i], parts)
      (_, (collections, aux)), slice_grads = gradient(
        trainable.params, collections, part
      )
      auxes.append(aux)
      grads = (
        slice_grads
        if grads is None
        else jax.tree.map(jnp.add, grads, slice_grads)
      )
    grads = jax.tree.map(lambda g: g / slices, grads)
    aux = jax.tree.map(_join, *auxes)
  return _moved(trainable, grads, collections, optimizer, clock), aux


def ahead(
  trainable: Trainable,
  function: Callable[[core.Params, Collections], tuple[Any, Collections]],
) -> tuple[Any, Any]:
  """Run networks now whose parameters `descend_later` updates.

  For outputs that are needed before their loss can be computed: without it the
  loss runs the networks a second time.

  Args:
    trainable: what will be updated.
    function: (params, collections) -> (output, collections).

  Returns:
    The output, and what `descend_later` takes.
  """
  output, pull, collections = jax.vjp(
    lambda params: function(params, trainable.collections),
    trainable.params,
    has_aux=True,
  )
  return output, (output, pull, collections)


def descend_later(
  trainable: Trainable,
  later: Any,
  loss_fn: Callable[[Any], tuple[jax.Array, Aux]],
  optimizer: optim.Optimizer,
  clock: jax.Array,
) -> tuple[Trainable, Aux]:
  """Take the step of `descend`, of one slice, after `ahead`.

  Args:
    trainable: the one that `ahead` was given.
    later: what it returned.
    loss_fn: output -> (f32[], aux).
    optimizer: the config that `trainable` was created with.
    clock: i32[], the algorithm's step.

  Returns:
    The updated trainable and `aux`.
  """
  output, pull, collections = later
  gradient, aux = jax.grad(loss_fn, has_aux=True)(output)
  (grads,) = pull(gradient)
  return _moved(trainable, grads, collections, optimizer, clock), aux


def _moved(trainable, grads, collections, optimizer, clock) -> Trainable:
  """Return the trainable after one update of its optimiser."""
  updates, opt_state = optimizer.make().update(
    grads, trainable.opt_state, trainable.params
  )
  rate = optimizer.rate(clock)
  params = jax.tree.map(
    lambda p, u: (p - rate * u).astype(p.dtype), trainable.params, updates
  )
  opt_state = jax.tree.map(_strong, opt_state)
  return Trainable(optimizer.project(params), collections, opt_state)


def variables_of(
  params: core.Params, collections: Collections, name: str
) -> dict[str, Any]:
  """Return the argument of `module.apply` for one network of several."""
  others = {kind: nets[name] for kind, nets in collections.items()}
  return {'params': params[name], **others}


class Runner:
  """Applies the networks of one loss in turn, in training mode.

  It lives inside one evaluation of a loss function, which stays pure; every
  call has its own dropout mask.

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

  def __call__(self, name: str, inputs: jax.Array) -> jax.Array:
    """Return the output of the network called `name`."""
    module = self._modules
    if not isinstance(module, nn.Module):
      module = module[name]
    rngs = {}
    if self._key is not None:
      rngs['dropout'] = jax.random.fold_in(self._key, self._calls)
    self._calls += 1
    output, updated = module.apply(
      variables_of(self._params, self.collections, name),
      inputs,
      train=True,
      rngs=rngs,
      mutable=list(self.collections),
    )
    self.collections = {
      kind: {**nets, name: updated.get(kind, {})}
      for kind, nets in self.collections.items()
    }
    return output


def split_batch(batch: core.Batch, slices: int) -> core.Batch:
  """Cut a batch into slices: [n*B, ...] -> [n, B, ...].

  Slice i holds rows i, n + i, 2n + i, ...: with the rows sharded over
  devices, every device keeps its rows and nothing is sent.
  """

  def cut(x):
    return x.reshape(-1, slices, *x.shape[1:]).swapaxes(0, 1)

  return jax.tree.map(cut, batch)


def ema(
  average: core.PyTree, current: core.PyTree, decay: float, clock: jax.Array
) -> core.PyTree:
  """Return the exponential moving average after one more value.

  a <- d a + (1 - d) x with d = min(decay, (1 + clock) / (10 + clock)), so the
  first values do not linger (the warm-up of TensorFlow's moving averages).

  Args:
    average: pytree of f32.
    current: the same structure.
    decay: in [0, 1); 0.999 remembers about 1,000 steps.
    clock: i32[], number of values averaged before.

  Returns:
    Like `average`.
  """
  clock = clock.astype(jnp.float32)
  decay = jnp.minimum(jnp.float32(decay), (1 + clock) / (10 + clock))
  return jax.tree.map(lambda a, x: x + decay * (a - x), average, current)


def _join(*parts: jax.Array) -> jax.Array:
  """Undo `split_batch` for arrays; average scalars."""
  stacked = jnp.stack(parts)
  if stacked.ndim == 1:
    return stacked.mean()
  return stacked.swapaxes(0, 1).reshape(-1, *stacked.shape[2:])


def _strong(x: jax.Array) -> jax.Array:
  """Drop weak typing, which would make the step compile twice."""
  return jax.lax.convert_element_type(x, jnp.result_type(x))
