"""Compiled programs: kept, shared, mended, refused where it is not safe."""

import json
import os
import pathlib
import stat
import subprocess
import sys

import jax
import pytest

from art_jax.devices import compilation_cache

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Three steps of a small convolution; says what it got and from where.
_PROGRAM = """
import hashlib, json, jax, jax.numpy as jnp
from art_jax.devices import compilation_cache
hits = []
jax.monitoring.register_event_listener(
  lambda name, **_: hits.append(name) if name.endswith('cache_hits') else None)
path = compilation_cache.turn_on()
# What is stored does not depend on how fast this machine compiles it.
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)
def loss(w, x):
  y = jax.lax.conv(jnp.tanh(jax.lax.conv(x, w, (1, 1), 'SAME')), w, (1, 1),
                   'SAME')
  return (y ** 2).mean()
step = jax.jit(lambda w, x: w - 0.1 * jax.grad(loss)(w, x), donate_argnums=0)
w = jax.random.normal(jax.random.key(0), (8, 8, 3, 3))
x = jax.random.normal(jax.random.key(1), (2, 8, 16, 16))
for _ in range(3):
  w = step(w, x)
print(json.dumps({'path': path and str(path), 'hits': len(hits),
                  'digest': hashlib.sha256(w.tobytes()).hexdigest()}))
"""


@pytest.fixture(autouse=True)
def _jax_knows_of_no_folder():
  before = jax.config.jax_compilation_cache_dir
  jax.config.update('jax_compilation_cache_dir', None)
  yield
  jax.config.update('jax_compilation_cache_dir', before)


def _start(home):
  return subprocess.Popen(
    [sys.executable, '-c', _PROGRAM],
    env={**os.environ, 'ART_JAX_HOME': str(home)},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    cwd=_ROOT,
  )


def _end(process):
  out, err = process.communicate(timeout=120)
  assert process.returncode == 0, err
  return json.loads(out), err


@pytest.mark.slow
@pytest.mark.process
def test_three_at_once_then_warm_then_damaged_then_mended(tmp_path):
  cold = [_end(p) for p in [_start(tmp_path) for _ in range(3)]]
  assert len({told['digest'] for told, _ in cold}) == 1
  assert not any('Error' in err for _, err in cold), cold

  warm, err = _end(_start(tmp_path))
  assert warm['digest'] == cold[0][0]['digest']
  assert warm['hits'] >= 1 and not err
  entries = sorted(pathlib.Path(warm['path']).glob('*-cache'))
  assert len(entries) >= 1
  assert stat.S_IMODE(entries[0].parent.stat().st_mode) == 0o700

  step = next(e for e in entries if 'lambda' in e.name)
  data = bytearray(step.read_bytes())
  data[len(data) // 2] ^= 4
  step.write_bytes(data)
  garbage = step.with_name('jit_garbage-00-cache')
  garbage.write_bytes(b'garbage')
  mended, err = _end(_start(tmp_path))
  assert err.count('\n') == 1 and '2 damaged or unfinished' in err
  assert mended['digest'] == warm['digest'] and not garbage.exists()

  again, err = _end(_start(tmp_path))
  assert not err and again['hits'] == warm['hits']
  assert again['digest'] == warm['digest']


def test_a_folder_that_cannot_be_written_is_done_without(
  tmp_path, monkeypatch, caplog
):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  user, folder = os.geteuid(), tmp_path / 'xla'
  folder.mkdir()
  if user == 0:  # Who may write anywhere.
    for path in tmp_path.parents[:3]:
      if 'pytest-of' in str(path):
        path.chmod(0o755)
    for path in (tmp_path, folder):
      os.chown(path, 65534, -1)
    os.seteuid(65534)
  try:
    folder.chmod(0o500)
    assert compilation_cache.turn_on() is None
  finally:
    os.seteuid(user)
  assert 'Compiled programs are not kept: [Errno 13]' in caplog.text


@pytest.mark.parametrize(
  'mode, link, notice',
  [(0o755, False, 'chmod 700'), (0o700, True, 'not a folder of this user')],
)
def test_a_folder_that_is_not_private_is_refused(
  mode, link, notice, tmp_path, monkeypatch, caplog
):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  folder = tmp_path / 'xla'
  if link:
    folder.symlink_to(tmp_path)
  else:
    folder.mkdir(mode=mode)
    folder.chmod(mode)
  assert compilation_cache.turn_on() is None
  assert notice in caplog.text
  assert jax.config.jax_compilation_cache_dir is None


def test_the_environment_turns_it_off(tmp_path, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  monkeypatch.setenv('ART_JAX_NO_COMPILE_CACHE', '1')
  assert compilation_cache.turn_on() is None
  assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize('on', [True, False])
def test_the_flag_turns_it_off(on, tmp_path):
  # A mode that compiles, stopped right after: it has no --study.
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'art_jax.main',
      'sample',
      '--weights=gone.pth',
      *([] if on else ['--nocompile_cache']),
    ],
    env={**os.environ, 'ART_JAX_HOME': str(tmp_path)},
    stderr=subprocess.PIPE,
    text=True,
    cwd=_ROOT,
  )
  assert done.returncode == 2 and 'needs --study' in done.stderr
  assert (tmp_path / 'xla').exists() == on


@pytest.mark.parametrize(
  'files, kept, dropped',
  [
    ({'a-cache': 'x', 'a-atime': ''}, 3, 0),  # sealed: one more file
    ({'a-cache': 'x'}, 0, 1),  # killed while it was written
    ({'a-cache': 'x', 'a-atime': '', 'a-sha256': '0'}, 0, 1),
    ({'a-cache': 'x', 'a-sha256': '0'}, 0, 1),
    ({'a-atime': '', 'a-sha256': '0'}, 0, 0),  # jax made room
  ],
)
def test_what_is_sealed_and_what_is_dropped(files, kept, dropped, tmp_path):
  for name, text in files.items():
    (tmp_path / name).write_text(text)
  compilation_cache.seal(tmp_path)
  assert compilation_cache.verify(tmp_path) == dropped
  assert len(list(tmp_path.glob('a-*'))) == kept
