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
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from typing import Annotated, Any, Literal

import jax

from art_jax import core
from art_jax.core.paths import write_atomic
from tools import command
from tools.benchmarks.peers import ours, process, rows

_VARIANTS = ('eager', 'channels_last', 'compile')
_CLOCKS = {'wall': 'perf_counter', 'cpu': 'process_time'}
_SLOWER = 1.3  # A variant so much slower than the best at first is left out.


@dataclasses.dataclass(frozen=True)
class Plan:
  """How a row is timed.

  Attributes:
    python: a Python that has PyTorch; default: one that is made.
    precision: of both sides.
    clock: cpu: processor time on one core, for a machine that others use too.
    repeats: turns of each side.
    seconds: of a row, about, at most.
    variants: of PyTorch; default: all.
  """

  python: str | None = None
  precision: Literal['float32', 'bfloat16'] = 'float32'
  clock: Literal['wall', 'cpu'] = 'wall'
  repeats: command.Count = 5
  seconds: Annotated[float, 1] = 60.0
  variants: tuple[str, ...] = ()


def main(plan: Plan, *, json_: str = '', only: tuple[str, ...] = ()) -> None:
  """Time rows; print a table.

  Args:
    plan: how.
    json_: file to write; replaced.
    only: rows to time; default: all.
  """
  names = command.chosen('only', only, rows.ROWS)
  path = json_ and pathlib.Path(json_).expanduser()
  if path and not path.parent.is_dir():
    raise core.UserError(f'--json={path}: there is no folder {path.parent}')
  if plan.clock == 'cpu':
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
  # PyTorch needs some of a GPU's memory too.
  os.environ.setdefault('XLA_PYTHON_CLIENT_MEM_FRACTION', '0.5')
  results = []
  for name in names:
    results.append(measure(name, plan) if len(names) == 1 else apart(name))
    if path:
      write_atomic(path, (json.dumps(results, indent=2) + '\n').encode())
  print(table(results))


def apart(name: str) -> dict[str, Any]:
  """Return the row called `name`, measured in a process that did nothing else.

  After other rows a step took up to a third longer.
  """
  with command.folder() as folder:
    path = folder / 'row.json'
    program = [sys.executable, '-m', 'tools.benchmarks.bench_peers']
    code = subprocess.run(
      [*program, *sys.argv[1:], f'--only={name}', f'--json={path}'],
      stdout=subprocess.DEVNULL,
    ).returncode
    core.require(not code, f'{name} ended with exit code {code}')
    return json.loads(path.read_text())[0]


def measure(name: str, plan: Plan) -> dict[str, Any]:
  """Return the row of the table called `name`, and log it."""
  row, python = rows.ROWS[name], process.interpreter(plan.python)
  clock = getattr(time, _CLOCKS[plan.clock])
  ceiling = ours.most_flops(plan.precision, clock)
  experiment = row.load(plan.precision)
  peer_plan = {
    'peer': row.peer,
    'fields': {
      'size': experiment.data.size,
      'batch': experiment.train.batch_size,
      **row.fields,
    },
    'dtype': plan.precision,
    'device': 'cuda' if jax.default_backend() == 'gpu' else 'cpu',
    'threads': len(os.sched_getaffinity(0)),
    'clock': _CLOCKS[plan.clock],
  }
  with contextlib.ExitStack() as stack:
    us = ours.Ours(experiment, row.work, clock)
    us.take(1)
    peers, failed = {}, {}
    for variant in command.chosen('variants', plan.variants, _VARIANTS):
      try:
        peer = process.Peer(python, {**peer_plan, 'variant': variant})
      except RuntimeError as error:
        failed[variant] = str(error)
        continue
      peers[variant] = stack.enter_context(contextlib.closing(peer))
      theirs = peer.ready['networks']
      core.require(
        us.networks == theirs,
        f'{name}: not the same networks: ours has parameters {us.networks}, '
        f'the peer {theirs}; correct tools/benchmarks/peers',
      )
    core.require(peers, f'{name}: no variant of PyTorch ran: {failed}')
    seconds = alternate({'ours': us, **peers}, plan.repeats, plan.seconds)
  measured = ratio(seconds)
  counted = peers['eager'].ready['flops'] if 'eager' in peers else None
  # XLA counts the body of a sampler's loop once, PyTorch every step.
  flops = counted if row.work == 'generate' and counted else us.flops
  result = {
    'model': name,
    **measured,
    'ceiling_share': flops / measured['ours_s'] / ceiling,
    'ceiling': ceiling,
    'ours_flops': us.flops,
    'peer_flops': counted,
    'variants': {k: statistics.median(v) for k, v in seconds.items()},
    'steps': {k: len(v) for k, v in seconds.items()},
    'failed': failed,
    'waiting': max(peer.waiting for peer in peers.values()),
    'precision': plan.precision,
    'clock': plan.clock,
    'device': jax.devices()[0].device_kind,
    'threads': peer_plan['threads'],
    'jax': jax.__version__,
    'torch': next(iter(peers.values())).ready['torch'],
  }
  print(line(result), file=sys.stderr, flush=True)
  return result


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
  taken = {
    name: [] for name in sides if name == 'ours' or last[name] <= _SLOWER * best
  }
  turn = seconds / repeats / len(taken)
  for done in range(repeats):
    if done < 2 or time.monotonic() <= end:
      for name, kept in taken.items():
        steps = int(min(max(turn / last[name], 2), 50))
        # After another side worked the first is a slower one.
        kept += sides[name].take(1 + steps)[1:]
  return taken


def ratio(seconds: dict[str, list[float]]) -> dict[str, Any]:
  """Return medians of ours and of the best peer, and how they compare."""
  medians = {name: statistics.median(s) for name, s in seconds.items()}
  mine = medians.pop('ours')
  best = min(medians, key=lambda name: medians[name])
  return {
    'ours_s': mine,
    'peer_s': medians[best],
    'peer': best,
    'ratio': medians[best] / mine,
  }


def line(r: dict[str, Any]) -> str:
  """Return one line about a row."""
  others = ', '.join(f'{k} {v:.4g} s' for k, v in r['variants'].items())
  failed = ''.join(f'; {k} failed: {v}' for k, v in r['failed'].items())
  return f'{r["model"]}: {r["ratio"]:.2f} ({others}){failed}'


def table(results: list[dict[str, Any]]) -> str:
  """Return the rows as a Markdown table."""
  cells = [
    [
      r['model'],
      f'{r["ours_s"]:.4g}',
      f'{r["peer_s"]:.4g}',
      r['peer'],
      f'{r["ratio"]:.2f}',
      f'{100 * r["ceiling_share"]:.0f} %',
    ]
    for r in results
  ]
  r, ceiling = results[0], statistics.median(r['ceiling'] for r in results)
  header = 'model|ours, s|peer, s|peer|ratio|share of the ceiling'.split('|')
  return (
    f'{r["device"]}, {r["threads"]} threads, {r["precision"]}, {r["clock"]} '
    f'time, jax {r["jax"]}, torch {r["torch"]}; '
    f'ceiling {ceiling / 1e9:.0f} GFLOP/s\n\n{command.table(header, cells)}'
  )


if __name__ == '__main__':
  command.run(main)
