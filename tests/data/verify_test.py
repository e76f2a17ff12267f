"""Tests for art_jax.data.verify: what is found, skipped, cached, refused."""

import errno
import json
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.core import paths
from art_jax.data import color_management, decode, listing, tree, verify
from art_jax.data.sources import Folder
from art_jax.evaluation import pictures
from art_jax.runs import start_record


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path_factory.mktemp('home')))


def _picture(path, width=40, height=32):
  path.parent.mkdir(parents=True, exist_ok=True)
  noise = np.random.default_rng(0).integers(0, 255, (height, width, 3))
  Image.fromarray(noise.astype(np.uint8)).save(path)


def _data(**kwargs):
  defaults = {'source': None, 'size': 32, 'max_bad': 0.5}
  return core.Data(**defaults | kwargs)


def test_home_follows_the_environment(tmp_path, monkeypatch):
  monkeypatch.delenv('ART_JAX_HOME')
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  assert paths.home() == tmp_path / 'cache' / 'art_jax'
  assert paths.home().stat().st_mode & 0o777 == 0o700
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'mine'))
  assert paths.home() == tmp_path / 'mine'
  (tmp_path / 'file').touch()
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'file' / 'x'))
  with pytest.raises(core.UserError, match='ART_JAX_HOME'):
    paths.home()


def test_scan_is_sorted_recursive_and_skips_what_is_hidden(tmp_path):
  for name in ('b.PNG', 'a/z.jpg', 'a/1 ü.png', '.hidden.png', '.dir/x.png'):
    _picture(tmp_path / name)
  (tmp_path / 'notes.txt').write_text('x')
  (tmp_path / 'folder.png').mkdir()
  names, skipped = tree.scan(str(tmp_path))
  assert names == ['a/1 ü.png', 'a/z.jpg', 'b.PNG'] and not skipped


def test_scan_follows_links_once(tmp_path):
  _picture(tmp_path / 'root' / 'a.png')
  _picture(tmp_path / 'outside' / 'b.png')
  (tmp_path / 'root' / 'loop').symlink_to(tmp_path / 'root')
  (tmp_path / 'root' / 'link').symlink_to(tmp_path / 'outside')
  names, _ = tree.scan(str(tmp_path / 'root'))
  assert names == ['a.png', 'link/b.png']


def test_unreadable_folders_and_odd_files_are_skipped_with_a_reason(
  tmp_path, monkeypatch
):
  for i in range(4):
    _picture(tmp_path / f'{i}.png')
  (tmp_path / 'broken.png').symlink_to(tmp_path / 'nowhere')
  os.mkfifo(tmp_path / 'pipe.png')
  (tmp_path / 'locked').mkdir()
  scandir = os.scandir

  def deny(path):
    if str(path).endswith('locked'):
      raise PermissionError(13, 'Permission denied', str(path))
    return scandir(path)

  monkeypatch.setattr(os, 'scandir', deny)
  found = verify.verify(tmp_path, _data())
  assert found.names == ('0.png', '1.png', '2.png', '3.png')
  reasons = {os.path.basename(path): reason for path, reason in found.skipped}
  assert reasons == {
    'locked': 'folder: Permission denied',
    'broken.png': 'not a regular file',
    'pipe.png': 'not a regular file',
  }


def test_undecodable_file_names_work(tmp_path):
  name = os.fsdecode(b'\xff\xfe.png')
  _picture(tmp_path / 'a.png')
  os.rename(tmp_path / 'a.png', os.path.join(tmp_path, name))
  for _ in range(2):  # decoded, then from the cache
    assert verify.verify(tmp_path, _data()).names == (name,)


def test_result_is_cached_by_size_and_time(tmp_path, monkeypatch):
  for i in range(3):
    _picture(tmp_path / f'{i}.png')
  (tmp_path / 'bad.png').write_bytes(b'x')
  decoded = []
  read = decode.read
  monkeypatch.setattr(
    decode, 'read', lambda path, *a: decoded.append(path) or read(path, *a)
  )
  first = verify.verify(tmp_path, _data())
  assert len(decoded) == 4 and first.sizes == ((40, 32),) * 3
  assert verify.verify(tmp_path, _data()) == first
  assert len(decoded) == 4
  _picture(tmp_path / '1.png', 50, 60)
  os.utime(tmp_path / '1.png', ns=(0, time.time_ns() + 10**9))
  second = verify.verify(tmp_path, _data())
  assert len(decoded) == 5 and second.sizes[1] == (50, 60)


def test_damaged_cache_is_ignored(tmp_path):
  _picture(tmp_path / 'a.png')
  verify.verify(tmp_path, _data())
  (cache,) = (paths.home() / 'verified').iterdir()
  for content in ('', '[]', '{"version": 1}', json.dumps({'files': 3})):
    cache.write_text(content)
    assert verify.verify(tmp_path, _data()).names == ('a.png',)


def test_no_place_for_the_cache_is_no_error(tmp_path, monkeypatch):
  _picture(tmp_path / 'pictures' / 'a.png')
  (tmp_path / 'file').touch()
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'file' / 'x'))
  found = verify.verify(tmp_path / 'pictures', _data())
  assert found.names == ('a.png',)


def _missing(root):
  return root / 'gone'


def _file(root):
  _picture(root / 'x.png')
  return root / 'x.png'


def _empty(root):
  (root / 'readme.txt').write_text('x')
  return root


def _mostly_bad(root):
  for i in range(8):
    _picture(root / f'{i}.png')
  for i in range(2):
    (root / f'bad{i}.png').write_bytes(b'')
  return root


