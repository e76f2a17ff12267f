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


def _changed(
  change: Callable[[bytes, bytes, random.Random], bytes],
) -> Damage:
  """Return the damage that cuts a data file in two and joins it changed."""

  def damage(step, rng):
    path = _data(step, rng)
    data = path.read_bytes()
    start = rng.randrange(len(data))
    path.write_bytes(change(data[:start], data[start:], rng))

  return damage


def _change_layout(step: pathlib.Path, rng: random.Random) -> None:
  path = step / 'layout' / 'metadata'
  layout = json.loads(path.read_text())
  rng.choice(layout['leaves'])['stored'][1] += 1
  path.write_text(json.dumps(layout))


def _empty(step: pathlib.Path, _: random.Random) -> None:
  shutil.rmtree(step)
  step.mkdir()


def _replace(step: pathlib.Path, _: random.Random) -> None:
  steps = sorted(p for p in step.parent.iterdir() if p.name.isdigit())
  shutil.rmtree(step)
  shutil.copytree(steps[0], step)


DAMAGES: dict[str, Damage] = {
  'one bit of the data flipped': _changed(
    lambda head, tail, rng: (
      head + bytes([tail[0] ^ 1 << rng.randrange(8)]) + tail[1:]
    )
  ),
  'data file cut short': _changed(lambda head, *_: head),
  'a block of the data zeroed': _changed(
    lambda head, tail, _: head + bytes(len(tail[:4096])) + tail[4096:]
  ),
  'data file removed': lambda step, rng: _data(step, rng).unlink(),
  'one item removed': lambda step, rng: shutil.rmtree(
    step / rng.choice(('arrays', 'layout', 'host'))
  ),
  'a number in the layout changed': _change_layout,
  "the loop's own numbers changed": lambda step, rng: (
    step / 'host' / 'metadata'
  ).write_text(json.dumps({'seed': rng.randrange(9, 99), 'rollbacks': 0})),
  'folder emptied': _empty,
  'stray empty folder named as a later step': lambda step, rng: step.with_name(
    str(rng.randrange(100, 999))
  ).mkdir(),
  'an older checkpoint copied over it': _replace,
}
