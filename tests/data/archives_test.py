"""Archives of pictures: read like folders, and never out of their place."""

import concurrent.futures
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
from art_jax.data import archive_entries, archives, decode, detect, tree, verify
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
def test_archive_is_read_as_a_folder(name, tmp_path, monkeypatch):
  # A home of its own: nothing of other tests is counted below.
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'home'))
  path = _write(tmp_path / name.lower(), _GOOD)
  os.rename(path, path := str(tmp_path / name))
  source, message = detect.parse(path, ('image', 'label'), False)
  assert source == Classes(path) and '12 pictures of 2 classes' in message
  data = core.Data(source=source, size=16, heldout=0.0)
  dataset = source.open(data)
  assert dataset.class_names == ('x', 'y')
  assert len(dataset.train[0]) == 12
  assert dataset.train[0].read(3)['image'].max() == 3
  names, _ = tree.scan(tree.resolve(path))
  assert names == [f'{c}/{i}.png' for c in 'xy' for i in range(6)]
  inside = [p for p in (paths.home() / 'archives').rglob('*') if p.is_file()]
  assert all(p.suffix == '.png' and p.name[0] != '.' for p in inside)
  assert not list((paths.home() / 'archives').glob('.part_*'))
  # A .zip is never unpacked.
  assert bool(inside) == (not name.endswith('.zip'))
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
    archives.folder(path)
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
    _entry('x' * 252 + '.png'),
    _entry('good.png'),
    _entry('good.png/x.png'),
  ]
  pairs = [(info, b'') for info in odd]
  path = _write(tmp_path / 'a.tar', [('good.png', _png()), *pairs])
  with caplog.at_level(logging.WARNING):
    folder = archives.folder(path)
  assert os.listdir(folder) == ['good.png']
  assert (
    '9 entries' in caplog.text and 'link.png (no plain file)' in caplog.text
  )
  link = zipfile.ZipInfo('link.png')
  link.external_attr = (stat.S_IFLNK | 0o777) << 16
  wrong = [(link, '/etc'), ('b.png/x.png', _png()), ('b.png', _png(9))]
  path = _write(
    tmp_path / 'a.zip', [('b.png', _png()), ('c.png', _png()), *wrong]
  )
  assert archives.names(path) == ['b.png', 'c.png']
  assert decode.decode(f'{path}/b.png', **_CUT).max() == 0  # the first one


_CUT = decode.Cut(size=16, channels=3, fit='crop')


def test_an_archive_gives_the_split_and_the_order_of_its_folder(tmp_path):
  folder = tmp_path / 'set'
  entries = [
    (f'{c}/{i}.png', _png(20 * i + j)) for j, c in enumerate('yx')
    for i in range(12)
  ]  # fmt: skip
  # 255 bytes, as long as a name may be: 83 of three bytes each, and 6.
  entries.append((f'x/{"雪" * 83}10.png', _png(250)))
  for name, data in entries:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
  opened = []
  for root in (
    str(folder),
    _write(tmp_path / 's.zip', entries[::-1]),
    _write(tmp_path / 's.tgz', [(f'./s/{n}', d) for n, d in entries]),
  ):
    sets = [
      kind(root).open(core.Data(source=None, size=16, heldout=0.2))
      for kind in (Folder, Classes)
    ]
    opened.append(
      [
        [(e.names[i], int(e.read(i)['image'].max())) for i in range(len(e))]
        for one in sets
        for e in (*one.train, *one.heldout)
      ]
    )
  assert opened[0] == opened[1] == opened[2]
  assert len(opened[0][1]) > 0  # some are held out


def test_zip_members_are_read_by_many_threads(tmp_path):
  entries = [(f'd/{i}.png', _png(i)) for i in range(64)]
  path = _write(tmp_path / 'a.zip', entries)
  names = [f'{path}/d/{i % 64}.png' for i in range(640)]
  with concurrent.futures.ThreadPoolExecutor(16) as pool:
    read = pool.map(lambda name: decode.decode(name, **_CUT).max(), names)
  assert list(read) == [i % 64 for i in range(640)]


