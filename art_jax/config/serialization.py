"""Experiments as text: nested constructor calls, read without running code.

`CycleGAN(generator=ResnetGenerator(width=32), pool_size=50)` is parsed with
`ast` and only the dataclasses of art_jax may be called, so reading a config
of unknown origin builds values and does nothing else.
"""

import ast
import dataclasses
import difflib
import functools
import importlib
import inspect
import pathlib
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flax import linen as nn

from art_jax import core
from art_jax.config import renamed

_CONFIG_FOLDERS = ('core', 'algorithms', 'nn', 'losses', 'data')
_BARE: dict[str, bool | None] = {str(x): x for x in (True, False, None)}
_BARE |= {text.lower(): value for text, value in _BARE.items()}
_NAMES = {int: 'a whole number', float: 'a number', bool: 'true or false'}
_NAMES |= {str: 'a string', type(None): 'None'}


def config_fields(value: Any) -> list[dataclasses.Field]:
  """Return the fields of a config object; linen's own are left out."""
  cls = value if isinstance(value, type) else type(value)
  hidden = ('parent', 'name') if issubclass(cls, nn.Module) else ()
  return [f for f in dataclasses.fields(value) if f.name not in hidden]


def is_config(value: Any) -> bool:
  """Tell whether a value is a config object: a dataclass instance."""
  return dataclasses.is_dataclass(value) and not isinstance(value, type)


def walk(value: Any) -> Iterator[Any]:
  """Yield every config object of a tree, each before those that it holds."""
  if isinstance(value, tuple):
    for item in value:
      yield from walk(item)
  elif is_config(value):
    yield value
    for field in config_fields(value):
      yield from walk(getattr(value, field.name))


def config_class(name: str) -> type | None:
  """Return the class that a config may call by this bare name, or None.

  Only the modules that define a class of this name are imported.

  Raises:
    TypeError: there are two.
  """
  classes = [
    cls
    for module in _definitions().get(name, ())
    if _is_config_class(cls := getattr(importlib.import_module(module), name))
  ]
  if len(classes) > 1:
    raise TypeError(
      f'{name} is defined in {classes[0].__module__} and in '
      f'{classes[1].__module__}: config classes need distinct names'
    )
  return classes[0] if classes else None


def config_classes() -> Mapping[str, type]:
  """Return every class that a config may call; imports all their modules."""
  classes = {name: config_class(name) for name in sorted(_definitions())}
  return {name: cls for name, cls in classes.items() if cls}


def to_text(value: Any, indent: int = 0) -> str:
  """Write a config value as nested constructor calls, every field named."""
  if not is_config(value):
    if isinstance(value, tuple):
      inner = ', '.join(to_text(v, indent) for v in value)
      return f'({inner},)' if len(value) == 1 else f'({inner})'
    if value is None or isinstance(value, bool | int | float | str):
      return repr(value)
    raise TypeError(
      f'{value!r} cannot be a config field: use numbers, strings, tuples, '
      'None and frozen dataclasses'
    )
  pad = '  ' * (indent + 1)
  lines = [
    f'{pad}{f.name}={to_text(getattr(value, f.name), indent + 1)},\n'
    for f in config_fields(value)
  ]
  name = type(value).__name__
  return f'{name}(\n{"".join(lines)}{"  " * indent})' if lines else f'{name}()'


def from_text(text: str, extra: Mapping[str, type] | None = None) -> Any:
  """Read a value written by `to_text` or typed by a user.

  Args:
    text: constructor calls, numbers, strings, tuples.
    extra: more classes that may be called (a user's experiment file).

  Raises:
    core.UserError: for anything else, naming it.
  """
  try:
    return _build(ast.parse(text.strip(), mode='eval').body, extra or {})
  except (SyntaxError, MemoryError, RecursionError) as error:
    raise core.UserError(
      f'{_short(text)!r} is not a value: write a number, a quoted string, a '
      f'tuple or a constructor call such as Folder("/pictures") ({error})'
    ) from None


def convert(path: str, text: str, annotation: Any, extra=None) -> Any:
  """Read the text of `--set path=text` as a value of a field's type.

  Raises:
    core.UserError: naming the path, the text and the type that is wanted.
  """
  among_others = _is_union(annotation) and str in typing.get_args(annotation)
  # `none` is a text where nothing else is: it is the name of a norm.
  if annotation is str or among_others and text not in _BARE:
    if text[:1] not in ('"', "'"):
      return text
  value = _BARE[text] if text in _BARE else from_text(text, extra)
  return as_annotated(path, value, annotation, text)


def as_annotated(path: str, value: Any, annotation: Any, text: str) -> Any:
  """Return the value as the annotated type, or raise a UserError."""
  ok, value = _fit(value, annotation)
  if not ok:
    raise core.UserError(
      f'{path}={text}: {path} is {_say(annotation)}; pass --set {path}=... '
      'with such a value'
    )
  return value


def nearest(word: str, words: typing.Iterable[str]) -> list[str]:
  """Return all words, the ones most like `word` first."""
  words = sorted(words)
  close = difflib.get_close_matches(word, words, n=3, cutoff=0.4)
  return close + [w for w in words if w not in close]


