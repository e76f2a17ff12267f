"""`art_jax benchmark EXPERIMENT`: how fast it steps, and why not faster."""

import json
import tempfile
from typing import Any

import jax

from art_jax import core
from art_jax.cli import options
from art_jax.core.paths import new_file, write_atomic
from art_jax.devices import distributed, mesh
from art_jax.profiling import benchmark, cold_start

# Not for the processes that only start and take one step.
_NOT_PASSED_ON = ('devices', 'steps', 'output', 'overwrite', 'trace', 'starts')


def run(flags: Any) -> None:
  """Measure, print, and write --output as JSON."""
  experiment = options.experiment(flags)
  output = flags.output and new_file(flags.output, flags.overwrite)
  counts = flags.devices if isinstance(flags.devices, tuple) else ()
  if flags.steps == 0:
    devices = options.devices(flags)
    print(benchmark.seconds_to_first_step(experiment, devices))
    return
  starts = {}
  if flags.starts and not counts and not flags.num_processes:
    # Before this process takes the memory of the device.
    times = cold_start.cold_and_warm(_arguments(flags))
    starts = {f'start/{name}': value for name, value in times.items()}
  with tempfile.TemporaryDirectory() as cache:
    # What earlier runs compiled must not make compiling look fast.
    jax.config.update('jax_compilation_cache_dir', cache)
    result, text = _measure(flags, experiment, counts, starts)
  if distributed.is_main():
    print(text)
    if output:
      write_atomic(output, (json.dumps(result, indent=2) + '\n'))


def _measure(
  flags: Any, experiment: core.Experiment, counts: tuple, starts: dict
) -> tuple[Any, str]:
  if counts:
    distributed.expect_platform(flags.expect_platform)
    mesh.make_devices(max(counts))  # before minutes of measuring
    rows = benchmark.scaling(experiment, list(counts), flags.steps)
    return rows, benchmark.scaling_text(rows)
  result = benchmark.measure(
    experiment, options.devices(flags), steps=flags.steps, trace=flags.trace
  )
  result |= starts
  return result, benchmark.text(result)


def _arguments(flags: Any) -> list[str]:
  """Return the arguments of a process that only takes the first step."""
  given = ['--steps=0']
  if flags.devices:
    given.append(f'--devices={flags.devices}')
  for name in flags:
    if flags[name].present and name not in _NOT_PASSED_ON:
      given += flags[name].serialize().split('\n')
  return given
