"""A term of a loss whose gradient is made together with its value."""

from collections.abc import Callable
from typing import Any

import jax

from art_jax import core


def early(
  loss_fn: Callable[..., tuple[jax.Array, Any]],
  params: core.Params,
  constants: Any,
  then: Any,
) -> tuple[jax.Array, Any, Any]:
  """Return a term of a loss, so that little is kept for its gradient.

  Backpropagation keeps the activations of every term until the whole loss is
  known. Of this one it keeps the gradient alone, which takes the memory of the
  parameters; the result is the same and costs no further pass.

  Args:
    loss_fn: (params, constants) -> (f32[], aux).
    params: pytree of f32.
    constants: pytree of arrays; there is no gradient for them.
    then: pytree of arrays that other terms begin with: they do so when this
      gradient is done. There is no gradient for them either.

  Returns:
    What `loss_fn` returns (there is no gradient of aux), and `then`.
  """

  @jax.custom_vjp
  def term(params, constants, then):
    return *loss_fn(params, constants), then

  def forward(params, constants, then):
    output, gradient = jax.value_and_grad(loss_fn, has_aux=True)(
      params, constants
    )
    # A dependency that XLA keeps: for CPU it drops optimization barriers before
    # it puts operations in order.
    zero = 0.0 * sum(g.ravel()[0] for g in jax.tree.leaves(gradient))
    then = jax.tree.map(lambda x: x + zero, then)
    return (*output, then), gradient

  def backward(gradient, cotangent):
    scaled = jax.tree.map(lambda g: cotangent[0] * g, gradient)
    return scaled, None, None

  term.defvjp(forward, backward)
  return term(params, constants, then)
