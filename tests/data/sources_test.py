"""Tests for art_jax.data.sources, the splits, and what --data=... means."""

import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.data import dataset, detect, fit, sources

_ASSETS = pathlib.Path(
  os.environ.get(
    'ART_JAX_ASSETS', pathlib.Path(__file__).parents[3] / 'shared' / 'assets'
  )
)
needs_assets = pytest.mark.skipif(
  not (_ASSETS / 'datasets').is_dir(),
  reason=f'no pictures in {_ASSETS}; set ART_JAX_ASSETS',
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path_factory.mktemp('home')))


def _fill(folder, count, color=(9, 90, 200), width=20, height=16, start=0):
  folder.mkdir(parents=True, exist_ok=True)
  for i in range(start, start + count):
    image = Image.new('RGB', (width, height), color)
    image.save(folder / f'{i:03d}.png')


def _pairs(folder, count):
  folder.mkdir(parents=True, exist_ok=True)
  for i in range(count):
    image = Image.new('RGB', (32, 16), (200, 0, i))
    image.paste((0, 200, i), (16, 0, 32, 16))
    image.save(folder / f'{i:03d}.png')


def _data(source, **kwargs):
  return core.Data(source=source, **{'size': 16} | kwargs)


def _open(source, **kwargs):
  data = _data(source, **kwargs)
  return source.open(data)


def _domains_folder(tmp_path, tests=True):
  for name, count in (('trainA', 5), ('trainB', 9), ('testA', 2), ('testB', 3)):
    if tests or name.startswith('train'):
      _fill(tmp_path / name, count)
  return tmp_path


def test_split_is_stable_when_names_are_added():
  names = [f'{i}.jpg' for i in range(400)]
  train, heldout = dataset.split(names, 0.05)
  assert sorted(train + heldout) == list(range(400))
  assert 8 <= len(heldout) <= 40
  more, heldout_more = dataset.split(names + ['new/x.jpg'], 0.05)
  assert set(heldout_more) - {400} == set(heldout)


@pytest.mark.parametrize(
  'count, share, num_heldout',
  [(1, 0.05, 0), (2, 0.05, 1), (9, 0.0, 0), (3, 0.999, 2)],
)
def test_split_keeps_one_on_each_side(count, share, num_heldout):
  train, heldout = dataset.split([f'{i}' for i in range(count)], share)
  assert len(heldout) == num_heldout
  assert len(train) == count - num_heldout >= 1


def test_folder(tmp_path):
  _fill(tmp_path, 18)
  _fill(tmp_path / 'more', 2)
  opened = _open(sources.Folder(str(tmp_path)), load_size=20, channels=1)
  (train,), (heldout,) = opened.train, opened.heldout
  assert opened.keys == train.keys == ('image',)
  assert len(train) + len(heldout) == 20 and opened.num_examples == len(train)
  assert not set(train.names) & set(heldout.names)
  row = train.read(0)
  assert row['image'].shape == (20, 20, 1) and row['image'].dtype == np.uint8
  assert 'train' in opened.summary and 'held out' in opened.summary


def test_one_picture_is_its_own_heldout(tmp_path):
  _fill(tmp_path, 1)
  opened = _open(sources.Folder(str(tmp_path)))
  assert opened.heldout[0].names == opened.train[0].names
  assert 'held-out = train' in opened.summary


def test_skipped_files_are_reported(tmp_path):
  _fill(tmp_path, 9)
  (tmp_path / '000.png').write_bytes(b'no picture')
  opened = _open(sources.Folder(str(tmp_path)), max_bad=0.2)
  assert opened.skipped == ((str(tmp_path / '000.png'), 'not a picture'),)
  assert "1 skipped: '000.png' (not a picture)" in opened.summary


@pytest.mark.parametrize('train, val', [('train', 'val'), ('Train', 'VALID')])
def test_train_and_val_folders_are_the_splits(train, val, tmp_path):
  _fill(tmp_path / train, 7)
  _fill(tmp_path / val, 3)
  opened = _open(sources.Folder(str(tmp_path)))
  assert (len(opened.train[0]), len(opened.heldout[0])) == (7, 3)
  _fill(tmp_path / 'Car', 4)  # then they are classes
  opened = _open(sources.Classes(str(tmp_path)))
  assert opened.class_names == ('Car', *sorted((train, val)))


