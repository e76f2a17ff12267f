"""Tests for kept pictures: the same bits as decoded ones, whatever happens."""

import errno
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import zipfile

import jax
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.config import resumable
from art_jax.data import decode, packed, pipeline
from art_jax.data import rows as stored
from art_jax.data.arrays import Arrays
from art_jax.data.builtin import Builtin
from art_jax.data.sources import Classes, Folder, Labeled, Pairs, Unpaired
from art_jax.devices import mesh

_LAYOUTS = {
  'plain': (Folder, [f'{i}.png' for i in range(7)]),
  'jpeg': (Folder, [f'{i}.jpg' for i in range(3)]),
  'zip': (Folder, [f'{i}.png' for i in range(3)]),
  'classes': (Classes, [f'{c}/{i}.png' for c in 'bc' for i in range(3)]),
  'domains': (Unpaired, [f'train{c}/{i}.png' for c in 'AB' for i in range(3)]),
  'pairs': (Pairs, [f'{i}.png' for i in range(4)]),
  'right': (lambda p: Pairs(p, left='b'), [f'{i}.png' for i in range(4)]),
  'apart': (lambda p: Pairs(p, paired=False), [f'{i}.png' for i in range(4)]),
  'table': (Labeled, [f's/{i}.png' for i in range(4)]),
}


def _write(path, seed, side=20):
  """Write a picture of noise, as wide as two."""
  path.parent.mkdir(parents=True, exist_ok=True)
  noise = np.random.default_rng(seed).integers(0, 256, (side, 2 * side, 3))
  Image.fromarray(noise.astype(np.uint8)).save(path)


def _folder(tmp_path, layout='plain'):
  """Make a layout; return its source."""
  source, names = _LAYOUTS[layout]
  root = tmp_path / 'pictures'
  for seed, name in enumerate(names):
    _write(root / name, seed)
  if layout == 'table':
    lines = ('file,year,style', 's/0.png,1900,oil', 's/1.png,,ink')
    (root / 'labels.csv').write_text('\n'.join(lines))
  if layout == 'zip':
    with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as archive:
      for name in names:
        archive.write(root / name, name)
    root = tmp_path / 'x.zip'
  return source(str(root))


def _data(tmp_path, source, **kwargs):
  cache = str(tmp_path / 'cache')
  defaults = {'size': 16, 'load_size': 18, 'heldout': 0.0, 'cache': cache}
  return core.Data(source=source, **defaults | kwargs)


def _read(data, cached=True):
  """Open a set as a run does; return its rows."""
  dataset = data.source.open(data)
  dataset = packed.kept(dataset, data) if cached else dataset
  return [[space.read(i) for i in range(len(space))] for space in dataset.train]


def _equal(rows, others):
  jax.tree.map(np.testing.assert_array_equal, rows, others)
  assert jax.tree.map(lambda x: (x.dtype, x.shape), rows) == jax.tree.map(
    lambda x: (x.dtype, x.shape), others
  )


@pytest.fixture(name='decoded')
def _decoded(monkeypatch):
  """Collect the names of the pictures that are decoded for training."""
  names = []
  for function in ('decode', 'halves'):
    original = getattr(decode, function)

    def counted(file, original=original, **cut):
      names.append(os.path.basename(file))
      return original(file, **cut)

    monkeypatch.setattr(decode, function, counted)
  return names


@pytest.mark.parametrize('layout', _LAYOUTS)
def test_pictures_are_decoded_once_and_are_the_same(tmp_path, decoded, layout):
  data = _data(tmp_path, _folder(tmp_path, layout))
  plain = _read(data, cached=False)
  count = len(decoded)
  _equal(_read(data), plain)
  assert len(decoded) == 2 * count
  _equal(_read(data), plain)
  assert len(decoded) == 2 * count


@pytest.mark.parametrize(
  'kind', [pytest.param('streaming', marks=pytest.mark.slow), 'resident']
)
def test_batches_are_the_same_from_any_step(tmp_path, kind):
  if kind == 'streaming':
    pytest.importorskip('tensorflow')
  source = _folder(tmp_path, 'domains')

  def batches(first, **kwargs):
    data = _data(tmp_path, source, engine=kind, **kwargs)
    engine = pipeline.open_engine(
      source.open(data),
      data,
      rows_per_step=8,
      seed=3,
      placer=mesh.make_devices(),
      last_step=5,
    )
    prepare = jax.jit(engine.prepare)
    inputs = engine.inputs(first)
    return [jax.device_get(prepare(engine.constants, one)) for one in inputs]

  plain = batches(0, cache=None)
  _equal(batches(0), plain)
  _equal(batches(3), plain[3:])


