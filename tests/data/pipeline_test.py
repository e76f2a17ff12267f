"""Tests for the engines: both give the same batches, whatever carries them."""

import dataclasses
import os
import time

import jax
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.data import decode, ops, order, pipeline, sources, streaming
from art_jax.data.dataset import Dataset, Examples
from art_jax.devices import mesh


def _noise(*shape, seed=0):
  return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def _examples(count, *keys, side=12, seed=0):
  pictures = {
    key: _noise(count, side, side, 3, seed=seed + i)
    for i, key in enumerate(keys)
    if key != 'label'
  }

  def load(index):
    row = {key: value[index] for key, value in pictures.items()}
    if 'label' in keys:
      row['label'] = np.array(index, np.int32)
    return row

  return Examples(tuple(keys), [f'{keys[0]}{i}' for i in range(count)], load)


def _dataset(*spaces):
  return Dataset(train=spaces, heldout=spaces)


def _data(**kwargs):
  return core.Data(source=None, **{'size': 8, 'load_size': 12} | kwargs)


def _engine(dataset, kind, data=None, rows=8, **kwargs):
  return pipeline.open_engine(
    dataset,
    dataclasses.replace(data or _data(), engine=kind),
    rows_per_step=rows,
    **{'seed': 3, 'placer': mesh.make_devices()} | kwargs,
  )


def _batches(engine, first, count):
  """Return `count` batches as NumPy, from a jitted `prepare`."""
  prepare = jax.jit(engine.prepare)
  inputs = engine.inputs(first)
  result = [
    jax.tree.map(np.asarray, prepare(engine.constants, next(inputs)))
    for _ in range(count)
  ]
  inputs.close()
  return result


def _equal(one, other):
  assert len(one) == len(other)
  for x, y in zip(one, other, strict=True):
    assert sorted(x) == sorted(y)
    for key in x:
      assert x[key].dtype == y[key].dtype
      np.testing.assert_array_equal(x[key], y[key], err_msg=key)


_SETS = {
  'unpaired': lambda: _dataset(_examples(5, 'a'), _examples(13, 'b', seed=9)),
  'pairs': lambda: _dataset(_examples(11, 'a', 'b')),
  'labels': lambda: _dataset(_examples(20, 'image', 'label')),
}


@pytest.mark.slow
@pytest.mark.parametrize('name', _SETS)
def test_engines_give_the_same_batches_from_any_step(name):
  dataset = _SETS[name]()
  resident = _engine(dataset, 'resident')
  streamed = _engine(dataset, 'streaming')
  assert (resident.kind, streamed.kind) == ('resident', 'streaming')
  expected = _batches(resident, 0, 6)
  _equal(_batches(streamed, 0, 6), expected)
  _equal(_batches(streamed, 4, 2), expected[4:])
  _equal(_batches(resident, 4, 2), expected[4:])
  assert resident.names(5) == streamed.names(5)
  for engine in (resident, streamed):
    abstract = jax.eval_shape(engine.prepare, *engine.abstract())
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), abstract)
    assert shapes == jax.tree.map(lambda x: (x.shape, x.dtype), expected[0])


def test_names_and_labels_agree():
  engine = _engine(_SETS['labels'](), 'resident')
  for step, batch in enumerate(_batches(engine, 0, 4)):
    assert engine.names(step) == [f'image{i}' for i in batch['label']]


def test_batches_are_split_over_devices_and_alike_on_any_number():
  assert jax.device_count() == 8
  dataset = _SETS['unpaired']()
  for kind in ('resident', 'streaming'):
    eight = _engine(dataset, kind)
    one = _engine(dataset, kind, placer=mesh.make_devices(1))
    inputs = eight.inputs(0)
    leaves = jax.tree.leaves(next(inputs))
    inputs.close()
    for leaf in leaves:
      assert len(leaf.sharding.device_set) == 8
      assert leaf.addressable_shards[0].data.shape[0] == 1
    _equal(_batches(eight, 0, 3), _batches(one, 0, 3))