@pytest.mark.parametrize('tests', [(), ('valid',), ('test', 'valid')])
def test_pictures_outside_of_the_splits_are_counted(tmp_path, tests):
  _fill(tmp_path, 5)
  for name in ('train', *tests):
    _fill(tmp_path / name / 'monet', 4)
    _fill(tmp_path / name, 2)
  outside = 5 + 6 * max(0, len(tests) - 1)  # the first split is held out
  for inputs in (('image',), ('image', 'label')):
    source, text = detect.parse(str(tmp_path), inputs, False)
    opened = _open(source)
    used = len(opened.train[0]) + len(opened.heldout[0])
    lost = outside + ('label' in inputs) * 2 * (1 + len(tests[:1]))
    assert f'data: {used} pictures' in text
    assert f'; {lost} outside of the ' in opened.summary


@pytest.mark.parametrize('inputs', [('image',), ('image', 'label'), ('a', 'b')])
@pytest.mark.parametrize('empty', ['annotations', 'test', 'testA'])
def test_a_folder_without_pictures_is_no_part_of_a_layout(
  inputs, empty, tmp_path
):
  names = ('trainA', 'trainB', 'testB')
  if 'a' not in inputs:
    names = ('train/monet', 'train/turner', 'valid/monet')
  for name, count in zip(names, (5, 6, 4), strict=True):
    _fill(tmp_path / 'set' / name, count)
  archive = shutil.make_archive(str(tmp_path / 'set'), 'zip', tmp_path / 'set')
  (tmp_path / 'set' / empty).mkdir()
  (tmp_path / 'set' / empty / 'about.xml').write_text('<about/>')
  parts = []
  for path in (archive, str(tmp_path / 'set')):
    source, _ = detect.parse(path, inputs, False)
    parts.append(_open(source).fingerprint.parts)
  assert parts[0] == parts[1]
  heldout = 'heldout b' if 'a' in inputs else 'heldout'
  assert len(parts[0][heldout]) == 4


def test_a_class_may_be_called_train(tmp_path):
  for name in ('bus', 'train'):
    _fill(tmp_path / name, 4)
  opened = _open(sources.Classes(str(tmp_path)))
  assert opened.class_names == ('bus', 'train')


def test_classes(tmp_path):
  for label, name in enumerate(('monet', 'turner', 'goya')):
    _fill(tmp_path / name, 6, (label, 0, 0))
  color = {'monet': 0, 'turner': 1, 'goya': 2}
  for wanted, expected in (
    ((), ('goya', 'monet', 'turner')),
    (('turner', 'goya'), ('turner', 'goya')),
  ):
    opened = _open(sources.Classes(str(tmp_path)), classes=wanted)
    assert opened.class_names == expected and opened.keys == ('image', 'label')
    for examples in (*opened.train, *opened.heldout):
      for i in range(len(examples)):
        row = examples.read(i)
        assert row['label'].dtype == np.int32
        name = expected[row['label']]
        assert row['image'][0, 0, 0] == color[name]
        assert examples.name(i).startswith(name)


def test_classes_with_a_test_split(tmp_path):
  for name in ('monet', 'turner'):
    _fill(tmp_path / 'train' / name, 6)
  _fill(tmp_path / 'test' / 'turner', 2)
  opened = _open(sources.Classes(str(tmp_path)))
  assert len(opened.train[0]) == 12 and 'left out' not in opened.summary
  assert [opened.heldout[0].read(i)['label'] for i in range(2)] == [1, 1]


def test_a_test_class_that_is_not_trained_on_is_told(tmp_path):
  _fill(tmp_path / 'train' / 'monet', 6)
  _fill(tmp_path / 'test' / 'monet', 2)
  _fill(tmp_path / 'test' / 'Turner', 2)
  opened = _open(sources.Classes(str(tmp_path)))
  assert len(opened.heldout[0]) == 2
  assert 'without training are left out: Turner' in opened.summary


@pytest.mark.parametrize('tests', [True, False])
def test_unpaired(tmp_path, tests):
  root = _domains_folder(tmp_path, tests)
  opened = _open(sources.Unpaired(str(root)))
  a, b = opened.train
  assert (a.keys, b.keys) == (('a',), ('b',))
  held = [len(e) for e in opened.heldout]
  assert held == ([2, 3] if tests else [1, held[1]]) and held[1] >= 1
  assert opened.num_examples == len(b) == (9 if tests else 9 - held[1])


def test_unpaired_of_two_folders(tmp_path):
  root = _domains_folder(tmp_path)
  opened = _open(
    sources.Unpaired(a=str(root / 'testA'), b=str(root / 'trainB'))
  )
  assert opened.keys == ('a', 'b')
  assert len(opened.train[0]) == len(opened.heldout[0]) == 1


