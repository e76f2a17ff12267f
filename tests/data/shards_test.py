"""Shards hold the pictures of a folder: parquet, TFRecord, WebDataset."""

import io
import json
import os
import struct
import tarfile
import zipfile

import jax
import numpy as np
import pytest
from PIL import Image
from tensorboardX import crc32c as tensorboard_crc32c
from tensorboardX import record_writer

from art_jax import core
from art_jax.data import crc32c, detect, parquet, pipeline, shards, tfrecord
from art_jax.data.sources import Classes, Folder, Unpaired
from art_jax.devices import mesh

_KINDS = ('parquet', 'tfrecord', 'tar', 'zip')
_CLASSES = ('monet', 'turner')


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path / 'home'))


def _files(count=60, seed=0) -> dict[str, bytes]:
  """Return pictures of several sizes, modes and formats, by class."""
  rng, files = np.random.default_rng(seed), {}
  for i in range(count):
    shape = (rng.integers(16, 40), rng.integers(16, 40), 3)
    image = Image.fromarray(rng.integers(0, 255, shape, np.uint8))
    kind = ('png', 'jpg', 'webp')[i % 3]
    image = image.convert(('RGB', 'L')[i % 5 == 0])
    out = io.BytesIO()
    image.save(out, {'jpg': 'jpeg'}.get(kind, kind), lossless=True)
    files[f'{_CLASSES[i % 2]}/{i:03d}.{kind}'] = out.getvalue()
  return files


def _varint(value: int) -> bytes:
  out = b''
  while value > 127:
    out, value = out + bytes([value & 127 | 128]), value >> 7
  return out + bytes([value])


def _field(number: int, data: bytes) -> bytes:
  return _varint(number << 3 | 2) + _varint(len(data)) + data


def _example(**features) -> bytes:
  """Encode a tf.train.Example."""
  entries = b''
  for key, value in features.items():
    if isinstance(value, bytes):
      feature = _field(1, _field(1, value))
    else:
      feature = _field(3, _field(1, _varint(value)))
    entries += _field(1, _field(1, key.encode()) + _field(2, feature))
  return _field(1, entries)


def _tfrecord(path, files, **more):
  writer = record_writer.RecordWriter(str(path))
  for name, data in files.items():
    label, _, file = name.rpartition('/')
    row = {'image': data, 'image_name': file.encode(), 'label': label.encode()}
    writer.write(_example(**{**row, **more}))
  writer.close()


def _parquet(path, files, row_group_size=None):
  import pyarrow as pa
  import pyarrow.parquet as pq

  features = {
    'image': {'_type': 'Image'},
    'label': {'_type': 'ClassLabel', 'names': list(_CLASSES)},
  }
  table = pa.table(
    {
      'image': pa.array(
        [
          {'bytes': data, 'path': os.path.basename(name)}
          for name, data in files.items()
        ],
        pa.struct({'bytes': pa.binary(), 'path': pa.string()}),
      ),
      'label': pa.array(
        [_CLASSES.index(name.partition('/')[0]) for name in files], pa.int64()
      ),
    }
  ).replace_schema_metadata(
    {'huggingface': json.dumps({'info': {'features': features}})}
  )
  pq.write_table(
    table, path, row_group_size=row_group_size, write_page_checksum=True
  )


def _tar(path, files):
  with tarfile.open(path, 'w:gz' if str(path).endswith('gz') else 'w') as file:
    for name, data in files.items():
      stem = os.path.splitext(name)[0]
      cls = name.partition('/')[0].encode()
      for entry, content in ((name, data), (f'{stem}.cls', cls)):
        info = tarfile.TarInfo(entry)
        info.size = len(content)
        file.addfile(info, io.BytesIO(content))


_WRITE = {'parquet': _parquet, 'tfrecord': _tfrecord, 'tar': _tar}