@pytest.mark.parametrize(
  'change',
  [
    {'size': 12, 'load_size': None},
    {'load_size': 17},
    {'fit': 'stretch'},
    {'channels': 1},
  ],
  ids=str,
)
def test_another_cut_is_other_rows(tmp_path, decoded, change):
  source = _folder(tmp_path)
  data = _data(tmp_path, source)
  _read(data)
  other = _data(tmp_path, source, **change)
  _equal(_read(other), _read(other, cached=False))
  decoded.clear()
  _read(data)
  _read(other)
  assert not decoded


def test_another_decoder_is_other_rows(tmp_path, decoded, monkeypatch):
  data = _data(tmp_path, _folder(tmp_path))
  _read(data)
  decoded.clear()
  monkeypatch.setattr(packed, '_decoder', lambda: ['libjpeg 99'])
  _read(data)
  assert len(decoded) == 7


def test_only_what_changed_in_a_folder_is_decoded(tmp_path, decoded):
  data = _data(tmp_path, _folder(tmp_path))
  _read(data)
  root = tmp_path / 'pictures'
  _write(root / '1.png', seed=50)
  _write(root / '00new.png', seed=51)
  (root / '4.png').unlink()
  shutil.move(root, tmp_path / 'moved')
  data = _data(tmp_path, Folder(str(tmp_path / 'moved')))
  plain = _read(data, cached=False)
  decoded.clear()
  _equal(_read(data), plain)
  assert sorted(decoded) == ['00new.png', '1.png']


def test_new_labels_need_no_decoding(tmp_path, decoded):
  source = _folder(tmp_path, 'classes')
  _read(_data(tmp_path, source))
  decoded.clear()
  data = _data(tmp_path, source, classes=('c', 'b'))
  labels = [int(row['label']) for row in _read(data)[0]]
  assert not decoded
  assert labels == [1, 1, 1, 0, 0, 0] or labels == [0, 0, 0, 1, 1, 1]
  _equal(_read(data), _read(data, cached=False))


def test_a_file_replaced_behind_our_back_is_not_kept(tmp_path):
  data = _data(tmp_path, _folder(tmp_path))
  before = _read(data, cached=False)
  kept = packed.kept(data.source.open(data), data).train[0]
  path = tmp_path / 'pictures' / '2.png'
  content = path.read_bytes()
  _write(path, seed=50)
  assert (kept.read(2)['image'] != before[0][2]['image']).any()
  path.write_bytes(content)
  _equal(_read(data), before)


def _flip(rows, keys):
  content = bytearray(rows.read_bytes())
  content[len(content) // 2] ^= 1
  rows.write_bytes(content)


def _exchange(rows, keys):
  content = rows.read_bytes()
  half = len(content) // 7
  rows.write_bytes(
    content[half : 2 * half] + content[:half] + content[2 * half :]
  )


_DAMAGE = {  # what is done to the files, and how many are decoded anew
  'a flipped bit': (_flip, 1),
  'rows exchanged': (_exchange, 2),
  'rows cut off': (lambda r, k: os.truncate(r, r.stat().st_size - 5), 1),
  'rows gone': (lambda r, k: r.unlink(), 7),
  'rows are zeros': (lambda r, k: r.write_bytes(bytes(r.stat().st_size)), 7),
  'keys gone': (lambda r, k: k.unlink(), 0),
  'keys cut off': (lambda r, k: os.truncate(k, 5 * 16 + 3), 0),
  'keys are noise': (lambda r, k: k.write_bytes(os.urandom(7 * 16)), 7),
  'keys of another file': (lambda r, k: k.write_bytes(b'key' * 10_000), 7),
  'folder gone': (lambda r, k: shutil.rmtree(r.parent), 7),
}


@pytest.mark.parametrize('name', _DAMAGE)
def test_what_is_damaged_is_decoded_anew(tmp_path, decoded, caplog, name):
  damage, count = _DAMAGE[name]
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data)
  rows, keys = _files(tmp_path)
  damage(rows, keys)
  decoded.clear()
  _equal(_read(data), plain)
  assert len(decoded) == count
  if damage in (_flip, _exchange):
    assert caplog.text.count('wrong checksums); the pictures are decoded') == 1
  decoded.clear()
  _equal(_read(data), plain)
  assert not decoded