@functools.cache
def _definitions() -> Mapping[str, Sequence[str]]:
  """Return the modules that define a class, by its name; imports nothing."""
  package = pathlib.Path(__file__).resolve().parents[1]
  modules: dict[str, list[str]] = {}
  for folder in _CONFIG_FOLDERS:
    for path in sorted((package / folder).glob('*.py')):
      for name in re.findall(
        r'^class ([A-Za-z]\w*)', path.read_text('utf-8'), re.M
      ):
        modules.setdefault(name, []).append(f'art_jax.{folder}.{path.stem}')
  return modules


def _is_config_class(value: Any) -> bool:
  if not isinstance(value, type) or inspect.isabstract(value):
    return False
  parameters = getattr(value, '__dataclass_params__', None)
  return parameters is not None and (
    parameters.frozen or issubclass(value, nn.Module)
  )


def _build(node: ast.expr, extra: Mapping[str, type]) -> Any:
  if isinstance(node, ast.Constant) and not isinstance(
    node.value, bytes | complex | type(...)
  ):
    return node.value
  if isinstance(node, ast.Tuple | ast.List):
    return tuple(_build(item, extra) for item in node.elts)
  if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
    value = _build(node.operand, extra)
    if isinstance(value, int | float) and not isinstance(value, bool):
      return -value
  if isinstance(node, ast.Name) and node.id in ('inf', 'nan'):
    return float(node.id)
  if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
    return _call(node, node.func.id, extra)
  raise core.UserError(
    f'{_short(ast.unparse(node))!r} is not allowed in a config: only numbers, '
    'quoted strings, tuples and constructor calls are'
  )


def _call(node: ast.Call, name: str, extra: Mapping[str, type]) -> Any:
  cls = extra.get(name) or config_class(renamed.class_name(name))
  if cls is None:
    raise core.UserError(
      f'{name} is not a config class; there are: '
      + ', '.join(nearest(name, {**config_classes(), **extra}))
    )
  starred = [a for a in node.args if isinstance(a, ast.Starred)]
  core.require(
    not starred and all(k.arg for k in node.keywords),
    f'{name}(...): * and ** are not allowed in a config',
  )
  args = [_build(a, extra) for a in node.args]
  kwargs = {k.arg: _build(k.value, extra) for k in node.keywords if k.arg}
  return _make(cls, *args, **renamed.keywords(cls, kwargs, _make))


def _make(cls: type, *args: Any, **kwargs: Any) -> Any:
  """Return an object of a config class, its fields checked by type."""
  name = cls.__name__
  fields = {f.name: f for f in config_fields(cls)}
  for key in kwargs:
    if key not in fields:
      raise core.UserError(
        f'{name} has no field {key!r}; it has: '
        + ', '.join(nearest(key, fields))
      )
  try:
    bound = inspect.signature(cls).bind(*args, **kwargs).arguments
  except TypeError as error:
    raise core.UserError(
      f'{name}(...): {error}; its fields are {", ".join(fields)}'
    ) from None
  hints = annotations(cls)
  values = {}
  for key, value in bound.items():
    value = renamed.value(cls, key, value)
    values[key] = as_annotated(f'{name}.{key}', value, hints[key], repr(value))
  with core.as_user_error('pass another value'):
    return cls(**values)


@functools.cache
def annotations(cls: type) -> Mapping[str, Any]:
  """Return the types of the fields of a config class."""
  plain = {field.name: field.type for field in dataclasses.fields(cls)}
  if any(isinstance(kind, str) for kind in plain.values()):
    return typing.get_type_hints(cls)
  return plain  # whose own strings need no name of another module


def _fit(value: Any, annotation: Any) -> tuple[bool, Any]:
  """Return whether the value is of the type, and the value as that type."""
  origin, args = typing.get_origin(annotation), typing.get_args(annotation)
  if annotation is Any:
    return True, value
  if _is_union(annotation):
    # An int fits `int | float` as itself; exact types are tried first.
    ordered = sorted(args, key=lambda a: a is float)
    return next(
      ((True, v) for ok, v in (_fit(value, a) for a in ordered) if ok),
      (False, value),
    )
  if origin is tuple:
    if not isinstance(value, tuple):
      return False, value
    kinds = [args[0]] * len(value) if args[1:] == (...,) else list(args)
    if len(kinds) != len(value):
      return False, value
    parts = [_fit(v, kind) for v, kind in zip(value, kinds, strict=True)]
    return all(ok for ok, _ in parts), tuple(v for _, v in parts)
  if annotation in (None, type(None)):
    return value is None, value
  if annotation is float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number, float(value) if number else value
  if annotation is int:
    return isinstance(value, int) and not isinstance(value, bool), value
  if getattr(annotation, '_is_protocol', False):
    return is_config(value), value
  plain = isinstance(annotation, type)
  return not plain or isinstance(value, annotation), value


def _say(annotation: Any) -> str:
  origin, args = typing.get_origin(annotation), typing.get_args(annotation)
  if _is_union(annotation):
    return ' or '.join(_say(a) for a in args)
  if origin is tuple:
    return f'a tuple of {_say(args[0])}'
  other = f'a {getattr(annotation, "__name__", annotation)}(...)'
  return _NAMES.get(annotation, other)


def _is_union(annotation: Any) -> bool:
  return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _short(text: str, limit: int = 60) -> str:
  return text if len(text) <= limit else text[: limit - 3] + '...'
