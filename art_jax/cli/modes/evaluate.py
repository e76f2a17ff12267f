"""`art_jax evaluate RUN`: scores of a run, or of two folders of pictures."""

import importlib.metadata
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import jax

from art_jax import core
from art_jax.cli import options
from art_jax.core import hub
from art_jax.devices import mesh
from art_jax.evaluation import distributions, likeness, models, pictures, record
from art_jax.evaluation.scores import Scores
from art_jax.evaluation.survey import survey
from art_jax.metrics import features
from art_jax.runs import data_history
from art_jax.runs.folder import RunFolder


def run(flags: Any) -> None:
  """Print a table; append to evaluation.json of the run, or of --output.

  Raises:
    core.UserError: at the end, counting and naming pictures that could not be
      read and have no part in the scores.
  """
  folders = bool(flags.real), bool(flags.fake)
  core.require(
    any(folders) != bool(flags.run) and any(folders) == all(folders),
    'evaluate needs either a RUN (--run=FOLDER), or two folders of pictures: '
    '--real=FOLDER --fake=FOLDER',
  )
  core.require(
    flags.num is None or flags.num >= 2,
    f'--num={flags.num}: scores take at least 2 pictures, and 5000 to be '
    'compared with others',
  )
  core.require(
    not folders[0] or flags.reference == 'train',
    f'--reference={flags.reference} chooses among the pictures of a RUN; with '
    '--real and --fake leave it out',
  )
  core.require(
    not flags.run or flags.size is None,
    f'--size={flags.size} resizes the pictures of --real and --fake; those of '
    'a RUN have its data.size: leave it out',
  )
  core.require(
    not flags.run or hub.is_name(flags.run) or not flags.output,
    f'--output={flags.output}: the scores of a RUN are written into its '
    'folder; leave it out',
  )
  extractor = features.get(flags.features)
  weights = extractor.load(flags.features_weights)
  devices = mesh.make_devices(flags.devices)
  scores = Scores(tuple(flags.metrics))
  act = _run if flags.run else _folders
  protocol = {
    'command': shlex.join(sys.argv),
    'features': extractor.name,
    'resize': extractor.resize,
    **act(flags, extractor, weights, devices, scores),
    'versions': {
      name: importlib.metadata.version(name) for name in ('art_jax', 'jax')
    },
    'device': devices.mesh.devices.flat[0].device_kind,
    'devices': devices.count,
  }
  scores.require_known()
  print(record.table(scores))
  folder = flags.output if hub.is_name(flags.run) else flags.run or flags.output
  if folder and jax.process_index() == 0:
    print(f'written: {record.append(folder, scores, protocol)}')
  _require_all_read(protocol.get('unreadable', {}))


def _run(flags, extractor, weights, devices, scores) -> dict[str, Any]:
  model = options.model(flags)
  data = model.experiment.data
  dataset = data.source.open(data)
  run = RunFolder(flags.run, writable=False)
  data_history.tell_if_other(run, dataset.fingerprint)
  evaluator = models.Evaluator(
    run=model,
    data=dataset,
    extractor=extractor,
    weights=weights,
    devices=devices,
    num=flags.num,
    seed=flags.seed,
    reference=flags.reference,
  )
  evaluator.evaluate(scores)
  titles = {'train': 'training', 'heldout': 'held-out'}
  return {
    'checkpoint': model.step,
    'num': flags.num,
    'size': data.size,
    'seed': evaluator.seed,
    'real': f'{titles[flags.reference]} pictures for samples, held-out ones '
    'for the rest, cut in the center',
  }


def _folders(flags, extractor, weights, devices, scores) -> dict[str, Any]:
  real, fake = (
    pictures.of_folder(flags[flag].value, flag, flags.size, flags.num)
    for flag in ('real', 'fake')
  )
  sizes = ['x'.join(map(str, each.size())) for each in (real, fake)]
  core.require(
    sizes[0] == sizes[1],
    f'--real holds pictures of {sizes[0]}, --fake of {sizes[1]}: scores would '
    'compare the sizes too; pass --size=N to resize all to one',
  )
  for flag, chosen in (('--real', real), ('--fake', fake)):
    scores.tell_subset(flag, chosen.count, chosen.total)
  unreadable = {
    flag: dict(chosen.unreadable)
    for flag, chosen in (('real', real), ('fake', fake))
    if chosen.unreadable
  }
  surveys = [
    survey(chosen, extractor, weights, devices, keep=keep)
    for chosen, keep in ((real, True), (fake, False))
  ]
  distributions.compare(scores, extractor, weights, *surveys)
  likeness.lpips_diversity(scores, fake, real, flags.seed)
  return {
    'real': real.name,
    'fake': fake.name,
    'num_real': real.count,
    'num_fake': fake.count,
    'size': flags.size,
    **({'unreadable': unreadable} if unreadable else {}),
  }


def _require_all_read(unreadable: Mapping[str, Mapping[str, str]]) -> None:
  """Raise a UserError that counts and names the pictures left out, if any."""
  if unreadable:
    names = '; '.join(
      f'--{flag}: {name}: {reason}'
      for flag, reasons in unreadable.items()
      for name, reason in reasons.items()
    )
    raise core.UserError(
      f'{sum(map(len, unreadable.values()))} picture(s) could not be read and '
      f'have no part in the scores above ({names}); replace or remove them'
    )
