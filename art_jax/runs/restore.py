"""The experiment and a checkpoint of a run folder."""

import pathlib
from collections.abc import Mapping
from typing import Any

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.runs.checkpoints import Checkpoints, Restored
from art_jax.runs.folder import RunFolder, classes


def load_state(run: str | pathlib.Path) -> core.State:
  """Return the latest state of a run as host arrays."""
  return restore(run)[1].state


def load_donor(
  run: str | pathlib.Path, experiment: core.Experiment
) -> core.State:
  """Return the latest state of another run, for --init_from.

  Args:
    run: its folder.
    experiment: whose classes the other run may use too.
  """
  try:
    return restore(run, extra=classes(experiment))[1].state
  except core.UserError as error:
    text = str(error).removeprefix(f'--run={run}: ')
    raise core.UserError(f'--init_from={run}: {text}') from None


def restore(
  run: str | pathlib.Path,
  checkpoint: int | str = 'latest',
  extra: Mapping[str, Any] | None = None,
) -> tuple[core.Experiment, Restored]:
  """Return the experiment of a run folder, and one of its checkpoints.

  Args:
    run: the folder that training wrote.
    checkpoint: 'latest', 'best' (see `train.best_metric`) or a step.
    extra: classes of a user's own experiment file, by name.

  Raises:
    core.UserError: if it is no run, or has no such checkpoint.
  """
  folder = RunFolder(run, writable=False)
  experiment = folder.read_config(extra)
  if experiment is None:
    raise core.UserError(
      f'--run={run}: there is no config.txt in it; pass the folder that '
      'training wrote (--workdir)'
    )
  named = checkpoint in ('latest', 'best')
  core.require(
    named or str(checkpoint).isdecimal(),
    f'--checkpoint={checkpoint}: it is latest, best or the number of a step',
  )
  step = None if named else int(checkpoint)
  # Any number of examples does: times do not change the state's shapes.
  resolved = experiments.resolve(experiment, num_examples=1)
  with Checkpoints(folder.checkpoints, read_only=True) as checkpoints:
    steps = checkpoints.steps()
    if checkpoint == 'best' and steps:
      best = checkpoints.host().get('best')
      if not best:
        raise core.UserError(
          f'--checkpoint=best: {run} has recorded no best checkpoint: it '
          'measures none, or train.best_metric is none; pass '
          '--checkpoint=latest'
        )
      step = int(best['step'])
    core.require(
      step is None or step in steps,
      f'--checkpoint={checkpoint}: {run} has the steps '
      f'{", ".join(map(str, steps)) or "(none)"}',
    )
    restored = checkpoints.restore(shapes.state_shapes(resolved), step=step)
  if restored is None:
    raise core.UserError(
      f'--run={run}: there is no checkpoint in it yet; wait for the first, '
      'or train with a smaller train.checkpoint_every'
    )
  return experiment, restored