def _write(root, kind: str, files, num_shards=3) -> str:
  root.mkdir()
  if kind == 'folder':
    for name, data in files.items():
      (root / name).parent.mkdir(exist_ok=True)
      (root / name).write_bytes(data)
  elif kind == 'zip':
    with zipfile.ZipFile(root / 'x.zip', 'w') as file:
      for name, data in files.items():
        file.writestr(name, data)
    return str(root / 'x.zip')
  else:
    if kind == 'parquet':
      pytest.importorskip('pyarrow')
    items = list(files.items())
    for i in range(num_shards):
      _WRITE[kind](root / f'part-{i}.{kind}', dict(items[i::num_shards]))
  return str(root)


def _batches(path: str, inputs=('image', 'label'), steps=3):
  source, text = detect.parse(path, inputs, False)
  data = core.Data(source=source, size=16, load_size=20, heldout=0.2)
  opened = source.open(data)
  engine = pipeline.open_engine(
    opened, data, rows_per_step=7, seed=3, placer=mesh.make_devices(1)
  )
  inputs = engine.inputs(0)
  batches = [
    jax.device_get(engine.prepare(engine.constants, next(inputs)))
    for _ in range(steps)
  ]
  names = [part.names for part in (*opened.train, *opened.heldout)]
  whole = opened.train[0].picture(3, 'image')
  same = names, opened.class_names, opened.fingerprint.digest
  return type(source), same, batches, np.asarray(whole), text


@pytest.mark.parametrize('inputs', [('image', 'label'), ('image',)])
def test_all_containers_give_the_same_batches(inputs, tmp_path):
  files = _files()
  kind, same, batches, whole, _ = _batches(
    _write(tmp_path / 'folder', 'folder', files), inputs
  )
  assert kind is (Classes if 'label' in inputs else Folder)
  for container in _KINDS:
    path = _write(tmp_path / container, container, files)
    other = _batches(path, inputs)
    assert other[:2] == (kind, same), container
    jax.tree.map(np.testing.assert_array_equal, other[2], batches)
    np.testing.assert_array_equal(other[3], whole)


@pytest.mark.extra
def test_a_parquet_of_the_datasets_library(tmp_path):
  datasets = pytest.importorskip('datasets')
  files = _files(12)
  folder = _write(tmp_path / 'folder', 'folder', files)
  rows = {
    'image': [
      {'bytes': data, 'path': os.path.basename(name)}
      for name, data in files.items()
    ],
    'label': [_CLASSES.index(name.partition('/')[0]) for name in files],
  }
  features = datasets.Features(
    image=datasets.Image(), label=datasets.ClassLabel(names=list(_CLASSES))
  )
  (tmp_path / 'set').mkdir()
  path = str(tmp_path / 'set' / 'train-00000-of-00001.parquet')
  datasets.Dataset.from_dict(rows, features=features).to_parquet(path)
  assert _batches(path)[:2] == _batches(folder)[:2]


@pytest.mark.slow
def test_a_file_of_tensorflow(tmp_path):
  import tensorflow as tf

  path, files = str(tmp_path / 'a.tfrecord'), _files(4)
  with tf.io.TFRecordWriter(path) as writer:
    for i, data in enumerate(files.values()):
      feature = {
        'image': tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
        'label': tf.train.Feature(int64_list=tf.train.Int64List(value=[-i])),
        'x': tf.train.Feature(float_list=tf.train.FloatList(value=[1.5, 2])),
      }
      example = tf.train.Example(features=tf.train.Features(feature=feature))
      writer.write(example.SerializeToString())
  read = list(tfrecord.read(path))
  assert [record.pictures['image'] for record in read] == list(files.values())
  assert [record.label for record in read] == [0, -1, -2, -3]


@pytest.mark.parametrize('count', [0, 1, 3, 4, 5, 9, 511, 512, 513, 5000])
def test_crc32c_is_that_of_tensorboard(count):
  data = np.random.default_rng(count).bytes(count)
  assert crc32c.crc32c(data) == tensorboard_crc32c.crc32c(data)
  assert crc32c.crc32c(b'123456789') == 0xE3069283  # RFC 3720, B.4


def _cut(path, share):
  data = path.read_bytes()
  path.write_bytes(data[: int(len(data) * share)])


def _flip(path, share):
  data = bytearray(path.read_bytes())
  data[int(len(data) * share)] ^= 255
  path.write_bytes(data)


