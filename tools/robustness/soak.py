"""Train for tens of thousands of tiny steps and watch what the process holds.

  python -m tools.robustness.soak --steps=30000 [--experiment=vae_mnist_mlp]

The run writes a row of metrics every 10 steps, pictures every 100 and a
checkpoint every 50. Printed are, within each tenth, the most memory and the
least open files and threads (a save in flight has some for itself); the exit
code is 1 if, from the second tenth to the last, memory grew by more than
--megabytes, or files or threads by more than 2.
"""

import os
import pathlib
import re
import tempfile
import time

from absl import app, flags

from tools.robustness import trainer_process

_STEPS = flags.DEFINE_integer('steps', 30_000, 'How long.', lower_bound=100)
_EXPERIMENT = flags.DEFINE_string(
  'experiment', 'vae_mnist_mlp', 'Any; its tiny form is trained.'
)
_MEGABYTES = flags.DEFINE_integer('megabytes', 50, 'Growth that is allowed.')


def settings(steps: int) -> list[str]:
  """Return the fields changed: much is written."""
  changes = {
    **{'duration': steps, 'rescale': 'false', 'log_every': 10},
    **{'render_every': 100, 'checkpoint_every': 50},
  }
  return [f'--set=train.{name}={value}' for name, value in changes.items()]


def look(pid: int) -> tuple[float, int, int]:
  """Return resident megabytes, open files and threads of a process."""
  status = pathlib.Path(f'/proc/{pid}/status').read_text()
  kilobytes = int(re.search(r'VmRSS:\s+(\d+)', status)[1])
  threads = int(re.search(r'Threads:\s+(\d+)', status)[1])
  return kilobytes / 1024, len(os.listdir(f'/proc/{pid}/fd')), threads


def main(argv: list[str]) -> int:
  """Print a row per tenth; 1 if something grew."""
  del argv
  start, tenths = time.monotonic(), []
  print('    step      MB  files  threads  seconds', flush=True)
  with tempfile.TemporaryDirectory(prefix='soak_') as folder:
    child = trainer_process.start(
      *(pathlib.Path(folder) / 'run', _EXPERIMENT.value),
      *settings(_STEPS.value),
    )
    tail, held = [], []
    for line in child.stderr:
      tail = [*tail[-20:], line]
      match = re.match(r'step (\d+)/', line)
      step = int(match[1]) if match else 0
      # At the last row the process may be going already.
      if match and step < _STEPS.value:
        held.append(look(child.pid))
      if step * 10 >= _STEPS.value * (len(tenths) + 1):
        memory, files, threads = zip(*held, strict=True)
        tenths.append((max(memory), min(files), min(threads)))
        row = '{:6.0f}  {:5}  {:7}'.format(*tenths[-1])
        print(f'{step:>8}  {row}  {time.monotonic() - start:7.0f}', flush=True)
        held = []
    if child.wait():
      raise RuntimeError(f'the trainer failed: {"".join(tail)}')
  pairs = zip(tenths[-1], tenths[1], strict=True)
  grown = [after - before for after, before in pairs]
  print(
    f'from the second tenth to the last: {grown[0]:+.0f} MB, {grown[1]:+} '
    f'files, {grown[2]:+} threads'
  )
  return int(grown[0] > _MEGABYTES.value or max(grown[1:]) > 2)


if __name__ == '__main__':
  app.run(main)
