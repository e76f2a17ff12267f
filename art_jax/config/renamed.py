"""Former names that still load: one table.

A new row is one line of `TABLE`. Its kinds:

  import  a module, or a name in one: 'art_jax.optim'; a name in a module that
          is still there is renamed in experiment files alone
  class   the bare name of a config class, as config.txt has it
  field   'Class.field' -> 'Class.other', or 'Class.nested.other' for one that
          moved into the config object which the field `nested` holds
  value   'Class.field=text' -> 'Class.field=other': a string, also in a tuple
  option  'name=text' -> 'name=other': a value of a flag or an argument

`Class` and, in a value, `field` are today's names. Names of metrics and keys
of saved states have no row: they never change.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
  """A renaming: the former name, today's, the version of the change."""

  old: str
  new: str
  version: str
  kind: str


_ROWS = [
  # old, new, version, kind
  ('art_jax.optim', 'art_jax.algorithms.optim', '0.2.0', 'import'),
  ('Gatys.colours', 'Gatys.colors', '0.2.0', 'field'),
  ('Gatys.start=recoloured', 'Gatys.start=recolored', '0.2.0', 'value'),
  ('AdaIN.normalised', 'AdaIN.normalized', '0.2.0', 'field'),
  ('direction=stylise', 'direction=stylize', '0.2.0', 'option'),
  ('Labelled', 'Labeled', '0.2.0', 'class'),
  ('SampleAlarm.memorised', 'SampleAlarm.memorized', '0.2.0', 'field'),
  (
    'art_jax.data.labelled.Labelled',
    'art_jax.data.labeled.Labeled',
    '0.2.0',
    'import',
  ),
  (
    'art_jax.data.sources.Labelled',
    'art_jax.data.sources.Labeled',
    '0.2.0',
    'import',
  ),
  (
    'art_jax.algorithms.gan_parts.CriticWarmup',
    'art_jax.algorithms.stabilizers.CriticWarmup',
    '0.2.0',
    'import',
  ),
  ('DCGANGenerator.enlarge', 'DCGANGenerator.upsample', '0.2.0', 'field'),
  (
    'DCGANGenerator.upsample=transposed',
    'DCGANGenerator.upsample=transpose',
    '0.2.0',
    'value',
  ),
  ('Stabilizers.augment=colour', 'Stabilizers.augment=color', '0.2.0', 'value'),
]
_STABILIZERS = (
  'real_range',
  'fake_range',
  'flip_probability',
  'instance_noise',
  'noise_schedule',
  'replay_every',
  'r1_weight',
  'ema_decay',
  'augment',
)
_ROWS += [
  (f'{model}.{name}', f'{model}.stabilizers.{name}', '0.2.0', 'field')
  for model in ('GAN', 'ACGAN')
  for name in _STABILIZERS
]
TABLE = tuple(Row(*row) for row in _ROWS)


def field_path(cls: type, name: str) -> tuple[str, ...] | None:
  """Return where a former field of a class is now, with a notice, or None."""
  new = _renamed(cls, 'field', f'{cls.__name__}.{name}')
  return None if new is None else tuple(new.split('.')[1:])


def value(cls: type, field: str, content: Any) -> Any:
  """Return today's spelling of a string, or of those in a tuple."""
  if isinstance(content, tuple):
    return tuple(value(cls, field, item) for item in content)
  if not isinstance(content, str):
    return content
  new = _renamed(cls, 'value', f'{cls.__name__}.{field}={content}')
  return content if new is None else new.partition('=')[2]


def option(name: str, text: str) -> str:
  """Return today's spelling of the value of a flag, with a notice."""
  row = index().get(('option', f'{name}={text}'))
  return notice(row).new.partition('=')[2] if row else text


def class_name(name: str) -> str:
  """Return today's name of a config class, with a notice if it changed."""
  row = index().get(('class', name))
  return notice(row).new if row else name


def keywords(
  owner: Any, given: Mapping[str, Any], make: Callable[..., Any]
) -> dict[str, Any]:
  """Return keyword arguments under today's names.

  Args:
    owner: the class that is called, or the object of which a copy with
      fields replaced is made.
    given: as written for this version or an earlier one.
    make: called with a class and keyword arguments; makes the nested objects
      into which fields moved.
  """
  cls = owner if isinstance(owner, type) else type(owner)
  today = {field.name for field in dataclasses.fields(cls)}
  arguments, nested = {}, {}
  for name, content in given.items():
    path = None if name in today else field_path(cls, name)
    if path and len(path) == 2:
      nested.setdefault(path[0], {})[path[1]] = content
    else:
      arguments[path[0] if path else name] = content
  for name, changes in nested.items():
    base = arguments.get(name, getattr(owner, name))
    fields = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
    arguments[name] = make(type(base), **{**fields, **changes})
  return arguments


def call(function: Any, *args: Any, **kwargs: Any) -> Any:
  """Call a function; one that makes a config takes former names, too."""
  owner = function
  if function is dataclasses.replace and args:
    owner, args = args[0], args[1:]
    function = functools.partial(function, owner)
  cls = owner if isinstance(owner, type) else type(owner)
  if not (_is_ours(cls) and dataclasses.is_dataclass(cls)):
    return function(*args, **kwargs)
  names = getattr(cls, '__match_args__', ())
  values = [value(cls, *pair) for pair in zip(names, args, strict=False)]
  kwargs = keywords(owner, kwargs, call)
  return function(
    *values,
    *args[len(names) :],
    **{k: value(cls, k, v) for k, v in kwargs.items()},
  )


def _renamed(cls: type, kind: str, old: str) -> str | None:
  row = index().get((kind, old)) if _is_ours(cls) else None
  return notice(row).new if row else None


def _is_ours(cls: type) -> bool:
  return cls.__module__.startswith('art_jax.')


@functools.cache
def index() -> Mapping[tuple[str, str], Row]:
  """Return the rows of the table by kind and former name."""
  return {(row.kind, row.old): row for row in TABLE}


@functools.cache
def notice(row: Row) -> Row:
  """Log a renaming, once in a process; return it."""
  from absl import logging  # here: `import art_jax` needs no logging

  logging.warning('%s', sentence(row))
  return row


def sentence(row: Row) -> str:
  """Return what a user is told of a renaming."""
  return (
    f'{row.old} is now {row.new} (since art_jax {row.version}); the former '
    'name still loads'
  )
