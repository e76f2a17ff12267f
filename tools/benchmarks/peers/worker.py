"""A peer in a process of its own: one model in plain PyTorch, step by step.

It is told what to be as JSON, its only argument, and says on stdout that it is
ready; then each line of stdin is a number of steps, and each answer their
seconds. While it waits it computes nothing: `waiting` is the share of the CPUs
that it used since the last answer.
"""

import contextlib
import importlib
import json
import os
import sys
import time

import torch
from torch.utils import flop_counter

from tools.benchmarks.peers import place as places


def main() -> None:
  """Serve until stdin ends."""
  asked = json.loads(sys.argv[1])
  answers = os.fdopen(os.dup(1), 'w', buffering=1)
  os.dup2(2, 1)  # whatever else is printed is not an answer
  place = places.Place(
    *(asked['device'], asked['variant'], asked['dtype'], asked['threads']),
    clock=getattr(time, asked['clock']),
  )
  module, build = asked['peer'].split('.')
  task = getattr(
    importlib.import_module(f'tools.benchmarks.peers.{module}'), build
  )(place, **asked['fields'])
  place.timed(task.step)
  ready = {
    'networks': task.networks,
    'torch': torch.__version__,
    'flops': _flops(place, task) if asked['variant'] == 'eager' else None,
  }
  print(json.dumps(ready), file=answers)
  waited, used = time.perf_counter(), time.process_time()
  for line in sys.stdin:
    idle = time.process_time() - used, time.perf_counter() - waited
    seconds = [place.timed(task.step) for _ in range(int(line))]
    answer = {'seconds': seconds, 'waiting': idle[0] / max(idle[1], 1e-9)}
    print(json.dumps(answer), file=answers)
    waited, used = time.perf_counter(), time.process_time()


def _flops(place: places.Place, task: places.Task) -> int:
  """Return the FLOPs of the matrix products and convolutions of a step."""
  with flop_counter.FlopCounterMode(display=False) as counter:
    place.timed(task.step)
  return counter.get_total_flops()


if __name__ == '__main__':
  with contextlib.suppress(KeyboardInterrupt):
    main()
