"""What a browser may start: listed experiments and checked values."""

import dataclasses
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from art_jax import core
from art_jax.config import experiment_files, experiments, serialization
from art_jax.data.sources import Builtin
from art_jax.studio.data_root import DataRoot

_USED = (
  *('train.duration', 'train.batch_size', 'train.seed', 'data.size'),
  *('train.render_every', 'train.checkpoint_every', 'train.log_every'),
  *('data.heldout', 'train.on_alarm', 'train.accumulate'),
)
_FOLDER = re.compile(r'\w[\w.-]{0,63}', re.ASCII)
_ENTRY = re.compile(r'^    (\w+(?:, \w+)*): ')
_MOST_LINES, _MOST_TEXT = 60, 400


@dataclasses.dataclass(frozen=True)
class Plan:
  """A training that a browser asked for, checked.

  Attributes:
    experiment: a listed name.
    flags: of `art_jax train`, without the folder.
    folder: name of the new run folder.
  """

  experiment: str
  flags: tuple[str, ...]
  folder: str

  def command(self, mode: str = 'train', *more: str) -> list[str]:
    """Return the arguments of `art_jax`."""
    return [mode, self.experiment, *self.flags, *more]

  def shown(self, workdir: str) -> str:
    """Return the ordinary command that does the same."""
    arguments = self.command('train', f'--workdir={workdir}')
    return shlex.join(['art_jax', *arguments])


def listed() -> list[dict[str, str]]:
  """Return {'name', 'purpose'} of all experiments."""
  return [
    {'name': name, 'purpose': experiment_files.purpose(path)}
    for name, path in experiment_files.files().items()
  ]


def form(name: str, tiny: bool) -> dict[str, Any]:
  """Return the fields of an experiment: {'path', 'text', 'about', 'choices'}.

  Raises:
    core.UserError: it is not listed.
  """
  experiment = _load(name, tiny)
  module = experiments.load_module(name)
  about = {
    path: texts
    for path, config in _parts(experiment)
    for path, texts in _fields(path, config)
  }
  own = [path for path in about if path.count('.') == 1]
  chosen = [p for p in _USED if p in about]
  chosen += [p for p in own if p.startswith('algorithm.')][:12]
  return {
    'about': (module.__doc__ or '').strip()[:4000],
    'builtin': isinstance(experiment.data.source, Builtin),
    'fields': [{'path': path, **about[path]} for path in chosen],
  }


def plan(values: Mapping[str, Any], root: DataRoot) -> Plan:
  """Return a checked training.

  Args:
    values: 'experiment', 'tiny', 'data' (an id, or '' for the experiment's
      own), 'set' (lines), 'folder'.
    root: what 'data' may name.

  Raises:
    core.UserError: naming the field, the rule and the next step.
  """
  folder = values.get('folder')
  core.require(
    isinstance(folder, str) and _FOLDER.fullmatch(folder),
    f'folder={folder!r:.80}: the name of a run has letters, digits and "_.-"',
  )
  data = values.get('data') or ''
  path = str(root.find(data)) if data and isinstance(data, str) else ''
  tiny = values.get('tiny') is True
  lines = _lines(values.get('set') or [])
  return checked(values.get('experiment'), tiny, path, lines, str(folder))


def checked(
  name: Any, tiny: bool, path: str, lines: Sequence[str], folder: str
) -> Plan:
  """Return a training of a listed experiment, its values checked.

  Args:
    name: of the experiment.
    tiny: its small variant.
    path: of its pictures, allowed already; '': its own.
    lines: `path=value` each.
    folder: name of the run.
  """
  experiment = _load(name, tiny)
  core.require(
    path or isinstance(experiment.data.source, Builtin),
    f'{name}: its own pictures may have to be fetched, and the studio fetches '
    'nothing; choose a folder below --data_root, or the small variant',
  )
  changed = experiments.override(experiment, lines)
  core.require(
    changed.data.source == experiment.data.source,
    '--set data.source: choose the pictures from the list instead',
  )
  for line in lines:
    _require_no_file(line)
  flags = ['--tiny'] if tiny else []
  flags += [f'--data={path}'] if path else []
  flags += [f'--set={line}' for line in lines]
  return Plan(str(name), tuple(flags), folder)


