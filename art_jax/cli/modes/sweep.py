"""`art_jax sweep EXPERIMENT`: train it many times, with other values."""

import pathlib
import shlex
import sys
from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.config import experiments as experiment_files
from art_jax.config import serialization
from art_jax.devices import distributed, mesh
from art_jax.sweep import cells, claims, outcome, run_cells


def run(flags: Any) -> None:
  """Run the cells; print their table and where everything is."""
  axes = cells.axes(flags['set'].value)
  chosen = (
    cells.random(axes, flags.random, flags.seed)
    if flags.random
    else cells.product(axes)
  )
  base = options.experiment(flags, ())
  experiments, refused = _build(flags, base, chosen)
  devices = _devices(flags)
  sweep = run_cells.Sweep(
    chosen,
    experiments,
    refused,
    _folder(flags),
    flags.together,
    shlex.join(sys.argv),
  )
  outcomes = run_cells.run(sweep, devices)
  print(outcome.markdown(outcomes))
  best = outcome.ranked(outcomes)
  if best:
    first = best[0]
    print(
      f'best: {first.cell.name} ({first.best["metric"]} '
      f'{first.best["value"]:.4g} at step {first.best["step"]})'
    )
  for name in (outcome.TABLE, outcome.MARKDOWN, outcome.SHEET):
    if (sweep.folder / name).exists():
      print(sweep.folder / name)
  failed = [one for one in outcomes if one.status == 'failed']
  if len(failed) == len(outcomes):
    raise core.UserError(f'every cell failed, the first: {failed[0].reason}')


def _devices(flags: Any) -> mesh.Devices:
  """Return the devices of this process, which joins no others."""
  distributed.expect_platform(flags.expect_platform)
  return mesh.make_devices(flags.devices)


def _build(
  flags: Any, base: core.Experiment, chosen: list[cells.Cell]
) -> tuple[dict[str, core.Experiment], dict[str, str]]:
  """Return the experiments of cells by name, and why others have none.

  Raises:
    core.UserError: no cell can be built: a field does not exist, say.
  """
  extra = experiment_files.user_classes(flags.experiment)
  experiments, refused = {}, {}
  for cell in chosen:
    try:
      experiment = experiment_files.override(base, cell.assignments, extra)
      # An alarm ends a loser, unless somebody chose otherwise.
      if 'train.on_alarm' not in dict(cell.settings):
        experiment = experiment_files.override(
          experiment, ['train.on_alarm=stop']
        )
      experiments[cell.name] = options.with_precision(flags, experiment)
      serialization.to_text(experiments[cell.name])
    except core.UserError as error:
      refused[cell.name] = str(error)
  if not experiments:
    raise core.UserError(next(iter(refused.values())))
  return experiments, refused


def _folder(flags: Any) -> pathlib.Path:
  if flags.workdir:
    claims.require_posix(flags.workdir)
    return pathlib.Path(flags.workdir).expanduser()
  folder = pathlib.Path(options.workdir(flags))
  return folder.with_name(f'{folder.name}_sweep')
