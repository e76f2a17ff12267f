"""Values of JSON by kind: what a damaged file holds instead is left out."""

from typing import Any

ANY = '*'  # stands for every name of an object


def fitting(value: Any, like: Any) -> Any:
  """Return a value of JSON as one of a kind.

  Args:
    value: anything.
    like: of the kind that it must be, and what stands in its place: a text, a
      number (1.0: whole ones too), `[like]` a list, `{name: like}` an object,
      whose other names are left out, `{ANY: like}` an object of any names.

  Returns:
    The value. A text or a number of another kind is `like`, or left out of a
    list and an object of any names; a list or an object of another kind is
    empty, an object with what stands in place of its names.
  """
  if isinstance(like, dict):
    found = value if isinstance(value, dict) else {}
    if ANY in like:
      of = like[ANY]
      return {k: fitting(v, of) for k, v in found.items() if _is(v, of)}
    return {k: fitting(found.get(k), kind) for k, kind in like.items()}
  if isinstance(like, list):
    found = value if isinstance(value, list) else []
    return [fitting(one, like[0]) for one in found if _is(one, like[0])]
  return value if _is(value, like) else like


def _is(value: Any, like: Any) -> bool:
  kind = int | float if isinstance(like, float) else type(like)
  return isinstance(value, kind) and not isinstance(value, bool)
