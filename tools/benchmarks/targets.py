"""Compiles steps for TPUs and GPUs that are not there; writes a page of them.

  python -m tools.benchmarks.targets                       # all that is missing
  python -m tools.benchmarks.targets --only=gpu:h100
  python -m tools.benchmarks.targets vae cut --only=gpu:h100 --again
  python -m tools.benchmarks.targets --page                # only write the page

Cells are compiled one after another, each by `art_jax describe --target` in a
process of its own, with the Python that runs this. What is there is kept in
--results, so the same command goes on where it was stopped. A TPU program
takes 5 to 35 minutes on a core, one for a GPU about a minute.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from art_jax.config import experiments
from art_jax.core.paths import write_atomic
from art_jax.devices import targets
from tools import command
from tools.benchmarks import targets_page

# One experiment for each algorithm that learns from a set of pictures.
EXPERIMENTS = (
  *('dcgan_japanese_v1', 'cyclegan', 'diffusion_paintings', 'cdcgan_mnist'),
  *('acgan_cifar10', 'autoencoder', 'vae', 'pix2pix_facades', 'cut'),
  *('projected_paintings', 'fast_style', 'adain'),
)
_EVERY = ('gpu:h100', 'tpu:v5e:2x2')
_LARGE = ('gpu:h100x8', 'tpu:v6e:4x4')


def cells() -> list[tuple[str, str]]:
  """Return every (experiment, target), those that compile fast first."""
  pairs = [(name, target) for target in _EVERY for name in EXPERIMENTS]
  pairs += [(name, target) for target in _LARGE for name in EXPERIMENTS[:3]]
  return sorted(pairs, key=lambda pair: pair[1].startswith('tpu'))


def main(
  experiment: tuple[str, ...] = (),
  *,
  only: tuple[str, ...] = (),
  again: bool = False,
  page: bool = False,
  results: str = 'docs/results/targets.json',
  before: str = 'docs/results/targets_before.json',
  output: str = 'docs/benchmarks/targets.md',
) -> None:
  """Compile what is missing, and write the page.

  Args:
    experiment: names; default: one for each algorithm.
    only: targets.
    again: compile what is there once more.
    page: compile nothing.
    results: JSON file of all figures, which is added to.
    before: JSON file of the figures of an earlier commit, which are compared.
    output: the page.
  """
  names = command.chosen('experiment', experiment, EXPERIMENTS)
  places = command.chosen('only', only, (*_EVERY, *_LARGE))
  path = pathlib.Path(results)
  commands = {cell: ' '.join(arguments(*cell)) for cell in cells()}
  known = json.loads(path.read_text('utf-8')) if path.exists() else {}
  earlier = json.loads(pathlib.Path(before).read_text('utf-8'))

  def write_page():
    text = targets_page.page(commands, known, earlier)
    write_atomic(pathlib.Path(output), text)

  for name, target in () if page else cells():
    key = f'{name} {target}'
    if (
      name not in names or target not in places or (key in known and not again)
    ):
      continue
    known[key] = compile_cell(name, target)
    write_atomic(path, json.dumps(known, indent=1, sort_keys=True) + '\n')
    write_page()
  write_page()


def arguments(experiment: str, target: str) -> list[str]:
  """Return the command of a cell.

  The batch is the experiment's own; where it does not divide over the devices,
  the next that does.
  """
  batch = experiments.load(experiment).train.batch_size
  count = targets.parse(target).count
  words = ['art_jax', 'describe', experiment, f'--target={target}']
  if batch % count:
    words.append(f'--set=train.batch_size={-(-batch // count) * count}')
  return words


def compile_cell(experiment: str, target: str) -> Mapping[str, Any]:
  """Return the figures of a cell; 'error' where there are none."""
  print(f'{experiment} on {target}', flush=True)
  with command.folder() as folder:
    file = folder / 'cell.json'
    done = subprocess.run(
      [
        *(sys.executable, '-m', 'art_jax.main'),
        *(*arguments(experiment, target)[1:], f'--output={file}'),
      ],
      stderr=subprocess.PIPE,
      stdout=subprocess.DEVNULL,
      text=True,
      check=False,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    result = json.loads(file.read_text('utf-8')) if file.exists() else {}
  result.pop('experiment', None)
  if done.returncode:
    lines = done.stderr.strip().splitlines() or ['(nothing)']
    result['error'] = lines[-1].removeprefix('art_jax: ')
  versions = {p: importlib.metadata.version(p) for p in ('jax', 'flax')}
  return {**result, **{f'version/{k}': v for k, v in versions.items()}}


if __name__ == '__main__':
  command.run(main)
