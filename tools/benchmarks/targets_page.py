"""The page of steps that were compiled for TPUs and GPUs."""

from collections.abc import Mapping
from typing import Any

from art_jax.devices.chips import CHIPS
from tools import command

_HEAD = (
  *('experiment', 'batch', 'memory, MiB', 'GFLOP', 'moved, GB', 'launches'),
  *('transposes', 'copies', 'sent, MB', 'at least, ms', 'by'),
)
_TEXT = """# Steps compiled for TPUs and GPUs

Written by `python -m tools.benchmarks.targets`; figures in
[results/targets.json](../results/targets.json). A row is the step that training
would run, compiled by XLA on a machine without these chips. The counts are
those of that executable, for one device and one step; nothing was run. The
batch is that of the experiment, split over all devices; where it cannot be
split evenly, it is one picture on each.

- **memory**: arguments, outputs that do not reuse the memory of arguments,
  temporaries and the program.
- **moved**: bytes that operations read from and write to the device's memory.
- **launches**: on a GPU, kernels; on a TPU, operations of one program.
  **transposes** includes those inside fusions; **copies** counts only those
  outside fusions.
- **sent**: bytes of the results of collectives.
- **at least**: a lower bound on the time, not a forecast: the largest of the
  times for arithmetic, memory, links and launches at the chip's published
  figures (below). Real steps take longer.

`art_jax describe EXPERIMENT --target=TARGET` gives the same for any experiment,
with `--set`; `--fit` finds the largest batch. The plugins come with
`pip install "art_jax[tpu]"` and `"art_jax[cuda]"`. A program for a TPU takes 5
to 35 minutes of one core to compile, one for a GPU about a minute.
"""
_BEFORE = """## Launches before and after

The steps at commit {commit}, which ran every network once for each batch,
turned kernels and summed the statistics of a norm one by one, compared with
those above. Both are compiled by the same command and compiler; figures in
[results/targets_before.json](../results/targets_before.json). **turned**:
transposes and copies that are launches of their own.
"""


def page(
  commands: Mapping[tuple[str, str], str],
  known: Mapping[str, Mapping[str, Any]],
  before: Mapping[str, Any],
) -> str:
  """Return the page.

  Args:
    commands: that compile each (experiment, target) of the page.
    known: results of `profiling.target.measure` by 'experiment target', with
      'error' where a step did not fit.
    before: 'commit', and 'results' like `known` of the steps at that commit.
  """
  by_target: dict[str, list[str]] = {}
  for name, target in commands:
    by_target.setdefault(target, []).append(name)
  parts = [_TEXT]
  for target, names in by_target.items():
    rows = [_row(name, known.get(f'{name} {target}')) for name in names]
    notes = [
      f'- `{name}`: {known[f"{name} {target}"]["error"]}'
      for name in names
      if 'error' in known.get(f'{name} {target}', {})
    ]
    missing = [n for n in names if f'{n} {target}' not in known]
    if missing:
      notes.append(
        'Not compiled; a command for each:\n\n'
        + '\n'.join(f'    {commands[name, target]}' for name in missing)
      )
    parts.append(
      '\n\n'.join([f'## {target}', command.table(_HEAD, rows), *notes]) + '\n'
    )
  return '\n'.join([*parts, _compared(before, known), _chips()])


def _compared(before: Mapping[str, Any], known: Mapping[str, Any]) -> str:
  """Return the table of what changed since a commit."""
  head = ('experiment', 'launches', 'turned', 'moved, GB', 'temporaries, MiB')
  rows = []
  for cell, old in before['results'].items():
    if 'flops' not in (new := known.get(cell, {})):
      continue
    turned = [
      int(one['operations/transposes'] + one['operations/copies'])
      for one in (old, new)
    ]
    launches = [int(one['operations']) for one in (old, new)]
    gigabytes = [one['bytes/accessed'] / 1e9 for one in (old, new)]
    mebibytes = [one['bytes/temporaries'] / 2**20 for one in (old, new)]
    change = 100 * (launches[1] / launches[0] - 1)
    rows.append(
      [
        f'`{cell.split()[0]}`',
        f'{launches[0]:,} -> {launches[1]:,} ({change:+.0f} %)',
        f'{turned[0]} -> {turned[1]}',
        f'{gigabytes[0]:,.3g} -> {gigabytes[1]:,.3g}',
        f'{mebibytes[0]:,.0f} -> {mebibytes[1]:,.0f}',
      ]
    )
  return f'{_BEFORE.format(**before)}\n{command.table(head, rows)}\n'


def _row(name: str, result: Mapping[str, Any] | None) -> list[str]:
  if result is None:
    return [f'`{name}`', 'not compiled', *[''] * (len(_HEAD) - 2)]
  if 'flops' not in result:
    peak = f'{result.get("bytes/peak", 0) / 2**20:,.0f}: does not fit'
    batch = str(result.get('batch_size', ''))
    return [f'`{name}`', batch, peak, *[''] * (len(_HEAD) - 3)]
  sent = sum(v for k, v in result.items() if k.startswith('collective_bytes/'))
  fits = '' if result['fits'] else ': does not fit'
  return [
    f'`{name}`',
    str(result['batch_size']),
    f'{result["bytes/peak"] / 2**20:,.0f}{fits}',
    f'{result["flops"] / 1e9:,.4g}',
    f'{result["bytes/accessed"] / 1e9:,.3g}',
    f'{result["operations"]:,.0f}',
    f'{result["turned"]:,.0f}',
    f'{result["operations/copies"]:,.0f}',
    f'{sent / 1e6:,.3g}' if sent else '',
    f'{1e3 * result["bound"]:,.3g}',
    result['bound/by'],
  ]


def _chips() -> str:
  """Return the table of the chips and the sources of their figures."""
  rows = [
    [
      f'`{name}`',
      f'{chip.memory / 2**30:.2f}',
      f'{100 * chip.usable:.0f} %',
      f'{chip.peak["bfloat16"] / 1e12:,.0f}',
      f'{chip.peak["float32"] / 1e12:,.0f}',
      f'{chip.bandwidth / 1e9:,.0f}',
      f'{chip.link / 1e9:,.0f}',
      f'{chip.launch * 1e6:g}',
    ]
    for name, chip in CHIPS.items()
  ]
  head = (
    *('chip', 'memory, GiB', 'of it for a process', 'bfloat16, TFLOP/s'),
    *('float32, TFLOP/s', 'memory, GB/s', 'links, GB/s', 'a launch, us'),
  )
  sources = [
    f'- `{name}`: '
    + '; '.join(f'{figure}: {text}' for figure, text in chip.sources.items())
    for name, chip in CHIPS.items()
  ]
  return '\n\n'.join(
    [
      '## The chips',
      'The speed of links is for one direction; float32 is at the default '
      'precision of jax:\nbfloat16 passes on TPUs, TF32 on GPUs.',
      command.table(head, rows),
      'Sources:',
      '\n'.join(sources) + '\n',
    ]
  )