@pytest.mark.parametrize('kind', ['parquet', 'tfrecord', 'tar'])
@pytest.mark.parametrize('damage', [_cut, _flip])
def test_damaged_shards_are_named_and_bounded(kind, damage, tmp_path):
  root = tmp_path / 'set'
  path = _write(root, kind, _files(), num_shards=6)
  damage(root / f'part-2.{kind}', 0.5)
  source = Folder(path)
  data = core.Data(source=source, size=16, heldout=0.2, max_bad=0.2)
  opened = source.open(data)
  skipped = [name for name, _ in opened.skipped]
  if (kind, damage) != ('tar', _flip):  # a .tar has no checksum of its data
    assert f'part-2.{kind}' in skipped[0] and ' lost' in opened.skipped[0][1]
    with pytest.raises(core.UserError, match=r'max_bad=0\.0: .*part-2'):
      Folder(path).open(core.Data(source=source, size=16, max_bad=0.0))
  assert 50 <= len(opened.train[0]) + len(opened.heldout[0]) <= 60
  root.joinpath(f'part-2.{kind}').unlink()  # another set: unpacked anew
  assert not Folder(path).open(data).skipped


@pytest.mark.parametrize(
  'features, words',
  [
    ({'raw': b'\1' * 300, 'label': 3}, r'no picture.*raw \(300 bytes\).*label'),
    ({'label': 3}, r'its features are label \(int\)'),
  ],
)
def test_a_tfrecord_without_a_picture(features, words, tmp_path):
  path = tmp_path / 'a.tfrecord'
  writer = record_writer.RecordWriter(str(path))
  writer.write(_example(**features))
  writer.close()
  with pytest.raises(core.UserError, match=words):
    detect.parse(str(path), ('image',), False)


@pytest.mark.parametrize(
  'values, names',
  [
    ('categories', _CLASSES),
    ([1.0, 10.0, None], ('01', '10')),
    ([0.5, 1.0], None),
    ([True, False], None),
  ],
)
def test_labels_of_a_parquet(values, names, tmp_path, caplog):
  pa = pytest.importorskip('pyarrow')
  import pyarrow.parquet as pq

  if values == 'categories':
    values = pa.array(_CLASSES).dictionary_encode()
  path = str(tmp_path / 'a.parquet')
  pictures = list(_files(2).values())
  pictures += [pictures[0]] * (len(values) - 2)
  pq.write_table(pa.table({'image': pictures, 'label': values}), path)
  if names is None:
    with pytest.raises(core.UserError, match='texts or whole numbers'):
      detect.parse(path, ('image', 'label'), False)
    assert "column 'label' is " in caplog.text
    return
  source, _ = detect.parse(path, ('image', 'label'), False)
  opened = source.open(core.Data(source=source, size=16))
  assert opened.class_names == names


def test_a_parquet_with_lists_beside_its_pictures(tmp_path):
  pa = pytest.importorskip('pyarrow')
  import pyarrow.parquet as pq

  pictures = list(_files(2).values())
  boxes = pa.array([[[1, 2]], []], pa.list_(pa.list_(pa.int32(), 2)))
  words = pa.array([[('a', 1)], []], pa.map_(pa.string(), pa.int32()))
  table = {'tags': [['sea'], []], 'boxes': boxes, 'words': words}
  path = str(tmp_path / 'a.parquet')
  pq.write_table(pa.table({'image': pictures, **table}), path)
  found = [record.pictures for record in parquet.read(path)]
  assert found == [{'image': picture} for picture in pictures]


def test_a_parquet_without_a_picture(tmp_path):
  pa = pytest.importorskip('pyarrow')
  import pyarrow.parquet as pq

  path = str(tmp_path / 'a.parquet')
  pq.write_table(pa.table({'text': ['a'], 'raw': [b'no picture']}), path)
  with pytest.raises(core.UserError, match=r'no pictures: .*text \(string\)'):
    detect.parse(path, ('image',), False)


