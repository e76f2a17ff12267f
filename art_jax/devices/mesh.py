"""Devices: the one mesh, what lies where on it, and how functions compile.

The batch is split over all devices along the axis `data`; the state is a
copy on each, or split as well (`Devices.state_shardings`). One `jax.jit` over
that mesh is the successor of `jax.pmap`: the program says what is computed on
the GLOBAL batch and XLA inserts the all-reduces, so batch normalization sees
the whole batch and a loss is a mean over all of it, on one device or a
thousand.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from art_jax import core
from art_jax.devices import layouts

# XLA at full effort takes 15 to 34 s to compile the random initialization of
# a CycleGAN, which runs once; at level 0 it takes 3 s.
_INIT_OPTIONS = {
  'xla_backend_optimization_level': 0,
  'xla_llvm_disable_expensive_passes': True,
}


# Splitting smaller leaves saves nothing and sends more often.
SPLIT_FROM = 1 << 14


@dataclasses.dataclass(frozen=True)
class Devices:
  """The devices of a run as one mesh with the single axis `data`.

  Attributes:
    mesh: all of them.
    sharded: large leaves of the state are split, see `state_shardings`.
  """

  mesh: Mesh
  sharded: bool = False

  def with_sharded_state(self, sharded: bool) -> 'Devices':
    """Return the same devices with the state split over them, or not."""
    return dataclasses.replace(self, sharded=sharded)

  @property
  def count(self) -> int:
    """Number of devices over all processes."""
    return self.mesh.size

  @property
  def platform(self) -> str:
    """What the devices are: 'cpu', 'gpu' or 'tpu'."""
    return self.mesh.devices.flat[0].platform

  @property
  def local(self) -> Any:
    """The first of the devices of this process."""
    return self.mesh.local_devices[0]

  @property
  def replicated(self) -> NamedSharding:
    """Sharding of the state: a copy on each device."""
    return NamedSharding(self.mesh, PartitionSpec())

  @property
  def batch_sharding(self) -> NamedSharding:
    """Sharding of a batch: axis 0 split over the devices."""
    return NamedSharding(self.mesh, PartitionSpec('data'))

  def picture_shardings(self, tree: core.PyTree) -> core.PyTree:
    """Return shardings that split the rows of pictures over the devices.

    Args:
      tree: arrays [..., H, W, C]; where H does not divide, and all others, are
        a copy on each device.
    """

    def spread(x):
      if x.ndim < 4 or x.shape[-3] % self.count:
        return self.replicated
      axes = *[None] * (x.ndim - 3), 'data', None, None
      return NamedSharding(self.mesh, PartitionSpec(*axes))

    return jax.tree.map(spread, tree)

  def local_rows(self, count: int) -> slice:
    """Return which of the `count` rows of a batch this process provides."""
    share, process = count // jax.process_count(), jax.process_index()
    return slice(share * process, share * (process + 1))

  def place_batch(self, host: core.PyTree) -> core.PyTree:
    """Place this process's rows of a batch; returns global arrays."""
    return jax.tree.map(
      lambda x: jax.make_array_from_process_local_data(
        # The copy matters: on the CPU an aligned array would be shared with
        # the device, and loaders reuse their buffers.
        self.batch_sharding,
        np.array(x),
      ),
      host,
    )

  def replicate(self, host: core.PyTree) -> core.PyTree:
    """Place a copy of a pytree (the same in every process) on each device."""
    return self._place(host, jax.tree.map(lambda _: self.replicated, host))

  def place_state(self, host: core.PyTree) -> core.PyTree:
    """Place a state (the same in every process) as `state_shardings` says."""
    return self._place(host, self.state_shardings(host))

  @property
  def arranges_kernels(self) -> bool:
    """Whether kernels lie as the device reads them, see `layouts`."""
    return self.platform == 'gpu'

  def state_shardings(self, state: core.PyTree) -> core.PyTree:
    """Return where every leaf of a state lies: its sharding, or its Format.

    A copy on each device; with `sharded`, leaves of at least `SPLIT_FROM`
    numbers are split along their largest axis that divides evenly. A step
    gathers the networks (`gather`) and updates its part of them; optimizers
    are never gathered.

    Args:
      state: arrays or their shapes.
    """
    if not self.arranges_kernels:
      return jax.tree.map(self._leaf_sharding, state)
    return jax.tree_util.tree_map_with_path(
      lambda path, x: layouts.of_kernel(path, x, self._leaf_sharding(x)), state
    )

  def state_bytes(self, state: core.PyTree) -> int:
    """Return the bytes that each device keeps of a state.

    Args:
      state: arrays or their shapes.
    """
    leaves = jax.tree.leaves(state)
    return sum(
      (8 if _is_key(leaf) else leaf.dtype.itemsize)
      * math.prod(self._leaf_sharding(leaf).shard_shape(leaf.shape))
      for leaf in leaves
    )

  @property
  def gather(self) -> Callable[[core.PyTree], core.PyTree] | None:
    """Inside a jitted step: every device gets all of a split pytree.

    Without it XLA would rather send pictures than parameters. None where
    nothing is split.
    """
    whole = functools.partial(
      jax.lax.with_sharding_constraint, shardings=self.replicated
    )
    return whole if self.sharded else None

  def _leaf_sharding(self, leaf: Any) -> NamedSharding:
    split = self.sharded and leaf.size >= SPLIT_FROM and not _is_key(leaf)
    divides = [n if n % self.count == 0 else 0 for n in leaf.shape]
    if not split or not any(divides):
      return self.replicated
    axis = divides.index(max(divides))
    return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, 'data'))

  def _place(self, host: core.PyTree, shardings: core.PyTree) -> core.PyTree:
    def place(x, sharding):
      if isinstance(x, jax.Array) and _is_key(x):
        data = place(np.asarray(jax.random.key_data(x)), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
      # Through a host copy: `device_put` would share the buffer of device 0,
      # and donating the one would delete the other.
      x = np.array(x)
      return jax.make_array_from_callback(x.shape, sharding, x.__getitem__)

    return jax.tree.map(place, host, shardings)

  def compile_init(self, init: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that makes a state: quickly, its result copied."""
    out = (
      self.state_shardings(jax.eval_shape(init, jax.random.key(0)))
      if self.sharded or self.arranges_kernels
      else self.replicated
    )
    options = _INIT_OPTIONS if self.platform == 'cpu' else None
    return jax.jit(init, out_shardings=out, compiler_options=options)

  def compile_step(
    self, step: Callable[..., Any], state: core.PyTree = None
  ) -> Callable[..., Any]:
    """Compile `step(state, constants, inputs, key, index)`.

    The state is donated: its memory becomes the next state's. `inputs` are
    split over the devices, all else is a copy on each.

    Args:
      step: returns (state, metrics).
      state: arrays or shapes; needed where the state is split, or its kernels
        are arranged.
    """
    whole, rows = self.replicated, self.batch_sharding
    known = self.sharded or (self.arranges_kernels and state is not None)
    states = self.state_shardings(state) if known else whole
    return jax.jit(
      step,
      in_shardings=(states, whole, rows, whole, whole),
      out_shardings=(states, whole),
      donate_argnums=0,
    )

  def compile_render(self, render: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `render(state, batch, key)`; every device does all of it."""
    return jax.jit(render, out_shardings=self.replicated)

  def compile_rows(self, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function(params, rows)` that treats each row alone.

    `params` are a copy on each device, `rows` are split over them, the result
    is gathered on each.
    """
    return jax.jit(
      function,
      in_shardings=(self.replicated, self.batch_sharding),
      out_shardings=self.replicated,
    )


def _is_key(leaf: Any) -> bool:
  """Tell whether an array, or its shape, is one of PRNG keys."""
  return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def make_devices(count: int | None = None) -> Devices:
  """Return the first `count` devices (default: all) as a mesh.

  Raises:
    core.UserError: if there are fewer, or several counts were asked for.
  """
  available = jax.devices()
  if isinstance(count, tuple):
    raise core.UserError(
      f'--devices={",".join(map(str, count))}: several numbers are for '
      'benchmark; pass one'
    )
  core.require(
    count is None or 1 <= count <= len(available),
    f'--devices={count}: this run sees {len(available)} '
    f'{available[0].platform} device(s); pass --devices=1 to '
    f'--devices={len(available)}',
  )
  chosen = available[: count or len(available)]
  core.require(
    count in (None, len(available)) or jax.process_count() == 1,
    f'--devices={count}: with several processes all '
    f'{len(available)} devices take part; leave --devices out',
  )
  return of_devices(chosen)


def of_devices(chosen: Sequence[Any]) -> Devices:
  """Return these devices as a mesh."""
  return Devices(
    jax.make_mesh(
      (len(chosen),), ('data',), axis_types=(AxisType.Auto,), devices=chosen
    )
  )


def require_batch_divides(
  devices: Devices, batch_size: int, accumulate: int
) -> None:
  """Raise unless every device gets the same number of rows per slice.

  Raises:
    core.UserError: naming two commands that work.
  """
  fewer = math.gcd(batch_size // accumulate, devices.count)
  unit = devices.count * accumulate
  larger = unit * -(-batch_size // unit)
  slices = f' in train.accumulate={accumulate} slices' if accumulate > 1 else ''
  core.require(
    batch_size % unit == 0,
    f'train.batch_size={batch_size}{slices} does not divide over '
    f'{devices.count} devices; pass --devices={fewer}, or '
    f'--set train.batch_size={larger}',
  )
