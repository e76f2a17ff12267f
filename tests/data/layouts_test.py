"""Layouts with the litter of systems in them, and sets with odd members."""

import io
import os
import tarfile
import unicodedata
import zipfile

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.data import dataset, detect, litter
from art_jax.data.sources import Classes, Folder, Labeled

_LITTER = (
  '__MACOSX/{0}/._{1}',
  '{0}/._{1}',
  '@eaDir/{1}.d/SYNOPHOTO_THUMB_M.png',
  '{0}/@eaDir/x.png',
  '.ipynb_checkpoints/{1}',
  '{0}/.ipynb_checkpoints/{1}',
  '$RECYCLE.BIN/$R1.png',
  '#recycle/{0}/{1}',
  'lost+found/{1}',
  'System Volume Information/{1}',
  '.Trashes/501/{1}',
  '.git/{1}',
  '{0}/Thumbs.db',
  '{0}/desktop.ini',
  '{0}/.DS_Store',
)
_NAMES = {
  'plain': [f'{i}.png' for i in range(4)],
  'classes': [f'{c}/{i}.png' for c in ('b', 'c') for i in range(3)],
  'splits': [f'{s}/{c}/0.png' for s in ('train', 'test') for c in 'bc'],
  'domains': [f'train{c}/{i}.png' for c in 'AB' for i in range(3)],
  'pairs': [f'train/{i}.png' for i in range(3)],
  'labels': [f'sub/{i}.png' for i in range(3)],
}
_INPUTS = {
  'plain': (('image',), False),
  'classes': (('image', 'label'), False),
  'splits': (('image', 'label'), False),
  'domains': (('a', 'b'), False),
  'pairs': (('a', 'b'), True),
  'labels': (('image', 'year'), False),
}


def _png(value=0, width=16, height=16) -> bytes:
  out = io.BytesIO()
  pixels = np.full((height, width, 3), value, np.uint8)
  Image.fromarray(pixels).save(out, 'png')
  return out.getvalue()


def _entries(layout: str) -> dict[str, bytes]:
  wide = 32 if layout == 'pairs' else 16
  files = {name: _png(i, wide) for i, name in enumerate(sorted(_NAMES[layout]))}
  if layout == 'labels':
    lines = [f'{name},{1900 + i}' for i, name in enumerate(files)]
    files['labels.csv'] = '\n'.join(['file,year', *lines]).encode()
  return files


def _write(path, files, container: str, top: str = '') -> str:
  if container == 'folder':
    for name, data in files.items():
      (path / name).parent.mkdir(parents=True, exist_ok=True)
      (path / name).write_bytes(data)
    return str(path)
  path = f'{path}.{container}'
  if container == 'zip':
    with zipfile.ZipFile(path, 'w') as file:
      for name, data in files.items():
        file.writestr(top + name, data)
    return path
  with tarfile.open(path, 'w:gz' if container == 'tgz' else 'w') as file:
    for name, data in files.items():
      info = tarfile.TarInfo(top + name)
      info.size = len(data)
      file.addfile(info, io.BytesIO(data))
  return path


def _seen(path: str, layout: str):
  """Return what a layout gives: names, values, classes."""
  source, _ = detect.parse(path, *_INPUTS[layout])
  data = core.Data(source=source, size=16, heldout=0.4, max_bad=0.0)
  opened = source.open(data)
  rows = [
    (e.names[i], {k: v.max() for k, v in e.read(i).items()})
    for e in (*opened.train, *opened.heldout)
    for i in range(len(e))
  ]
  return type(source), opened.class_names, opened.columns, rows


@pytest.mark.parametrize('layout', _NAMES)
@pytest.mark.parametrize(
  'container, top',
  [
    ('folder', ''),
    ('zip', ''),
    ('zip', './set/'),
    ('tar', './'),
    ('tar', '././set/'),
    ('tgz', 'set/./'),
  ],
)
def test_litter_is_litter_in_every_layout(layout, container, top, tmp_path):
  clean = _entries(layout)
  first = next(iter(clean))
  folder, _, name = first.rpartition('/')
  junk = {
    os.path.normpath(pattern.format(folder or '.', name)): b'junk'
    for pattern in _LITTER
  }
  expected = _seen(_write(tmp_path / 'clean', clean, 'folder'), layout)
  path = _write(tmp_path / 'dirty', {**junk, **clean}, container, top)
  assert _seen(path, layout) == expected


@pytest.mark.parametrize('name', ['photo.png', 'recycle', 'macosx', 'thumbs'])
def test_what_is_no_litter(name):
  assert not litter.is_litter(name)


def _labeled(root, files, table):
  for name in files:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(_png())
  (root / 'labels.csv').write_text(f'file,year\n{table}', encoding='utf-8')
  source = Labeled(str(root))
  return source.open(core.Data(source=source, size=16, heldout=0.0))


_COMPOSED, _APART = (unicodedata.normalize(f, 'é.png') for f in ('NFC', 'NFD'))


@pytest.mark.parametrize(
  'file, cell',
  [
    ('sub/0.png', './sub/0.png'),
    ('sub/0.png', 'sub/./0.png'),
    ('sub/0.png', 'sub//0.png'),
    ('sub/0.png', 'sub\\0.png'),
    ('sub/0.png', '.\\sub\\0.png'),
    ('a\\b.png', 'a\\b.png'),
    (_COMPOSED, _APART),
    (_APART, _COMPOSED),
    (f'sub/{_APART}', f'.\\sub\\{_COMPOSED}'),
  ],
)
def test_a_cell_names_the_picture_in_any_spelling(file, cell, tmp_path):
  opened = _labeled(tmp_path, ['other.png', file], f'{cell},1900\n')
  at = list(opened.train[0].names).index(file)
  assert opened.train[0].read(at)['year'] == 1900