@pytest.mark.parametrize('left', ['a', 'b'])
def test_pairs(tmp_path, left):
  _pairs(tmp_path / 'train', 6)
  _pairs(tmp_path / 'val', 2)
  opened = _open(sources.Pairs(str(tmp_path), left=left))
  (train,), (heldout,) = opened.train, opened.heldout
  assert train.keys == ('a', 'b') and len(train) == 6 and len(heldout) == 2
  row = train.read(4)
  right = 'b' if left == 'a' else 'a'
  assert (row[left] == (200, 0, 4)).all()
  assert (row[right] == (0, 200, 4)).all()
  opened = _open(sources.Pairs(str(tmp_path), left=left, paired=False))
  assert [e.keys for e in opened.train] == [('a',), ('b',)]
  assert (opened.train[0].read(3)['a'] == row['a'] - (0, 0, 1)).all()


def _builtin(layout, **kwargs):
  source = sources.Builtin(layout, count=6)
  return _open(source, **{'size': 32, 'load_size': 36} | kwargs)


def test_builtin_domains_never_share_a_training_scene():
  unpaired, pairs = _builtin('unpaired'), _builtin('pairs')
  a, b = unpaired.train
  assert (a.keys, b.keys) == (('a',), ('b',))
  assert not set(a.names) & set(b.names)
  held_a, held_b = unpaired.heldout
  assert held_a.names == held_b.names == pairs.heldout[0].names
  assert not set(held_a.names) & {*a.names, *b.names}
  truth = pairs.heldout[0].read(3)
  assert (held_a.read(3)['a'] == truth['a']).all()
  assert (held_b.read(3)['b'] == truth['b']).all()
  assert truth['a'].shape == (36, 36, 3) and (truth['a'] != truth['b']).any()


def test_builtin_images_and_labels():
  images = _builtin('images', classes=('abstract', 'portrait'), channels=1)
  (train,) = images.train
  assert images.class_names == ('abstract', 'portrait')
  assert train.keys == ('image', 'label') and len(train) == 6
  assert [int(train.read(i)['label']) for i in range(6)] == [0, 1] * 3
  assert train.read(0)['image'].shape == (36, 36, 1)
  small = _builtin('labels', size=16, load_size=None)
  assert small.train[0].read(0)['a'].shape == (16, 16, 3)
  with pytest.raises(core.UserError, match='nearest: portrait'):
    _builtin('images', classes=('potrait',))


def _npz(tmp_path, **arrays):
  path = tmp_path / 'x.npz'
  np.savez(path, **arrays)
  return str(path)


def _gray(count, value=7, side=16):
  return np.full((count, side, side), value, np.uint8)


def test_arrays_like_mnist(tmp_path):
  path = _npz(
    tmp_path,
    x_train=_gray(8),
    y_train=np.arange(8) % 3,
    x_test=_gray(2, 9),
    y_test=np.array([2, 1]),
  )
  opened = _open(sources.Arrays(path), size=32)
  (train,), (heldout,) = opened.train, opened.heldout
  assert opened.class_names == ('0', '1', '2') and len(train) == 8
  row = heldout.read(0)
  assert row['image'].shape == (32, 32, 3) and (row['image'] == 9).all()
  assert row['label'] == 2 and row['label'].dtype == np.int32
  opened = _open(sources.Arrays(path), classes=('2', '0'))
  labels = [int(opened.train[0].read(i)['label']) for i in range(5)]
  assert sorted(labels) == [0, 0, 1, 1, 1] and len(opened.heldout[0]) == 1


def test_arrays_of_domains(tmp_path):
  path = _npz(tmp_path, a=_gray(6), b=_gray(9))
  opened = _open(sources.Arrays(path))
  assert [e.keys for e in opened.train] == [('a',), ('b',)]
  with pytest.raises(core.UserError, match='same number'):
    _open(sources.Arrays(path, paired=True))
  path = _npz(tmp_path, a=_gray(6), b=_gray(6, 3))
  opened = _open(sources.Arrays(path, paired=True))
  assert opened.train[0].keys == ('a', 'b')


_LABELED = {'image': _gray(4), 'label': np.arange(4) % 2}


def test_names_of_the_classes_of_arrays(tmp_path):
  path = _npz(tmp_path, **_LABELED, class_names=[b'cat', b'dog', b'owl'])
  assert _open(sources.Arrays(path)).class_names == ('cat', 'dog', 'owl')
  opened = _open(sources.Arrays(path), classes=('dog', 'owl'))
  assert opened.class_names == ('dog', 'owl')
  with pytest.raises(core.UserError, match='no training row of .* owl'):
    _open(sources.Arrays(path), classes=('owl',))


