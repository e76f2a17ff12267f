"""What an experiment is and costs, without its data or weights."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.config import experiments, serialization, shapes
from art_jax.devices import memory, mesh
from art_jax.nn import lowering
from art_jax.profiling import estimate


def text(
  experiment: core.Experiment,
  devices: mesh.Devices,
  *,
  compiled: bool = False,
) -> str:
  """Return a page about an experiment.

  Parameters per network and in total are exact; FLOPs are 2 x multiply-add,
  forward per network, and of the whole step, both with native convolutions.

  Args:
    experiment: what to describe.
    devices: where it would run.
    compiled: also compile the step (minutes for large nets), time a few and
      report the memory.
  """
  state, flops = shapes.state_shapes(experiment), step_flops(experiment)
  kind, count = devices.mesh.devices.flat[0].device_kind, devices.count
  return '\n'.join(
    [
      serialization.to_text(experiment),
      '',
      *_networks(experiment, state),
      f'step: {_count(flops)}FLOP for a batch of {experiment.train.batch_size}',
      f'devices: {count} x {kind}, mesh (data={count})',
      *_times(experiment),
      estimate.sentence(experiment, devices, flops, timed=compiled),
      *([_memory(experiment, devices, state)] if compiled else []),
    ]
  )


def step_flops(experiment: core.Experiment) -> float:
  """Return the FLOPs of one step: 2 x multiply-add, native convolutions."""
  state = shapes.state_shapes(experiment)
  with lowering.native_lowering():
    return _flops(_lower(experiment, state))


def num_params(tree: core.PyTree) -> int:
  """Return the number of scalars in a pytree of shapes or arrays."""
  return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def parameters(experiment: core.Experiment) -> dict[str, int]:
  """Return the number of parameters of every network by role."""
  return {
    role: num_params(_variables(module, inputs)['params'])
    for role, module, inputs in _roles(experiment)
  }


def _roles(experiment: core.Experiment):
  """Yield the role, module and inputs, of one picture, of every network."""
  batch: dict[str, Any] = {
    key: jax.ShapeDtypeStruct((1, *s.shape[1:]), s.dtype)
    for key, s in shapes.batch_shapes(experiment).items()
  }
  return [
    (role, module, inputs)
    for role, (module, inputs) in experiment.algorithm.networks(batch).items()
  ]


def _variables(module: Any, inputs: tuple) -> core.PyTree:
  return jax.eval_shape(module.init, jax.random.key(0), *inputs)


def _networks(experiment: core.Experiment, state: core.State) -> list[str]:
  lines, total = [], 0
  for role, module, inputs in _roles(experiment):
    variables = _variables(module, inputs)
    count = num_params(variables['params'])
    total += count
    with lowering.native_lowering():
      lowered = jax.jit(functools.partial(module.apply, train=False)).lower(
        variables, *inputs
      )
    lines.append(
      f'{role:<18} {count:>13,} parameters  {_count(_flops(lowered))}FLOP '
      'forward, one picture'
    )
  leaves = jax.tree.leaves(state)
  size = sum(int(np.prod(x.shape)) * _itemsize(x.dtype) for x in leaves)
  return [
    *lines,
    f'{"total":<18} {total:>13,} parameters',
    f'{"state":<18} {size / 2**20:,.1f} MiB in {len(leaves)} arrays',
  ]


def _lower(experiment: core.Experiment, state: core.State) -> Any:
  resolved = experiments.resolve(experiment, num_examples=1000)
  key = jax.eval_shape(lambda: jax.random.key(0))
  return jax.jit(resolved.algorithm.step, donate_argnums=0).lower(
    state, shapes.batch_shapes(experiment), key
  )


def _memory(
  experiment: core.Experiment, devices: mesh.Devices, state: core.State
) -> str:
  resolved = experiments.resolve(experiment, num_examples=1000)
  devices = devices.with_sharded_state(resolved.train.shard_state)
  key = jax.eval_shape(lambda: jax.random.key(0))
  index = jax.ShapeDtypeStruct((), 'int32')
  lowered = estimate.compile_step(resolved, devices, state).lower(
    state, (), shapes.batch_shapes(experiment), key, index
  )
  needs = memory.needs(lowered.compile()).items()
  mib = {name: f'{size / 2**20:,.0f}' for name, size in needs}
  return (
    f'memory of a device: peak {mib["peak"]} MiB = arguments '
    f'{mib["arguments"]} + outputs {mib["outputs"]} - reused {mib["reused"]} + '
    f'temporaries {mib["temporaries"]}'
  )


def _times(experiment: core.Experiment) -> list[str]:
  """Return the durations in steps, as far as they are known without data."""
  train = experiment.train
  examples = getattr(experiment.data.source, 'num_train', None)
  names = ('duration', 'log_every', 'render_every', 'checkpoint_every')
  if examples is None:
    texts = {n: serialization.to_text(getattr(train, n)) for n in names}
    times = [f'{n} {" ".join(text.split())}' for n, text in texts.items()]
    return [
      'times: ' + ', '.join(times),
      'steps of an epoch: known once the data is counted',
    ]
  resolved = experiments.resolve(experiment, examples)
  steps = [f'{n} {getattr(resolved.train, n):,}' for n in names]
  return [f'times in steps: {", ".join(steps)} ({examples:,} pictures)']


def _flops(lowered: Any) -> float:
  analysis = lowered.cost_analysis()
  return float('nan') if analysis is None else float(analysis.get('flops', 0))


def _count(number: float) -> str:
  for unit, size in (('T', 1e12), ('G', 1e9), ('M', 1e6)):
    if number >= size:
      return f'{number / size:.4g} {unit}'
  return f'{number:.4g} '


def _itemsize(dtype: Any) -> int:
  keys = jnp.issubdtype(dtype, jax.dtypes.prng_key)
  return 8 if keys else jnp.dtype(dtype).itemsize
