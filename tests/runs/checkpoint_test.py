"""Checkpoints: exact round trips, damage, kills, full disks, processes."""

import errno
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from art_jax import core
from art_jax.runs import checkpoint_format, checkpoint_layout
from art_jax.runs import checkpoints as checkpoint_store

Checkpoints = checkpoint_store.Checkpoints
_ROOT = pathlib.Path(__file__).resolve().parents[2]


class _State(flax.struct.PyTreeNode):
  params: dict
  opt_state: optax.OptState
  key: jax.Array
  pool: jax.Array


def _state(seed=0):
  rng = np.random.default_rng(seed)
  params = {
    'conv': {'kernel': rng.standard_normal((3, 3, 2, 4)).astype(np.float32)},
    'a.b': np.float32([seed]),
    'a/b': np.float32([seed + 1]),
  }
  params = jax.tree.map(jnp.asarray, params)
  return _State(
    params=params,
    opt_state=optax.adam(1e-3).init(params),
    key=jax.random.key(seed),
    # Large enough that its file holds what orbax reads.
    pool=jnp.asarray(rng.integers(0, 256, (8, 64, 64, 3)), jnp.uint8),
  )


def _assert_equal(restored, expected):
  assert jax.tree.structure(restored) == jax.tree.structure(expected)
  for got, want in zip(
    jax.tree.leaves(restored), jax.tree.leaves(expected), strict=True
  ):
    assert got.dtype == want.dtype and got.shape == want.shape
    if jnp.issubdtype(want.dtype, jax.dtypes.prng_key):
      assert jax.random.key_impl(got) == jax.random.key_impl(want)
      got, want = jax.random.key_data(got), jax.random.key_data(want)
    got, want = np.ascontiguousarray(got), np.ascontiguousarray(want)
    np.testing.assert_array_equal(
      got.reshape(-1).view(np.uint8), want.reshape(-1).view(np.uint8)
    )


def _save(folder, *steps, **kwargs):
  with Checkpoints(folder, **kwargs) as checkpoints:
    for step in steps:
      checkpoints.save(step, _state(step), {'step': step})


def _restore(folder, like=None, *, step=None, **kwargs):
  with Checkpoints(folder, **kwargs) as checkpoints:
    return checkpoints.restore(
      jax.eval_shape(_state) if like is None else like, step=step
    )


def _quarantine(folder):
  quarantine = folder / 'quarantine'
  return sorted(os.listdir(quarantine)) if quarantine.exists() else []


# Round trips.

_LEAVES = {
  'bf16': lambda: jnp.asarray([1.5, -0.0, jnp.nan, jnp.inf], jnp.bfloat16),
  'f16': lambda: jnp.asarray([1.5], jnp.float16),
  'f32': lambda: jnp.asarray([1.1, np.nan, -np.inf, -0.0]),
  'f64': lambda: np.asarray([0.1]),
  'i64': lambda: np.asarray([2**40]),
  'u8': lambda: jnp.arange(256).astype(jnp.uint8),
  'bool': lambda: jnp.asarray([True, False]),
  'complex': lambda: jnp.asarray([1 + 2j]),
  'scalar': lambda: jnp.float32(3),
  'empty': lambda: jnp.zeros((0, 4), jnp.bfloat16),
  'transposed': lambda: np.arange(6.0).reshape(2, 3).T,
  'key': lambda: jax.random.key(7),
  'keys': lambda: jax.random.split(jax.random.key(7), (2, 3)),
  'rbg': lambda: jax.random.key(7, impl='rbg'),
  'unsafe_rbg': lambda: jax.random.split(
    jax.random.key(7, impl='unsafe_rbg'), 2
  ),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', _LEAVES)
def test_leaf_round_trip(tmp_path, name):
  state = {'x': _LEAVES[name](), 'none': None, 'nothing': {}, 'unit': ()}
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, {})
  _assert_equal(_restore(tmp_path, state).state, state)


@pytest.mark.parametrize('state', [{}, {'x': None}, (), {'x': np.zeros((0,))}])
def test_state_without_values(tmp_path, state):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, {'a': 1})
  found = _restore(tmp_path, state)
  _assert_equal(found.state, state)
  assert found.host == {'a': 1}