def _files(tmp_path):
  """Return the paths of the only rows and keys."""
  (rows,) = (tmp_path / 'cache').glob('*.u8')
  return rows, rows.with_suffix('.keys')


def test_a_damaged_folder_that_is_in_use(tmp_path):
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data)[0]
  kept = packed.kept(data.source.open(data), data).train[0]
  rows, keys = _files(tmp_path)
  for damage in (
    _flip,
    lambda r, k: os.truncate(r, 0),
    lambda r, k: r.unlink(),
  ):
    damage(rows, keys)
    _equal([kept.read(i) for i in range(7)], plain)


_STRIDE = 18 * 18 * 3 + 4


def _usage(tmp_path):
  """Return what is used of a disk of six rows, and a little more."""
  taken = sum(f.stat().st_size for f in (tmp_path / 'cache').glob('*.u8'))
  return shutil._ntuple_diskusage(0, taken, 6 * _STRIDE + 9 - taken)


@pytest.mark.parametrize('limit', ['folder', 'disk', 'claim', 'emulated'])
def test_what_does_not_fit_is_decoded(
  tmp_path, decoded, caplog, monkeypatch, limit
):
  fit = 3
  if limit == 'folder':
    monkeypatch.setattr(stored, 'LIMIT', 3 * _STRIDE + 9)
  elif limit == 'disk':
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: _usage(tmp_path))
  else:
    fit = 0 if limit == 'claim' else 7

    def refuse(*unused):
      code = errno.ENOSPC if limit == 'claim' else errno.ENOSYS
      raise OSError(code, 'refused')

    monkeypatch.setattr(os, 'posix_fallocate', refuse, raising=False)
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data)
  assert (f'keeps {fit} of 7 pictures' in caplog.text) == (fit < 7)
  assert ('decoded in every epoch' in caplog.text) == (fit < 7)
  decoded.clear()
  _equal(_read(data), plain)
  assert len(decoded) == 7 - fit
  assert _files(tmp_path)[0].stat().st_size <= stored.LIMIT


def test_a_disk_that_fills_while_rows_are_written(
  tmp_path, decoded, caplog, monkeypatch
):
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data, cached=False)
  decoded.clear()
  written = os.pwrite
  calls = []

  def write(file, content, offset):
    calls.append(offset)
    if len(calls) > 4:  # the keys, three rows, and half of one
      written(file, bytes(content)[:500], offset)
      raise OSError(errno.ENOSPC, 'No space left on device')
    return written(file, content, offset)

  monkeypatch.setattr(os, 'pwrite', write)
  _equal(_read(data), plain)
  assert caplog.text.count('cannot be written (No space left') == 1
  monkeypatch.undo()
  _equal(_read(data), plain)


def test_rows_of_other_sizes_count(tmp_path, caplog, monkeypatch):
  monkeypatch.setattr(stored, 'LIMIT', 10 * _STRIDE)
  source = _folder(tmp_path)
  _read(_data(tmp_path, source))
  assert 'decoded in every epoch' not in caplog.text
  _read(_data(tmp_path, source, load_size=17))
  assert 'keeps 3 of 7 pictures' in caplog.text


def test_a_full_folder_gives_its_room_to_the_newer_set(
  tmp_path, decoded, caplog, monkeypatch
):
  monkeypatch.setattr(stored, 'LIMIT', 7 * _STRIDE)
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data)
  older = packed.kept(data.source.open(data), data).train[0]
  _write(tmp_path / 'other' / '0.png', 60)
  _write(tmp_path / 'other' / '1.png', 61)
  other = _data(tmp_path, Folder(str(tmp_path / 'other')))
  for _ in range(2):
    decoded.clear()
    newer = _read(other)
  assert not decoded
  _equal(newer, _read(other, cached=False))
  for _ in range(2):  # decodes the two that lost their slots, and writes none
    decoded.clear()
    _equal([older.read(i) for i in range(7)], plain[0])
    assert len(decoded) == 2
  decoded.clear()
  _equal(_read(other), newer)
  assert not decoded
  assert 'checksums' not in caplog.text