@pytest.mark.parametrize('value', [b'', b'garbage', struct.pack('<QI', 5, 0)])
def test_files_that_are_no_shards(value, tmp_path):
  for name in ('a.tfrecord', 'a.parquet'):
    if name.endswith('parquet'):
      pytest.importorskip('pyarrow')
    (tmp_path / name).write_bytes(value)
    with pytest.raises(core.UserError, match='no picture can be read'):
      detect.parse(str(tmp_path / name), ('image',), False)


def test_shards_of_several_kinds(tmp_path):
  _tfrecord(tmp_path / 'a.tfrecord', _files(2))
  _tar(tmp_path / 'b.tar', _files(2))
  with pytest.raises(core.UserError, match='TFRecord, WebDataset'):
    detect.parse(str(tmp_path), ('image',), False)


def test_splits_are_told_by_the_names_of_shards(tmp_path):
  (tmp_path / 'set').mkdir()
  _tfrecord(tmp_path / 'set' / 'train-0.tfrecord', _files(6))
  _tfrecord(tmp_path / 'set' / 'test-0.tfrecord', _files(4, seed=1))
  source, _ = detect.parse(str(tmp_path / 'set'), ('image', 'label'), False)
  opened = source.open(core.Data(source=source, size=16))
  assert (len(opened.train[0]), len(opened.heldout[0])) == (6, 4)
  assert opened.class_names == _CLASSES


@pytest.mark.parametrize('more', [{}, {'image/class/text': b''}])
def test_numbers_of_classes_are_sorted_as_numbers(more, tmp_path):
  (tmp_path / 'set').mkdir()
  for label in (2, 10):
    files = _files(3, seed=label)
    path = tmp_path / 'set' / f'{label}.tfrecord'
    _tfrecord(path, files, label=label, **more)  # an empty text names none
  source, _ = detect.parse(str(tmp_path / 'set'), ('image', 'label'), False)
  opened = source.open(core.Data(source=source, size=16))
  assert opened.class_names == ('02', '10')


@pytest.mark.parametrize(
  'labels, folders',
  [
    (('still/life', 'still_life'), ('still_life', 'still_life~2')),
    (('Goya', 'goya'), ('Goya', 'goya~2')),
    (('7', '07', '10'), ('07', '10', '7')),
  ],
)
def test_classes_of_one_folder_name_stay_apart(labels, folders, tmp_path):
  pictures = _files(len(labels)).values()
  writer = record_writer.RecordWriter(str(tmp_path / 'a.tfrecord'))
  for label, picture in zip(labels, pictures, strict=True):
    writer.write(_example(image=picture, label=label.encode()))
  writer.close()
  source, _ = detect.parse(
    str(tmp_path / 'a.tfrecord'), ('image', 'label'), False
  )
  opened = source.open(core.Data(source=source, size=16))
  assert opened.class_names == folders


@pytest.mark.parametrize(
  'name, kept',
  [
    (b'../../x.png', 'x.png'),
    (b'/etc/x.png', 'x.png'),
    (b'a/b.png', 'a/b.png'),
    (b'.x.png', '_.x.png'),
    (b'C:\\x.png', 'x.png'),
    (b'x', 'x.png'),
    (b'x\n.png', 'x_.png'),
  ],
)
def test_names_in_shards_stay_inside(name, kept, tmp_path):
  picture = next(iter(_files(1).values()))
  writer = record_writer.RecordWriter(str(tmp_path / 'a.tfrecord'))
  for _ in range(2):
    writer.write(_example(image=picture, filename=name))
  writer.close()
  folder = shards.folder(str(tmp_path / 'a.tfrecord'))
  stem, end = os.path.splitext(kept)
  for file in (kept, f'{stem}~2{end}'):
    assert os.path.isfile(os.path.join(folder, file))


def _kaggle(root, kinds):
  for i, name in enumerate(('monet', 'photo')):
    files = {
      f'x/{f.partition("/")[2]}': d for f, d in _files(5, seed=i).items()
    }
    for kind in kinds:
      (root / f'{name}_{kind}').mkdir(parents=True)
      for file, data in files.items():
        if kind == 'jpg':
          (root / f'{name}_{kind}' / file[2:]).write_bytes(data)
      if kind == 'tfrec':
        _tfrecord(root / f'{name}_tfrec' / f'{name}00-5.tfrec', files)