@pytest.mark.parametrize(
  'value', [jnp.asarray(2.5), jnp.asarray(3), jnp.full((2, 3), 1.5), 4, 0.1]
)
def test_weak_type_is_kept(tmp_path, value):
  like = jax.eval_shape(lambda: {'x': value})
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, {'x': value}, {})
  found = _restore(tmp_path, like).state['x']
  assert found.weak_type and found.dtype == like['x'].dtype
  np.testing.assert_array_equal(found, jnp.asarray(value))
  found = _restore(tmp_path, {'x': np.zeros(np.shape(value), found.dtype)})
  assert isinstance(found.state['x'], np.ndarray)


def test_struct_round_trip_and_host(tmp_path):
  host = {
    'step': 5,
    'best': float('-inf'),
    'list': [1, {'a': None}],
    'name': 'ä',
    'big': 2**60,
  }
  state = _state()
  with Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.restore(jax.eval_shape(_state)) is None
    checkpoints.save(5, state, host)
    found = checkpoints.restore(jax.eval_shape(_state))  # waits for the save
  assert found.step == 5 and found.host == host
  _assert_equal(found.state, state)


def test_pieces(tmp_path, monkeypatch):
  """Leaves are spread over pieces, and one may be larger than a piece."""
  monkeypatch.setattr(checkpoint_format, '_PIECE_BYTES', 1000)
  state = [np.arange(n, dtype=np.float32) for n in (1, 300, 0, 249, 2, 7, 0)]
  state.append(np.arange(5))
  leaves, pieces = checkpoint_format.pack(state)
  assert {name: p.size for name, p in pieces.items()} == {
    'float32_0': 301,
    'float32_1': 251,
    'float32_2': 7,
    'int64_0': 5,
  }
  assert len(leaves) == len(state)
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, {})
  _assert_equal(_restore(tmp_path, state).state, state)


def test_saved_values_are_copies(tmp_path):
  """Donating or overwriting right after save() must not reach the disk."""
  bump = jax.jit(lambda x: x + 1, donate_argnums=0)
  state, mine = jnp.zeros(1 << 20), np.zeros(1 << 20, np.float32)
  with Checkpoints(tmp_path, keep_last=9) as checkpoints:
    for step in range(5):
      checkpoints.save(step, [state, mine], {})
      state = bump(state)
      mine += 1
    for step in range(5):
      found = checkpoints.restore([state, mine], step=step).state
      assert (found[0] == step).all() and (found[1] == step).all()


def test_sharded_on_8_then_2_then_1(tmp_path):
  expected = jax.tree.map(np.asarray, _state().params)
  expected['rows'] = np.arange(64, dtype=np.float32).reshape(16, 4)
  for step, count in enumerate((8, 2, 1)):
    mesh = jax.make_mesh((count,), ('data',), devices=jax.devices()[:count])
    replicated = jax.NamedSharding(mesh, jax.P())
    state = jax.device_put(expected, replicated)
    rows = jax.NamedSharding(mesh, jax.P('data'))
    state['rows'] = jax.device_put(expected['rows'], rows)
    with Checkpoints(tmp_path) as checkpoints:
      found = checkpoints.restore(state)
      assert (found is None) == (step == 0)
      if found:
        _assert_equal(found.state, expected)
      checkpoints.save(step + 1, state, {})


# What is refused.


@pytest.mark.slow
@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'a.b': np.zeros((2,), np.float32)}, r"\['a.b'\] .*\[1\] there .*\[2\]"),
    ({'a.b': np.zeros((1,), np.int32)}, r"\['a.b'\] is float32.* int32"),
    ({'new': np.zeros((1,))}, r"\['new'\] is missing there"),
    ({'a/b': None}, r"\['a/b'\] is float32\[1\] there and missing here"),
    ({'a.b': jax.random.split(jax.random.key(0), 1)}, 'key<fry>'),
    ({'a.b': None, 'a/b': None, 'conv': {}}, r'\(3 leaves differ\)'),
  ],
)
@pytest.mark.parametrize('step', [None, 2])
def test_other_structure_is_not_damage(tmp_path, change, message, step):
  _save(tmp_path, 1, 2)
  like = _state()
  like = like.replace(params={**like.params, **change})
  with pytest.raises(checkpoint_layout.StructureError, match=message) as e:
    _restore(tmp_path, like, step=step)
  assert isinstance(e.value, core.UserError)
  assert not _quarantine(tmp_path)
  assert _restore(tmp_path).step == 2