def test_arrays_that_are_left_out_are_named(tmp_path):
  path = _npz(tmp_path, **_LABELED, x_test=_gray(2), extra=np.zeros(3))
  opened = _open(sources.Arrays(path), heldout=0.0)
  assert 'held-out = train' in opened.summary
  assert '; left out: extra, x_test' in opened.summary


@pytest.mark.parametrize(
  'arrays, words',
  [
    ({'foo': _gray(2)}, 'no pictures that are known'),
    ({'a': _gray(2)}, 'no pictures that are known'),
    ({'image': _gray(2) / 255}, 'must be uint8'),
    ({'image': _gray(0)}, 'not empty'),
    ({'image': _gray(2), 'label': np.zeros(3, int)}, 'same number'),
    ({'image': _gray(2), 'label': np.array(['a', 'b'])}, 'whole numbers'),
    ({'image': np.array([{}, {}])}, 'cannot be read'),  # would need pickle
    ({'image': _gray(1), 'label': np.array([2**32 - 1])}, 'from 0 to 99999'),
    ({**_LABELED, 'class_names': 'a'}, r'shape \[\].*give it 2 names'),
    ({**_LABELED, 'class_names': ['a']}, r'shape \[1\].*give it 2 names'),
    ({**_LABELED, 'class_names': [['a', 'b']]}, r'shape \[1, 2\]'),
  ],
)
def test_bad_arrays(tmp_path, arrays, words):
  with pytest.raises(core.UserError, match=words):
    _open(sources.Arrays(_npz(tmp_path, **arrays)))


def test_bad_array_files(tmp_path, monkeypatch):
  with pytest.raises(core.UserError, match='does not exist'):
    _open(sources.Arrays(str(tmp_path / 'gone.npz')))
  (tmp_path / 'text.npz').write_text('x')
  with pytest.raises(core.UserError, match='cannot be read as .npz'):
    _open(sources.Arrays(str(tmp_path / 'text.npz')))
  monkeypatch.setattr('art_jax.data.arrays.MAX_BYTES', 100)
  with pytest.raises(core.UserError, match='the limit is 100'):
    _open(sources.Arrays(_npz(tmp_path, image=_gray(2))))


def _no_root(root):
  return sources.Unpaired()


def _half(root):
  return sources.Unpaired(a=str(root))


def _empty_domain(root):
  _fill(root / 'trainA', 2)
  (root / 'trainB').mkdir()
  return sources.Unpaired(str(root))


def _missing_domain(root):
  _fill(root / 'trainA', 2)
  return sources.Unpaired(str(root))


def _empty_class(root):
  _fill(root / 'monet', 2)
  (root / 'goya').mkdir()
  return sources.Classes(str(root))


def _no_classes(root):
  _fill(root, 2)
  return sources.Classes(str(root))


def _wrong_side(root):
  return sources.Pairs(str(root), left='c')


@pytest.mark.parametrize(
  'make, words',
  [
    (_no_root, 'takes root'),
    (_half, 'takes root'),
    (_empty_domain, 'trainB.* holds 0 images'),
    (_missing_domain, 'trainB.* does not exist'),
    (_empty_class, 'goya.* holds 0 images.*; add pictures, .*data.classes='),
    (_no_classes, 'no class sub-folders'),
    (_wrong_side, "'a' or 'b'"),
    (lambda root: sources.Builtin('photos'), 'unpaired, images'),
    (lambda root: sources.Builtin(count=0), 'at least 1'),
  ],
)
def test_bad_sources(tmp_path, make, words):
  with pytest.raises(core.UserError, match=words):
    _open(make(tmp_path))


def test_unknown_class_names_the_nearest(tmp_path):
  for name in ('monet', 'goya'):
    _fill(tmp_path / name, 2)
  with pytest.raises(core.UserError, match="'monte'.*nearest: monet"):
    _open(sources.Classes(str(tmp_path)), classes=('monte',))


def test_a_class_is_named_once(tmp_path):
  for name in ('caf\u00e9', 'goya'):
    _fill(tmp_path / name, 2)
  with pytest.raises(core.UserError, match='names .caf.* more than once'):
    _open(
      sources.Classes(str(tmp_path)),
      classes=('caf\u00e9', 'goya', 'cafe\u0301'),
    )


def test_classes_where_there_are_none(tmp_path):
  _fill(tmp_path, 4)
  with pytest.raises(core.UserError, match='has no classes'):
    _open(sources.Folder(str(tmp_path)), classes=('monet',))


