"""Tiny steps compiled for a TPU slice and a GPU, where the plugins are there.

Each in a process of its own: jax chooses its platforms once.
"""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.process]
_PLUGINS = {'tpu:v5e:2x2': 'libtpu', 'gpu:h100': 'jax_plugins.xla_cuda13'}


def _describe(*arguments):
  target = next(a for a in arguments if a.startswith('--target='))
  plugin = _PLUGINS[target.removeprefix('--target=')]
  try:
    installed = importlib.util.find_spec(plugin)
  except ModuleNotFoundError:
    installed = None
  if not installed:
    pytest.skip(f'{plugin} is not installed')
  return subprocess.run(
    [sys.executable, '-m', 'art_jax.main', 'describe', '--tiny', *arguments],
    env={k: v for k, v in os.environ.items() if k != 'XLA_FLAGS'},
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.mark.parametrize('target', _PLUGINS)
@pytest.mark.parametrize('experiment', ['dcgan_mnist', 'cyclegan'])
def test_a_step_is_compiled(experiment, target, tmp_path):
  path = tmp_path / 'figures.json'
  done = _describe(experiment, f'--target={target}', f'--output={path}')
  assert done.returncode == 0, done.stderr
  assert 'a bound of the step, not a forecast' in done.stdout
  found = json.loads(path.read_text())
  assert found['fits'] and found['bytes/reused'] > 0, 'the state is donated'
  assert found['operations/products'] > 10
  assert 0 < found['bytes/accessed'] and 0 < found['flops']
  sends = [name for name in found if name.startswith('collectives/')]
  assert bool(sends) == (found['devices'] > 1)


def test_a_batch_that_is_too_large_names_the_largest_that_fits():
  done = _describe(
    'dcgan_mnist', '--target=gpu:h100', '--set=train.batch_size=4000000'
  )
  assert done.returncode == 2
  (line,) = (x for x in done.stderr.splitlines() if x.startswith('art_jax:'))
  assert '--set train.batch_size=' in line and 'would fit' in line


def test_a_batch_that_does_not_divide_is_refused():
  done = _describe(
    'dcgan_mnist', '--target=tpu:v5e:2x2', '--set=train.batch_size=6'
  )
  assert done.returncode == 2 and 'does not divide over 4' in done.stderr