def test_gathering_needs_no_communication():
  engine = _engine(_SETS['unpaired'](), 'resident')
  inputs = next(engine.inputs(0))
  step = jax.jit(engine.prepare).lower(engine.constants, inputs).compile()
  for collective in ('all-gather', 'all-reduce', 'all-to-all'):
    assert collective not in step.as_text()


@dataclasses.dataclass
class _Process:
  """Stands in for `mesh.Devices` in process `index` of `count`."""

  index: int
  count: int

  def local_rows(self, rows):
    share = rows // self.count
    return slice(self.index * share, (self.index + 1) * share)

  def place_batch(self, host):
    return host

  def replicate(self, host):
    return host


@pytest.mark.parametrize('kind', ['resident', 'streaming'])
def test_each_process_provides_its_own_rows(kind):
  dataset = _SETS['unpaired']()
  whole = next(_engine(dataset, kind, placer=_Process(0, 1)).inputs(2))
  parts = [
    next(_engine(dataset, kind, placer=_Process(i, 4)).inputs(2))
    for i in range(4)
  ]
  joined = jax.tree.map(lambda *rows: np.concatenate(rows), *parts)
  jax.tree.map(np.testing.assert_array_equal, joined, whole)


def test_inputs_end_at_the_last_step():
  dataset = _SETS['labels']()
  for kind in ('resident', 'streaming'):
    assert len(list(_engine(dataset, kind, last_step=7).inputs(4))) == 3


@pytest.mark.slow
@pytest.mark.skipif(
  not os.path.isdir('/proc/self/task'), reason='threads are counted in /proc'
)
def test_an_abandoned_stream_stops_reading():
  count = [0]
  inner = _examples(9, 'image')

  def load(index):
    count[0] += 1
    return inner.read(index)

  dataset = _dataset(Examples(('image',), inner.names, load))

  def threads():
    return len(os.listdir('/proc/self/task'))

  after = []
  for _ in range(4):  # TensorFlow keeps some threads after the first time
    inputs = _engine(dataset, 'streaming').inputs(0)
    next(inputs)
    during = threads()
    inputs.close()
    time.sleep(0.3)
    after.append(threads())
  stopped = count[0]
  time.sleep(0.3)
  assert count[0] == stopped
  assert after[-1] <= after[0] and after[-1] < during


@pytest.mark.parametrize('kind', ['resident', 'streaming'])
def test_a_picture_that_breaks_later_is_named(tmp_path, kind):
  for i in range(6):
    Image.fromarray(_noise(16, 16, 3)).save(tmp_path / f'{i}.png')
  data = _data(load_size=None)
  dataset = sources.Folder(str(tmp_path)).open(data)
  (tmp_path / dataset.train[0].name(2)).write_bytes(b'gone')
  with pytest.raises(decode.BadPictureError, match=dataset.train[0].name(2)):
    _batches(_engine(dataset, kind, data), 0, 3)


def test_auto_is_resident_while_sets_are_small(monkeypatch):
  def choose(size, backend='cpu', tensorflow=True):
    monkeypatch.setattr(streaming, 'installed', lambda: tensorflow)
    load = {'image': np.empty((size, size, 3), np.uint8)}
    examples = Examples(('image',), range(1000), lambda index: load)
    return pipeline.choose(
      _dataset(examples), _data(engine='auto'), many=backend != 'cpu'
    )

  assert choose(64, 'gpu') == 'resident'  # 12 MB
  assert choose(512) == 'resident'  # 786 MB
  assert choose(512, 'gpu') == 'streaming'
  assert choose(512, 'gpu', tensorflow=False) == 'resident'
  assert choose(1024) == 'streaming'  # 3 GB


def test_streaming_without_tensorflow_says_what_to_install(monkeypatch):
  monkeypatch.setattr(streaming, 'installed', lambda: False)
  with pytest.raises(core.UserError, match='pip install tensorflow'):
    _engine(_SETS['pairs'](), 'streaming')