def test_a_folder_in_a_zip_is_one_of_the_domains(tmp_path):
  entries = [(f's/train{x}/{i}.png', _png(i)) for x in 'AB' for i in range(4)]
  path = _write(tmp_path / 'ab.zip', entries)
  source, _ = detect.parse(path, ('a', 'b'), False)
  opened = source.open(core.Data(source=source, size=16, heldout=0.0))
  assert [len(examples) for examples in opened.train] == [4, 4]
  with pytest.raises(core.UserError, match='--data=.*ab.zip/trainA') as error:
    detect.parse(path, ('image',), False)
  assert f'{path}/trainA' in str(error.value)
  source, message = detect.parse(f'{path}/s/trainA', ('image',), False)
  assert '4 pictures' in message
  assert len(source.open(core.Data(source=source, size=16)).train[0]) >= 3
  with pytest.raises(core.UserError, match='no such folder'):
    detect.parse(f'{path}/s/trainC', ('image',), False)


def test_a_damaged_picture_in_a_zip_is_skipped_and_named(tmp_path):
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as file:
    for i in range(4):
      file.writestr(f'{i}.png', _png(i))
    at = file.getinfo('2.png').header_offset
  data = bytearray(path.read_bytes())
  data[at + 60] ^= 1  # the checksum tells
  path.write_bytes(data)
  config = core.Data(source=None, size=16, max_bad=0.3)
  found = verify.verify(path, config)
  assert found.names == ('0.png', '1.png', '3.png')
  assert found.skipped[0][0] == f'{path}/2.png'
  assert 'CRC' in found.skipped[0][1]
  with pytest.raises(decode.BadPictureError, match='a.zip/9.png.*not in the'):
    decode.decode(f'{path}/9.png', **_CUT)
  # An archive that changed is opened again, and its pictures checked anew.
  _write(path, [(f'{i}.png', _png(i)) for i in range(3)])
  assert verify.verify(path, config).names == ('0.png', '1.png', '2.png')


def _bomb_tar(path, header):
  """Write a .tar.gz whose header promises much, and zeros behind it."""
  with gzip.open(path, 'wb') as file:
    file.write(header)
    for _ in range(20):
      file.write(bytes(2**20))


def test_old_pythons_cannot_read_tar(tmp_path, monkeypatch):
  monkeypatch.delattr(tarfile, 'data_filter')
  with tarfile.open(tmp_path / 'x.tar', 'w'):
    pass
  with pytest.raises(core.UserError, match=r'3\.11\.4 or newer'):
    archives.folder(str(tmp_path / 'x.tar'))


def test_bombs(tmp_path, monkeypatch):
  monkeypatch.setattr(archive_entries, '_FREE_BYTES', 2**20)
  zeros = bytes(20 * 2**20)
  for suffix in ('.zip', '.tar.gz'):
    path = _write(tmp_path / f'a{suffix}', [('a.bmp', zeros)])
    with pytest.raises(core.UserError, match='unpacks to more|reaches to'):
      archives.folder(path)
  path = tmp_path / 'b.tar.gz'
  _bomb_tar(path, _entry('a.png', size=2**33).tobuf())
  with pytest.raises(core.UserError, match='unpacks to more|reaches to'):
    archives.folder(str(path))
  _bomb_tar(path, _entry('a', tarfile.XHDTYPE, size=10 * 2**20).tobuf())
  with pytest.raises(core.UserError, match='a header of it has'):
    archives.folder(str(path))
  monkeypatch.setattr(archive_entries, 'MAX_FILES', 3)
  path = _write(tmp_path / 'c.zip', [(f'{i}.png', b'') for i in range(5)])
  with pytest.raises(core.UserError, match='more than 3 entries'):
    archives.folder(path)


@pytest.mark.parametrize('name', ['a.zip', 'a.tar', 'a.tgz'])
def test_damaged(name, tmp_path):
  path = tmp_path / name
  path.write_bytes(b'no archive at all')
  with pytest.raises(core.UserError, match=name):
    archives.folder(str(path))
  with pytest.raises(core.UserError, match=f'{name}.*holds no pictures'):
    archives.folder(_write(path, [('x.txt', b'')]))