def again(command: str, root: DataRoot, folder: str) -> Plan:
  """Return the training of a command that a run folder holds.

  The command is a text of a file: only what a page could have asked for is
  taken out of it, and checked as such.

  Raises:
    core.UserError: it does something else.
  """
  other = (
    'this run was not started like those of this page; start its own command '
    f'again: {command[:300]}'
  )
  try:
    _, *words = shlex.split(command)
  except ValueError:
    raise core.UserError(other) from None
  core.require(len(words) >= 2 and words[0] == 'train', other)
  name, tiny, path, lines, rest = words[1], False, '', [], iter(words[2:])
  for word in rest:
    if word == '--tiny':
      tiny = True
    elif word == '--set':
      lines.append(next(rest, ''))
    elif word.startswith('--set='):
      lines.append(word.removeprefix('--set='))
    elif word.startswith('--data='):
      path = word.removeprefix('--data=')
      core.require(root.holds(path), f'{path} is not below --data_root')
    else:
      core.require(word.startswith('--workdir='), other)
  return checked(name, tiny, path, _lines(lines), folder)


def _load(name: Any, tiny: bool) -> core.Experiment:
  core.require(
    isinstance(name, str) and name in experiment_files.files(),
    f'experiment={name!r:.80}: it is one of the list',
  )
  return experiments.load(name, tiny=tiny)


def _lines(given: Any) -> list[str]:
  core.require(
    isinstance(given, list) and len(given) <= _MOST_LINES,
    f'set: a list of at most {_MOST_LINES} lines, path.to.field=value',
  )
  for line in given:
    core.require(
      isinstance(line, str) and len(line) <= _MOST_TEXT and line.isprintable(),
      f'set: {line!r:.80} is no line of path.to.field=value',
    )
  return given


def _require_no_file(line: str) -> None:
  """Refuse a value that could name a file: pages name none."""
  _, _, value = line.partition('=')
  words = re.split(r'[\s,()\[\]=\'"]+', value)
  core.require(
    not any(c in value for c in '/\\~')
    and '..' not in value
    and not any(word and os.path.exists(word) for word in words),
    f'--set {line}: a value that may name a file is for the command line',
  )


def _parts(experiment: core.Experiment) -> list[tuple[str, Any]]:
  return [
    ('algorithm', experiment.algorithm),
    ('data', experiment.data),
    ('train', experiment.train),
  ]


def _fields(path: str, config: Any) -> list[tuple[str, dict[str, Any]]]:
  """Return the plain fields of a config, with what its docstring says."""
  texts = documented(type(config).__doc__ or '')
  found = []
  for field in serialization.config_fields(config):
    value = getattr(config, field.name)
    duration = isinstance(value, core.Steps | core.Epochs)
    if duration or isinstance(value, bool | int | float | str):
      text = value if isinstance(value, str) else serialization.to_text(value)
      text = ' '.join(text.split())
      about = texts.get(field.name, '')
      found.append((f'{path}.{field.name}', {'text': text, 'about': about}))
  return found


def documented(text: str) -> dict[str, str]:
  """Return what the Attributes of a docstring say, by name."""
  found: dict[str, str] = {}
  names: list[str] = []
  inside = False
  for line in text.splitlines():
    inside = inside or line.strip() == 'Attributes:'
    match = _ENTRY.match(line) if inside else None
    if match:
      names = match[1].split(', ')
      found |= dict.fromkeys(names, line[match.end() :].strip())
    elif inside and names and line.startswith('      '):
      found |= {name: f'{found[name]} {line.strip()}' for name in names}
    elif line.strip() and not line.startswith('    '):
      names = []
  return found