def test_other_key_implementation_is_refused(tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, jax.random.key(0, impl='rbg'), {})
  with pytest.raises(checkpoint_layout.StructureError, match='rbg'):
    _restore(tmp_path, jax.random.key(0, impl='unsafe_rbg'))


@pytest.mark.parametrize(
  ('state', 'host', 'message'),
  [
    ({'x': 'text'}, {}, r"\['x'\] is str"),
    ({'x': np.asarray(['a'])}, {}, 'arrays only'),
    ({'x': object()}, {}, 'arrays only'),
    ({}, {'a': np.zeros(2)}, 'not JSON'),
    ({}, {'a': jnp.float32(1)}, 'not JSON'),
  ],
)
def test_bad_states_are_refused(tmp_path, state, host, message):
  with Checkpoints(tmp_path) as checkpoints:
    with pytest.raises(core.UserError, match=message):
      checkpoints.save(1, state, host)
    checkpoints.save(1, {}, {})
  assert checkpoints.steps() == [1]


def test_steps_never_go_back_silently(tmp_path):
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(5, _state(5), {})
    checkpoints.save(5, _state(5), {})  # the one just saved: nothing to do
    for step in (4, 0):
      with pytest.raises(core.UserError, match='goes to step 5'):
        checkpoints.save(step, _state(step), {})
    with pytest.raises(core.UserError, match='step -1'):
      checkpoints.save(-1, _state(), {})
  with Checkpoints(tmp_path) as checkpoints:
    with pytest.raises(core.UserError, match='goes to step 5'):
      checkpoints.save(5, _state(0), {})  # not restored: other values
    checkpoints.restore(jax.eval_shape(_state))
    checkpoints.save(5, _state(5), {})
    checkpoints.save(6, _state(6), {})
  _assert_equal(_restore(tmp_path, step=5).state, _state(5))


def test_cut_goes_back(tmp_path):
  _save(tmp_path, 1, 2, 3)
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.restore(jax.eval_shape(_state), step=1)
    with pytest.raises(core.UserError, match='cut'):
      checkpoints.save(2, _state(20), {})
    checkpoints.cut(1)
    assert checkpoints.steps() == [1]
    checkpoints.save(2, _state(20), {})
  assert _quarantine(tmp_path) == ['2-cut', '3-cut']
  _assert_equal(_restore(tmp_path).state, _state(20))
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.cut(0)  # good ones that went: starting anew is no surprise
    assert checkpoints.restore(jax.eval_shape(_state)) is None
  assert _quarantine(tmp_path) == ['1-cut', '2-cut', '2-cut-2', '3-cut']


@pytest.mark.parametrize(
  'kwargs', [{'keep_last': 0}, {'keep_last': -1}, {'keep_every': -1}]
)
def test_counts_are_checked(tmp_path, kwargs):
  with pytest.raises(core.UserError, match='keep_'):
    Checkpoints(tmp_path, **kwargs)


def test_unwritable_folder(tmp_path):
  (tmp_path / 'file').write_text('')
  for folder in (tmp_path / 'file', tmp_path / 'file' / 'x', '/proc/x'):
    with pytest.raises(core.UserError, match='cannot be written'):
      Checkpoints(folder)


def test_unknown_step_and_relative_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  _save('run', 1, 2)
  with pytest.raises(core.UserError, match=r'\[1, 2\]'):
    _restore('run', step=7)
  assert _restore('run', step=1).step == 1


