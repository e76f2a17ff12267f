"""Experiments by name: find them, change their fields, fix their times."""

import dataclasses
import importlib.util
import operator
import pathlib
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from art_jax import core
from art_jax.config import renamed, renamed_imports, serialization


def load(name: str, *, tiny: bool = False) -> core.Experiment:
  """Return the experiment of a file in experiments/, by name or path.

  Args:
    name: `cyclegan`, or the path of a .py file with a function
      `experiment()` (which is code: it is run).
    tiny: return `tiny()` instead: the same classes in seconds on a CPU.

  Raises:
    core.UserError: listing what exists, the nearest name first.
  """
  module, function = load_module(name), 'tiny' if tiny else 'experiment'
  core.require(
    hasattr(module, function),
    f'{module.__file__} defines no function {function}(); an experiment '
    'file has experiment() and tiny()',
  )
  return getattr(module, function)()


def load_module(name: str) -> types.ModuleType:
  """Import an experiment file by name or path."""
  if name.endswith('.py'):
    path = pathlib.Path(name)
    core.require(
      path.is_file(),
      f'--experiment={name}: there is no such file; pass the path of a '
      'file that defines experiment(), or a name that `art_jax list` shows',
    )
  else:
    from art_jax.config import experiment_files  # loading a run needs none

    known = experiment_files.files()
    if name not in known:
      raise core.UserError(
        f'--experiment={name}: there is no such experiment; there are: '
        + ', '.join(serialization.nearest(name, known))
      )
    path = known[name]
  name = f'art_jax_experiment_{path.stem}'
  loader = renamed_imports.SourceLoader(name, str(path))
  spec = importlib.util.spec_from_file_location(name, path, loader=loader)
  assert spec is not None
  module = importlib.util.module_from_spec(spec)
  loader.exec_module(module)
  return module


def user_classes(name: str | None) -> dict[str, type]:
  """Return the config classes that an experiment file itself defines."""
  if not name or not name.endswith('.py'):
    return {}
  module = load_module(name)
  return {
    key: value
    for key, value in vars(module).items()
    if isinstance(value, type)
    and dataclasses.is_dataclass(value)
    and value.__module__ == module.__name__
  }


def override(
  experiment: core.Experiment,
  assignments: Sequence[str],
  extra: Mapping[str, type] | None = None,
) -> core.Experiment:
  """Return the experiment with fields changed, all at once.

  Changing `train.duration` notes the old one in `train.planned_duration`,
  for which the boundaries of the schedules were written.

  Args:
    experiment: is not changed.
    assignments: `a.b.c=value`, the value as `serialization.convert` reads it.
    extra: a user's own classes, see `user_classes`.

  Raises:
    core.UserError: naming the path, the value and the rule.
  """
  tree: dict[tuple[str, ...], str] = {}
  for assignment in assignments:
    path, equals, text = assignment.partition('=')
    core.require(
      equals and path.strip(),
      f'--set {assignment}: write --set path.to.field=value, for example '
      '--set train.batch_size=4',
    )
    tree[tuple(path.strip().split('.'))] = text.strip()
  changed = _replace(experiment, tree, '', extra)
  if ('train', 'duration') in tree and changed.train.planned_duration is None:
    return replace(
      changed, {'train.planned_duration': experiment.train.duration}
    )
  return changed


def replace(config: Any, changes: Mapping[str, Any]) -> Any:
  """Return a config with the values at dotted paths replaced, all at once.

  Args:
    config: is not changed.
    changes: values by path, `{'algorithm.generator.size': 150}`.
  """
  tree: dict[str, dict[str, Any]] = {}
  for path, value in changes.items():
    name, _, rest = path.partition('.')
    tree.setdefault(name, {})[rest] = value
  values = {
    name: below[''] if '' in below else replace(getattr(config, name), below)
    for name, below in tree.items()
  }
  with core.as_user_error('pass another value of the field'):
    return dataclasses.replace(config, **values)


def everywhere(value: Any, changes: Mapping[str, Any]) -> Any:
  """Return a config with fields of these names changed in every object."""

  def change(node):
    names = {f.name for f in serialization.config_fields(node)}
    return {k: v for k, v in changes.items() if k in names}

  return _rebuild(value, change)


