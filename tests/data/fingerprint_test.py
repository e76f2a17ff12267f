"""A fingerprint tells the same set anywhere, and every other set apart."""

import dataclasses
import io
import json
import os
import re
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.data import decode, fingerprint
from art_jax.data.dataset import Dataset, Examples
from art_jax.data.sources import (
  Arrays,
  Builtin,
  Classes,
  Folder,
  Labeled,
  Pairs,
  Unpaired,
)


def _png(value=0, width=16) -> bytes:
  out = io.BytesIO()
  Image.fromarray(np.full((16, width, 3), value, np.uint8)).save(out, 'png')
  return out.getvalue()


def _files(layout: str) -> dict[str, bytes]:
  names = {
    'plain': [f'{i}.png' for i in range(6)],
    'splits': [f'{s}/{i}.png' for s in ('train', 'test') for i in range(3)],
    'classes': [f'{c}/{i}.png' for c in 'bc' for i in range(3)],
    'domains': [f'train{c}/{i}.png' for c in 'AB' for i in range(3)],
    'pairs': [f'{i}.png' for i in range(6)],
    'labels': [f'{i}.png' for i in range(6)],
  }[layout]
  files = {
    n: _png(i, 16 + 16 * (layout == 'pairs')) for i, n in enumerate(names)
  }
  if layout == 'labels':
    rows = [f'{n},{"bc"[i % 2]},{1900 + i}' for i, n in enumerate(names)]
    files['labels.csv'] = '\n'.join(['file,style,year', *rows]).encode()
  return files


_KINDS = {
  'plain': Folder,
  'splits': Folder,
  'classes': Classes,
  'domains': Unpaired,
  'pairs': Pairs,
  'labels': Labeled,
}


def _write(path, files, container='folder') -> str:
  if container == 'folder':
    for name, data in files.items():
      (path / name).parent.mkdir(parents=True, exist_ok=True)
      (path / name).write_bytes(data)
    return str(path)
  path = f'{path}.{container}'
  if container == 'zip':
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
      for name, data in reversed(files.items()):
        file.writestr(name, data)
    return path
  with tarfile.open(path, 'w') as file:
    for name, data in files.items():
      info = tarfile.TarInfo(f'./{name}')
      info.size = len(data)
      file.addfile(info, io.BytesIO(data))
  return path


def _of(source, **fields):
  data = core.Data(source=source, size=16, heldout=0.3, max_bad=0.5)
  return source.open(dataclasses.replace(data, **fields)).fingerprint


@pytest.mark.parametrize('layout', _KINDS)
def test_the_same_set_anywhere(layout, tmp_path, monkeypatch):
  files, kind = _files(layout), _KINDS[layout]
  first = _write(tmp_path / 'first', files)
  expected = _of(kind(first))
  assert expected.exact and len(expected.digest) == 32
  copy = shutil.copytree(first, tmp_path / 'copy')  # other times
  os.utime(tmp_path / 'copy' / next(iter(files)), ns=(0, 0))
  again = json.loads(json.dumps(expected.summary()))
  for path in (
    first,
    str(copy),
    _write(tmp_path / 'x', files, 'zip'),
    _write(tmp_path / 'y', files, 'tar'),
  ):
    new = _of(kind(path))
    assert new == expected and new.digest == expected.digest
    assert fingerprint.remapped(again, new, ('label', 'style')) == ''
  # No second look: of files that are known, no byte is read.
  monkeypatch.setattr(decode, 'probe', lambda path: 1 / 0)
  assert _of(kind(first)) == expected


def _added(files, name):
  folder = name.rpartition('/')[0]
  files[f'{folder}/new.png'.lstrip('/')] = _png(99, 32)


def _removed(files, name):
  del files[name]


def _replaced(files, name):
  files[name] = _png(98, 32)


def _same_length(files, name):
  """Another picture of as many bytes: each PNG has the same length here."""
  length = len(files[name])
  values = (
    _png(i, 32 if b'IHDR\0\0\0 ' in files[name] else 16)
    for i in range(99, 60, -1)
  )
  files[name] = next(data for data in values if len(data) == length)


def _renamed(files, name):
  files[name.replace('.png', '_.png')] = files.pop(name)


def _damaged(files, name):
  files[name] = b'no picture'


