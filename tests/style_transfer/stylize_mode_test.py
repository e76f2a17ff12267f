"""--mode=stylize: what it writes, and what it refuses."""

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

from art_jax import core
from art_jax.cli.flags import FLAGS
from art_jax.cli.modes import stylize
from art_jax.data import decode
from art_jax.devices import memory
from art_jax.report import collect, page
from art_jax.style_transfer import task


@pytest.fixture
def files(tmp_path):
  """Return a folder with pictures of all kinds."""
  rng = np.random.default_rng(0)
  photo = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
  photo.save(tmp_path / 'photo.png')
  photo.resize((40, 40)).save(tmp_path / 'painting.jpg')
  photo.convert('L').save(tmp_path / 'gray.png')
  clear = photo.copy()
  clear.putalpha(0)
  clear.save(tmp_path / 'clear.png')
  other = photo.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
  photo.save(tmp_path / 'moving.gif', save_all=True, append_images=[other])
  (tmp_path / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\nno')
  Image.new('1', (9500, 9500)).save(tmp_path / 'huge.png')
  Image.new('L', (64, 48), 255).save(tmp_path / 'mask.png')
  return tmp_path


def _run(files, **changes):
  values = dict(
    mode='stylize',
    # Shallow, so that it compiles at once.
    set=[
      "algorithm.content_layers=('relu1_2',)",
      "algorithm.style_layers=('relu1_1',)",
      'algorithm.style_weights=(1,)',
    ],
    experiment='style_transfer',
    tiny=True,
    content=str(files / 'photo.png'),
    style=str(files / 'painting.jpg'),
    output=str(files / 'out.png'),
    size=48,
    steps=2,
  )
  if not FLAGS.is_parsed():
    FLAGS(['test'])
  with flagsaver.flagsaver(**{**values, **changes}):
    stylize.run(FLAGS)


def test_writes_the_picture_and_those_in_between(files, capsys):
  _run(files, every=1)
  assert Image.open(files / 'out.png').size == (48, 36)
  for number in (1, 2):
    step = files / f'out_step_0000{number}.png'
    assert Image.open(step).size == (48, 36)
  printed = capsys.readouterr()
  assert f'48x36 pixels: {files / "out.png"}' in printed.out
  assert 'total' in printed.err and 'step 1/2' in printed.err
  with pytest.raises(core.UserError, match='out.png exists.*--overwrite'):
    _run(files)
  (files / 'out.png').unlink()
  with pytest.raises(core.UserError, match='_step_00002.png exists.*--overwr'):
    _run(files, every=2)
  _run(files, every=2, overwrite=True)


def test_workdir_keeps_what_a_report_shows(files):
  folder = files / 'run'
  _run(files, workdir=str(folder))
  run = collect.collect(folder)
  assert run.status == 'finished' and run.step == 2
  assert [step for step, _ in run.pictures['painting']] == [1, 2]
  assert 'like 40x40' in run.data['summary'] and not run.notes
  assert Image.open(folder / 'examples.png').size == (518, 260)
  assert 'The photo and the paintings' in page.report(run)
  with pytest.raises(core.UserError, match='there is a run already'):
    _run(files, workdir=str(folder), overwrite=True)


def test_versus_lays_variants_side_by_side(files, capsys):
  _run(files, versus=['algorithm.content_weight=0'])
  assert Image.open(files / 'out.png').size == (2 * (48 + 2) + 2, 36 + 4)
  parts = [np.asarray(Image.open(files / f'out_{i}.png')) for i in (1, 2)]
  assert parts[0].shape == (36, 48, 3) and (parts[0] != parts[1]).any()
  assert 'algorithm.content_weight=0.0' in capsys.readouterr().err


def test_versus_shows_other_sizes_on_white(files):
  _run(files, versus=['data.size=64'], steps=1)
  sheet = np.asarray(Image.open(files / 'out.png'))
  assert sheet.shape == (48 + 4, 2 * (64 + 2) + 2, 3)
  part = np.asarray(Image.open(files / 'out_1.png'))
  np.testing.assert_array_equal(sheet[2:38, 2:50], part)
  assert (sheet[38:, :66] == 255).all() and (sheet[:, 50:66] == 255).all()


@pytest.mark.parametrize('name', ['gray.png', 'clear.png', 'moving.gif'])
def test_odd_pictures_are_taken(files, name, capsys):
  _run(files, content=str(files / name), steps=1)
  picture = np.asarray(Image.open(files / 'out.png'))
  assert picture.shape == (36, 48, 3)
  if name == 'clear.png':
    assert picture.min() > 230  # transparent is white
  if name == 'moving.gif':
    assert 'an animation of 2 pictures; the first' in capsys.readouterr().err


@pytest.mark.parametrize(
  'changes, message',
  [
    ({'content': None}, 'needs --content=PATH'),
    ({'content': 'gone.png'}, '--content=gone.png: there is no such file'),
    ({'style': 'photo.png,gone.jpg'}, '--style=gone.jpg: there is no such'),
    ({'content': 'broken.png'}, "broken.png' cannot be read"),
    ({'content': 'huge.png'}, '9500x9500 pixels; the limit is 89478485'),
    ({'mask': 'gray.png,mask.png'}, '2 given for 1 paintings'),
    ({'output': 'out.jpg'}, 'written as PNG'),
    (
      {'experiment': 'cyclegan_demo', 'set': []},
      'does not paint by optimizing',
    ),
    ({'size': 20}, '--size=20: the content would be 15 pixels'),
    ({'tile': 33}, '--tile=33: it is a multiple of 16'),
    ({'tiny': False, 'set': []}, "weights 'vgg16' are not here. Three ways"),
  ],
)
def test_refusals(files, changes, message, monkeypatch):
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)

  def place(name, value):
    if name not in ('content', 'style', 'mask', 'output') or not value:
      return value
    return ','.join(
      part if part.startswith('gone') else str(files / part)
      for part in value.split(',')
    )

  changes = {name: place(name, value) for name, value in changes.items()}
  before = sorted(files.iterdir())
  with pytest.raises(core.UserError, match=message):
    _run(files, **changes)
  assert sorted(files.iterdir()) == before


def test_too_little_memory_suggests_tiles(files, monkeypatch):
  monkeypatch.setattr(memory, 'total', lambda: 1000)
  with pytest.raises(core.UserError, match='needs .* GiB.*pass --tile=512'):
    _run(files)
  assert not (files / 'out.png').exists()


def test_builtin_pictures_need_no_files(files):
  _run(files, content='builtin:1', style='builtin', steps=1)
  assert Image.open(files / 'out.png').size == (48, 48)


def test_what_is_transparent_is_no_part_of_a_mask(files):
  mask = Image.new('RGBA', (64, 48), (255, 255, 255, 0))
  mask.paste((255, 255, 255, 255), (0, 0, 32, 48))  # strokes on a layer
  mask.save(files / 'layer.png')
  expected = np.repeat([[255, 0]], 32, axis=1).repeat(48, axis=0)
  for one in (mask, files / 'layer.png'):
    read = task.read_task(files / 'photo.png', [files / 'clear.png'], [one])
    np.testing.assert_array_equal(read.masks[0], expected)
    assert np.all(np.asarray(read.styles[0]) == 255)
  clear = Image.open(files / 'clear.png')
  assert np.all(np.asarray(task.picture('content', clear)) == 255)
  np.testing.assert_array_equal(decode.mask(files / 'layer.png'), expected)


def test_num_frames(files):
  assert decode.num_frames(files / 'moving.gif') == 2
  assert decode.num_frames(files / 'photo.png') == 1
