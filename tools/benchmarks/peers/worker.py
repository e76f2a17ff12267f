"""A peer in a process of its own: one model in plain PyTorch, step by step.

Its only argument is JSON: what to be. It writes to stdout that it is ready;
then each line of stdin is a number of steps, and each answer their seconds.
While it waits it computes nothing: `waiting` is the share of the CPUs that it
used since the last answer.
"""

import contextlib
import json
import os
import pkgutil
import sys
import time

import torch
from torch.utils import flop_counter

from tools.benchmarks.peers.place import Place


def main() -> None:
  """Serve until stdin ends."""
  plan = json.loads(sys.argv[1])
  answers = os.fdopen(os.dup(1), 'w', buffering=1)
  os.dup2(2, 1)  # whatever else is printed is not an answer
  place = Place(
    plan['device'],
    plan['variant'],
    plan['dtype'],
    plan['threads'],
    clock=getattr(time, plan['clock']),
  )
  build = pkgutil.resolve_name(f'tools.benchmarks.peers.{plan["peer"]}')
  task = build(place, **plan['fields'])
  place.timed(task.step)
  flops = None
  if plan['variant'] == 'eager':  # of matrix products and convolutions
    with flop_counter.FlopCounterMode(display=False) as counter:
      place.timed(task.step)
    flops = counter.get_total_flops()
  ready = {'networks': task.networks, 'torch': torch.__version__}
  print(json.dumps({**ready, 'flops': flops}), file=answers)
  waited, used = time.perf_counter(), time.process_time()
  for line in sys.stdin:
    idle = time.process_time() - used, time.perf_counter() - waited
    answer = {
      'seconds': [place.timed(task.step) for _ in range(int(line))],
      'waiting': idle[0] / max(idle[1], 1e-9),
    }
    print(json.dumps(answer), file=answers)
    waited, used = time.perf_counter(), time.process_time()


if __name__ == '__main__':
  with contextlib.suppress(KeyboardInterrupt):
    main()