def _all_bad(root):
  (root / 'bad.png').write_bytes(b'')
  return root


def _small(root):
  _picture(root / 'fine.png')
  _picture(root / 'small.png', 40, 31)
  return root


@pytest.mark.parametrize(
  'make, words',
  [
    (_missing, ('gone', 'does not exist', '--data=PATH')),
    (_file, ('x.png', 'is a file', '--data=PATH')),
    (_empty, ('holds 0 images', '.webp', '--data=PATH')),
    (_mostly_bad, ('2 of 10', '20%', 'data.max_bad=0.1', 'bad0.png', 'empty')),
    (_all_bad, ('1 of 1', 'bad.png')),
    (_small, ('small.png', '40x31', 'data.size=32', '--set data.size=31')),
  ],
)
def test_bad_folders(tmp_path, make, words):
  with pytest.raises(core.UserError) as info:
    verify.verify(make(tmp_path), _data(max_bad=0.1))
  for word in words:
    assert word in str(info.value)


def test_halves_must_be_large_enough(tmp_path):
  _picture(tmp_path / 'pair.png', 62, 32)
  verify.verify(tmp_path, _data())
  with pytest.raises(core.UserError, match='each half'):
    verify.verify(tmp_path, _data(), halves=True)


def _with_exif_that_ends_early(path):
  _picture(path)
  exif = b'Exif\0\0MM\0*' + b'\0\0\0\x08' + b'\0\x09' + b'\x01\x12'
  Image.open(path).save(path, exif=exif)


def test_what_is_odd_is_counted_by_cause_and_named(tmp_path, recwarn, capfd):
  for i in range(3):
    _with_exif_that_ends_early(tmp_path / f'{i}.jpg')
  noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3))
  for i in range(2):
    Image.fromarray(noise.astype(np.uint8)).save(
      tmp_path / f'profile{i}.png', icc_profile=b'broken'
    )
  data = _data(source=Folder(str(tmp_path)))
  for _ in range(2):  # decoded, then from the cache
    dataset = data.source.open(data)
    assert f'{color_management.DAMAGED} (2)' in dataset.summary
    assert 'Corrupt EXIF data (3)' in dataset.summary
    notes = start_record.describe_data(dataset)['notes']
    assert [os.path.basename(note['file']) for note in notes] == [
      *('0.jpg', '1.jpg', '2.jpg', 'profile0.png', 'profile1.png')
    ]
  decode.picture(tmp_path / '0.jpg')
  assert not [w for w in recwarn if 'PIL' in w.filename]
  assert not capfd.readouterr().err


_OTHERS = ('a.heic', 'b.tga', 'c.TGA', 'notes', 'x/d.txt', 'labels.csv')
_LINE = '5 files of other kinds left out (.tga 2, no suffix 1, .heic 1, .txt 1)'


@pytest.mark.parametrize('archive', ['', '.zip', '.tar'])
def test_files_of_other_kinds_are_counted_by_suffix(tmp_path, archive, caplog):
  root = tmp_path / 'set'
  _picture(root / 'a.png')
  _picture(root / 'b.jfif')
  for name in (*_OTHERS, '.hidden', 'Thumbs.db', '__MACOSX/._a.png'):
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text('x')
  if archive:
    shutil.make_archive(str(root), archive[1:], root)
  data = _data(source=Folder(f'{root}{archive}'))
  with caplog.at_level('WARNING'):
    dataset = data.source.open(data)
  assert _LINE in dataset.summary + caplog.text
  assert len(dataset.train[0]) + len(dataset.heldout[0]) == 2


def test_a_folder_of_other_kinds_only_says_which(tmp_path):
  (tmp_path / 'a.heic').write_text('x')
  with pytest.raises(core.UserError, match='1 file of other kinds .*heic 1'):
    verify.verify(tmp_path, _data())


def test_many_suffixes_end_with_dots():
  line = listing.left_out({f'.{i}': 1 for i in range(20)})
  assert line.startswith('20 files') and line.endswith('.15 1, ...)')


def test_a_folder_of_inputs_says_what_is_left_out(tmp_path, caplog):
  _picture(tmp_path / 'a.png')
  for name in ('b.heic', 'notes.txt', 'labels.csv', '.hidden'):
    (tmp_path / name).write_text('x')
  for read in (listing.pictures, lambda root: pictures.of_folder(root, 'real')):
    caplog.clear()
    read(tmp_path)
    assert '2 files of other kinds left out (.heic 1, .txt 1)' in caplog.text


@pytest.mark.parametrize(
  'error',
  [OSError(errno.EMFILE, 'Too many open files'), MemoryError()],
  ids=['system', 'memory'],
)
@pytest.mark.parametrize(
  'where', ['PIL.Image.open', 'art_jax.data.verify._mark']
)
def test_a_failure_that_passes_is_tried_again(
  tmp_path, monkeypatch, error, where
):
  for i in range(3):
    _picture(tmp_path / f'{i}.png')
  (tmp_path / 'bad.png').write_bytes(b'x')

  def fail(*args, **kwargs):
    raise error

  with monkeypatch.context() as patch, pytest.raises(core.UserError):
    patch.setattr(where, fail)
    verify.verify(tmp_path, _data(max_bad=0.3))
  found = verify.verify(tmp_path, _data(max_bad=0.3))
  assert len(found.names) == 3
  assert verify.verify(tmp_path, _data(max_bad=0.3)) == found
