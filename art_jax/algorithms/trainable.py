"""One optimizer's worth of parameters, and the one way to update them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct

from art_jax import core
from art_jax.algorithms import optim

Collections = Mapping[str, Any]
# (params, collections, batch) -> (loss f32[], (collections, aux)).
LossFn = Callable[
  [core.Params, Collections, core.Batch],
  tuple[jax.Array, tuple[Collections, Any]],
]
# (params, collections, batch) -> (output, collections).
Forward = Callable[
  [core.Params, Collections, core.Batch], tuple[Any, Collections]
]
# (output, batch) -> (loss f32[], aux).
OutputLoss = Callable[[Any, core.Batch], tuple[jax.Array, Any]]


class Trainable(struct.PyTreeNode):
  """Parameters that one optimizer updates together: one net, two, or pixels.

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
  """Initialize one network, or several that share an optimizer.

  Args:
    modules: a linen module, or a mapping of them; with a mapping, `params`
      and each collection are mappings with the same keys.
    key: PRNG key; every network gets its own.
    *inputs: example arguments of `module.__call__`.
    optimizer: its config.

  Returns:
    A Trainable with fresh optimizer state.
  """
  if isinstance(modules, nn.Module):
    collections = dict(modules.init(key, *inputs))
    return from_params(collections.pop('params'), collections, optimizer)
  networks = {name: (module, inputs) for name, module in modules.items()}
  return create_networks(networks, key, optimizer)


