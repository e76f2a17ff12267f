"""Whether a run is continued with its data, and what is kept of that.

A checkpoint holds the summary of the fingerprint of its data; the run folder
has the names and checksums behind each, data/DIGEST.json. `data.json` lists
the steps from which the data were others.
"""

import json
from collections.abc import Mapping
from typing import Any

from absl import logging

from art_jax import core
from art_jax.config import resumable
from art_jax.data import fingerprint
from art_jax.data.fingerprint import Fingerprint
from art_jax.devices import distributed
from art_jax.runs.checkpoints import Restored
from art_jax.runs.folder import RunFolder


def check(
  folder: RunFolder,
  restored: Restored | None,
  dataset: Any,
  experiment: core.Experiment,
) -> list[dict[str, Any]]:
  """Return how the data of a run changed so far, now included.

  With several processes all call it, and all continue or none does.

  Args:
    folder: of the run.
    restored: the checkpoint that it goes on from; None: it begins.
    dataset: its data now.
    experiment: as the user gives it now.

  Returns:
    For data.json: {'step', 'before', 'now', 'what'} of each change.

  Raises:
    core.UserError: naming what changed and the ways on.
  """
  new, past, error = dataset.fingerprint, [], None
  distributed.require_same(new.digest, 'the data')
  try:
    if restored is not None:
      past = _continued(folder, restored, new, experiment)
  except core.UserError as e:
    error = e
  if distributed.any_process(error is not None):
    raise error or core.UserError(
      'another process may not continue with these data; its message says why'
    )
  return past


def note(folder: RunFolder, new: Fingerprint) -> None:
  """Keep the names and checksums of a set, unless they are there."""
  name = _file(new.digest)
  if folder.writable and not (folder.path / name).exists():
    folder.write(name, json.dumps(new.parts) + '\n')


def tell_if_other(folder: RunFolder, new: Fingerprint) -> None:
  """Warn that a run is measured with other data than it was trained with."""
  recorded = _json(folder, 'data.json')
  digest = recorded.get('digest')
  if digest and digest != new.digest:
    known, parts = _counts(recorded, new), _json(folder, _file(digest))
    logging.warning(
      'These are not the pictures that %s was trained with: %s; some of those '
      'held out now may have been trained on.',
      folder.path,
      fingerprint.changes(known, parts or None, new),
    )


def _continued(
  folder: RunFolder,
  restored: Restored,
  new: Fingerprint,
  experiment: core.Experiment,
) -> list[dict[str, Any]]:
  """Return the changes of a run that goes on; raises UserError if it may not.

  A change after the checkpoint's step was never trained with: it is undone.
  """
  step, recorded = restored.step, _json(folder, 'data.json')
  past = [c for c in recorded.get('changes', ()) if c['step'] < step]
  old = restored.host.get('data')
  known = old or _counts(recorded, new)
  if known.get('digest') == new.digest and new.exact:
    return past
  what = _difference(folder, step, known, new, experiment)
  if not what:
    if old is None and distributed.is_main():
      logging.warning(
        'The checkpoint of step %d does not say which pictures it is of; they '
        'are taken to be the same. The next one says it.',
        step,
      )
    return past
  core.require(
    experiment.train.on_data_change == 'continue',
    f'{folder.path}: the data changed since step {step}: {what}. Their order '
    'would be another from there, so this would be another run. Ways on: the '
    'former pictures; or --set train.on_data_change=continue (the run goes on '
    f'with these); or another --workdir with --init_from={folder.path} (a run '
    'of its own that begins with these networks)',
  )
  if distributed.is_main():
    logging.warning(
      'The data changed since step %d: %s; the order is another from here.',
      step,
      what,
    )
  change = {'before': known.get('digest'), 'now': new.digest, 'what': what}
  return [*past, {'step': step, **change}]


def _difference(
  folder: RunFolder,
  step: int,
  known: Mapping[str, Any],
  new: Fingerprint,
  experiment: core.Experiment,
) -> str:
  """Return what changed, in words; '' if nothing did as far as is known."""
  algorithm = experiment.algorithm
  read = {*algorithm.inputs, *core.columns(algorithm)}
  remapped = fingerprint.remapped(known, new, read)
  core.require(
    not remapped,
    f'{folder.path}: since step {step} {remapped}. The network would take one '
    'for the other, so it is never continued with them. Ways on: the former '
    'names (data.classes may choose them); or another --workdir with '
    f'--init_from={folder.path} (a run of its own that begins with these '
    'networks)',
  )
  digest = known.get('digest')
  same = fingerprint.same_counts(known, new)
  if digest != new.digest and (digest or not same):
    parts = _json(folder, _file(digest)) if digest else None
    what = fingerprint.changes(known, parts or None, new)
    return what if digest else f'{what} (or this version reads others of them)'
  before = folder.read_config_like(experiment)
  if before is not None and resumable.moved(before, experiment):
    return 'they lie elsewhere, and what they were is not known'
  return ''


def _counts(recorded: Mapping[str, Any], new: Fingerprint) -> dict[str, Any]:
  """Return what a data.json without a fingerprint says of a set."""
  titles = list(new.parts)
  counts: dict[str, int] = {}
  for kind in ('train', 'heldout'):
    own = [title for title in titles if title.split()[0] == kind]
    counts |= dict(zip(own, recorded.get(kind, ()), strict=False))
  columns = recorded.get('columns', {})
  return {
    'counts': counts or {t: len(part) for t, part in new.parts.items()},
    'classes': recorded.get('classes', list(new.classes)),
    'categories': {
      name: columns.get(name, list(values))
      for name, values in new.categories.items()
    },
  }


def _file(digest: str) -> str:
  return f'data/{digest}.json'


def _json(folder: RunFolder, name: str) -> dict[str, Any]:
  """Return a JSON file of the folder; {} if it is missing or damaged."""
  try:
    content = json.loads((folder.path / name).read_text('utf-8'))
  except (OSError, ValueError):
    return {}
  return content if isinstance(content, dict) else {}