def test_check_inputs(tmp_path):
  unpaired = _open(sources.Unpaired(str(_domains_folder(tmp_path / 'x'))))
  fit.check_inputs(unpaired, ('a', 'b'), aligned=False)
  with pytest.raises(core.UserError, match='not paired'):
    fit.check_inputs(unpaired, ('a', 'b'), aligned=True)
  with pytest.raises(core.UserError, match='image is missing'):
    fit.check_inputs(unpaired, ('image',), aligned=False)


def test_parse_detects_the_layout(tmp_path):
  _fill(tmp_path / 'plain', 3)
  for name in ('monet', 'goya'):
    _fill(tmp_path / 'classes' / name, 2)
  _domains_folder(tmp_path / 'domains')
  _pairs(tmp_path / 'pairs' / 'train', 4)
  _pairs(tmp_path / 'pairs' / 'val', 1)
  image, label, both = ('image',), ('image', 'label'), ('a', 'b')

  def path(name):
    return str(tmp_path / name)

  cases = [
    (path('plain'), image, False, sources.Folder(path('plain')), '3 pictures'),
    (path('classes'), image, False, sources.Folder(path('classes')), 'plain'),
    (
      path('classes'),
      label,
      False,
      sources.Classes(path('classes')),
      '4 pictures of 2 classes',
    ),
    (
      path('domains'),
      both,
      False,
      sources.Unpaired(path('domains')),
      '5 and 9 pictures',
    ),
    (path('pairs'), both, True, sources.Pairs(path('pairs')), '5 side-by-side'),
    (
      path('pairs'),
      both,
      False,
      sources.Pairs(path('pairs'), paired=False),
      'independently',
    ),
    ('builtin', image, False, sources.Builtin('images'), 'built-in'),
    ('builtin', both, False, sources.Builtin('unpaired'), 'built-in'),
    ('builtin', both, True, sources.Builtin('pairs'), 'built-in'),
    ('tfds:mnist', image, False, sources.Tfds('mnist'), 'mnist'),
    (path('x.npz'), both, True, sources.Arrays(path('x.npz'), True), 'x.npz'),
  ]
  for text, inputs, aligned, expected, words in cases:
    source, message = detect.parse(text, inputs, aligned)
    assert source == expected and words in message, text
    assert message.startswith('data: ') and '\n' not in message


@pytest.mark.parametrize(
  'make, inputs, aligned, words',
  [
    (lambda root: None, ('image',), False, 'no such folder'),
    (lambda root: root.mkdir(), ('image',), False, 'holds 0 images'),
    (lambda root: _fill(root, 3), ('a', 'b'), False, 'trainA and trainB'),
    (lambda root: _fill(root, 3), ('a', 'b'), True, 'side-by-side'),
    (lambda root: _fill(root, 3), ('image', 'label'), False, 'sub-folder'),
    (_domains_folder, ('a', 'b'), True, 'not paired'),
    (_domains_folder, ('image',), False, 'pass one of them'),
  ],
)
def test_parse_refuses_what_cannot_serve(
  tmp_path, make, inputs, aligned, words
):
  make(tmp_path / 'x')
  with pytest.raises(core.UserError, match=words):
    detect.parse(str(tmp_path / 'x'), inputs, aligned)


@needs_assets
def test_real_paintings_and_facades():
  paintings = str(_ASSETS / 'datasets' / 'paintings')
  source, message = detect.parse(paintings, ('image', 'label'), False)
  opened = _open(source, size=64)
  assert opened.class_names == ('monet', 'old_masters', 'ukiyo_e', 'van_gogh')
  assert '917 pictures of 4 classes' in message and not opened.skipped
  facades = str(_ASSETS / 'datasets' / 'facades')
  source, _ = detect.parse(facades, ('a', 'b'), True)
  opened = _open(source, size=256, load_size=286)
  assert source == sources.Pairs(facades)
  assert (len(opened.train[0]), len(opened.heldout[0])) == (120, 15)
  assert opened.train[0].read(0)['b'].shape == (286, 286, 3)


@needs_assets
def test_real_arrays():
  for name, shape in (('mnist/mnist', 1), ('cifar10/cifar10_subset', 3)):
    source = sources.Arrays(str(_ASSETS / 'datasets' / f'{name}.npz'))
    opened = _open(source, size=32, channels=shape)
    assert len(opened.class_names) == 10
    assert opened.train[0].read(5)['image'].shape == (32, 32, shape)
    assert len(opened.heldout[0]) >= 1000