def create_networks(
  networks: core.Networks, key: core.Key, optimizer: optim.Optimizer
) -> Trainable:
  """Initialize several networks of different inputs that share an optimizer.

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
  """Wrap existing parameters with a fresh optimizer state."""
  return Trainable(
    params, collections, jax.tree.map(_strong, optimizer.make().init(params))
  )


def descend(
  trainable: Trainable,
  loss_fn: LossFn,
  optimizer: optim.Optimizer,
  clock: jax.Array,
  batch: core.Batch,
) -> tuple[Trainable, Any]:
  """Take one optimizer step down the gradient of a loss.

  With `optimizer.accumulate` = k, the batch is cut into k slices and the
  gradients are averaged, which is the gradient of the whole batch for a loss
  that is a mean over examples; collections pass from slice to slice.

  Args:
    trainable: what to update; all else that `loss_fn` closes over is constant.
    loss_fn: (params, collections, batch) -> (f32[], (collections, aux)).
    optimizer: the config that `trainable` was created with.
    clock: i32[], the algorithm's step, read by the schedule.
    batch: what the loss sees; every leaf has the examples as leading axis.

  Returns:
    The updated trainable and `aux` (with slices: scalars averaged, arrays
    joined along the examples in the batch's order).
  """
  gradient, slices = jax.grad(loss_fn, has_aux=True), optimizer.accumulate
  collections, grads, auxes = trainable.collections, [], []
  parts = split_batch(batch, slices) if slices > 1 else [batch]
  # Unrolled: XLA:CPU runs convolutions inside a loop 3 to 13 times slower.
  for part in parts:
    slice_grads, (collections, aux) = gradient(
      trainable.params, collections, part
    )
    grads.append(slice_grads)
    auxes.append(aux)
  if slices > 1:
    grads = [jax.tree.map(lambda *g: sum(g) / slices, *grads)]
    auxes = [jax.tree.map(_join, *auxes)]
  return _updated(trainable, grads[0], collections, optimizer, clock), auxes[0]


class Pass(NamedTuple):
  """A forward pass, and its vector-Jacobian product.

  Attributes:
    output: what the networks returned.
    vjp: cotangent of the output -> (gradient of the parameters,).
    collections: the networks' other variables after the pass.
  """

  output: Any
  vjp: Callable[[Any], tuple[core.Params]]
  collections: Collections


def forward_vjp(
  trainable: Trainable, forward: Forward, batch: core.Batch
) -> Pass:
  """Run networks whose loss is known only later, for `descend_vjp`.

  G(z) is such an output: D learns from it before G does. Without the VJP the
  generator's loss runs the networks a second time.

  Args:
    trainable: what `descend_vjp` will update.
    forward: (params, collections, batch) -> (output, collections).
    batch: what the networks see.
  """

  def run(params):
    return forward(params, trainable.collections, batch)

  return Pass(*jax.vjp(run, trainable.params, has_aux=True))


def descend_vjp(
  trainable: Trainable,
  done: Pass | None,
  forward: Forward,
  loss_fn: OutputLoss,
  optimizer: optim.Optimizer,
  clock: jax.Array,
  batch: core.Batch,
) -> tuple[Trainable, Any]:
  """Take the step of `descend` for a loss of the networks' output.

  Args:
    trainable: what to update.
    done: the pass of `forward_vjp` on this batch; None: the networks run here,
      as they do slice by slice where the optimizer accumulates.
    forward: (params, collections, batch) -> (output, collections).
    loss_fn: (output, batch) -> (f32[], aux).
    optimizer: the config that `trainable` was created with.
    clock: i32[], the algorithm's step, read by the schedule.
    batch: what `forward` and `loss_fn` see.

  Returns:
    The updated trainable and `aux`, as of `descend`.
  """

  def composed(params, collections, batch):
    output, collections = forward(params, collections, batch)
    loss, aux = loss_fn(output, batch)
    return loss, (collections, aux)

  if done is None or optimizer.accumulate > 1:
    return descend(trainable, composed, optimizer, clock, batch)
  cotangent, aux = jax.grad(loss_fn, has_aux=True)(done.output, batch)
  (grads,) = done.vjp(cotangent)
  return _updated(trainable, grads, done.collections, optimizer, clock), aux


def _updated(
  trainable: Trainable,
  grads: core.Params,
  collections: Collections,
  optimizer: optim.Optimizer,
  clock: jax.Array,
) -> Trainable:
  """Return the trainable after one update of its optimizer."""
  updates, opt_state = optimizer.make().update(
    grads, trainable.opt_state, trainable.params
  )
  rate = optimizer.rate(clock)
  params = jax.tree.map(
    lambda p, u: (p - rate * u).astype(p.dtype), trainable.params, updates
  )
  return Trainable(
    optimizer.project(params), collections, jax.tree.map(_strong, opt_state)
  )


def variables_by_name(model: Trainable) -> dict[str, dict[str, Any]]:
  """Return the arguments of `module.apply` for each of several networks."""
  return {
    name: {
      'params': model.params[name],
      **{kind: nets[name] for kind, nets in model.collections.items()},
    }
    for name in model.params
  }


def split_batch(batch: core.Batch, slices: int) -> list[core.Batch]:
  """Cut a batch into n slices: [n*B, ...] -> n of [B, ...].

  Slice i holds rows i, n + i, 2n + i, ...: with the rows sharded over
  devices, every device keeps its rows and nothing is sent.
  """
  cut = jax.tree.map(
    lambda x: x.reshape(-1, slices, *x.shape[1:]).swapaxes(0, 1), batch
  )
  return [jax.tree.map(lambda x, i=i: x[i], cut) for i in range(slices)]


def ema(
  average: core.PyTree,
  current: core.PyTree,
  decay: optim.Decay,
  clock: jax.Array,
) -> core.PyTree:
  """Return the moving average after one more value: a <- d a + (1 - d) x.

  Args:
    average: pytree of f32.
    current: the same structure.
    decay: gives d at this step, see `optim.decay_of`; 0.999 remembers about
      1,000 steps.
    clock: i32[], number of values averaged before.

  Returns:
    Like `average`.
  """
  d = optim.decay_of(decay, clock)
  return jax.tree.map(lambda a, x: x + d * (a - x), average, current)


def _join(*parts: jax.Array) -> jax.Array:
  """Undo `split_batch` for arrays; average scalars."""
  stacked = jnp.stack(parts)
  return (
    stacked.mean()
    if stacked.ndim == 1
    else stacked.swapaxes(0, 1).reshape(-1, *stacked.shape[2:])
  )


def _strong(x: jax.Array) -> jax.Array:
  """Drop weak typing, which would make the step compile twice."""
  return jax.lax.convert_element_type(x, jnp.result_type(x))
