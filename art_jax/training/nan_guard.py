"""Numbers gone bad: named, and kept out of every checkpoint."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core

_SHOWN = 4  # pictures that a message names


def check_metrics(
  step: int,
  since: int,
  values: Mapping[str, float],
  state: core.State,
  names: Sequence[str],
) -> None:
  """Raise unless all metrics of a step are finite.

  Args:
    step: that the metrics are of.
    since: the step before it whose metrics were checked.
    values: the metrics.
    state: after the step.
    names: of the step's pictures.

  Raises:
    core.Diverged: naming the step, the metric, the first bad leaf and the
      pictures.
  """
  bad = [name for name, value in values.items() if not np.isfinite(value)]
  if bad:
    what = f'{bad[0]} is {values[bad[0]]}'
    if len(bad) > 1:
      what += f' ({len(bad)} of {len(values)} metrics are not finite)'
    if since < step - 1:
      what += f', it was good at step {since}' if since else ' (first check)'
    leaf = first_bad_leaf(state)
    what += f'; {leaf} of the state is bad' if leaf else '; the state is good'
    raise _diverged(step, what, names)


def check_state(step: int, state: core.State, names: Sequence[str]) -> None:
  """Raise core.Diverged, naming the leaf, unless the whole state is finite."""
  leaf = first_bad_leaf(state)
  if leaf:
    raise _diverged(step, f'{leaf} of the state is not finite', names)


def first_bad_leaf(state: core.State) -> str | None:
  """Return the path of the first leaf that holds a NaN or an infinity."""
  floats = [
    (path, leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    if jnp.issubdtype(leaf.dtype, jnp.inexact)
  ]
  good = np.asarray(_all_finite([leaf for _, leaf in floats]))
  return (
    None
    if good.all()
    else jax.tree_util.keystr(floats[int(good.argmin())][0]).lstrip('.')
  )


@jax.jit
def _all_finite(leaves: list[jax.Array]) -> jax.Array:
  """Return bool[number of leaves]: one program, one copy to the host."""
  return jnp.asarray([jnp.isfinite(leaf).all() for leaf in leaves], bool)


def _diverged(step: int, what: str, names: Sequence[str]) -> core.Diverged:
  shown = ', '.join(map(str, names[:_SHOWN]))
  if len(names) > _SHOWN:
    shown += f' and {len(names) - _SHOWN} more'
  return core.Diverged(
    f'step {step}: {what}; with the pictures {shown}; the checkpoints before '
    'it are intact; try a lower learning rate, or --set '
    'train.on_nan=rollback to go back and on with another data order'
  )