def resolve(experiment: core.Experiment, num_examples: int) -> core.Experiment:
  """Return the experiment with every Steps and Epochs as an int of steps.

  Boundaries of schedules are scaled by duration / planned duration (unless
  `train.rescale` is false), so a shorter run still decays to its end.

  Args:
    experiment: with durations in any unit.
    num_examples: training pictures of one epoch.
  """

  def steps(duration: core.Duration) -> int:
    if isinstance(duration, core.Steps):
      return duration.count
    if isinstance(duration, core.Epochs):
      exact = duration.count * num_examples / experiment.rows_per_step
      return max(round(exact), 1) if duration.count else 0
    return duration

  train, stretch = experiment.train, 1.0
  planned = train.planned_duration
  if planned is not None and train.rescale:
    stretch = steps(train.duration) / max(steps(planned), 1)

  def scaled(value, scale):
    return (
      tuple(scaled(item, scale) for item in value)
      if isinstance(value, tuple)
      else round(scale * steps(value))
    )

  def fix(node):
    scale = stretch if hasattr(node, 'factor') else 1.0
    kinds = serialization.annotations(type(node))
    return {
      name: scaled(value, scale)
      for name in (field.name for field in serialization.config_fields(node))
      if _holds_duration(kinds[name])
      and (value := getattr(node, name)) is not None
    }

  resolved = _rebuild(experiment, fix)
  return dataclasses.replace(
    resolved,
    algorithm=everywhere(resolved.algorithm, {'accumulate': train.accumulate}),
  )


def differences(old: Any, new: Any) -> list[str]:
  """Return the dotted paths of the fields in which two configs differ."""
  if type(old) is not type(new) or not serialization.is_config(old):
    return [] if old == new else ['']
  return [
    f'{field.name}.{below}'.removesuffix('.')
    for field in serialization.config_fields(old)
    for below in differences(getattr(old, field.name), getattr(new, field.name))
  ]


def get(experiment: Any, path: str) -> Any:
  """Return the value at a dotted path."""
  return operator.attrgetter(path)(experiment)


def current_path(config: Any, path: str) -> str:
  """Return a dotted path under today's names; one without any stays."""
  name, _, rest = path.partition('.')
  if not hasattr(config, name) and serialization.is_config(config):
    name, *nested = renamed.field_path(type(config), name) or (name,)
    rest = '.'.join([*nested, *([rest] if rest else [])])
  return (
    f'{name}.{current_path(getattr(config, name, None), rest)}'
    if rest
    else name
  )


def _replace(node: Any, tree: dict, path: str, extra) -> Any:
  """Apply assignments below `node`; the keys of `tree` are relative paths."""
  fields = {f.name: f for f in serialization.config_fields(node)}
  grouped: dict[str, dict] = {}
  for keys, text in tree.items():
    if keys[0] not in fields:  # so it may be a former name
      keys = (*(renamed.field_path(type(node), keys[0]) or keys[:1]), *keys[1:])
    grouped.setdefault(keys[0], {})[keys[1:]] = text
  changes = {}
  for name, below in grouped.items():
    here = f'{path}.{name}' if path else name
    if name not in fields:
      raise core.UserError(
        f'--set {here}=...: {type(node).__name__} has no field {name!r}; it '
        'has: ' + ', '.join(serialization.nearest(name, fields))
      )
    value = getattr(node, name)
    if () in below:
      annotation = serialization.annotations(type(node))[name]
      value = serialization.convert(here, below.pop(()), annotation, extra)
      value = renamed.value(type(node), name, value)
    if below:
      deeper = '.'.join(next(iter(below)))
      core.require(
        serialization.is_config(value),
        f'--set {here}.{deeper}=...: {here} is {value!r} and has no '
        f'fields; set {here} itself',
      )
      value = _replace(value, below, here, extra)
    changes[name] = value
  with core.as_user_error('pass another value of the field'):
    return dataclasses.replace(node, **changes)


def _rebuild(node: Any, change: Callable[[Any], dict[str, Any]]) -> Any:
  """Return a copy of a config tree with `change(node)` applied everywhere."""
  if isinstance(node, tuple):
    return tuple(_rebuild(item, change) for item in node)
  if not serialization.is_config(node) or isinstance(
    node, core.Steps | core.Epochs
  ):
    return node
  changes = change(node)
  for field in serialization.config_fields(node):
    if field.name not in changes:
      value = getattr(node, field.name)
      rebuilt = _rebuild(value, change)
      if rebuilt is not value and rebuilt != value:
        changes[field.name] = rebuilt
  return dataclasses.replace(node, **changes) if changes else node


def _holds_duration(annotation: Any) -> bool:
  """Tell whether an annotation mentions Steps (a Duration, or a tuple)."""
  args = getattr(annotation, '__args__', ())
  return annotation is core.Steps or any(_holds_duration(a) for a in args)
