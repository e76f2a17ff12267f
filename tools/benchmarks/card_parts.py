"""The parts of tools/benchmarks/card.py, each for a process of its own."""

import contextlib
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax

from art_jax.core.paths import write_atomic
from tools import command
from tools.benchmarks import card_steps, card_trace
from tools.benchmarks.card import PACK, WEIGHTS

_LARGEST = 16_000_000  # bytes of a file
_STOP = 6  # seconds that a run gets to save

# Row, precision, variants of PyTorch; the most wanted first.
_TWO, _ALL = 'eager,channels_last', 'eager,channels_last,compile'
_PEERS = (
  ('cyclegan128', 'float32', _TWO),
  ('dcgan64', 'float32', _ALL),
  ('diffusion', 'float32', _TWO),
  ('cyclegan128', 'bfloat16', _TWO),
  ('dcgan64', 'bfloat16', _TWO),
  ('diffusion', 'bfloat16', _TWO),
  ('pix2pix', 'float32', _ALL),
  ('pix2pix', 'bfloat16', _TWO),
  ('acgan', 'float32', _TWO),
)
_BOUNDS = ('dcgan_japanese_v1', 'dcgan_paintings', 'flow_paintings', 'cyclegan')
_ADDRESSED = ('bytes/peak', 'bytes/temporaries', 'bytes/arguments')
_MEASURED = (
  *('device', 'jax', 'batch_size', 'steps_per_second', 'images_per_second'),
  *('seconds/step_p50', 'seconds/compile', 'bytes/peak', 'bytes/temporaries'),
  *('bytes/peak_in_use', 'loop/overhead', 'loop/input_share', 'ceiling/share'),
)
_GPU = (
  '--set=algorithm.denoiser.width=64',
  '--set=algorithm.denoiser.blocks=2',
  '--set=train.batch_size=64',
  '--set=algorithm.optimizer.learning_rate=3e-4',
)
_FLOW128 = ('--set=data.size=128', '--set=algorithm.denoiser.size=128')
# Item -> experiment and flags.
_PAINTINGS = {
  'gan64': ('projected_paintings64', '--set=train.batch_size=32'),
  'flow64': ('flow_paintings', *_GPU),
  'gan128': ('projected_paintings128', '--set=train.batch_size=32'),
  'flow128': ('flow_paintings', *_GPU, *_FLOW128),
}


class Report:
  """The JSON of a part, written anew with every item.

  Attributes:
    tiny: whether the items are toys.
  """

  def __init__(
    self, part: str, folder: pathlib.Path, seconds: float, tiny: bool
  ):
    """Write it without items."""
    self.folder, self.tiny = folder, tiny
    self._file, self._end = folder / f'{part}.json', time.monotonic() + seconds
    self._data: dict[str, Any] = {
      'part': part,
      'complete': False,
      'python': sys.version.split()[0],
      'jax': jax.__version__,
      'left_out': {},
      'items': {},
    }
    self._write()

  @property
  def left(self) -> float:
    """Seconds that are left."""
    return self._end - time.monotonic()

  def add(self, name: str, item: dict[str, Any]) -> None:
    """Add an item."""
    self._data['items'][name] = item
    self._write()

  def leave_out(self, name: str, reason: str) -> None:
    """Say what is not measured, and why."""
    self._data['left_out'][name] = reason
    self._write()

  def finish(self) -> None:
    """Say that the part came to its end and measured something."""
    self._data['complete'] = True
    self._write()

  def _write(self) -> None:
    write_atomic(self._file, (json.dumps(self._data, indent=1) + '\n').encode())


def main(part: str, out: str, *, seconds: float, tiny: bool = False) -> None:
  """Run one part.

  Args:
    part: its name.
    out: folder of its files.
    seconds: of its limit.
    tiny: only toys.
  """
  report = Report(part, pathlib.Path(out), seconds, tiny)
  if _PARTS[part](report):
    report.finish()


def steps(report: Report) -> bool:
  """Compare the step of each algorithm on the card with the CPU's."""
  names = ['autoencoder'] if report.tiny else card_steps.one_per_algorithm()
  card_steps.compare_all(names, report)
  return True


def peers(report: Report) -> bool:
  """Time rows beside PyTorch."""
  if importlib.util.find_spec('torch') is None:
    report.leave_out('torch', 'not installed here')
    return True
  for row, precision, variants in _PEERS:
    name = f'{row} {precision}'
    if report.left < 5:
      return False
    with command.folder() as folder:
      file = folder / 'row.json'
      code, last = _call(
        report.left,
        *('tools.benchmarks.bench_peers', f'--only={row}', f'--json={file}'),
        *(f'--precision={precision}', f'--variants={variants}'),
        *(f'--python={sys.executable}', '--seconds=5', '--repeats=3'),
      )
      if file.exists():
        report.add(name, json.loads(file.read_text())[0])
      else:
        report.leave_out(name, f'{code}: {last}')
  return True


