"""metrics.jsonl, TensorBoard events and picture grids."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tensorboardX.proto import event_pb2

from art_jax import core
from art_jax.runs import alarm_event, metrics_log


def _strict(line):
  def refuse(word):
    raise ValueError(f'{word} is not JSON')

  return json.loads(line, parse_constant=refuse)


def _events(folder):
  """Return the TensorBoard events of all files, oldest file first."""
  events = []
  for path in sorted((folder / 'tensorboard').iterdir()):
    data = path.read_bytes()
    while data:  # u64 length, u32 crc, message, u32 crc
      size = int.from_bytes(data[:8], 'little')
      events.append(event_pb2.Event.FromString(data[12 : 12 + size]))
      data = data[16 + size :]
  return events


def test_rows_are_strict_flat_json(tmp_path):
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(1, {'loss/g': jnp.float32(0.1), 'time/step': 2})
    # Flushed per row: readable while the run goes on.
    assert len(metrics_log.read_metrics(tmp_path / 'metrics.jsonl')) == 1
    w.scalars(2, {'loss/g': float('nan'), 'a/b': math.inf, 'a/c': -math.inf})
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  first, second = map(_strict, lines)
  assert first == {'step': 1, 'loss/g': float(np.float32(0.1)), 'time/step': 2}
  assert second['loss/g'] == 'NaN' and second['a/c'] == '-Infinity'
  row = metrics_log.read_metrics(tmp_path / 'metrics.jsonl')[1]
  assert math.isnan(row['loss/g'])
  assert (row['a/b'], row['a/c']) == (math.inf, -math.inf)


@pytest.mark.parametrize(
  'values',
  [{'step': 1}, {'': 1}, {'a b': 1}, {'../x': 1}, {'a/': 1}, {'/a': 1}]
  + [{'a/b': np.zeros(2)}, {'a/b': 'x'}, {'a/b': None}],
)
def test_refuses_names_and_values(tmp_path, values):
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    with pytest.raises(core.UserError):
      w.scalars(1, values)
    w.scalars(2, {'a/b': 1})
  assert metrics_log.read_metrics(tmp_path / 'metrics.jsonl') == [
    {'step': 2, 'a/b': 1}
  ]


def test_disabled_writes_nothing(tmp_path):
  with metrics_log.Writer(tmp_path / 'run', enabled=False) as w:
    w.scalars(1, {'a/b': 1})
    w.images(1, {'x': np.zeros((1, 4, 4, 3))})
    w.cut(0)
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('torn', [b'{"step": 3, "a', b'{"step"', b'{', b'\xff'])
def test_torn_last_line_is_dropped(tmp_path, torn):
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(b'{"step": 1, "a/b": 1.0}\n' + torn)
  assert [row['step'] for row in metrics_log.read_metrics(path)] == [1]
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(2, {'a/b': 2})
  assert [row['step'] for row in metrics_log.read_metrics(path)] == [1, 2]


def test_whole_row_without_newline_is_kept(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(b'{"step": 1}')
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(2, {})
  assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


def test_rows_go_on_in_a_file_that_was_replaced(tmp_path):
  path = tmp_path / 'metrics.jsonl'
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(1, {})
    (tmp_path / 'edited').write_bytes(path.read_bytes())
    (tmp_path / 'edited').replace(path)
    w.scalars(2, {})
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    path.unlink()
    w.scalars(3, {})
  assert path.read_bytes() == b'{"step": 3}\n'


@pytest.mark.parametrize('bad', [b'{"st', b'[1]', b'{"a": 1}', b'7'])
def test_damage_in_the_middle_is_named(tmp_path, bad):
  path = tmp_path / 'metrics.jsonl'
  path.write_bytes(b'{"step": 1}\n' + bad + b'\n{"step": 2}\n')
  with pytest.raises(core.UserError, match='line 2'):
    metrics_log.read_metrics(path)


def test_missing_file_and_folder_that_is_a_file(tmp_path):
  with pytest.raises(core.UserError, match='does not exist'):
    metrics_log.read_metrics(tmp_path / 'metrics.jsonl')
  (tmp_path / 'file').write_text('')
  with pytest.raises(core.UserError, match='cannot be written'):
    metrics_log.Writer(tmp_path / 'file' / 'run', enabled=True)


def test_cut_drops_later_rows_and_purges_events(tmp_path):
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    for step in range(1, 6):
      w.scalars(step, {'a/b': step})
  path = tmp_path / 'metrics.jsonl'
  kept = path.read_bytes().splitlines(keepends=True)[:3]
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.cut(3)
    assert path.read_bytes() == b''.join(kept)
    w.scalars(4, {'a/b': 40})
    w.cut(3)  # a run may go back more than once
    w.scalars(4, {'a/b': 41})
  rows = metrics_log.read_metrics(path)
  assert [row['a/b'] for row in rows] == [1, 2, 3, 41]
  events = _events(tmp_path)
  starts = [e.step for e in events if e.HasField('session_log')]
  assert starts == [4, 4]
  shown = [
    (e.step, e.summary.value[0].simple_value)
    for e in events
    if e.HasField('summary')
  ]
  assert shown == [*((s, s) for s in range(1, 6)), (4, 40), (4, 41)]


def test_failed_cut_leaves_the_rows(tmp_path, monkeypatch):
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(1, {})
    w.scalars(2, {})

  def fail(*_):
    raise OSError('no space')

  before = (tmp_path / 'metrics.jsonl').read_bytes()
  w = metrics_log.Writer(tmp_path, enabled=True)
  with monkeypatch.context() as patch:
    patch.setattr('os.replace', fail)
    patch.setattr('pathlib.Path.replace', fail)
    with pytest.raises(OSError, match='no space'):
      w.cut(1)
  assert (tmp_path / 'metrics.jsonl').read_bytes() == before


@pytest.mark.parametrize('channels', [1, 3])
def test_images(tmp_path, channels):
  batch = np.zeros((4, 8, 8, channels), np.float32)
  batch[0] = np.nan
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.images(12, {'fake': jnp.asarray(batch), 'ab/cycle': batch})
  for name in ('fake', 'ab/cycle'):
    with Image.open(tmp_path / 'images' / name / '00000012.png') as read:
      assert read.size == (22, 22) and read.mode == 'RGB'
      magenta = (255, 0, 255) if channels == 3 else (255, 255, 255)
      assert read.getpixel((4, 4)) == magenta
      assert read.getpixel((14, 4)) == (128, 128, 128)
  tags = [
    v.tag for e in _events(tmp_path) for v in e.summary.value if v.image.height
  ]
  assert sorted(tags) == ['ab/cycle', 'fake']


def test_remote_folder_is_staged_and_uploaded(tmp_path, monkeypatch):
  """A made-up scheme stands for gs://, where files cannot grow."""
  bucket = tmp_path / 'bucket'
  real = metrics_log.epath.Path
  monkeypatch.setattr(
    metrics_log.epath,
    'Path',
    lambda p: real(str(p).replace('mem://bucket', str(bucket))),
  )
  for step in (1, 2):
    with metrics_log.Writer('mem://bucket/run', enabled=True) as w:
      w.scalars(step, {'a/b': step})
      w.images(step, {'x': np.zeros((1, 4, 4, 3), np.float32)})
      assert w._local != w._folder
  rows = metrics_log.read_metrics(bucket / 'run' / 'metrics.jsonl')
  assert [row['step'] for row in rows] == [1, 2]
  assert len(list((bucket / 'run' / 'tensorboard').iterdir())) == 2
  assert len(list((bucket / 'run' / 'images' / 'x').iterdir())) == 2


