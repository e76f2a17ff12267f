"""Tests for art_jax.data.tfds_source with small sets prepared on the spot."""

import io
import time
import types
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.data import sources, streaming, tfds_prepare

tfds = pytest.importorskip('tensorflow_datasets')
pytest.importorskip('tensorflow')


def _png(value, side=20):
  stream = io.BytesIO()
  Image.new('RGB', (side + value, side), (value, 0, 0)).save(stream, 'PNG')
  return io.BytesIO(stream.getvalue())


class TinyDomains(tfds.core.GeneratorBasedBuilder):
  """Two domains with their own test splits, as cycle_gan has them."""

  VERSION = tfds.core.Version('1.0.0')

  def _info(self):
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(),
          'label': tfds.features.ClassLabel(num_classes=2),
        }
      ),
    )

  def _split_generators(self, dl_manager):
    counts = {'trainA': 5, 'trainB': 7, 'testA': 2, 'testB': 3}
    return {name: self._generate_examples(n) for name, n in counts.items()}

  def _generate_examples(self, count):
    for i in range(count):
      yield i, {'image': _png(i), 'label': 0}


class TinyLabels(tfds.core.GeneratorBasedBuilder):
  """Pictures of three classes; the red channel says which."""

  VERSION = tfds.core.Version('1.0.0')

  def _info(self):
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(
        {
          'id': tfds.features.Text(),
          'image': tfds.features.Image(),
          'label': tfds.features.ClassLabel(names=['cat', 'dog', 'owl']),
        }
      ),
    )

  def _split_generators(self, dl_manager):
    return {
      'train': self._generate_examples(12),
      'test': self._generate_examples(6),
    }

  def _generate_examples(self, count):
    for i in range(count):
      yield i, {'id': str(i), 'image': _png(i % 3), 'label': i % 3}


class TinyContest(TinyLabels):
  """A set whose test split has no labels: tfds writes -1."""

  def _split_generators(self, dl_manager):
    unknown = {'image': _png(5), 'label': -1, 'id': 'x'}
    return {
      'train': self._generate_examples(12),
      'test': iter([(0, unknown), (1, unknown)]),
      'validation': self._generate_examples(3),
    }


class TinyTexts(tfds.core.GeneratorBasedBuilder):
  """A set without pictures."""

  VERSION = tfds.core.Version('1.0.0')

  def _info(self):
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict({'text': tfds.features.Text()}),
    )

  def _split_generators(self, dl_manager):
    return {'train': iter([(0, {'text': 'x'})])}

  def _generate_examples(self):
    raise NotImplementedError


def _open(name, data_dir, **kwargs):
  source = sources.Tfds(name, data_dir=str(data_dir))
  return source.open(core.Data(source=source, size=16, **kwargs))


def _prepare(builder, data_dir, file_format):
  builder(
    data_dir=str(data_dir), file_format=file_format
  ).download_and_prepare()


@pytest.mark.parametrize('file_format', ['array_record', 'tfrecord'])
def test_domains(tmp_path, file_format):
  _prepare(TinyDomains, tmp_path, file_format)
  opened = _open('tiny_domains', tmp_path)
  assert [len(e) for e in (*opened.train, *opened.heldout)] == [5, 7, 2, 3]
  assert opened.keys == ('a', 'b') and 'tiny_domains' in opened.summary
  values = [opened.train[1].read(i)['b'] for i in range(7)]
  assert values[0].shape == (16, 16, 3) and values[0].dtype == np.uint8
  assert sorted(int(v[0, 0, 0]) for v in values) == list(range(7))
  again = _open('tiny_domains', tmp_path)
  for i, value in enumerate(values):
    np.testing.assert_array_equal(again.train[1].read(i)['b'], value)
  found = opened.fingerprint
  assert found.exact and found == again.fingerprint
  name, _ = found.parts['train b'][6]
  assert name == 'tiny_domains/1.0.0 trainB 6'  # name, version, split


