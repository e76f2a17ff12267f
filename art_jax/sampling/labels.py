"""Classes by name or by number."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_jax import core

Class = str | int


def numbers(
  wanted: Class | Sequence[Class] | None,
  algorithm: Any,
  names: Sequence[str] = (),
) -> list[int] | None:
  """Return the numbers of some classes.

  Args:
    wanted: names or numbers, or one of them; 'all', alone: every class; None:
      no class.
    algorithm: the model.
    names: of its classes, in the order of their numbers; may be unknown.

  Returns:
    One number for each, or None for a model without classes.

  Raises:
    core.UserError: the model needs a class and none is given, or the other
      way round, or there is no such class, or it takes attributes instead.
  """
  count = core.num_classes(algorithm)
  model = type(algorithm).__name__
  told = ', '.join(one.name for one in core.attributes(algorithm))
  core.require(
    not told,
    f'this {model} makes pictures of attributes ({told}), and classes do not '
    'name them; make them in Python, by run.algorithm.generate(run.params, '
    'latents, {name: value}), see docs/conditional.md',
  )
  single = isinstance(wanted, str | int | float | np.number)
  chosen = [wanted] if single else list(() if wanted is None else wanted)
  if not count:
    core.require(
      not chosen,
      f'labels={_brief(chosen)}: this {model} has no classes; leave the '
      'labels out',
    )
    return None
  core.require(
    chosen,
    f'this {model} makes pictures of a class: pass labels, out of '
    f'{_known(count, names)}',
  )
  if chosen == ['all']:
    return list(range(count))
  return [_number(one, count, names) for one in chosen]


def deal(
  classes: Sequence[int] | Sequence[None] | None, count: int
) -> np.ndarray | None:
  """Deal classes in turn to `count` pictures: i32[count]; None without any."""
  return (
    None
    if classes is None or classes[0] is None
    else np.resize(np.array(classes, np.int32), count)
  )


def name_of(number: int | None, names: Sequence[str]) -> str:
  """Return the name of a class, or its number if it has none; '' for None."""
  if number is None:
    return ''
  return names[number] if number < len(names) else str(number)


def _number(one: Class, count: int, names: Sequence[str]) -> int:
  if isinstance(one, str) and one in names:
    return list(names).index(one)
  number = int(one) if not isinstance(one, str) or one.isdecimal() else -1
  core.require(
    0 <= number < count and (isinstance(one, str) or number == one),
    f'label {one!r}: there is no such class; there are {_known(count, names)}',
  )
  return number


def _known(count: int, names: Sequence[str]) -> str:
  numbers = f'0 to {count - 1}'
  return f'{_brief(names)} (or {numbers})' if names else numbers


def _brief(values: Sequence[Class], most: int = 20) -> str:
  return ', '.join(map(str, values[:most])) + ', ...' * (len(values) > most)
