"""List, verify and prune the checkpoints of a run.

  python tools/checkpoints.py list --run=runs/NAME
  python tools/checkpoints.py verify --run=runs/NAME
  python tools/checkpoints.py prune --run=runs/NAME --keep_last=2 \
    [--keep_every=1000]

`verify` reads every byte and compares every checksum; it changes nothing and
ends with 1 if one is damaged. `prune` asks nothing and prints what it removes.
It verifies what it would keep first, and removes nothing if none of that is
good; it refuses while a trainer holds the run.
"""

import pathlib
import shutil
import sys

from absl import app, flags, logging

from art_jax import core
from art_jax.runs import checkpoints, lock
from art_jax.runs.folder import RunFolder

_RUN = flags.DEFINE_string('run', None, 'Run folder.', required=True)
_LAST = flags.DEFINE_integer('keep_last', 3, 'prune: newest kept.', 1)
_EVERY = flags.DEFINE_integer('keep_every', 0, 'prune: multiples kept.', 0)


def main(argv: list[str]) -> int:
  """Do what the first word says; return the exit code."""
  logging.set_verbosity(logging.ERROR)
  actions = {'list': _list, 'verify': _verify, 'prune': _prune}
  try:
    if len(argv) != 2 or argv[1] not in actions:
      raise core.UserError(f'{argv[1:]}: say one of list, verify, prune')
    folder = RunFolder(_RUN.value, writable=False)
    with checkpoints.Checkpoints(folder.checkpoints, read_only=True) as opened:
      if not opened.steps():
        raise core.UserError(
          f'--run={_RUN.value}: there is no checkpoint in it; pass the '
          'folder that training wrote (--workdir)'
        )
      return actions[argv[1]](opened, folder)
  except core.UserError as error:
    print(f'checkpoints: {error}', file=sys.stderr)
    return 2


def _list(opened: checkpoints.Checkpoints, folder: RunFolder) -> int:
  for step in opened.steps():
    print(f'{step:>10}  {_megabytes(opened.folder / str(step)):8.1f} MB')
  quarantine = opened.folder / 'quarantine'
  for path in sorted(quarantine.iterdir() if quarantine.exists() else ()):
    print(f'{"-":>10}  {_megabytes(path):8.1f} MB  quarantine/{path.name}')
  return 0


def _verify(opened: checkpoints.Checkpoints, folder: RunFolder) -> int:
  damages = [_show(step, opened.verify(step)) for step in opened.steps()]
  return int(any(damages))


def _prune(opened: checkpoints.Checkpoints, folder: RunFolder) -> int:
  with lock.RunLock(folder.path, enabled=True):
    steps, every = opened.steps(), _EVERY.value
    kept = steps[-_LAST.value :]
    kept += [s for s in steps if every and s % every == 0 and s not in kept]
    if all([_show(step, opened.verify(step)) for step in sorted(kept)]):
      raise core.UserError(
        f'--keep_last={_LAST.value}: every checkpoint that would stay is '
        'damaged; nothing was removed; pass a larger number'
      )
    for step in sorted(set(steps) - set(kept)):
      # Out of sight first: half a checkpoint must not look like one.
      doomed = opened.folder / f'{step}.removing'
      (opened.folder / str(step)).rename(doomed)
      shutil.rmtree(doomed)
      print(f'{step:>10}  removed')
  return 0


def _show(step: int, damage: str | None) -> str | None:
  print(f'{step:>10}  {damage or "good"}', flush=True)
  return damage


def _megabytes(path) -> float:
  found = pathlib.Path(path).rglob('*')
  return sum(p.stat().st_size for p in found if p.is_file()) / 1e6


if __name__ == '__main__':
  app.run(main)
