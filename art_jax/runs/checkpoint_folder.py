"""The folder of a run's checkpoints: what lies in it and what is moved.

<folder>/<step>/         one checkpoint, see `checkpoint_format`
<folder>/quarantine/     damaged and cut ones; nothing deletes these
"""

import os

import jax
import orbax.checkpoint as ocp
from absl import logging
from etils import epath

from art_jax import core

CUT = 'cut'  # the reason of steps that are good but no longer wanted


class _These:
  """An orbax preservation policy: keep the steps of a set that may change."""

  def __init__(self, steps: set[int]):
    self._steps = steps

  def should_preserve(self, checkpoints, *, context) -> list[bool]:
    """Return which of the checkpoints are in the set."""
    return [checkpoint.step in self._steps for checkpoint in checkpoints]


class Folder:
  """A local or gs:// folder that holds checkpoints and nothing else.

  Attributes:
    path: absolute.
    writable: False leaves everything as it is.
  """

  def __init__(self, path: os.PathLike | str, *, writable: bool):
    """Make the folder if writable; UserError if it cannot be written."""
    self.writable = writable
    self.path = epath.Path(path)
    self._remote = '://' in str(path)
    if not self._remote:  # orbax takes absolute paths only
      self.path = self.path.expanduser().absolute()
    try:
      str(self.path).encode()
    except UnicodeEncodeError:
      raise core.UserError(
        f'{self.path}: its name is no UTF-8, and checkpoints cannot be stored '
        'or read there; name the run by a link: ln -s FOLDER LINK'
      ) from None
    if writable:
      from art_jax.core.paths import make_folder  # a reader makes none

      make_folder(self.path)
      self.clean()

  def open(
    self, keep_last: int, keep_every: int, kept: set[int]
  ) -> ocp.CheckpointManager:
    """Return an orbax manager that works in this process alone.

    Args:
      keep_last: number of newest steps that are kept.
      keep_every: multiples of it are kept; 0: none.
      kept: steps that are kept besides, as it is at every save.
    """
    policies = ocp.checkpoint_managers
    keep = [policies.LatestN(keep_last), _These(kept)]
    if keep_every:
      keep.append(policies.EveryNSteps(keep_every))
    process = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
      primary_host=process,
      active_processes={process},
      barrier_sync_key_prefix=f'process{process}',
    )
    options = ocp.CheckpointManagerOptions(
      create=False,  # refused together with active_processes
      read_only=not self.writable,
      enable_async_checkpointing=False,  # Checkpoints has its own thread
      save_root_metadata=False,
      lightweight_initialize=True,  # a damaged step must not stop the start
      cleanup_tmp_directories=self.writable and self._remote,
      preservation_policy=policies.AnyPreservationPolicy(keep),
      # No barrier may run beside the collectives of the training loop.
      multiprocessing_options=alone,
    )
    # Trained float32 shrinks by 8 % only, and compressing takes cores that
    # training needs.
    handlers = {
      'arrays': ocp.PyTreeCheckpointHandler(
        use_compression=False, multiprocessing_options=alone
      ),
      **{
        name: ocp.JsonCheckpointHandler(multiprocessing_options=alone)
        for name in ('layout', 'host')
      },
    }
    return ocp.CheckpointManager(
      self.path, options=options, item_handlers=handlers
    )

  def step_path(self, step: int) -> epath.Path:
    """Return where the checkpoint of a step lies."""
    return self.path / str(step)

  def steps(self) -> list[int]:
    """Return the steps on disk, ascending; damaged ones are among them."""
    if not self.path.exists():
      return []
    # Only plain numbers: what is being written ends in another suffix.
    names = (p.name for p in self.path.iterdir())
    steps = sorted(int(n) for n in names if n.isdecimal() and f'{int(n)}' == n)
    if self._remote:  # no atomic rename there: a marker says it is complete
      marker = 'commit_success.txt'
      return [s for s in steps if (self.step_path(s) / marker).exists()]
    return steps

  def put_aside(self, step: int, reason: str, detail: str) -> None:
    """Move a step to quarantine under a new name; only warn if read-only."""
    if not self.writable:
      logging.warning('Checkpoint %d skipped: %s', step, detail)
      return
    name, count = f'{step}-{reason}', 1
    while (target := self.path / 'quarantine' / name).exists():
      count += 1
      name = f'{step}-{reason}-{count}'
    target.parent.mkdir(exist_ok=True)
    self.step_path(step).rename(target)
    logging.warning('Checkpoint %d moved to %s: %s', step, target, detail)

  def damaged(self) -> list[str]:
    """Return the names of what was put aside because of damage."""
    quarantine = self.path / 'quarantine'
    if not quarantine.exists():
      return []
    names = sorted(p.name for p in quarantine.iterdir())
    return [name for name in names if f'-{CUT}' not in name]

  def clean(self) -> None:
    """Remove what killed or failed saves left; it would keep a disk full."""
    if self.writable:
      for path in self.path.glob('*.orbax-checkpoint-tmp*'):
        path.rmtree(missing_ok=True)
