"""`art_jax checkpoints RUN`: list, verify or prune the checkpoints of a run.

--verify reads every byte and compares every checksum; it changes nothing and
ends with 1 if one is damaged. --prune asks nothing and prints what it removes.
It verifies what it would keep first, and removes nothing if none of that is
good; it refuses while a trainer holds the run.
"""

import pathlib
import shutil
from typing import Any

from art_jax import core
from art_jax.runs import lock
from art_jax.runs.checkpoints import Checkpoints
from art_jax.runs.folder import RunFolder


def run(flags: Any) -> int:
  """List the checkpoints, or do what --verify or --prune asks for."""
  core.require(
    not (flags.verify and flags.prune),
    '--verify and --prune: give one of them (--prune verifies what it keeps)',
  )
  for name in ('keep_last', 'keep_every'):
    core.require(
      not flags[name].present or flags.prune,
      f'--{name}={flags[name].value} is for --prune, which removes the '
      'others; add --prune, or leave it out',
    )
  folder = RunFolder(flags.run, writable=False)
  with Checkpoints(folder.checkpoints, read_only=True) as opened:
    core.require(
      opened.steps(),
      f'{flags.run}: there is no checkpoint in it; pass the folder that '
      'training wrote (--workdir)',
    )
    if flags.verify:
      return int(any([_show(opened, step) for step in opened.steps()]))
    if flags.prune:
      with lock.RunLock(folder.path, enabled=True):
        _prune(opened, flags.keep_last, flags.keep_every)
    else:
      _list(opened)
  return 0


def _list(opened: Checkpoints) -> None:
  for step in opened.steps():
    print(f'{step:>10}  {_megabytes(opened.folder / str(step)):8.1f} MB')
  for path in sorted(opened.folder.glob('quarantine/*')):
    print(f'{"-":>10}  {_megabytes(path):8.1f} MB  quarantine/{path.name}')


def _prune(opened: Checkpoints, last: int, every: int) -> None:
  steps = opened.steps()
  kept = {*steps[-last:], *(s for s in steps if every and s % every == 0)}
  best = opened.host().get('best')
  kept |= {int(best['step'])} & {*steps} if best else set()
  core.require(
    not all([_show(opened, step) for step in sorted(kept)]),
    f'--keep_last={last}: every checkpoint that would stay is damaged; '
    'nothing was removed; pass a larger number',
  )
  for left in opened.folder.glob('*.removing'):  # this mode was killed
    shutil.rmtree(left)
  for step in sorted(set(steps) - kept):
    # Renamed first: half a checkpoint must not look like one.
    doomed = opened.folder / f'{step}.removing'
    (opened.folder / str(step)).rename(doomed)
    shutil.rmtree(doomed)
    print(f'{step:>10}  removed')


def _show(opened: Checkpoints, step: int) -> str | None:
  """Print and return the damage of a checkpoint."""
  damage = opened.verify(step)
  print(f'{step:>10}  {damage or "good"}', flush=True)
  return damage


def _megabytes(folder: Any) -> float:
  files = pathlib.Path(folder).rglob('*')
  return sum(p.stat().st_size for p in files if p.is_file()) / 1e6
