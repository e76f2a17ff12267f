"""Publish a run: a folder with its model, card and samples, or a repository."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from art_jax import core
from art_jax.config import serialization
from art_jax.core import hub
from art_jax.core.paths import (
  make_folder,
  require_free,
  require_no_run,
  write_atomic,
)
from art_jax.core.version import VERSION
from art_jax.inference import card, published, space
from art_jax.inference.run import Run
from art_jax.media import images

_SAMPLES = 16
_MOST_PICTURES = 4
_CARD, _SPACE = 'README.md', 'space'
_LICENSE = re.compile(r'[a-z][a-z0-9.-]*')


def publish(
  run: Run,
  to: str,
  license_id: str | None,
  *,
  with_space: bool = False,
  overwrite: bool = False,
) -> str:
  """Write a run for others, into a folder or a repository of the hub.

  Args:
    run: loaded from a run folder.
    to: a folder, or 'hf:owner/name'.
    license_id: of the weights, as the hub spells it, e.g. 'cc-by-4.0'.
    with_space: write a small program for a hosted demo too.
    overwrite: replace files that exist.

  Returns:
    The folder, or 'hf:owner/name@commit'.

  Raises:
    core.UserError: no license is given, a file exists, the folder is that of a
      run, or the hub refuses.
  """
  core.require(
    license_id and _LICENSE.fullmatch(license_id),
    f'--license={license_id}: say under which license others may use the '
    'weights, as the hub spells it: cc0-1.0, cc-by-4.0, other, ...; '
    'the licenses of the training pictures may not allow all of them',
  )
  assert license_id is not None
  if not hub.is_name(to):
    folder = pathlib.Path(to).expanduser()
    require_no_run(folder, '--to')
    for name in _names(run, with_space):
      require_free(folder / name, overwrite, '--to')
    name = folder.absolute().resolve().name  # also of '.'
    write(run, folder, name, license_id, with_space)
    return str(folder)
  name = hub.parse(to)
  core.require(
    '/' in name.repo and not name.part and not name.revision,
    f'--to={to}: a repository to write to is hf:OWNER/NAME',
  )
  hub.require_new(name, overwrite)  # before the work
  folder = pathlib.Path(tempfile.mkdtemp(prefix='art_jax_publish_'))
  try:
    write(run, folder, name.repo, license_id, with_space)
    return str(hub.upload(name, folder))
  finally:
    shutil.rmtree(folder, ignore_errors=True)


def write(
  run: Run,
  folder: pathlib.Path,
  name: str,
  license_id: str,
  with_space: bool = False,
) -> None:
  """Write the files of a published model, see `published`."""
  pictures = {file: make() for file, make in _samples(run).items()}
  make_folder(folder)
  plain = dataclasses.replace(run, experiment=_without_folders(run.experiment))
  text = serialization.to_text(plain.experiment) + '\n'
  write_atomic(folder / published.CONFIG, text)
  table = {
    'format': published.FORMAT,
    'library_name': 'art_jax',
    'art_jax_version': VERSION,
    'algorithm': type(run.algorithm).__name__,
    'task': card.task(run),
    'step': run.step,
    'size': run.experiment.data.size,
    'channels': run.experiment.data.channels,
    'classes': list(run.class_names),
    'directions': list(core.directions(run.algorithm)),
  }
  write_atomic(folder / published.TABLE, json.dumps(table, indent=2) + '\n')
  data = published.weights_bytes(run.params)
  write_atomic(folder / published.WEIGHTS, data)
  for file, picture in pictures.items():
    write_atomic(folder / file, picture)
  page = card.text(plain, name, license_id, [*pictures], _data(run))
  write_atomic(folder / _CARD, page)
  if with_space:
    for file, content in space.files(run, name).items():
      write_atomic(folder / _SPACE / file, content)


def _names(run: Run, with_space: bool) -> list[str]:
  """Return the files that `write` writes, relative to the folder."""
  demo = space.files(run, '') if with_space else {}
  return [
    *(published.CONFIG, published.TABLE, published.WEIGHTS, _CARD),
    *_samples(run),
    *(f'{_SPACE}/{file}' for file in demo),
  ]


def _samples(run: Run) -> dict[str, Callable[[], bytes]]:
  """Return what makes each picture, by its path relative to the folder."""
  if isinstance(run.algorithm, core.Generative):
    classes = core.num_classes(run.algorithm)
    labels = list(range(classes)) if classes else None
    if set(core.columns(run.algorithm)) - {'label'}:
      return {}  # attributes are not a number each
    return {
      'samples/samples.png': lambda: images.png_bytes(
        images.grid(run.sample(_SAMPLES, labels=labels))
      )
    }
  if run.folder is None or not (run.folder / 'images').exists():
    return {}
  sheets = sorted((run.folder / 'images').iterdir())[:_MOST_PICTURES]
  newest = {
    sheet.name: max(sheet.glob('*.png'), default=None) for sheet in sheets
  }
  return {
    f'samples/{name}.png': file.read_bytes
    for name, file in newest.items()
    if file is not None
  }


def _data(run: Run) -> dict[str, Any]:
  if run.folder is None:
    return {}
  try:
    return json.loads((run.folder / 'data.json').read_text('utf-8'))
  except (OSError, ValueError):
    return {}


def _without_folders(value: Any) -> Any:
  """Return a config in which absolute paths are names of files."""
  if isinstance(value, str):
    is_path = os.path.isabs(value) or value.startswith('~')
    return os.path.basename(value.rstrip('/')) if is_path else value
  if isinstance(value, tuple):
    return tuple(map(_without_folders, value))
  if not serialization.is_config(value):
    return value
  changes = {
    field.name: new
    for field in serialization.config_fields(value)
    if field.init
    and (new := _without_folders(old := getattr(value, field.name))) != old
  }
  return dataclasses.replace(value, **changes) if changes else value