def test_heldout_batch_wraps_and_cuts_the_center():
  dataset = _dataset(_examples(3, 'a'), _examples(5, 'b', 'label', seed=4))
  batch = pipeline.heldout_batch(dataset, _data(), 7)
  assert {k: v.shape for k, v in batch.items()} == {
    'a': (7, 8, 8, 3),
    'b': (7, 8, 8, 3),
    'label': (7,),
  }
  assert batch['a'].dtype == np.float32 and batch['label'].dtype == np.int32
  np.testing.assert_array_equal(batch['a'][0], batch['a'][6])
  picture = dataset.train[0].read(0)['a'][2:10, 2:10]
  np.testing.assert_array_equal(batch['a'][0], ops.to_float(picture))
  assert batch['label'].tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_to_float_is_exact_at_the_ends_and_alike_everywhere():
  pixels = np.arange(256, dtype=np.uint8)
  host = ops.to_float(pixels)
  assert host.dtype == np.float32 and (host[0], host[255]) == (-1, 1)
  np.testing.assert_array_equal(host, jax.jit(ops.to_float)(pixels))
  np.testing.assert_allclose(host, pixels / 127.5 - 1, atol=1e-7)


def _augment(rows, positions, data=None, seed=0, group=0):
  key = ops.group_key(seed, group)
  words = order.words(np.asarray(positions, np.uint64))
  return jax.tree.map(
    np.asarray, ops.augment(rows, words, key, data or _data())
  )


@pytest.mark.slow
def test_augment_depends_on_the_position_alone():
  rows = {
    'image': _noise(16, 12, 12, 3),
    'label': np.arange(16, dtype=np.int32),
  }
  whole = _augment(rows, range(16))
  for cut in (
    [slice(0, 5), slice(5, 16)],
    [slice(i, i + 1) for i in range(16)],
  ):
    parts = [
      _augment(jax.tree.map(lambda x, c=c: x[c], rows), np.arange(16)[c])
      for c in cut
    ]
    _equal([jax.tree.map(lambda *x: np.concatenate(x), *parts)], [whole])
  far = _augment(rows, np.arange(16) + 2**32)
  assert (far['image'] != whole['image']).any()
  assert (_augment(rows, range(16), seed=1)['image'] != whole['image']).any()
  assert (_augment(rows, range(16), group=1)['image'] != whole['image']).any()


def test_pairs_share_crop_and_flip():
  image = _noise(32, 12, 12, 3)
  batch = _augment({'a': image, 'b': image}, range(32))
  np.testing.assert_array_equal(batch['a'], batch['b'])


def test_crops_and_flips_are_uniform():
  column = np.broadcast_to(np.arange(12, dtype=np.uint8), (12, 12))
  places = np.stack([column.T, column, column], -1)  # (row, column, column)
  count = 4000
  batch = _augment(
    {'image': np.broadcast_to(places, (count, 12, 12, 3))}, range(count)
  )
  pixels = np.rint(batch['image'] * 127.5 + 127.5).astype(int)
  top, left, right = pixels[:, 0, 0, 0], pixels[:, 0, 0, 1], pixels[:, 0, 7, 1]
  flipped = left > right
  assert 0.46 < flipped.mean() < 0.54
  for offsets in (top, np.minimum(left, right)):
    shares = np.bincount(offsets, minlength=5) / count
    assert len(shares) == 5 and (abs(shares - 0.2) < 0.03).all()
  assert abs(np.corrcoef(top, flipped)[0, 1]) < 0.05


def test_no_crop_no_flip_is_the_picture_itself():
  rows = {'image': _noise(4, 8, 8, 3)}
  batch = _augment(rows, range(4), _data(load_size=None, flip=False))
  np.testing.assert_array_equal(batch['image'], ops.to_float(rows['image']))