@pytest.mark.parametrize('layout', _KINDS)
@pytest.mark.parametrize(
  'change, words',
  [
    (_added, 'added: .*new.png'),
    (_removed, 'removed: '),
    (_replaced, r'1 replaced: '),
    (_same_length, r'1 replaced: '),
    (_renamed, r'(?=.*added: .*_\.png)(?=.*removed: )'),
    (_damaged, 'removed: '),
  ],
)
@pytest.mark.parametrize('container', ['folder', 'zip'])
def test_another_set(layout, change, words, container, tmp_path):
  files, kind = _files(layout), _KINDS[layout]
  old = _of(kind(_write(tmp_path / 'old', files)))
  if 'labels.csv' in files:  # it may name less than there is
    files['labels.csv'] = b'\n'.join(files['labels.csv'].splitlines()[:-1])
    old = _of(kind(_write(tmp_path / 'cut', files)))
  change(files, [name for name in files if name.endswith('.png')][-1])
  new = _of(kind(_write(tmp_path / 'new', files, container)))
  assert new.digest != old.digest
  parts = json.loads(json.dumps(old.parts))
  text = fingerprint.changes(old.summary(), parts, new)
  assert re.search(words, text), text
  counts = fingerprint.changes(old.summary(), None, new)
  assert ' -> ' in counts or 'as many as before' in counts


@pytest.mark.parametrize(
  'names, words',
  [
    (('b', 'd'), "classes were 'b', 'c' and are 'b', 'd'"),
    (('a', 'b', 'c'), "and are 'a', 'b', 'c'"),
    (('b', 'c', 'd'), "and are 'b', 'c', 'd'"),
    (('b',), "and are 'b'"),
  ],
)
def test_classes_that_have_other_labels(names, words, tmp_path):
  old = _of(Classes(_write(tmp_path / 'old', _files('classes'))))
  files = {f'{c}/{i}.png': _png(i) for c in names for i in range(3)}
  new = _of(Classes(_write(tmp_path / 'new', files)))
  assert words in fingerprint.remapped(old.summary(), new, ('label',))
  assert not fingerprint.remapped(old.summary(), new, ('image',))


def test_the_order_of_classes_that_are_chosen(tmp_path):
  path = _write(tmp_path / 'x', _files('classes'))
  old, same = _of(Classes(path)), _of(Classes(path), classes=('b', 'c'))
  assert old == same
  turned = _of(Classes(path), classes=('c', 'b'))
  assert fingerprint.remapped(old.summary(), turned, ('label',))


def test_a_cell_and_a_category_of_the_table(tmp_path):
  files = _files('labels')
  old = _of(Labeled(_write(tmp_path / 'old', files)))
  table = files['labels.csv']
  files['labels.csv'] = table.replace(b'1900', b'1800')
  new = _of(Labeled(_write(tmp_path / 'year', files)))
  text = fingerprint.changes(old.summary(), old.parts, new)
  assert "1 replaced: '0.png'" in text
  assert not fingerprint.remapped(old.summary(), new, ('style', 'year'))
  files['labels.csv'] = table.replace(b',c,1905', b',a,1905')
  new = _of(Labeled(_write(tmp_path / 'style', files)))
  assert "values of 'style'" in fingerprint.remapped(
    old.summary(), new, ('style',)
  )


@pytest.mark.parametrize('heldout', [0.0, 0.6])
def test_another_part_held_out(heldout, tmp_path):
  path = _write(tmp_path / 'x', _files('plain'))
  old, new = _of(Folder(path)), _of(Folder(path), heldout=heldout)
  text = fingerprint.changes(old.summary(), old.parts, new)
  assert old.digest != new.digest and 'held-out pictures' in text


def test_arrays(tmp_path):
  def write(name, pictures, labels):
    np.savez_compressed(tmp_path / name, image=pictures, label=labels)
    return _of(Arrays(str(tmp_path / f'{name}.npz')))

  pictures = np.arange(6, dtype=np.uint8).repeat(768).reshape(6, 16, 16, 3)
  labels = np.arange(6) % 2
  old = write('old', pictures, labels)
  assert write('same', pictures, labels.astype(np.int32)) == old
  changed = pictures.copy()
  changed[2, 3, 4, 0] += 1
  for name, new in (
    ('picture', write('picture', changed, labels)),
    ('label', write('label', pictures, 1 - labels)),
    ('fewer', write('fewer', pictures[:5], labels[:5])),
  ):
    assert new.digest != old.digest, name


def test_sources_that_read_no_files():
  old = _of(Builtin('unpaired', count=4))
  assert old.exact and old == _of(Builtin('unpaired', count=4))
  for other in (
    Builtin('unpaired', count=5),
    Builtin('unpaired', count=4, seed=1),
    Builtin('pairs', count=4),
  ):
    assert _of(other).digest != old.digest


def test_examples_of_a_source_without_marks_are_known_by_name_only():
  examples = Examples(('image',), ['x', '\udcff.png'], lambda index: {})
  found = Dataset((examples,), (examples,)).fingerprint
  assert not found.exact and len(found.digest) == 32


def test_names_that_look_alike_are_told_apart(tmp_path):
  files = {'e\u0301.png': _png(), 'x.png': _png()}
  old = _of(Folder(_write(tmp_path / 'old', files)))
  files['\u00e9.png'] = files.pop('e\u0301.png')
  new = _of(Folder(_write(tmp_path / 'new', files)))
  text = fingerprint.changes(old.summary(), old.parts, new)
  assert r"('\xe9.png')" in text and r"('e\u0301.png')" in text
