"""Train for tens of thousands of tiny steps and watch what the process holds.

  python tools/soak.py --steps=30000 [--experiment=tests/toy.py]

The run writes a row of metrics every 10 steps, pictures every 100 and a
checkpoint every 50. Printed are memory, open files and threads as it goes; the
exit code is 1 if, from the first tenth to the end, memory grew by more than
--megabytes, or files or threads by more than 2.
"""

import os
import pathlib
import re
import tempfile
import time

import trainer_process
from absl import app, flags

_STEPS = flags.DEFINE_integer('steps', 30_000, 'How long.', lower_bound=100)
_EXPERIMENT = flags.DEFINE_string(
  'experiment', 'tests/toy.py', 'Any; its tiny form is trained.'
)
_MEGABYTES = flags.DEFINE_integer('megabytes', 50, 'Growth that is allowed.')
_ROWS = 10


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
  steps, rows, start = _STEPS.value, [], time.monotonic()
  print('    step      MB  files  threads  seconds', flush=True)
  with tempfile.TemporaryDirectory(prefix='soak_') as folder:
    child = trainer_process.start(
      *(pathlib.Path(folder) / 'run', _EXPERIMENT.value, *settings(steps))
    )
    tail = []
    for line in child.stderr:
      tail = [*tail[-20:], line]
      match = re.match(r'step (\d+)/', line)
      # The very last row may come when the process is going already.
      if not match or not len(rows) * steps / _ROWS <= int(match[1]) < steps:
        continue
      rows.append(look(child.pid))
      print(
        f'{match[1]:>8}  {rows[-1][0]:6.0f}  {rows[-1][1]:5}  '
        f'{rows[-1][2]:7}  {time.monotonic() - start:7.0f}',
        flush=True,
      )
    if child.wait():
      raise RuntimeError(f'the trainer failed: {"".join(tail)}')
  grown = [after - before for after, before in zip(rows[-1], rows[1])]
  print(
    f'from the first tenth to the end: {grown[0]:+.0f} MB, {grown[1]:+} files, '
    f'{grown[2]:+} threads'
  )
  return int(grown[0] > _MEGABYTES.value or max(grown[1:]) > 2)


if __name__ == '__main__':
  app.run(main)
