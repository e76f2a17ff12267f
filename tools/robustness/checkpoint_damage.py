"""The ways in which tools/robustness/fault_table.py damages a checkpoint."""

import json
import os
import pathlib
import random
import shutil
from collections.abc import Callable

Damage = Callable[[pathlib.Path, random.Random], None]


def _data(step: pathlib.Path, rng: random.Random) -> pathlib.Path:
  """Return a file of array data, the large ones more often."""
  found = sorted(p for p in (step / 'arrays').rglob('d/*') if p.is_file())
  return rng.choices(found, [p.stat().st_size for p in found])[0]


def _flip(step: pathlib.Path, rng: random.Random) -> None:
  path = _data(step, rng)
  data = bytearray(path.read_bytes())
  data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
  path.write_bytes(data)


def _cut(step: pathlib.Path, rng: random.Random) -> None:
  path = _data(step, rng)
  os.truncate(path, rng.randrange(path.stat().st_size))


def _zeros(step: pathlib.Path, rng: random.Random) -> None:
  path = _data(step, rng)
  data = bytearray(path.read_bytes())
  start = rng.randrange(len(data))
  data[start : start + 4096] = bytes(len(data[start : start + 4096]))
  path.write_bytes(data)


def _no_file(step: pathlib.Path, rng: random.Random) -> None:
  _data(step, rng).unlink()


def _no_item(step: pathlib.Path, rng: random.Random) -> None:
  shutil.rmtree(step / rng.choice(('arrays', 'layout', 'host')))


def _number(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'layout' / 'metadata'
  layout = json.loads(path.read_text())
  rng.choice(layout['leaves'])['stored'][1] += 1
  path.write_text(json.dumps(layout))


def _host(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'host' / 'metadata'
  path.write_text(json.dumps({'seed': rng.randrange(9, 99), 'rollbacks': 0}))


def _empty(step: pathlib.Path, rng: random.Random) -> None:
  shutil.rmtree(step)
  step.mkdir()


def _stray(step: pathlib.Path, rng: random.Random) -> None:
  step.with_name(str(rng.randrange(100, 999))).mkdir()


def _other(step: pathlib.Path, rng: random.Random) -> None:
  steps = sorted(p for p in step.parent.iterdir() if p.name.isdigit())
  shutil.rmtree(step)
  shutil.copytree(steps[0], step)


DAMAGES: dict[str, Damage] = {
  'one bit of the data flipped': _flip,
  'data file cut short': _cut,
  'a block of the data zeroed': _zeros,
  'data file removed': _no_file,
  'one item removed': _no_item,
  'a number in the layout changed': _number,
  "the loop's own numbers changed": _host,
  'folder emptied': _empty,
  'stray empty folder named as a later step': _stray,
  'an older checkpoint copied over it': _other,
}