@pytest.mark.parametrize('kinds', [('jpg', 'tfrec'), ('jpg',), ('tfrec',)])
@pytest.mark.parametrize('swapped', [False, True])
def test_two_folders_are_two_domains(kinds, swapped, tmp_path):
  _kaggle(tmp_path / 'set', kinds)
  source, text = detect.parse(str(tmp_path / 'set'), ('a', 'b'), False)
  assert isinstance(source, Unpaired)
  assert f'a is monet_{kinds[0]}, b is photo_{kinds[0]}' in text
  source = Unpaired(a=source.a, b=source.b, swapped=swapped)
  opened = source.open(core.Data(source=source, size=16, heldout=0.2))
  digests = [
    Folder(folder)
    .open(core.Data(source=None, size=16, heldout=0.2))
    .train[0]
    .marks
    for folder in (source.a, source.b)
  ]
  a, b = (examples.marks for examples in opened.train)
  assert [a, b] == digests[:: -1 if swapped else 1]
  # Where one set is read, they stay classes.
  if kinds == ('jpg',):
    source, _ = detect.parse(str(tmp_path / 'set'), ('image', 'label'), False)
    assert isinstance(source, Classes)


def test_three_folders_are_no_domains(tmp_path):
  _kaggle(tmp_path / 'set', ('jpg',))
  os.makedirs(tmp_path / 'set' / 'c')
  (tmp_path / 'set' / 'c' / 'x.png').write_bytes(next(iter(_files(1).values())))
  with pytest.raises(core.UserError, match='two sub-folders'):
    detect.parse(str(tmp_path / 'set'), ('a', 'b'), False)


def test_missing_pyarrow_is_one_line(tmp_path, monkeypatch):
  (tmp_path / 'a.parquet').write_bytes(b'PAR1')
  monkeypatch.setitem(__import__('sys').modules, 'pyarrow.parquet', None)
  with pytest.raises(core.UserError, match=r'art-jax\[parquet\]'):
    detect.parse(str(tmp_path / 'a.parquet'), ('image',), False)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
  _tfrecord(tmp_path / 'a.tfrecord', _files(2))

  def full(*args, **kwargs):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(shards.unpack, 'unpack', full)
  with pytest.raises(core.UserError, match='No space left.*ART_JAX_HOME'):
    shards.folder(str(tmp_path / 'a.tfrecord'))
  assert not list((tmp_path / 'home' / 'shards').iterdir())


@pytest.mark.parametrize('kind', ['parquet', 'tfrecord', 'tar'])
def test_a_shard_that_cannot_be_read_now_is_read_later(
  kind, tmp_path, monkeypatch
):
  path = _write(tmp_path / 'set', kind, _files(6))
  where = {
    'parquet': 'pyarrow.parquet.ParquetFile',
    'tfrecord': 'art_jax.data.tfrecord._opened',
    'tar': 'art_jax.data.tars.opened',
  }

  def fail(*args, **kwargs):
    raise PermissionError(13, 'Permission denied')

  with monkeypatch.context() as patch:
    patch.setattr(where[kind], fail)
    with pytest.raises(core.UserError, match=r'part-0.*Permission denied'):
      shards.folder(path)
  assert not shards.skipped([shards.folder(path)])


def test_names_that_differ_behind_the_first_dot_are_reported(tmp_path):
  data = next(iter(_files(1).values()))
  files = {f'van_gogh_no.{i}.png': data for i in range(6)}
  for name in ('a.jpg', 'a.mask.png', 'b.left.png', 'b.right.png'):
    files[name] = data  # columns, as the format means them
  (tmp_path / 'set').mkdir()
  with tarfile.open(tmp_path / 'set' / 'x.tar', 'w') as file:
    for name, data in files.items():
      info = tarfile.TarInfo(name)
      info.size = len(data)
      file.addfile(info, io.BytesIO(data))
  ((_, said),) = shards.skipped([shards.folder(str(tmp_path / 'set'))])
  assert "6 pictures share the name 'van_gogh_no'" in said and '5 lost' in said
