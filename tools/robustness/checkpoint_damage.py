"""The ways in which tools/robustness/fault_table.py damages a checkpoint."""

import json
import pathlib
import random
import shutil
from collections.abc import Callable

Damage = Callable[[pathlib.Path, random.Random], object]


def _data(step: pathlib.Path, rng: random.Random) -> pathlib.Path:
  """Return a file of array data, the large ones more often."""
  paths = sorted(p for p in (step / 'arrays').rglob('d/*') if p.is_file())
  return rng.choices(paths, [p.stat().st_size for p in paths])[0]


def _changed(change: Callable[[bytearray, int, random.Random], None]) -> Damage:
  """Return the damage that changes the bytes of a data file somewhere."""

  def damage(step, rng):
    path = _data(step, rng)
    data = bytearray(path.read_bytes())
    change(data, rng.randrange(len(data)), rng)
    path.write_bytes(data)

  return damage


def _flip(data: bytearray, start: int, rng: random.Random) -> None:
  data[start] ^= 1 << rng.randrange(8)


def _zero(data: bytearray, start: int, rng: random.Random) -> None:
  del rng
  data[start : start + 4096] = bytes(len(data[start : start + 4096]))


def _cut(data: bytearray, start: int, rng: random.Random) -> None:
  del rng, data[start:]


def _remove_item(step: pathlib.Path, rng: random.Random) -> None:
  shutil.rmtree(step / rng.choice(('arrays', 'layout', 'host')))


def _change_layout(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'layout' / 'metadata'
  layout = json.loads(path.read_text())
  rng.choice(layout['leaves'])['stored'][1] += 1
  path.write_text(json.dumps(layout))


def _change_host(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'host' / 'metadata'
  path.write_text(json.dumps({'seed': rng.randrange(9, 99), 'rollbacks': 0}))


def _empty(step: pathlib.Path, rng: random.Random) -> None:
  del rng
  shutil.rmtree(step)
  step.mkdir()


def _replace(step: pathlib.Path, rng: random.Random) -> None:
  del rng
  steps = sorted(p for p in step.parent.iterdir() if p.name.isdigit())
  shutil.rmtree(step)
  shutil.copytree(steps[0], step)


DAMAGES: dict[str, Damage] = {
  'one bit of the data flipped': _changed(_flip),
  'data file cut short': _changed(_cut),
  'a block of the data zeroed': _changed(_zero),
  'data file removed': lambda step, rng: _data(step, rng).unlink(),
  'one item removed': _remove_item,
  'a number in the layout changed': _change_layout,
  "the loop's own numbers changed": _change_host,
  'folder emptied': _empty,
  'stray empty folder named as a later step': lambda step, rng: step.with_name(
    str(rng.randrange(100, 999))
  ).mkdir(),
  'an older checkpoint copied over it': _replace,
}