def bounds(report: Report) -> bool:
  """Compare what is predicted of a step with what the card does."""
  for name in ('dcgan_mnist',) if report.tiny else _BOUNDS:
    if report.left < 5:
      return False
    with command.folder() as folder:
      _bounds_of(name, report, folder)
  return True


def _bounds_of(name: str, report: Report, folder: pathlib.Path) -> None:
  """Add the item of one experiment."""
  small = ('--tiny', '--steps=3') if report.tiny else ('--steps=30',)
  options = ('--precision=float32', *small[:-1])
  files = [folder / 'predicted.json', folder / 'measured.json']
  predicting = _start(
    *('art_jax.main', 'describe', name, '--target=gpu:h100', *options),
    f'--output={files[0]}',
  )
  code, last = _call(
    report.left,
    *('art_jax.main', 'benchmark', name, '--devices=1', '--nostarts', *options),
    *(small[-1], f'--output={files[1]}', f'--trace={folder / "trace"}'),
  )
  predicted_code, said = _end(predicting, report.left)
  if not files[1].exists():
    report.leave_out(name, f'{code}: {last}')
    return
  measured = json.loads(files[1].read_text())
  item = {key: measured[key] for key in _MEASURED if key in measured}
  item['launches'] = card_trace.launches(folder / 'trace', 3)
  if files[0].exists():
    predicted = json.loads(files[0].read_text())
    kept = (*_ADDRESSED, 'operations', 'bound', 'bound/by')
    for key in kept:
      item[f'predicted/{key}'] = predicted.get(key)
    if predicted.get('bound'):
      item['bound/share'] = predicted['bound'] / item['seconds/step_p50']
  else:
    report.leave_out(f'prediction of {name}', f'{predicted_code}: {said}')
  report.add(name, item)


def paintings(report: Report) -> bool:
  """Train the recommended models on the packed paintings."""
  archive = PACK / 'paintings.zip'
  data = f'--data={archive}' if archive.exists() else '--data=builtin'
  if not archive.exists():
    report.leave_out('paintings', f'no {archive.name}; the built-in ones it is')
  chosen = ['flow64'] if report.tiny else list(_PAINTINGS)
  reached = 0
  for index, name in enumerate(chosen):
    experiment, *flags = _PAINTINGS[name]
    if experiment.startswith('projected'):
      weights = [*PACK.glob(f'{WEIGHTS}.*')]
      if not weights:
        report.leave_out(name, f'no {WEIGHTS} in the pack')
        continue
      flags.append(f'--set=algorithm.weights={str(weights[0])!r}')
    if report.tiny:
      flags = ['--tiny', '--set=train.render_every=4', '--set=train.duration=8']
    else:
      flags += ['--set=train.render_every=100', '--set=train.duration=1000000']
    share = report.left / (len(chosen) - index)
    with command.folder() as folder:
      run = folder / name
      words = ('train', experiment, data, f'--workdir={run}', '--devices=1')
      code, last = _call(
        share, 'art_jax.main', *words, '--set=train.on_alarm=off', *flags
      )
      item = {'code': code, 'seconds': share, 'flags': flags}
      item |= _of_run(run, report.folder / f'{name}.png')
      reached += 'step' in item
      report.add(name, item if 'step' in item else {**item, 'said': last})
  return reached > 0


def _of_run(run: pathlib.Path, grid: pathlib.Path) -> dict[str, Any]:
  """Return the last metrics of a run; copy its newest grid."""
  item: dict[str, Any] = {}
  metrics = run / 'metrics.jsonl'
  if metrics.exists():
    for line in metrics.read_text().splitlines():
      with contextlib.suppress(ValueError):
        item |= json.loads(line)
  pictures = sorted(
    run.glob('images/samples/*.png'), key=lambda p: p.stat().st_mtime_ns
  )
  if pictures and pictures[-1].stat().st_size < _LARGEST:
    grid.write_bytes(pictures[-1].read_bytes())
    item['grid'] = f'{grid.name}, {pictures[-1].name}'
  return item


def _start(*words: str) -> subprocess.Popen:
  """Start a module of ours."""
  return subprocess.Popen(
    [sys.executable, '-m', *words],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    errors='replace',
  )


def _end(process: subprocess.Popen, seconds: float) -> tuple[int, str]:
  """Wait for a process; return its exit code and the last line it wrote.

  When the time is up it is asked to stop, and then it must.
  """
  try:
    text, _ = process.communicate(timeout=max(seconds - _STOP, 1))
  except subprocess.TimeoutExpired:
    process.send_signal(signal.SIGTERM)
    try:
      text, _ = process.communicate(timeout=_STOP)
    except subprocess.TimeoutExpired:
      process.kill()
      text, _ = process.communicate()
  lines = [line for line in text.splitlines() if line.strip()]
  return process.returncode, lines[-1][:500] if lines else ''


def _call(seconds: float, *words: str) -> tuple[int, str]:
  return _end(_start(*words), seconds)


_PARTS: dict[str, Callable[[Report], bool]] = {
  'steps': steps,
  'peers': peers,
  'bounds': bounds,
  'paintings': paintings,
}


if __name__ == '__main__':
  os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
  command.run(main)
