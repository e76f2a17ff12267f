"""Times our training steps against the same models in plain PyTorch.

  python -m tools.benchmarks.bench_peers --json=peers.json
  python -m tools.benchmarks.bench_peers --only=dcgan64,pix2pix --python=PATH

Ours and the peers (eager, channels_last, torch.compile) alternate in one run,
each in a process of its own that computes nothing while the others do; no
process has more than one row. Prints a Markdown table. PyTorch is installed
into an environment of its own in the cache folder of the user, unless --python
names one. See docs/benchmark.md.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
from absl import app, flags

from art_jax import core
from art_jax.core.paths import write_atomic
from tools.benchmarks.peers import ours, process, rows

_VARIANTS = ('eager', 'channels_last', 'compile')
_CLOCKS = {'wall': 'perf_counter', 'cpu': 'process_time'}
_SLOWER = 1.3  # A variant so much slower than the best at first is left out.

_JSON = flags.DEFINE_string('json', None, 'File to write; replaced.')
_ONLY = flags.DEFINE_list('only', [], 'Rows to time; default: all.')
_PYTHON = flags.DEFINE_string('python', None, 'A Python that has PyTorch.')
_PRECISION = flags.DEFINE_enum(
  'precision', 'float32', ('float32', 'bfloat16'), 'Of both sides.'
)
_CLOCK = flags.DEFINE_enum(
  'clock',
  'wall',
  ('wall', 'cpu'),
  'cpu: processor time on one core, for a machine that others use too.',
)
_REPEATS = flags.DEFINE_integer('repeats', 5, 'Turns of each side.', 1)
_SECONDS = flags.DEFINE_float('seconds', 60, 'Of a row, about, at most.', 1)


def main(argv: list[str]) -> int:
  """Time the rows asked for; return the exit code."""
  del argv
  try:
    names = rows.chosen(_ONLY.value)
    path = _JSON.value and pathlib.Path(_JSON.value).expanduser()
    if path and not path.parent.is_dir():
      raise core.UserError(f'--json={path}: there is no folder {path.parent}')
    if _CLOCK.value == 'cpu':
      os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    # PyTorch needs some of a GPU's memory too.
    os.environ.setdefault('XLA_PYTHON_CLIENT_MEM_FRACTION', '0.5')
    found = []
    for name in names:
      found.append(measure(name) if len(names) == 1 else apart(name))
      if path:
        write(path, found)
  except core.UserError as error:
    print(f'bench_peers: {error}', file=sys.stderr)
    return 2
  print(table(found))
  return 0


def apart(name: str) -> dict[str, Any]:
  """Return the row called `name`, measured in a process that did nothing else.

  After other rows a step took up to a third longer.
  """
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / 'row.json'
    flags_given = [*sys.argv[1:], f'--only={name}', f'--json={path}']
    command = [sys.executable, '-m', 'tools.benchmarks.bench_peers']
    command += flags_given
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
      raise core.UserError(f'{name} ended with exit code {done.returncode}')
    return json.loads(path.read_text())[0]


def measure(name: str) -> dict[str, Any]:
  """Return the row of the table called `name`, and tell it."""
  row, python = rows.ROWS[name], process.interpreter(_PYTHON.value)
  ceiling = ours.most_flops(_PRECISION.value, _clock())
  experiment = row.load(_PRECISION.value)
  fields = {
    'size': experiment.data.size,
    'batch': experiment.train.batch_size,
    **row.fields,
  }
  asked = {'peer': row.peer, 'fields': fields, 'dtype': _PRECISION.value}
  asked['device'] = 'cuda' if jax.default_backend() == 'gpu' else 'cpu'
  asked['threads'] = len(os.sched_getaffinity(0))
  asked['clock'] = _CLOCKS[_CLOCK.value]
  with contextlib.ExitStack() as stack:
    us = ours.Ours(experiment, row.work, _clock())
    us.take(1)
    sides, failed, ready = {'ours': us}, {}, {}
    for variant in _VARIANTS:
      try:
        peer = process.Peer(python, {**asked, 'variant': variant})
      except RuntimeError as error:
        failed[variant] = str(error)
        continue
      stack.enter_context(contextlib.closing(peer))
      sides[variant], ready[variant] = peer, peer.ready
      check(name, us.networks, peer.ready['networks'])
    if not ready:
      raise core.UserError(f'{name}: no variant of PyTorch ran: {failed}')
    seconds = alternate(sides, _REPEATS.value, _SECONDS.value)
  result = {'model': name, **ratio(seconds)}
  counted = ready.get('eager', {}).get('flops')
  # XLA counts the body of a sampler's loop once, PyTorch every step.
  flops = counted if row.work == 'generate' and counted else us.flops
  result['ceiling_share'] = flops / result['ours_s'] / ceiling
  result |= {
    'ceiling': ceiling,
    'ours_flops': us.flops,
    'peer_flops': counted,
    'variants': {k: statistics.median(v) for k, v in seconds.items()},
    'steps': {k: len(v) for k, v in seconds.items()},
    'failed': failed,
    'waiting': max(sides[v].waiting for v in ready),
    'precision': _PRECISION.value,
    'clock': _CLOCK.value,
    'device': jax.devices()[0].device_kind,
    'threads': asked['threads'],
    'jax': jax.__version__,
    'torch': next(iter(ready.values()))['torch'],
  }
  print(told(result), file=sys.stderr, flush=True)
  return result


def _clock() -> Callable[[], float]:
  return getattr(time, _CLOCKS[_CLOCK.value])


def check(name: str, mine: dict[str, int], theirs: dict[str, int]) -> None:
  """Raise unless both sides have the same networks."""
  if mine != theirs:
    raise core.UserError(
      f'{name}: not the same networks: ours has parameters {mine}, the peer '
      f'{theirs}; mend tools/benchmarks/peers'
    )


def alternate(
  sides: dict[str, Any], repeats: int, seconds: float
) -> dict[str, list[float]]:
  """Let the sides take steps in turn; return the seconds of every step.

  Args:
    sides: by name, each with `take(count)`; 'ours' among them.
    repeats: turns of each; where time is up, fewer, but two at least.
    seconds: of all.
  """
  end = time.monotonic() + seconds
  last = {name: side.take(1)[0] for name, side in sides.items()}
  best = min(s for name, s in last.items() if name != 'ours')
  kept = {
    name: side
    for name, side in sides.items()
    if name == 'ours' or last[name] <= _SLOWER * best
  }
  turn = seconds / repeats / len(kept)
  taken = {name: [] for name in kept}
  for done in range(repeats):
    if done >= 2 and time.monotonic() > end:
      break
    for name, side in kept.items():
      steps = int(min(max(turn / last[name], 2), 50))
      # After another side worked the first is a slower one.
      taken[name] += side.take(1 + steps)[1:]
  return taken


def ratio(seconds: dict[str, list[float]]) -> dict[str, Any]:
  """Return medians of ours and of the best peer, and how they compare."""
  medians = {name: statistics.median(s) for name, s in seconds.items()}
  mine = medians.pop('ours')
  best = min(medians, key=medians.get)
  return {
    'ours_s': mine,
    'peer_s': medians[best],
    'peer': best,
    'ratio': medians[best] / mine,
  }


def told(r: dict[str, Any]) -> str:
  """Return one line about a row."""
  others = ', '.join(f'{k} {v:.4g} s' for k, v in r['variants'].items())
  failed = ''.join(f'; {k} failed: {v}' for k, v in r['failed'].items())
  return f'{r["model"]}: {r["ratio"]:.2f} ({others}){failed}'


def table(found: list[dict[str, Any]]) -> str:
  """Return the rows as a Markdown table."""
  r = found[0]
  ceiling = statistics.median(row['ceiling'] for row in found)
  lines = [
    f'{r["device"]}, {r["threads"]} threads, {r["precision"]}, {r["clock"]} '
    f'time, jax {r["jax"]}, torch {r["torch"]}; '
    f'ceiling {ceiling / 1e9:.0f} GFLOP/s\n',
    '| model | ours, s | peer, s | peer | ratio | share of the ceiling |',
    '|---|---|---|---|---|---|',
  ]
  for r in found:
    lines.append(
      f'| {r["model"]} | {r["ours_s"]:.4g} | {r["peer_s"]:.4g} | {r["peer"]} | '
      f'{r["ratio"]:.2f} | {100 * r["ceiling_share"]:.0f} % |'
    )
  return '\n'.join(lines)


def write(path: pathlib.Path, found: list[dict[str, Any]]) -> None:
  """Write the rows so far; the file is never half written."""
  text = json.dumps(found, indent=2) + '\n'
  write_atomic(path, text.encode())


if __name__ == '__main__':
  app.run(lambda argv: sys.exit(main(argv)))
