"""What a step needs and does on devices that are not there.

The figures are those of the executable that XLA makes for them; the seconds
are bounds, not forecasts.
"""

import math
import sys
import time
from typing import Any

from art_jax import core
from art_jax.config import serialization
from art_jax.devices import mesh
from art_jax.devices.targets import Target
from art_jax.profiling import (
  bounds,
  compiled_figures,
  describe,
  estimate,
  target_step,
)

_MIB, _GIB = 2**20, 2**30


def measure(
  experiment: core.Experiment, target: Target, devices: mesh.Devices
) -> dict[str, Any]:
  """Compile a step for a target; return what there is to know of it.

  Args:
    experiment: what would be trained.
    target: where.
    devices: of the target, see `targets.open_devices`.

  Returns:
    Plain numbers and texts by name, as `text` prints them: of one device and
    one step. Where the step does not fit and the compiler refused it, only
    those of the memory.

  Raises:
    core.UserError: bad input, such as a batch that does not divide.
  """
  print(
    f'compiling the step for {target.name}: a minute for a GPU, 5 to 35 for a '
    'TPU',
    file=sys.stderr,
    flush=True,
  )
  began = time.monotonic()
  program = target_step.compile_step(experiment, target, devices)
  result = {
    'experiment': serialization.to_text(experiment),
    'target': target.name,
    'devices': target.count,
    'batch_size': experiment.train.batch_size,
    'engine': program.engine,
    'pictures': program.pictures,
    'seconds/compile': time.monotonic() - began,
    **{f'bytes/{name}': size for name, size in program.memory.items()},
    'bytes/limit': program.limit,
    'fits': program.fits,
  }
  if not program.text:
    return result
  return result | _work(experiment, target, program)


def _work(
  experiment: core.Experiment, target: Target, program: target_step.Program
) -> dict[str, Any]:
  """Return what one step does on a device, and its bounds."""
  steps = experiment.train.steps_per_call
  figures = compiled_figures.read(program.text)
  flops = program.flops
  if flops is None:
    flops = describe.step_flops(experiment) / target.count
  share = 0.0 if math.isnan(figures.bfloat16) else figures.bfloat16
  collectives = {
    kind: (count / steps, size / steps)
    for kind, (count, size) in figures.collectives.items()
  }
  launches = figures.launches / steps
  seconds = bounds.of_step(
    target.chip,
    flops=flops,
    bfloat16=share,
    traffic=figures.traffic / steps,
    collectives=collectives,
    launches=launches if target.chip.launch else 0,
    devices=target.count,
  )
  return {
    'flops': flops,
    'bfloat16': share,
    'bytes/accessed': figures.traffic / steps,
    'operations': launches,
    **{
      f'operations/{kind}': count / steps
      for kind, count in figures.operations.items()
    },
    'turned': figures.turned / steps,
    **{f'collectives/{k}': count for k, (count, _) in collectives.items()},
    **{f'collective_bytes/{k}': size for k, (_, size) in collectives.items()},
    **{f'bound/{name}': value for name, value in seconds.items()},
    'bound': max(seconds.values()),
    'bound/by': max(seconds, key=lambda name: seconds[name]),
  }


def text(experiment: core.Experiment, result: dict[str, Any]) -> str:
  """Return the result of `measure` as a readable page."""
  r = result
  lines = [
    f'{r["target"]}: batch {r["batch_size"]} over {r["devices"]} device(s); '
    'figures are those of one device and one step',
    _memory_line(r),
    _pictures_line(r),
  ]
  if 'flops' not in r:
    return '\n'.join(lines)
  gpu = r['target'].startswith('gpu')
  lines += [
    f'work: {_number(r["flops"])}FLOP, {_number(r["bytes/accessed"])}B moved '
    f'from and to memory, {100 * r["bfloat16"]:.0f} % of the arithmetic of '
    'products in bfloat16',
    _operations_line(r),
    _collectives_line(r),
    'a bound of the step, not a forecast: at least '
    f'{1e3 * r["bound"]:.3g} ms, by {r["bound/by"]} ('
    + ', '.join(
      f'{name} {1e3 * r[f"bound/{name}"]:.3g} ms'
      for name in ('arithmetic', 'memory', 'links', 'launches')
      if name != 'launches' or gpu
    )
    + ')',
    'at that bound, not a forecast: '
    + estimate.duration(experiment, r['bound']),
  ]
  return '\n'.join(lines)


def _memory_line(r: dict[str, Any]) -> str:
  verdict = 'it fits' if r['fits'] else 'it does NOT fit'
  limit = f'{r["bytes/limit"] / _GIB:.2f} GiB that a process gets: {verdict}'
  if 'bytes/temporaries' not in r:
    return f'memory: {r["bytes/peak"] / _GIB:.2f} of {limit}'
  mib = {
    name: f'{r[f"bytes/{name}"] / _MIB:,.0f}'
    for name in (
      *('peak', 'arguments', 'state', 'pictures', 'outputs', 'reused'),
      *('temporaries', 'program'),
    )
  }
  return (
    f'memory: {mib["peak"]} MiB of {limit}\n'
    f'  = arguments {mib["arguments"]} (of them state {mib["state"]}, pictures '
    f'{mib["pictures"]}) + outputs {mib["outputs"]} - reused {mib["reused"]} + '
    f'temporaries {mib["temporaries"]} + program {mib["program"]}'
  )


def _pictures_line(r: dict[str, Any]) -> str:
  if r['engine'] == 'streaming':
    more = '; a set that is kept in device memory comes on top'
    return f'pictures: streamed{"" if r["pictures"] else more}'
  if r['pictures'] is None:
    return 'pictures: in device memory, 1,000 of them assumed'
  return f'pictures: {r["pictures"]:,} in device memory'


def _operations_line(r: dict[str, Any]) -> str:
  gpu = r['target'].startswith('gpu')
  each = (
    f'{r[f"operations/{kind}"]:,.0f} {kind}' for kind in compiled_figures.KINDS
  )
  return (
    f'{"kernel launches" if gpu else "operations"}: {r["operations"]:,.0f} = '
    f'{" + ".join(each)}; {r["turned"]:,.0f} arrays are transposed, inside of '
    'fusions too'
  )


def _collectives_line(r: dict[str, Any]) -> str:
  kinds = [n.partition('/')[2] for n in r if n.startswith('collectives/')]
  each = [
    f'{r[f"collectives/{kind}"]:,.0f} {kind} of '
    f'{_number(r[f"collective_bytes/{kind}"])}B'
    for kind in kinds
  ]
  return f'sent between devices: {", ".join(each) or "nothing"}'


def _number(number: float) -> str:
  for unit, size in (('T', 1e12), ('G', 1e9), ('M', 1e6), ('k', 1e3)):
    if number >= size:
      return f'{number / size:.4g} {unit}'
  return f'{number:.4g} '