def test_newer_format_is_not_damage(tmp_path, monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(checkpoint_format, '_VERSION', 2)
    _save(tmp_path, 1)
  with pytest.raises(core.UserError, match='format 2'):
    _restore(tmp_path)
  assert not _quarantine(tmp_path)


# Retention.


@pytest.mark.slow
@pytest.mark.parametrize(
  ('keep_last', 'keep_every', 'left'),
  [(1, 0, [9]), (3, 0, [7, 8, 9]), (2, 4, [0, 4, 8, 9]), (20, 3, range(10))],
)
def test_retention(tmp_path, keep_last, keep_every, left):
  _save(tmp_path, *range(5), keep_last=keep_last, keep_every=keep_every)
  _save(tmp_path, *range(5, 10), keep_last=keep_last, keep_every=keep_every)
  with Checkpoints(tmp_path) as checkpoints:
    assert checkpoints.steps() == list(left)


def test_quarantine_survives_retention(tmp_path):
  _save(tmp_path, 1, 2)
  (tmp_path / '3').mkdir()
  assert _restore(tmp_path).step == 2
  _save(tmp_path, 3, 4, 5, keep_last=1)
  assert _quarantine(tmp_path) == ['3-empty']
  assert _restore(tmp_path).step == 5


# Damage.


def _largest(folder):
  files = [p for p in folder.rglob('*') if p.is_file()]
  return max(files, key=lambda p: p.stat().st_size)


def _flip(path, where):
  data = bytearray(path.read_bytes())
  data[int(where * (len(data) - 1))] ^= 4
  path.write_bytes(data)


def _edit(path, change):
  value = json.loads(path.read_text())
  change(value)
  path.write_text(json.dumps(value))


_DAMAGES = {
  **{
    f'flip-{where}': lambda p, where=where: _flip(_largest(p / 'arrays'), where)
    for where in (0.1, 0.3, 0.5, 0.7, 0.9)
  },
  'truncated': lambda p: os.truncate(_largest(p / 'arrays'), 100),
  'emptied': lambda p: os.truncate(_largest(p / 'arrays'), 0),
  'no-data': lambda p: _largest(p / 'arrays').unlink(),
  'no-arrays': lambda p: shutil.rmtree(p / 'arrays'),
  'no-layout': lambda p: shutil.rmtree(p / 'layout'),
  'no-host': lambda p: shutil.rmtree(p / 'host'),
  'no-manifest': lambda p: (p / 'arrays' / 'manifest.ocdbt').unlink(),
  'empty-manifest': lambda p: os.truncate(p / 'arrays' / 'manifest.ocdbt', 0),
  'no-metadata': lambda p: (p / 'layout' / 'metadata').unlink(),
  'no-json': lambda p: (p / 'layout' / 'metadata').write_text('{"version'),
  'no-text': lambda p: (p / 'layout' / 'metadata').write_bytes(b'\xff\xfe'),
  'a-list': lambda p: (p / 'layout' / 'metadata').write_text('[]'),
  'empty-dict': lambda p: (p / 'layout' / 'metadata').write_text('{}'),
  'host-value': lambda p: _edit(
    p / 'host' / 'metadata', lambda v: v.update(step=99)
  ),
  'host-text': lambda p: (p / 'host' / 'metadata').write_text('{'),
  'layout-shape': lambda p: _edit(
    p / 'layout' / 'metadata',
    lambda v: v['leaves'][0].update(shape=[7]),
  ),
  'layout-order': lambda p: _edit(
    p / 'layout' / 'metadata', lambda v: v['leaves'].reverse()
  ),
  'empty': lambda p: (shutil.rmtree(p), p.mkdir()),
  'a-file': lambda p: (shutil.rmtree(p), p.write_text('')),
  'other-step': lambda p: (
    shutil.rmtree(p),
    shutil.copytree(p.with_name('2'), p),
  ),
}


@pytest.fixture(scope='module')
def three_steps(tmp_path_factory):
  folder = tmp_path_factory.mktemp('three') / 'checkpoints'
  _save(folder, 1, 2, 3)
  return folder


@pytest.fixture
def folder(three_steps, tmp_path):
  return pathlib.Path(shutil.copytree(three_steps, tmp_path / 'copy'))


# Orbax leaves a read in flight where its manifest is missing.
@pytest.mark.slow
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
@pytest.mark.parametrize('damage', _DAMAGES)
def test_damage_is_put_aside(folder, damage, caplog):
  _DAMAGES[damage](folder / '3')
  before = _listing(folder)
  # Read-only skips it, moves nothing and writes nothing.
  assert _restore(folder, read_only=True).step == 2
  assert _listing(folder) == before
  # By name it is an error.
  with pytest.raises(core.UserError, match='checkpoint 3 .* is damaged'):
    _restore(folder, step=3)
  assert _listing(folder) == before
  caplog.clear()
  found = _restore(folder)
  assert found.step == 2 and found.host == {'step': 2}
  _assert_equal(found.state, _state(2))
  (name,) = _quarantine(folder)
  assert name.startswith('3-') and name in caplog.text
  # The step can be saved again, and nothing of it is lost.
  with Checkpoints(folder) as checkpoints:
    checkpoints.save(3, _state(33), {})
  _assert_equal(_restore(folder).state, _state(33))
  _DAMAGES[damage](folder / '3')
  assert _restore(folder).step == 2
  assert _quarantine(folder) == [name, f'{name}-2']


def _listing(folder):
  return sorted(
    (str(p), p.stat().st_mtime_ns) for p in folder.rglob('*') if p != folder
  )


def test_checksum_names_the_leaf(folder, monkeypatch):
  """A bit that orbax hands over without a word."""
  real = checkpoint_format._item

  def flipped(orbax, path, step, name, args):
    value = real(orbax, path, step, name, args)
    if name == 'arrays' and step == 3:
      value['uint8_0'].view(np.uint8)[100] ^= 1  # the pool
    return value

  monkeypatch.setattr(checkpoint_format, '_item', flipped)
  with pytest.raises(core.UserError, match=r'leaf \.pool is wrong'):
    _restore(folder, step=3)
  assert _restore(folder).step == 2
  assert _quarantine(folder) == ['3-bad-checksum']


def test_all_damaged_never_starts_anew(folder):
  for step in (1, 2, 3):
    shutil.rmtree(folder / str(step) / 'layout')
  with pytest.raises(core.UserError, match='only damaged'):
    _restore(folder, read_only=True)
  for _ in range(2):  # nor the second time, when they are put aside
    with pytest.raises(core.UserError, match='only damaged.*3.*2.*1|1.*2.*3'):
      _restore(folder)
  assert len(_quarantine(folder)) == 3


@pytest.mark.parametrize(
  'error',
  [
    ValueError('PERMISSION_DENIED: not now'),
    OSError(errno.EMFILE, 'not now'),
    OSError(errno.ESTALE, 'not now'),
  ],
)
def test_passing_errors_are_not_damage(folder, monkeypatch, error):
  def denied(*_, **__):
    raise error

  with Checkpoints(folder) as checkpoints:
    monkeypatch.setattr(checkpoints._orbax, 'restore', denied)
    with pytest.raises(core.StorageError, match='not now.*left as it is'):
      checkpoints.restore(jax.eval_shape(_state))
  assert not _quarantine(folder)


def test_leftovers_are_cleaned_only_when_writing(folder):
  leftover = folder / '4.orbax-checkpoint-tmp'
  (leftover / 'arrays').mkdir(parents=True)
  found = _restore(folder, read_only=True)
  assert found.step == 3 and leftover.exists()
  Checkpoints(folder).close()
  assert not leftover.exists()


def test_read_only(folder, tmp_path):
  with Checkpoints(folder, read_only=True) as checkpoints:
    with pytest.raises(core.UserError, match='read-only'):
      checkpoints.save(4, _state(), {})
    # A live trainer goes on beside it.
    _save(folder, 4, 5)
    assert checkpoints.steps() == [3, 4, 5]
    assert checkpoints.restore(jax.eval_shape(_state)).step == 5
  missing = tmp_path / 'missing'
  assert _restore(missing, read_only=True) is None
  assert not missing.exists()


# Errors of the background thread.


def test_failed_save_is_named_later(tmp_path, monkeypatch):
  _save(tmp_path, 1)
  for call in ('wait', 'save', 'close', 'restore'):
    checkpoints = Checkpoints(tmp_path)
    with monkeypatch.context() as patch:
      patch.setattr(checkpoints._orbax, 'save', _no_space)
      checkpoints.save(2, _state(2), {})
      with pytest.raises(
        checkpoint_store.SaveError, match='checkpoint 2 .*no space'
      ):
        {
          'wait': checkpoints.wait,
          'save': lambda c=checkpoints: c.save(3, _state(3), {}),
          'close': checkpoints.close,
          'restore': lambda c=checkpoints: c.restore(_state()),
        }[call]()
    if call != 'close':
      checkpoints.wait()  # reported once
      checkpoints.close()
  with checkpoints:
    assert checkpoints.steps() == [1]


def _no_space(*_, **__):
  raise OSError('no space')


def test_two_saves_in_flight(tmp_path, monkeypatch):
  with Checkpoints(tmp_path) as checkpoints:
    real = checkpoints._orbax.save

    def slow(*args, **kwargs):
      time.sleep(0.3)
      return real(*args, **kwargs)

    monkeypatch.setattr(checkpoints._orbax, 'save', slow)
    checkpoints.save(1, _state(1), {})
    first = checkpoints.last_blocked_seconds
    assert checkpoints.steps() == []
    checkpoints.save(2, _state(2), {})  # waits for the first
    assert checkpoints.steps() == [1]
    assert first < 0.2 < checkpoints.last_blocked_seconds
    total = first + checkpoints.last_blocked_seconds
    assert checkpoints.blocked_seconds == pytest.approx(total)
  assert _restore(tmp_path).step == 2


@pytest.mark.process
def test_disk_full(tmp_path):
  disk = tmp_path / 'disk'
  disk.mkdir()
  mount = ['mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', str(disk)]
  try:
    subprocess.run(mount, check=True, capture_output=True)
  except (OSError, subprocess.CalledProcessError) as e:
    pytest.skip(f'a small tmpfs cannot be mounted: {e}')
  try:
    rng = np.random.default_rng(0)
    state = rng.standard_normal(500_000)  # 4 MB that do not compress
    checkpoints = Checkpoints(disk / 'run')
    checkpoints.save(1, state, {})
    checkpoints.save(2, state, {})
    with pytest.raises(checkpoint_store.SaveError, match='checkpoint 2'):
      checkpoints.save(3, state, {})
    assert checkpoints.steps() == [1]
    assert os.listdir(disk / 'run') == ['1']  # what failed takes no room
    checkpoints.save(3, state[:100_000], {})  # the same object goes on
    checkpoints.close()
    assert _restore(disk / 'run', state, step=1).step == 1
  finally:
    subprocess.run(['umount', str(disk)], check=True)


# Other processes.

_TRAINER = """
  import sys
  import jax, numpy as np
  from art_jax.runs import checkpoints as checkpoint_store
  folder = sys.argv[1]
  state = np.zeros(300_000, np.float32)
  with checkpoint_store.Checkpoints(folder) as checkpoints:
    found = checkpoints.restore(state)
    step = found.step if found else 0
    if found:
      assert (found.state == step).all() and found.host == {'step': step}, step
    print('start', step, flush=True)
    while True:
      step += 1
      checkpoints.save(step, state + step, {'step': step})
"""


def _python(code, *args, **env):
  return subprocess.Popen(
    [sys.executable, '-c', textwrap.dedent(code), *map(str, args)],
    cwd=_ROOT,
    env={**os.environ, **env},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


@pytest.mark.slow
@pytest.mark.process
def test_kill_in_the_middle_of_saves(tmp_path):
  """Each start finds the last whole checkpoint, with its own values."""
  waits, starts = random.Random(0), []
  for _ in range(4):
    child = _python(_TRAINER, tmp_path)
    line = child.stdout.readline()
    time.sleep(waits.uniform(0.05, 0.6))
    child.send_signal(signal.SIGKILL)
    _, errors = child.communicate(timeout=30)
    assert line.startswith('start'), errors
    starts.append(int(line.split()[1]))
  assert starts == sorted(starts) and starts[-1] > starts[0]
  found = _restore(tmp_path, np.zeros(300_000, np.float32))
  assert found.step >= starts[-1] and (found.state == found.step).all()
  assert not _quarantine(tmp_path)


_PEER = """
  import re, sys
  import jax, numpy as np
  folder, port, rank, count = sys.argv[1], *map(int, sys.argv[2:])
  jax.config.update('jax_cpu_collectives_implementation', 'gloo')
  jax.distributed.initialize(f'localhost:{port}', count, rank)
  from art_jax.runs import checkpoint_format, checkpoint_layout
  from art_jax.runs import checkpoints as checkpoint_store
  mesh = jax.make_mesh((jax.device_count(),), ('data',))
  rows = np.arange(32, dtype=np.float32).reshape(8, 4)
  def place(x, *spec):
    sharding = jax.NamedSharding(mesh, jax.P(*spec))
    return jax.make_array_from_callback(x.shape, sharding, lambda i: x[i])
  state = {'rows': place(rows, 'data'), 'all': place(rows),
           'host': np.float32(3)}
  with checkpoint_store.Checkpoints(folder) as checkpoints:
    found = checkpoints.restore(state)
    assert found.step == 1 and (found.state['rows'] == rows - 1).all()
    checkpoints.save(2, state, {'a': 2})
    checkpoints.save(3, jax.tree.map(lambda x: x + 1, state), {'a': 3})
    checkpoints.wait()
    assert checkpoints.steps() == [1, 2, 3], checkpoints.steps()
    if rank == 0:
      import shutil
      shutil.rmtree(folder + '/3/layout')
    found = checkpoints.restore(state)
    assert found.step == 2 and found.host == {'a': 2}, found
    assert (found.state['rows'] == rows).all()
    for like in ({}, {**state, 'host': np.zeros(2)}):
      try:
        checkpoints.restore(like)
      except ValueError as e:
        assert ('another model' if rank == 0 else 'process 0') in str(e), e
      else:
        raise AssertionError('restored')
    if rank == 1:
      real = checkpoint_format.read
      def missing(*_):
        raise checkpoint_layout.Damaged('missing', 'no such folder')
      checkpoint_format.read = missing
    try:
      checkpoints.restore(state)
    except ValueError as e:
      says = 'another process', 'process 1 cannot read checkpoint 2 .* no such'
      assert re.search(says[rank], str(e)), e
    else:
      raise AssertionError('restored')
    if rank == 1:
      checkpoint_format.read = real
    if rank == 0:
      def fail(*_, **__):
        raise OSError('no space')
      checkpoints._orbax.save = fail
    checkpoints.save(4, state, {})
    try:
      checkpoints.wait()
    except checkpoint_store.SaveError as e:
      assert ('no space' if rank == 0 else 'process 0') in str(e), e
    else:
      raise AssertionError('saved')
  print('done')
"""


@pytest.mark.slow
@pytest.mark.process
def test_two_processes(tmp_path):
  rows = np.arange(32, dtype=np.float32).reshape(8, 4)
  state = {'rows': rows - 1, 'all': rows, 'host': np.float32(3)}
  with Checkpoints(tmp_path) as checkpoints:
    checkpoints.save(1, state, {})
  with socket.socket() as free:
    free.bind(('localhost', 0))
    port = free.getsockname()[1]
  flags = '--xla_force_host_platform_device_count=2'
  children = [
    _python(_PEER, tmp_path, port, rank, 2, XLA_FLAGS=flags)
    for rank in range(2)
  ]
  for child in children:
    try:
      out, errors = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
      for each in children:
        each.kill()
      raise
    assert 'done' in out, errors[-3000:]
  found = _restore(tmp_path, state)
  assert found.step == 2
  _assert_equal(found.state, {**state, 'rows': rows})
  assert _quarantine(tmp_path) == ['3-missing-layout']