def test_an_exact_name_comes_before_its_twin(tmp_path):
  opened = _labeled(
    tmp_path, [_COMPOSED, _APART], f'{_COMPOSED},1\n{_APART},2\n'
  )
  train = opened.train[0]
  years = {name: train.read(i)['year'] for i, name in enumerate(train.names)}
  assert years == {_COMPOSED: 1, _APART: 2}


@pytest.mark.parametrize(
  'files, table, words',
  [
    (['a.png'], 'a.png,1\n./a.png,2\n', 'line 3: .a.png. has a line already'),
    (['A.PNG'], 'a.png,1\n', r"no picture 'a.png'.*, but 'A.PNG'"),
    (['x/a.png'], 'C:\\set\\a.png,1\n', "but 'x/a.png'"),
    (['x/a.png'], '../x/a.png,1\n', "but 'x/a.png'"),
    (['b.png'], 'аbc.png,1\n', r"\('\\u0430bc.png'\)"),
    (
      [f'q\u0323\u0307{_COMPOSED}', f'q\u0323\u0307{_APART}'],
      f'q\u0307\u0323{_COMPOSED},1\n',
      r'may be any of .*u0301.*rename one',
    ),
  ],
)
def test_a_cell_that_names_no_picture(files, table, words, tmp_path):
  with pytest.raises(core.UserError, match=words):
    _labeled(tmp_path, files, table)


@pytest.mark.parametrize('container', ['zip', 'tar', 'tgz'])
def test_a_table_may_lie_above_the_folder_of_the_pictures(container, tmp_path):
  files = {f'set/deep/in/{i}.png': _png(i) for i in range(3)}
  files['set/labels.csv'] = b'file,year\ndeep/in/1.png,1900\n'
  path = _write(tmp_path / 'x', files, container)
  source, text = detect.parse(path, ('image', 'year'), False)
  opened = source.open(core.Data(source=source, size=16, heldout=0.0))
  assert '3 pictures' in text and opened.train[0].names[1] == 'deep/in/1.png'
  assert opened.train[0].read(1)['year'] == 1900
  # For a model without attributes the table changes nothing.
  source, _ = detect.parse(path, ('image',), False)
  opened = source.open(core.Data(source=source, size=16, heldout=0.0))
  assert opened.train[0].names == ('0.png', '1.png', '2.png')


@pytest.mark.parametrize('container', ['zip', 'tar'])
def test_an_archive_without_a_table(container, tmp_path):
  path = _write(tmp_path / 'x', {'a.png': _png()}, container)
  with pytest.raises(core.UserError, match=r'has no labels\.csv'):
    detect.parse(path, ('image', 'year'), False)


@pytest.mark.parametrize('container', ['folder', 'zip', 'tar'])
@pytest.mark.parametrize('size', [(15, 30), (30, 15), (1, 1)])
def test_a_small_picture_is_skipped_and_named(container, size, tmp_path):
  files = {f'{i}.png': _png(i) for i in range(9)}
  path = _write(tmp_path / 'x', {**files, 's.png': _png(0, *size)}, container)
  opened = Folder(path).open(core.Data(source=None, size=16, max_bad=0.1))
  assert len(opened.skipped) == 1 and opened.skipped[0][0].endswith('s.png')
  assert f"1 skipped: 's.png' ({size[0]}x{size[1]}: " in opened.summary
  with pytest.raises(core.UserError, match=r'1 of 10 .*cannot be used'):
    Folder(path).open(core.Data(source=None, size=16, max_bad=0.05))


@pytest.mark.parametrize('counts', [(1,) * 10, (1, 9), (9, 1, 1), (2, 2, 2)])
@pytest.mark.parametrize('share', [0.05, 0.5, 0.99])
def test_every_class_has_a_training_picture(counts, share, tmp_path):
  files = {
    f'k{label}/{i}.png': _png()
    for label, count in enumerate(counts)
    for i in range(count)
  }
  path = _write(tmp_path / 'x', files, 'folder')
  source = Classes(path)
  opened = source.open(core.Data(source=source, size=16, heldout=share))
  (train,), (heldout,) = opened.train, opened.heldout
  labels = {int(train.read(i)['label']) for i in range(len(train))}
  assert labels == set(range(len(counts)))
  if max(counts) > 1:  # there are some to hold out
    assert len(train) + len(heldout) == sum(counts)
  single = counts.count(1)
  assert (f'{single} of one picture' in opened.summary) == (single > 0)


def test_labels_change_no_split_that_trains_on_every_class():
  names = [f'{i}.png' for i in range(200)]
  labels = [i % 4 for i in range(200)]
  assert dataset.split(names, 0.1, labels) == dataset.split(names, 0.1)


@pytest.mark.parametrize('name', ['x.png', 'x.txt', 'x.jpg'])
def test_data_that_is_one_file_says_what_a_folder_holds(name, tmp_path):
  (tmp_path / name).write_bytes(_png())
  with pytest.raises(core.UserError, match='is one file; .*one sub-folder per'):
    detect.parse(str(tmp_path / name), ('image',), False)


@pytest.mark.parametrize('equal', [0, 1, 3])
def test_domains_of_equal_names_say_how_to_pair_them(equal, tmp_path):
  names = {'A': [*'abc'], 'B': [*'abc'[:equal], *'xyz']}
  files = {f'train{k}/{n}.png': _png() for k in names for n in names[k]}
  path = _write(tmp_path / 'x', files, 'folder')
  with pytest.raises(core.UserError, match='not paired') as error:
    detect.parse(path, ('a', 'b'), True)
  told = f'{equal} names are in both' in str(error.value)
  assert told == ('+append' in str(error.value)) == (equal > 0)
