"""What does not change while a run trains: its settings, data and abilities."""

import pathlib
from typing import Any

from art_jax import core
from art_jax.algorithms import attributes
from art_jax.config import experiments
from art_jax.core import paths
from art_jax.data import sources
from art_jax.report import collect
from art_jax.sampling import labels
from art_jax.studio.catalog import Entry

_MOST_TEXT = 60_000  # characters of a config
_MOST_STARTS = 10
_MOST_CLASSES = 1000


def about(entry: Entry) -> dict[str, Any]:
  """Return what a page tells of a run beside its curves and pictures.

  Raises:
    core.UserError: there is nothing of a run in the folder.
  """
  files = collect.collect(entry.path)
  return {
    'changed': files.changed,
    'config': files.config_text[:_MOST_TEXT],
    'starts': [_start(start) for start in files.starts[-_MOST_STARTS:]],
    'data': str(files.data.get('summary', '')),
    'skipped': len(files.data.get('skipped', [])),
    'notes': [paths.printable(note) for note in files.notes],
    'checkpoints': files.checkpoints,
    'best': files.best,
    'examples': (entry.path / 'examples.png').is_file(),
    'can': abilities(files.experiment, files.data),
  }


def abilities(
  experiment: core.Experiment | None, data: dict[str, Any]
) -> dict[str, Any]:
  """Return what a model can do, for the controls that a page shows.

  Returns:
    'model'; 'sample', 'inpaint', 'styled' (paints like any painting): whether
    it can; 'classes': their names; 'directions'; 'domains' as of `domains`;
    'size' of its pictures.
  """
  if experiment is None:
    return {}
  algorithm = experiment.algorithm
  count = core.num_classes(algorithm)
  known = data.get('classes', [])
  names = tuple(map(str, known if isinstance(known, list) else []))
  return {
    'model': type(algorithm).__name__,
    'sample': isinstance(algorithm, core.Generative),
    'inpaint': isinstance(algorithm, core.Inpainter),
    'styled': isinstance(algorithm, core.Stylable),
    'classes': [
      labels.name_of(number, names)
      for number in range(min(count, _MOST_CLASSES))
    ],
    'attributes': [_attribute(one, data) for one in core.attributes(algorithm)],
    'fields': _numbers(algorithm),
    'truncation': core.sampling_passes(algorithm) == 1,
    'directions': list(core.directions(algorithm)),
    'domains': domains(experiment.data.source),
    'size': experiment.data.size,
  }


def domains(source: core.Source) -> list[str]:
  """Return what domain a and domain b show; [] if the source does not tell."""
  match source:
    case sources.Builtin(layout='unpaired' | 'pairs'):
      return ['photo', 'painting']
    case sources.Builtin(layout='labels'):
      return ['label map', 'painting']
    case sources.Unpaired(a=str(a), b=str(b), swapped=swapped):
      names = [pathlib.PurePath(path).name for path in (a, b)]
    case sources.Unpaired(swapped=swapped):
      names = ['trainA', 'trainB']
    case sources.Pairs(left=left):
      names, swapped = ['left half', 'right half'], left == 'b'
    case _:
      return []
  names = [paths.printable(name) for name in names]
  if names[0] == names[1]:  # of folders that differ further up
    return []
  return names[::-1] if swapped else names


def _attribute(attribute: Any, data: dict[str, Any]) -> dict[str, Any]:
  """Return the control of an attribute: its kind, name and range."""
  if isinstance(attribute, attributes.Palette):
    return {'kind': 'palette', 'name': attribute.name}
  if isinstance(attribute, attributes.Category):
    columns = data.get('columns')
    known = columns.get(attribute.name) if isinstance(columns, dict) else None
    names = tuple(map(str, known if isinstance(known, list) else []))
    values = [labels.name_of(i, names) for i in range(attribute.count)]
    return {'kind': 'category', 'name': attribute.name, 'values': values}
  low, high = attribute.low, attribute.high
  return {'kind': 'number', 'name': attribute.name, 'low': low, 'high': high}


def _numbers(algorithm: Any) -> list[dict[str, Any]]:
  """Return the numbers of a model that act when it is used."""
  values = {
    name: experiments.get(algorithm, name)
    for name in core.inference_fields(algorithm)
  }
  return [
    {'name': name, 'value': value, 'whole': isinstance(value, int)}
    for name, value in values.items()
    if isinstance(value, int | float) and not isinstance(value, bool)
  ]


def _start(start: Any) -> dict[str, str]:
  values = start if isinstance(start, dict) else {}
  versions = values.get('versions')
  version = versions.get('art_jax') if isinstance(versions, dict) else ''
  return {
    'time': str(values.get('time', '')),
    'command': paths.printable(str(values.get('command', ''))),
    'device': f'{values.get("devices", "?")} x {values.get("device", "?")}',
    'version': str(version),
  }


def picture_path(
  path: pathlib.Path, names: dict[str, list[int]], name: str, step: int
) -> pathlib.Path:
  """Return the file of a picture that a run folder was seen to hold.

  Args:
    path: the run folder.
    names: steps of its pictures by name, as they were listed.
    name: as listed; never joined before it was found there.
    step: as listed.

  Raises:
    core.UserError: there is no such picture.
  """
  core.require(
    step in names.get(name, ()), 'this run has no such picture; reload the page'
  )
  return path / 'images' / name / f'{step:08d}.png'