def test_losses_are_drawn_of_all_rows_after_a_restart_too(
  tmp_path, monkeypatch
):
  drawn = []
  curves = metrics_log.plots.curves

  def spy(rows, **options):
    drawn.append([row['step'] for row in rows])
    return curves(rows, **options)

  monkeypatch.setattr(metrics_log.plots, 'curves', spy)
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    for step in range(1, 7):
      w.scalars(step, {'loss/g': 1 / step})
    w.plot()
    w.plot()  # nothing new
    w.scalars(7, {'loss/g': 0.1})
    w.plot()  # too soon
    assert drawn == [[1, 2, 3, 4, 5, 6]]
  assert drawn[1:] == [[1, 2, 3, 4, 5, 6, 7]]
  assert Image.open(tmp_path / 'losses.png').width > 600
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.cut(3)
    w.scalars(4, {'loss/g': 0.5})
  assert drawn[2:] == [[1, 2, 3, 4]]


def test_a_plot_that_fails_is_told_once(tmp_path, monkeypatch, caplog):
  def fail(*_, **__):
    raise RuntimeError('no fonts')

  monkeypatch.setattr(metrics_log.plots, 'curves', fail)
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    for step in range(3):
      w.scalars(step, {'loss/g': 1})
      w.plot()
  assert [r.getMessage() for r in caplog.records] == [
    'losses.png is not drawn any more: no fonts'
  ]
  assert len(metrics_log.read_metrics(tmp_path / 'metrics.jsonl')) == 3


def test_alarms_are_lines_and_texts_and_can_be_written_anew(tmp_path):
  event = alarm_event.Event(
    30, 'collapse', True, 20, 'collapse: since step 20', ()
  )
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.scalars(30, {'probe/kid/pixels32@128': 0.5})
    w.alarms([event])
    w.alarms([])
  lines = (tmp_path / metrics_log.ALARMS).read_text().splitlines()
  assert [alarm_event.from_row(json.loads(line)) for line in lines] == [event]
  tags = {v.tag for e in _events(tmp_path) for v in e.summary.value}
  assert 'probe/kid/pixels32@128' in tags
  assert any(tag.startswith('alarm/collapse') for tag in tags)
  with metrics_log.Writer(tmp_path, enabled=True) as w:
    w.replay([])
  assert (tmp_path / metrics_log.ALARMS).read_text() == ''
