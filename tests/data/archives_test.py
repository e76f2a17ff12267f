"""Archives of pictures: read like folders, and never out of their place."""

import gzip
import io
import logging
import os
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.core import paths
from art_jax.data import archives, detect
from art_jax.data.sources import Classes, Folder


def _png(value=0, side=16) -> bytes:
  out = io.BytesIO()
  Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(out, 'png')
  return out.getvalue()


def _entry(name, kind=tarfile.REGTYPE, link='', size=0):
  info = tarfile.TarInfo(name)
  info.type, info.linkname, info.size = kind, link, size
  return info


def _write(path, entries) -> str:
  """Write (name or TarInfo, data) pairs in the format that the name says."""
  if path.suffix == '.zip':
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
      for name, data in entries:
        file.writestr(name, data)
    return str(path)
  mode = 'w:gz' if path.name.endswith('gz') else 'w'
  with tarfile.open(path, mode) as file:
    for info, data in entries:
      info = info if isinstance(info, tarfile.TarInfo) else _entry(info)
      info.size = len(data)
      file.addfile(info, io.BytesIO(data))
  return str(path)


_GOOD = [
  *((f'set/train/{c}/{i}.png', _png(i)) for c in 'xy' for i in range(6)),
  ('set/README.txt', b'text'),
  ('__MACOSX/set/train/x/._0.png', b'junk'),
]


@pytest.mark.parametrize('name', ['s.zip', 's.tar', 's.tar.gz', 's.TGZ'])
def test_archive_is_read_as_a_folder(name, tmp_path):
  path = _write(tmp_path / name.lower(), _GOOD)
  os.rename(path, path := str(tmp_path / name))
  source, told = detect.parse(path, ('image', 'label'), False)
  assert source == Classes(path) and '12 pictures of 2 classes' in told
  data = core.Data(source=source, size=16, heldout=0.0)
  dataset = source.open(data)
  assert dataset.class_names == ('x', 'y')
  assert len(dataset.train[0]) == 12
  assert dataset.train[0].load(3)['image'].max() == 3
  inside = [p for p in (paths.home() / 'archives').rglob('*') if p.is_file()]
  assert all(p.suffix == '.png' and p.name[0] != '.' for p in inside)
  assert not list((paths.home() / 'archives').glob('.part_*'))
  # Unpacked once: the second time nothing is written.
  before = {p: p.stat().st_mtime_ns for p in inside}
  assert len(Folder(path).open(data).train[0]) == 12
  assert before == {p: p.stat().st_mtime_ns for p in inside}


@pytest.mark.parametrize('suffix', ['.zip', '.tar', '.tar.gz'])
@pytest.mark.parametrize(
  'name', ['../x.png', '/x.png', 'a/../../x.png', '..\\x.png', 'C:/x.png']
)
def test_names_that_lead_out(name, suffix, tmp_path):
  name = str(tmp_path / 'x.png') if name == '/x.png' else name
  path = _write(tmp_path / f'a{suffix}', [('good.png', _png()), (name, _png())])
  with pytest.raises(core.UserError, match='leads out of the folder'):
    archives.unpacked(path)
  assert os.listdir(tmp_path) == [os.path.basename(path)]
  left = list((paths.home() / 'archives').glob('*'))
  assert not any(p.name.startswith('.part_') or p.suffix for p in left)


def test_what_is_no_picture_is_left_out(tmp_path, caplog):
  odd = [
    _entry('link.png', tarfile.SYMTYPE, '/etc/passwd'),
    _entry('hard.png', tarfile.LNKTYPE, '../../etc/passwd'),
    _entry('device.png', tarfile.CHRTYPE),
    _entry('pipe.png', tarfile.FIFOTYPE),
    _entry('new\nline.png'),
    _entry('a//b.png'),
    _entry('x' * 250 + '.png'),
    _entry('good.png'),
    _entry('good.png/x.png'),
  ]
  pairs = [(info, b'') for info in odd]
  path = _write(tmp_path / 'a.tar', [('good.png', _png()), *pairs])
  with caplog.at_level(logging.WARNING):
    folder = archives.unpacked(path)
  assert os.listdir(folder) == ['good.png']
  assert (
    '9 entries' in caplog.text and 'link.png (no plain file)' in caplog.text
  )
  link = zipfile.ZipInfo('link.png')
  link.external_attr = (stat.S_IFLNK | 0o777) << 16
  path = _write(
    tmp_path / 'a.zip', [('b.png', _png()), ('c.png', _png()), (link, '/etc')]
  )
  assert sorted(os.listdir(archives.unpacked(path))) == ['b.png', 'c.png']


def _bomb_tar(path, header):
  """Write a .tar.gz whose header promises much, and zeros behind it."""
  with gzip.open(path, 'wb') as file:
    file.write(header)
    for _ in range(20):
      file.write(bytes(2**20))


def test_bombs(tmp_path, monkeypatch):
  monkeypatch.setattr(archives, '_FREE_BYTES', 2**20)
  zeros = bytes(20 * 2**20)
  for suffix in ('.zip', '.tar.gz'):
    path = _write(tmp_path / f'a{suffix}', [('a.bmp', zeros)])
    with pytest.raises(core.UserError, match='unpacks to more|reaches to'):
      archives.unpacked(path)
  path = tmp_path / 'b.tar.gz'
  _bomb_tar(path, _entry('a.png', size=2**33).tobuf())
  with pytest.raises(core.UserError, match='unpacks to more|reaches to'):
    archives.unpacked(str(path))
  _bomb_tar(path, _entry('a', tarfile.XHDTYPE, size=10 * 2**20).tobuf())
  with pytest.raises(core.UserError, match='a header of it has'):
    archives.unpacked(str(path))
  monkeypatch.setattr(archives, 'MAX_FILES', 3)
  path = _write(tmp_path / 'c.zip', [(f'{i}.png', b'') for i in range(5)])
  with pytest.raises(core.UserError, match='more than 3 entries'):
    archives.unpacked(path)


@pytest.mark.parametrize('name', ['a.zip', 'a.tar', 'a.tgz'])
def test_damaged(name, tmp_path):
  path = tmp_path / name
  path.write_bytes(b'no archive at all')
  with pytest.raises(core.UserError, match=name):
    archives.unpacked(str(path))
  with pytest.raises(core.UserError, match=f'{name}.*holds no pictures'):
    archives.unpacked(_write(path, [('x.txt', b'')]))
