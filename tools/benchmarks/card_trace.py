"""How many kernels a GPU ran, from a profile of `art_jax benchmark --trace`."""

import gzip
import json
import pathlib


def launches(folder: pathlib.Path, steps: int) -> float | None:
  """Return the kernels of one step; None where the trace has no GPU.

  Copies count too, as they are launched likewise.

  Args:
    folder: of the profile; the first trace in it is read.
    steps: that it shows.
  """
  files = sorted(folder.rglob('*.trace.json.gz'))
  if not files:
    return None
  with gzip.open(files[0], 'rt') as file:
    events = json.load(file)['traceEvents']
  named = [e for e in events if e.get('ph') == 'M']
  gpus = {
    e['pid']
    for e in named
    if e['name'] == 'process_name' and '/device:GPU' in e['args']['name']
  }
  streams = {
    (e['pid'], e['tid'])
    for e in named
    if e['name'] == 'thread_name'
    and e['pid'] in gpus
    and e['args']['name'].startswith('Stream')
  }
  count = sum(
    e.get('ph') == 'X' and (e['pid'], e['tid']) in streams for e in events
  )
  return count / steps if streams else None
