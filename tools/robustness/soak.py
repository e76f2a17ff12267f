"""Trains for tens of thousands of tiny steps; watches what the process holds.

  python -m tools.robustness.soak --steps=30000 [--experiment=vae_mnist_mlp]

The run writes a row of metrics every 10 steps, pictures every 100 and a
checkpoint every 50. Printed are, within each tenth, the most memory and the
least open files and threads (a save in flight has some for itself); the exit
code is 1 if, from the second tenth to the last, memory grew by more than
--megabytes, or files or threads by more than 2.
"""

import re
import time
from typing import Annotated

import psutil

from tools import command
from tools.robustness import trainer_process


def main(
  *,
  steps: Annotated[int, 200] = 30_000,
  experiment: str = 'vae_mnist_mlp',
  megabytes: int = 50,
) -> int:
  """Print a row per tenth; return 1 if something grew.

  Args:
    steps: how long.
    experiment: any; its tiny form is trained.
    megabytes: growth that is allowed.
  """
  start, tenths = time.monotonic(), []
  print('    step      MB  files  threads  seconds', flush=True)
  with command.folder('soak_') as folder:
    child = trainer_process.start(
      folder / 'run',
      experiment,
      *trainer_process.settings(
        duration=steps, log_every=10, render_every=100, checkpoint_every=50
      ),
    )
    process, tail, held = psutil.Process(child.pid), [], []
    for line in child.stderr or ():
      tail = [*tail[-20:], line]
      match = re.match(r'step (\d+)/', line)
      step = int(match[1]) if match else 0
      # At the last row the process may be ending.
      if match and step < steps:
        memory = process.memory_info().rss / 2**20
        held.append((memory, process.num_fds(), process.num_threads()))
      if step * 10 >= steps * (len(tenths) + 1):
        memory, files, threads = zip(*held, strict=True)
        tenths.append((max(memory), min(files), min(threads)))
        row = '{:6.0f}  {:5}  {:7}'.format(*tenths[-1])
        print(f'{step:>8}  {row}  {time.monotonic() - start:7.0f}', flush=True)
        held = []
    if child.wait():
      raise RuntimeError(f'the trainer failed: {"".join(tail)}')
  growth = [
    last - second for last, second in zip(tenths[-1], tenths[1], strict=True)
  ]
  print(
    f'from the second tenth to the last: {growth[0]:+.0f} MB, {growth[1]:+} '
    f'files, {growth[2]:+} threads'
  )
  return int(growth[0] > megabytes or max(growth[1:]) > 2)


if __name__ == '__main__':
  command.run(main)
