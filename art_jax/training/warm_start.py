"""--init_from: begin with the networks of another run."""

import jax

from art_jax import core
from art_jax.algorithms.trainable import Trainable


def transfer(state: core.State, donor: core.State) -> core.State:
  """Return the state with the networks of another, all else as it was.

  Raises:
    core.UserError: naming the first parameter that does not fit.
  """

  def take(path, new, old):
    if not isinstance(new, Trainable):
      return new
    where = jax.tree_util.keystr(path).lstrip('.')
    _check_same_shapes(where, new.params, old.params)
    return new.replace(params=old.params, collections=old.collections)

  try:
    return jax.tree_util.tree_map_with_path(
      take, state, donor, is_leaf=lambda x: isinstance(x, Trainable)
    )
  except core.UserError:
    raise
  except (ValueError, AttributeError) as error:
    raise core.UserError(
      f'--init_from: that run trained another kind of model ({error})'
    ) from None


def _check_same_shapes(where: str, new: core.PyTree, old: core.PyTree) -> None:
  news = dict(jax.tree_util.tree_leaves_with_path(new))
  olds = dict(jax.tree_util.tree_leaves_with_path(old))
  for path in {**news, **olds}:  # in order, so that the first is the first
    here, there = (
      x[path].shape if path in x else 'missing' for x in (news, olds)
    )
    core.require(
      here == there,
      f'--init_from: {where}{jax.tree_util.keystr(path)} is {here} here '
      f'and {there} in that run; give the networks the same fields',
    )
