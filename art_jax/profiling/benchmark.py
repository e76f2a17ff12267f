"""How fast an experiment trains here, and what bounds it."""

import contextlib
import statistics
import tempfile
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments, serialization
from art_jax.devices import mesh
from art_jax.profiling import cold_start, describe, roofline, step_timer
from art_jax.training import loop

_WARM_UP = 3
# Without --steps: as many as take this long, within bounds.
_SECONDS, _FEWEST, _MOST = 10.0, 6, 200


def seconds_to_first_step(
  experiment: core.Experiment, devices: mesh.Devices
) -> float:
  """Take one step; return the seconds since the process was started."""
  with contextlib.closing(step_timer.Stepper(experiment, devices)) as stepper:
    stepper.take(1)
    return cold_start.process_age()


def measure(
  experiment: core.Experiment,
  devices: mesh.Devices,
  *,
  steps: int | None = None,
  trace: str | None = None,
) -> dict[str, Any]:
  """Time an experiment's step, alone and in the training loop.

  Args:
    experiment: any.
    devices: on which it steps.
    steps: number that is timed; None: about 10 seconds of them.
    trace: folder for a profile of 3 steps (TensorBoard, Perfetto).

  Returns:
    Plain numbers by name, as `text` prints them.

  Raises:
    core.UserError: bad input, or no memory for the batch.
  """
  with contextlib.closing(step_timer.Stepper(experiment, devices)) as stepper:
    steps = _warm_up(stepper, steps)
    taken = stepper.take((steps + 1) // 2)
    looped = _in_the_loop(stepper.experiment, devices, steps)
    taken += stepper.take(steps - len(taken))
    if trace:
      with jax.profiler.trace(trace, create_perfetto_trace=True):
        stepper.take(3)
  result = {
    'experiment': serialization.to_text(experiment),
    **_where(devices),
    **_rates(experiment, taken),
    **{f'seconds/{k}': v for k, v in stepper.seconds.items()},
    **{f'bytes/{k}': v for k, v in stepper.memory.items()},
  }
  stats = devices.local.memory_stats() or {}
  if 'peak_bytes_in_use' in stats:
    result['bytes/peak_in_use'] = stats['peak_bytes_in_use']
  bare, whole = result['steps_per_second'], looped['steps_per_second']
  return {
    **result,
    'loop/overhead': bare / whole - 1,
    'loop/steps_per_second': whole,
    'loop/input_share': looped['input_share'],
    **_against_ceiling(experiment, devices, bare),
  }


def scaling(
  experiment: core.Experiment, counts: list[int], steps: int | None
) -> list[dict[str, Any]]:
  """Time the step on several numbers of devices.

  Weak: the batch grows with the devices, from the experiment's own on the
  fewest of them. Strong: the batch stays; left out where it does not divide.
  """
  rows, first = [], {}
  for kind in ('weak', 'strong'):
    for count in sorted(counts):
      devices = mesh.make_devices(count)
      batch = experiment.train.batch_size
      if kind == 'weak':
        batch = batch * count // min(counts)
      elif batch % (count * experiment.train.accumulate):
        continue
      changed = experiments.replace(experiment, {'train.batch_size': batch})
      with contextlib.closing(step_timer.Stepper(changed, devices)) as stepper:
        rates = _rates(changed, stepper.take(_warm_up(stepper, steps)))
      row = {'scaling': kind, 'devices': count, 'batch_size': batch, **rates}
      base = first.setdefault(kind, row)
      ideal = base['images_per_second'] * count / base['devices']
      row['efficiency'] = row['images_per_second'] / ideal
      rows.append(row)
  return rows


def text(result: dict[str, Any]) -> str:
  """Return the result of `measure` as a readable page."""
  r, mib = result, 2**20
  lines = [
    f'{r["devices"]} x {r["device"]} ({r["platform"]}), {r["processes"]} '
    f'process(es), jax {r["jax"]}, {r["dtype"]}, batch {r["batch_size"]}',
    f'{r["steps_per_second"]:.4g} steps/s, {r["images_per_second"]:.4g} '
    f'images/s over {r["steps"]} steps',
    f'step {1e3 * r["seconds/step_p50"]:.4g} ms (p50), '
    f'{1e3 * r["seconds/step_p95"]:.4g} ms (p95)',
    f'{r["flops/step"] / 1e9:.4g} GFLOP a step: {r["flops/second"] / 1e9:.4g} '
    f'GFLOP/s, {100 * r["ceiling/share"]:.1f} % of what these devices do',
    f'  (largest matrix product {r["ceiling/matmul"] / 1e9:.4g}, 3x3 '
    f'convolution {r["ceiling/conv3x3"] / 1e9:.4g} GFLOP/s)',
    'compile: '
    + ', '.join(
      f'{name} {r[f"seconds/{name}"]:.2f} s'
      for name in ('data', 'trace', 'compile', 'init')
    ),
    'memory of a device: '
    + ', '.join(
      f'{name} {r[f"bytes/{name}"] / mib:,.0f} MiB'
      for name in ('peak', 'arguments', 'temporaries', 'peak_in_use')
      if f'bytes/{name}' in r
    ),
    f'in the training loop: {100 * r["loop/overhead"]:+.2f} %, waiting for '
    f'input {100 * r["loop/input_share"]:.2f} %, a batch in '
    f'{1e3 * r["seconds/batch_p50"]:.2g} ms',
  ]
  if 'start/cold' in r:
    lines.append(
      f'first step after {r["start/cold"]:.1f} s, with compiled programs '
      f'after {r["start/warm"]:.1f} s'
    )
  return '\n'.join(lines)


def scaling_text(rows: list[dict[str, Any]]) -> str:
  """Return the table of `scaling`."""
  head = 'scaling devices  batch  steps/s images/s efficiency'
  lines = (
    f'{r["scaling"]:7} {r["devices"]:7} {r["batch_size"]:6} '
    f'{r["steps_per_second"]:8.3g} {r["images_per_second"]:8.4g} '
    f'{100 * r["efficiency"]:8.1f} %'
    for r in rows
  )
  return '\n'.join((head, *lines))


def _warm_up(stepper: step_timer.Stepper, steps: int | None) -> int:
  """Take some steps; return how many to time: `steps`, or about 10 seconds."""
  *_, last = stepper.take(_WARM_UP)
  return steps or int(min(max(_SECONDS / sum(last), _FEWEST), _MOST))


def _where(devices: mesh.Devices) -> dict[str, Any]:
  return {
    'device': devices.local.device_kind,
    'platform': devices.platform,
    'devices': devices.count,
    'processes': jax.process_count(),
    'jax': jax.__version__,
  }


def _rates(
  experiment: core.Experiment, taken: list[tuple[float, float]]
) -> dict[str, float]:
  """Return rates of the step alone; the batch was ready."""
  steps = [step for _, step in taken]
  rate = 1 / statistics.fmean(steps)
  return {
    'batch_size': experiment.train.batch_size,
    'steps': len(steps),
    'steps_per_second': rate,
    'images_per_second': rate * experiment.rows_per_step,
    'seconds/step_p50': float(np.percentile(steps, 50)),
    'seconds/step_p95': float(np.percentile(steps, 95)),
    'seconds/batch_p50': statistics.median(batch for batch, _ in taken),
  }


def _in_the_loop(
  experiment: core.Experiment, devices: mesh.Devices, steps: int
) -> dict[str, float]:
  """Train as many steps as the training loop does; return its summary."""
  changes = {
    'train.duration': steps + 1,  # The first compiles and is not timed.
    'train.render_every': steps + 1,
    'train.checkpoint_every': steps + 1,
    'train.planned_duration': None,
  }
  with tempfile.TemporaryDirectory() as workdir:
    changed = experiments.replace(experiment, changes)
    return loop.train(changed, workdir, devices=devices)


def _against_ceiling(
  experiment: core.Experiment, devices: mesh.Devices, steps_per_second: float
) -> dict[str, Any]:
  dtype = roofline.compute_dtype(experiment.algorithm)
  flops = describe.step_flops(experiment)
  most = roofline.measure(devices, dtype)
  reached = flops * steps_per_second
  return {
    'dtype': dtype,
    'flops/step': flops,
    'flops/second': reached,
    'ceiling/matmul': most['matmul'],
    'ceiling/conv3x3': most['conv3x3'],
    'ceiling/share': reached / max(most.values()),
  }
