"""Wheel and sdist: two builds are the same bytes."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest

_ROOT = pathlib.Path(__file__).parents[2]


def _sdist(folder: pathlib.Path, time: int) -> pathlib.Path:
  """Build an sdist of a few files that were written at a time."""
  folder.mkdir()
  for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'CHANGELOG.md'):
    shutil.copy(_ROOT / name, folder)
  for name in ('README.md', 'LICENSE', 'LICENSES.md'):
    shutil.copy(_ROOT / name, folder)
  for name in ('art_jax', 'experiments'):
    (folder / name).mkdir()
    shutil.copy(_ROOT / name / '__init__.py', folder / name)
  for path in (folder, *folder.rglob('*')):
    os.utime(path, (time, time))
  variables = {k: v for k, v in os.environ.items() if k != 'SOURCE_DATE_EPOCH'}
  subprocess.run(
    [sys.executable, 'setup.py', '-q', 'sdist'],
    cwd=folder,
    env=variables | {'PYTHONPATH': ''},
    check=True,
    capture_output=True,
  )
  (path,) = (folder / 'dist').iterdir()
  return path


@pytest.mark.process
@pytest.mark.slow
def test_two_sdists_are_the_same_bytes(tmp_path):
  one = _sdist(tmp_path / 'a', 1_600_000_000)
  two = _sdist(tmp_path / 'b', 1_700_000_003)
  assert one.name == two.name
  assert one.read_bytes() == two.read_bytes()
  with tarfile.open(one) as file:
    names = [name.partition('/')[2] for name in file.getnames()]
    assert {(m.uid, m.uname, m.mtime) for m in file} == {(0, '', 315532800)}
  assert {'LICENSES.md', 'setup.py', 'art_jax/__init__.py'} <= set(names)