def test_threads_and_processes_share_a_folder(tmp_path):
  """Each opens the files itself, as a process does."""
  keys = [i.to_bytes(16, 'big') for i in range(40)]
  failures = []

  def work(number):
    order = np.random.default_rng(number).permutation(40)[:30]
    rows = stored.Rows(str(tmp_path), (1, 9, 9, 3), [keys[i] for i in order])
    rows.claim()
    for turn in range(3):
      for place, i in enumerate(order):
        picture = np.full((1, 9, 9, 3), i, np.uint8)
        row = rows.load(place)
        if row is None:
          rows.store(place, picture)
        elif (row != picture).any() or row.shape != picture.shape:
          failures.append((number, turn, i))
    failures.extend(i for i in range(30) if rows.load(i) is None)

  threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join()
  assert not failures
  content = (tmp_path / '1x9x9x3.keys').read_bytes()
  owners = [content[i : i + 16] for i in range(0, len(content), 16)]
  assert len(owners) == len(set(owners)) and set(owners) <= set(keys)


def test_a_killed_process_leaves_no_lock(tmp_path):
  data = _data(tmp_path, _folder(tmp_path))
  _read(data)
  program = (
    'import fcntl, sys, time; file = open(sys.argv[1], "r+b");'
    'fcntl.flock(file, fcntl.LOCK_EX); print("locked", flush=True);'
    'time.sleep(99)'
  )
  command = [sys.executable, '-c', program, str(_files(tmp_path)[1])]
  with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
    assert holder.stdout and holder.stdout.readline() == b'locked\n'
    holder.kill()
  decoded = _read(data)
  _equal(decoded, _read(data, cached=False))


def test_a_lock_that_is_never_given_back(
  tmp_path, decoded, caplog, monkeypatch
):
  monkeypatch.setattr(stored, '_PATIENCE', 0)
  data = _data(tmp_path, _folder(tmp_path))
  plain = _read(data)
  decoded.clear()
  with open(_files(tmp_path)[1], 'r+b') as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    _equal(_read(data), plain)
  assert 'another process holds its lock' in caplog.text
  assert len(decoded) == 7


def _a_file(path):
  path.write_text('')


def _below_a_file(path):
  path.parent.write_text('')


def _rows_is_a_folder(path):
  (path / '1x18x18x3.u8').mkdir(parents=True)


def _read_only(path):
  path.mkdir(parents=True)
  path.chmod(0o500)


@pytest.mark.parametrize(
  'make', [_a_file, _below_a_file, _rows_is_a_folder, _read_only]
)
def test_a_folder_that_cannot_be_used_is_an_error(tmp_path, make):
  if make is _read_only and os.geteuid() == 0:
    pytest.skip('root may write anywhere')
  data = _data(tmp_path, _folder(tmp_path), cache=str(tmp_path / 'f' / 'cache'))
  path = pathlib.Path(str(data.cache))
  if make is not _below_a_file:
    path.parent.mkdir()
  make(path)
  with pytest.raises(core.UserError, match=r'data\.cache=.*cannot be written'):
    _read(data)


@pytest.mark.parametrize('cache', ['gs://bucket/cache', ''])
def test_only_a_local_folder_is_taken(cache):
  with pytest.raises(core.UserError, match=r'data\.cache.* this machine'):
    core.Data(source=Folder('x'), cache=cache)


def test_the_home_folder_is_known_and_a_run_may_change_it(
  tmp_path, monkeypatch
):
  monkeypatch.setenv('HOME', str(tmp_path))
  _read(_data(tmp_path, _folder(tmp_path), cache='~/a/b'))
  assert (tmp_path / 'a' / 'b' / '1x18x18x3.u8').exists()
  assert resumable.resumable('data.cache')


@pytest.mark.parametrize('kind', ['scenes', 'arrays'])
def test_pictures_in_memory_are_left_out(tmp_path, caplog, kind):
  source = Builtin(count=2)
  if kind == 'arrays':
    np.savez(tmp_path / 'x.npz', image=np.zeros((3, 20, 20, 3), np.uint8))
    source = Arrays(str(tmp_path / 'x.npz'))
  data = _data(tmp_path, source)
  dataset = source.open(data)
  assert packed.kept(dataset, data) is dataset
  assert 'data.cache is left out' in caplog.text
  assert not (tmp_path / 'cache').exists()
