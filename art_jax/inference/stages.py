"""A network as stages, each of which needs a small neighborhood of its input.

A network is traced on a window of a picture (`nn.pure.in_parts`), and its
jaxpr is cut where a norm needs the statistics of the whole picture. Between two
cuts there are a few convolutions; what is alive at a cut is all that the rest
of the network reads.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
from jax.extend import core as jex

from art_jax.nn import pure, whole


class NotLocalError(Exception):
  """A network cannot be cut into stages that see a part of a picture."""


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
  """The place of a norm in a network.

  Attributes:
    index: of its equation.
    operand: what it normalizes, [1, h, w, C].
    moments: mean and variance of it, f32[1, C].
    alive: values [1, h, w, C] from before the cut that are read behind it.
  """

  index: int
  operand: Any
  moments: tuple[Any, ...]
  alive: tuple[Any, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
  """A network as it is traced on a window of one size.

  Attributes:
    window: height and width in pixels.
    equations: that its result depends on, in order.
    constants: values by variable: its parameters.
    image: variable of the window f32[1, h, w, C].
    output: variable of the result.
    cuts: in order.
    kept: by variable, the equation of what a dropout keeps.
    names: for messages of jax.
  """

  window: tuple[int, int]
  equations: tuple[Any, ...]
  constants: dict[Any, Any]
  image: Any
  output: Any
  cuts: tuple[Cut, ...]
  kept: dict[Any, Any]
  names: Any

  def scale(self, variable: Any) -> int:
    """Return how many pixels wide a value [1, h, w, C] of this network is.

    Raises:
      NotLocalError: it has no such shape.
    """
    scale = _scale(variable, self.window)
    if scale is None:
      raise NotLocalError(
        f'a value of shape {variable.aval.shape} is no picture'
      )
    return scale

  def unit(self, equations: Iterable[Any], most: int) -> int:
    """Return of what corners of windows must be multiples, in pixels.

    Args:
      equations: of which no value is made of more than `most` pixels; one with
        fewer values, such as a mean, has no place in the picture.
      most: a multiple of the result.
    """
    scales = [_scale(v, self.window) or 1 for e in equations for v in e.outvars]
    return math.lcm(1, *(s for s in scales if s <= most))

  def between(
    self, known: Iterable[Any], wanted: Sequence[Any]
  ) -> tuple[list[Any], list[Any]]:
    """Return the equations that make some variables out of others.

    Args:
      known: variables whose values are there.
      wanted: variables.

    Returns:
      The equations in order, and the known variables and constants they read.
    """
    return _needed(self.equations, known, wanted)

  def run(
    self,
    equations: Sequence[Any],
    values: Mapping[Any, Any],
    wanted: Sequence[Any],
  ) -> list[Any]:
    """Evaluate equations; return the values of the variables wanted."""
    jaxpr = jex.Jaxpr(
      (), [*values], [*wanted], [*equations], debug_info=self.names
    )
    return jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, ()))(*values.values())


def trace(
  function: Callable[[Any, jax.Array], jax.Array],
  params: Any,
  shape: tuple[int, int, int],
) -> Network:
  """Trace function(params, window) for a window f32[1, *shape].

  Raises:
    NotLocalError: a norm stands within a loop, or the result is no picture.
  """
  image = jax.ShapeDtypeStruct((1, *shape), 'float32')
  with pure.in_parts():
    closed = jax.make_jaxpr(function)(params, image)
  jaxpr = closed.jaxpr
  *names, image = jaxpr.invars
  (output,) = jaxpr.outvars
  constants = dict(zip(names, jax.tree.leaves(params), strict=True))
  constants |= zip(jaxpr.constvars, closed.consts, strict=True)
  equations, _ = _needed(jaxpr.eqns, [], [output])
  for equation in equations:
    if any(map(_has_marks, jex.jaxprs_in_params(equation.params))):
      raise NotLocalError(f'statistics within a {equation.primitive}')
  kept = {e.outvars[0]: e for e in equations if e.primitive is whole.KEEP}
  names = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
  network = Network(
    shape[:2], tuple(equations), constants, image, output, (), kept, names
  )
  network.scale(output)
  return dataclasses.replace(network, cuts=tuple(_cuts(network)))


def peak_bytes(equations: Sequence[Any], kept: Iterable[Any] = ()) -> int:
  """Return the most bytes that are alive at once while equations run.

  It counts every intermediate value, as if none were fused.

  Args:
    equations: in order.
    kept: variables that are alive to the end.
  """
  last = {v: i for i, e in enumerate(equations) for v in _variables(e.invars)}
  last |= dict.fromkeys(_variables(kept), len(equations))
  alive = peak = 0
  for i, equation in enumerate(equations):
    alive += sum(map(num_bytes, equation.outvars))
    inner = [
      peak_bytes(sub.eqns) for sub in jex.jaxprs_in_params(equation.params)
    ]
    peak = max(peak, alive + max(inner, default=0))
    done = {v for v in _variables(equation.invars) if last[v] == i}
    done |= {v for v in equation.outvars if v not in last}
    alive -= sum(map(num_bytes, done))
  return peak


def num_bytes(variable: Any) -> int:
  """Return the bytes of the values of a variable."""
  aval = variable.aval
  return math.prod(aval.shape) * getattr(aval.dtype, 'itemsize', 16)


def _cuts(network: Network) -> list[Cut]:
  """Return the cuts of a network, with what is alive at each."""
  equations = network.equations
  pictures, made = _dependent(network), {network.image: -1}
  last = {}
  for i, equation in enumerate(equations):
    made |= dict.fromkeys(equation.outvars, i)
    last |= dict.fromkeys(_variables(equation.invars), i)
  last[network.output] = len(equations)
  cuts = []
  for i, equation in enumerate(equations):
    if equation.primitive is not whole.MOMENTS:
      continue
    alive = tuple(
      v
      for v in made
      if v in pictures
      and v is not network.image
      and v not in network.kept
      and made[v] < i < last.get(v, -1)
    )
    for variable in alive:
      network.scale(variable)
    (operand,) = equation.invars
    network.scale(operand)
    cuts.append(Cut(i, operand, tuple(equation.outvars), alive))
  return cuts


def _dependent(network: Network) -> set[Any]:
  """Return the variables with a value for every pixel."""
  pictures = {network.image, *network.kept}
  for equation in network.equations:
    if equation.primitive in (whole.MOMENTS, whole.KEEP):
      continue
    if any(v in pictures for v in _variables(equation.invars)):
      pictures.update(equation.outvars)
  return pictures


def _needed(equations, known, wanted):
  known, wanted = set(known), set(_variables(wanted))
  chosen, leaves = [], []
  for equation in reversed(equations):
    if wanted - known and wanted.intersection(equation.outvars) - known:
      chosen.append(equation)
      wanted.update(_variables(equation.invars))
  made = {v for e in chosen for v in e.outvars}
  leaves = [v for v in wanted if v not in made or v in known]
  return chosen[::-1], sorted(leaves, key=_order(equations))


def _order(equations):
  """Return a key that sorts variables by where they are first seen."""
  seen: dict[Any, int] = {}
  for equation in equations:
    for v in (*_variables(equation.invars), *equation.outvars):
      seen.setdefault(v, len(seen))
  return lambda v: seen.get(v, len(seen))


def _has_marks(jaxpr) -> bool:
  return any(
    e.primitive in (whole.MOMENTS, whole.KEEP)
    or any(map(_has_marks, jex.jaxprs_in_params(e.params)))
    for e in jaxpr.eqns
  )


def _scale(variable: Any, window: tuple[int, int]) -> int | None:
  shape = variable.aval.shape
  if len(shape) != 4 or shape[0] != 1 or 0 in shape:
    return None
  scales = {divmod(side, n) for side, n in zip(window, shape[1:3], strict=True)}
  ((scale, rest), *others) = scales
  return None if others or rest or not scale else scale


def _variables(items: Iterable[Any]) -> list[Any]:
  return [v for v in items if not isinstance(v, jex.Literal)]