@pytest.mark.parametrize('file_format', ['array_record', 'tfrecord'])
def test_labels(tmp_path, file_format):
  _prepare(TinyLabels, tmp_path, file_format)
  colors = {'cat': 0, 'dog': 1, 'owl': 2}
  for wanted, count in (((), 12), (('owl', 'cat'), 8)):
    opened = _open('tiny_labels', tmp_path, classes=wanted)
    names = wanted or ('cat', 'dog', 'owl')
    (train,), (heldout,) = opened.train, opened.heldout
    assert opened.class_names == names and opened.keys == ('image', 'label')
    assert (len(train), len(heldout)) == (count, count // 2)
    for i in range(count):
      row = train.read(i)
      assert row['image'][0, 0, 0] == colors[names[row['label']]]


@pytest.mark.parametrize('file_format', ['array_record', 'tfrecord'])
def test_a_test_split_without_labels_is_not_held_out(tmp_path, file_format):
  _prepare(TinyContest, tmp_path, file_format)
  for wanted, counts in (((), (12, 3)), (('dog',), (4, 1))):
    opened = _open('tiny_contest', tmp_path, classes=wanted)
    (train,), (heldout,) = opened.train, opened.heldout
    assert (len(train), len(heldout)) == counts
    rows = [heldout.read(i) for i in range(len(heldout))]
    reds = [int(row['image'][0, 0, 0]) for row in rows]
    assert reds == [int(row['label']) + bool(wanted) for row in rows]


def test_missing_sets_are_prepared(tmp_path, monkeypatch):
  asked = []
  monkeypatch.setattr(tfds_prepare, '_unreachable', asked.append)
  opened = _open('tiny_labels', tmp_path)
  assert len(opened.train[0]) == 12 and not asked  # it downloads nothing
  assert list(tmp_path.rglob('*.array_record*'))


def test_a_set_without_pictures(tmp_path):
  _prepare(TinyTexts, tmp_path, 'tfrecord')
  with pytest.raises(core.UserError, match='no pictures .features: text'):
    _open('tiny_texts', tmp_path)


@pytest.mark.parametrize(
  'name, near',
  [
    ('cycle_gan/horse2zebr', 'nearest: cycle_gan/horse2zebra'),
    ('oxford_flower102', 'nearest: oxford_flowers102'),
    ('mnist:9.9.9', 'Dataset mnist cannot be loaded'),
    ('!!', 'nearest: mnist'),
  ],
)
def test_unknown_names(tmp_path, name, near):
  with pytest.raises(core.UserError, match=near) as info:
    _open(name, tmp_path)
  assert '--data=tfds:NAME' in str(info.value)


def test_offline_fails_at_once_and_says_what_to_do(tmp_path, monkeypatch):
  def never(*args, **kwargs):
    time.sleep(60)
    raise OSError('nobody waits for this any more')

  monkeypatch.setattr(tfds_prepare, '_CONNECT_SECONDS', 0.2)
  streaming.import_tensorflow()
  for ask, reason in (
    (never, 'no answer'),
    (_raise(urllib.error.URLError('no route')), 'no route'),
    (_raise(OSError('tunnel refused')), 'tunnel refused'),
  ):
    monkeypatch.setattr(urllib.request, 'urlopen', ask)
    start = time.monotonic()
    with pytest.raises(core.UserError) as info:
      _open('cycle_gan/horse2zebra', tmp_path)
    assert time.monotonic() - start < 8
    for words in (
      reason,
      'horse2zebra.zip',
      'manual_dir',
      'data_dir',
      '--data=PATH',
      '--data=builtin',
    ):
      assert words in str(info.value)
    assert 'apple2orange' not in str(info.value)


def _raise(error):
  def ask(*args, **kwargs):
    raise error

  return ask


def test_a_host_that_dislikes_head_is_there(monkeypatch):
  for code, reachable in ((403, True), (405, True), (503, False)):
    error = urllib.error.HTTPError('https://x', code, 'no', {}, None)
    monkeypatch.setattr(urllib.request, 'urlopen', _raise(error))
    assert (tfds_prepare._unreachable('https://x/y.zip') is None) == reachable


def test_local_archive_needs_no_network(tmp_path, monkeypatch):
  asked = []
  monkeypatch.setattr(tfds_prepare, '_unreachable', asked.append)
  manual = tmp_path / 'manual'
  manual.mkdir()
  (manual / 'horse2zebra.zip').write_bytes(b'not the archive')
  source = sources.Tfds('cycle_gan/horse2zebra', str(tmp_path), str(manual))
  with pytest.raises(core.UserError, match='NonMatchingChecksum'):
    source.open(core.Data(source=source, size=16))
  assert not asked


def test_a_missing_manual_folder_is_named(tmp_path):
  source = sources.Tfds('mnist', str(tmp_path), str(tmp_path / 'gone'))
  with pytest.raises(core.UserError, match='gone.* does not exist'):
    source.open(core.Data(source=source, size=16))


def test_terms_are_announced(tmp_path, monkeypatch, caplog):
  builder = tfds.builder('cycle_gan/horse2zebra', data_dir=str(tmp_path))
  logged = []
  monkeypatch.setattr(
    tfds_prepare.logging, 'info', lambda text, *args: logged.append(text % args)
  )
  tfds_prepare._announce(builder)
  assert '111.5 MiB from efrosgans.eecs.berkeley.edu' in logged[0]
  assert 'license: see https://junyanz.github.io' in logged[0]
  assert 'Unpaired Image-to-Image' in logged[0]


def test_without_tfds_it_says_what_to_install(monkeypatch):
  fake = types.SimpleNamespace(
    util=types.SimpleNamespace(find_spec=lambda _: None)
  )
  monkeypatch.setattr(tfds_prepare, 'importlib', fake)
  with pytest.raises(core.UserError, match='pip install tensorflow-datasets'):
    _open('mnist', 'x')
