"""Says how a run went: its probes over time, its alarms, its best moment.

  python -m tools.studies.over_run runs/dcgan_art150

Diversity is the mean distance of two samples over that of the data (a collapse
is near 0), distinct the distance of a sample to the nearest other one over that
of the data, kid the distance to the data. All are those that the run measured
while it trained, see art_jax/monitoring/probe.py. The first tenth of the run,
when a network has learned little, counts for none of them.
"""

import pathlib

from art_jax import core
from art_jax.runs import alarm_event, metrics_log, metrics_rows
from art_jax.runs.folder import RunFolder
from tools import command

_PROBES = ('diversity', 'distinct', 'kid')


def main(run: str) -> None:
  """Print a line for each probe, one for each alarm, and their number.

  Args:
    run: the folder that training wrote.
  """
  folder = RunFolder(run, writable=False).path
  rows = metrics_log.read_metrics(pathlib.Path(folder, metrics_log.FILE))
  for name in _PROBES:
    values = {
      int(row['step']): value
      for row in rows
      for key, value in row.items()
      if key.startswith(f'probe/{name}/')
    }
    if values:
      print(of_probe(name, values))
  events = [
    alarm_event.from_row(row)
    for _, row in metrics_rows.parse(folder / metrics_log.ALARMS)
  ]
  begun = [event for event in events if event.begins]
  for event in begun:
    print(f'alarm {event.alarm} since step {event.since}: {event.text}')
  print(f'alarms: {len(begun)}')


def of_probe(name: str, values: dict[int, float]) -> str:
  """Return the sentence of one probe over the steps of a run."""
  core.require(values, f'{name}: the run has no probe of it')
  last = max(values)
  values = {step: value for step, value in values.items() if step >= last / 10}
  lowest, highest = (
    pick(values, key=lambda s: values[s]) for pick in (min, max)
  )
  return (
    f'{name}: lowest {values[lowest]:.4g} at step {lowest}, highest '
    f'{values[highest]:.4g} at step {highest}, last {values[last]:.4g} at step '
    f'{last}, {len(values)} probes'
  )


if __name__ == '__main__':
  command.run(main)
