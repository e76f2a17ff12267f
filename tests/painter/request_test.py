"""`art_jax paint` as a whole, with a small random feature network."""

import dataclasses
import pathlib
import shutil
import time
import types
from typing import Any

import jax
import numpy as np
import pytest
from command_line import run_main
from PIL import Image

import art_jax
from art_jax import core
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.config import experiments
from art_jax.data import decode
from art_jax.inference.run import Run
from art_jax.nn.vgg import VGG
from art_jax.painter import compose, plan, request, session
from art_jax.painter.gallery import Gallery
from art_jax.painter.request import Request
from art_jax.painter.settings import Painter
from art_jax.runs import painted

_SMALL = Painter(
  size=64,
  steps=2,
  nnst=NNST(features=VGG(16, width=2, padding='reflect'), weights=''),
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """Four paintings and a drawing."""
  root = tmp_path_factory.mktemp('pictures')
  (root / 'sources').mkdir()
  for seed in range(4):
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    image = Image.fromarray(pixels).resize((96, 72), 3)
    image.save(root / 'sources' / f'{seed}.png')
  image.resize((32, 24)).save(root / 'drawing.png')
  return root


def _request(folder: pathlib.Path, **changes) -> Request:
  given = {'content': folder / 'drawing.png', 'sources': folder / 'sources'}
  return Request(settings=_SMALL, **{**given, **changes})


def test_a_drawing_is_painted_with_its_provenance(folder, tmp_path):
  (file,) = request.paint_into(_request(folder), tmp_path)
  assert file == tmp_path / 'drawing.png'
  with Image.open(file) as image:
    assert image.size == (64, 48)
  notes = painted.notes(file)
  assert set(notes['sources']) <= {f'{i}.png' for i in range(4)}
  assert sum(notes['sources'].values()) == pytest.approx(1, abs=1e-3)
  assert 0 < notes['largest_region'] <= 1
  assert 0 <= notes['layout_agreement'] <= 1
  assert (tmp_path / painted.SHEET).exists()
  # The same call keeps what is there.
  stamp = file.stat().st_mtime_ns
  said = []
  request.paint_into(_request(folder), tmp_path, say=said.append)
  assert file.stat().st_mtime_ns == stamp and '1 of 1' in said[0]
  with pytest.raises(core.UserError, match=r'size: 64, now 96.*--overwrite'):
    request.paint_into(_request(folder, size=96), tmp_path)


def test_what_changed_since_a_painting_is_named(folder, tmp_path):
  drawing, output = tmp_path / 'drawing.png', tmp_path / 'out'
  shutil.copy(folder / 'drawing.png', drawing)
  shutil.copytree(folder / 'sources', tmp_path / 'sources')
  wanted = _request(tmp_path)
  (file,) = request.paint_into(wanted, output)

  def refused(message, **changes):
    with pytest.raises(core.UserError, match=message):
      request.paint_into(_request(tmp_path, **changes), output)

  refused('upscale: False, now True.*--overwrite', upscale=True)
  Image.new('RGB', (32, 24)).save(drawing)
  refused('content: another picture of this name')
  shutil.copy(folder / 'drawing.png', drawing)
  (tmp_path / 'sources' / '3.png').unlink()
  refused('gallery: other sources')
  refused('lies in --sources', sources=tmp_path)
  # Earlier paintings note less; only that is compared.
  notes = painted.notes(file)
  for name in ('upscale', 'gallery', 'content'):
    del notes[name]
  painted.write(file, np.asarray(Image.open(file)), notes)
  assert request.paint_into(wanted, output) == [file]
  shutil.copy(drawing, file)
  refused('art_jax did not paint it')


def test_paintings_of_other_weights_are_named(tmp_path):
  def works(value):
    model: Any = types.SimpleNamespace(params={'w': np.full(3, value)})
    composed = compose.Composition('x', lambda: drawn, notes={'run': 'run'})
    return plan.plan(_SMALL, sources, [composed], tmp_path, run=model)

  drawn = np.zeros((8, 8, 3), np.uint8)
  sources = Gallery(('x',), lambda index: Image.fromarray(drawn))
  _, (work,) = works(0)
  painted.write(work.path, drawn, work.settings)
  assert len(works(0)[0]) == 1
  with pytest.raises(core.UserError, match='weights: other weights'):
    works(1)


def test_the_sheet_takes_no_place_of_a_painting_or_a_picture(folder, tmp_path):
  first, second = tmp_path / 'first', tmp_path / 'second'
  request.paint_into(_request(folder), first)
  made = request.paint_into(_request(folder, content=first), second)
  assert made == [second / 'drawing.png']
  with pytest.raises(core.UserError, match='only sheet.png'):
    request.paint_into(_request(folder, content=first / 'sheet.png'), second)
  shutil.copy(folder / 'drawing.png', first / 'sheet.png')
  with pytest.raises(core.UserError, match='sheet.png, which shows.*rename'):
    request.paint_into(_request(folder, content=first), tmp_path / 'third')
  with pytest.raises(core.UserError, match=r'sheet.png exists.*--overwrite'):
    request.paint_into(_request(folder), first)
  own = (folder / 'drawing.png').read_bytes()
  assert (first / 'sheet.png').read_bytes() == own


def test_what_is_painted_is_never_replaced(folder, tmp_path):
  shutil.copy(folder / 'drawing.png', tmp_path)
  for content, message in (
    (tmp_path, 'is the folder of --content'),
    (tmp_path / 'drawing.png', 'replaced by its own painting'),
  ):
    with pytest.raises(core.UserError, match=message):
      request.paint_into(
        _request(folder, content=content), tmp_path, overwrite=True
      )
  assert [path.name for path in tmp_path.iterdir()] == ['drawing.png']


def test_the_smallest_of_several_sources_is_named():
  said = []
  gallery = Gallery(('large.png', 'small.png'), lambda index: None)  # pyright: ignore
  atelier = session.Atelier(
    dataclasses.replace(_SMALL, size=256), gallery, {}, said.append
  )
  sources = [Image.new('RGB', (side, side)) for side in (200, 100)]
  one = compose.Composition('one', lambda: np.zeros((8, 8, 3), np.uint8))
  assert atelier._fitting(one, [0, 1], sources).size == 100
  assert 'at 100 pixels, all that small.png holds' in said[0]


def test_devices_share_paintings_which_are_the_same_byte_for_byte(
  folder, tmp_path
):
  wanted = _request(folder, content=None, count=3)
  for devices in (1, 8):
    request.paint_into(wanted, tmp_path / str(devices), devices=devices)
  for file in painted.files(tmp_path / '1'):
    other = tmp_path / '8' / file.name
    np.testing.assert_array_equal(
      np.asarray(Image.open(file)), np.asarray(Image.open(other))
    )


def test_a_full_disk_stops_and_the_same_call_goes_on(
  folder, tmp_path, monkeypatch
):
  wanted = _request(folder, content=None, count=3)
  write, written = painted.write, []

  def full(path, pixels, notes):
    if len(written) == 1:
      raise OSError(28, 'No space left on device', str(path))
    written.append(path)
    write(path, pixels, notes)

  monkeypatch.setattr(painted, 'write', full)
  with pytest.raises(OSError, match='No space left'):
    request.paint_into(wanted, tmp_path)
  monkeypatch.setattr(painted, 'write', write)
  said = []
  assert len(request.paint_into(wanted, tmp_path, say=said.append)) == 3
  assert '1 of 3' in said[0]


def test_an_error_is_told_before_all_paintings_are_made():
  made = []

  def paint(composition, variation, seed):
    made.append(composition)
    time.sleep(0.2)
    raise OSError(28, 'No space left on device')

  works: Any = [
    types.SimpleNamespace(composition=i, variation=0) for i in range(100)
  ]
  atelier: Any = types.SimpleNamespace(paint=paint)
  with pytest.raises(OSError, match='No space left'):
    session.paint_all(atelier, works, devices=2 * jax.devices()[:1])
  assert len(made) < 50


def test_sources_that_are_too_small_are_painted_at_what_they_hold(
  folder, tmp_path
):
  said = []
  (file,) = request.paint_into(
    _request(folder, size=256), tmp_path, say=said.append
  )
  assert max(Image.open(file).size) == 96
  assert any('painted at 96 pixels' in line for line in said)


def test_a_source_that_is_gone_meanwhile_is_replaced(folder):
  wanted = _request(folder)
  gallery = request.open_gallery(wanted)

  def gone(index):
    if index != 2:
      raise decode.BadPictureError(f'{index}.png', 'the file is gone')
    return gallery.open(index)

  said = []
  atelier = session.Atelier(
    _SMALL,
    dataclasses.replace(gallery, open=gone),
    request.variables_of(_SMALL),
    said.append,
  )
  atelier.described[1.333] = atelier.describe(gallery, 1.333)
  (composition,) = request.compositions(wanted, gallery)
  _, notes = atelier.paint(composition)
  assert list(notes['sources']) == ['2.png']
  assert any('another source' in line for line in said)


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'sources': None, 'content': None}, r'needs a RUN.*--sources=FOLDER'),
    ({'count': 0}, r'--count=0.*at least 1'),
    ({'seed': 2**32 - 2, 'count': 3}, r'--seed=4294967294.*--count=3'),
    ({'size': 16}, r'--size=16.*64 to 4096'),
    ({'quality': 'best'}, r'--quality=best.*full, fast'),
    ({'max_copy': 0.0}, r'--max_copy=0\.0'),
    ({'num_sources': 0}, r'--num_sources=0'),
    ({'variations': 0}, r'--variations=0'),
    ({'variations': 5}, r'--variations=5.*there are 4 pictures'),
    ({'sources': 'nowhere'}, r'nowhere'),
    ({'content': 'nowhere.png'}, r'--content=nowhere\.png: there is no such'),
  ],
)
def test_bad_requests_name_the_value_the_rule_and_the_next_step(
  folder, tmp_path, changes, message
):
  with pytest.raises(core.UserError, match=message):
    request.paint_into(_request(folder, **changes), tmp_path)


@pytest.mark.parametrize(
  'name, direction, key',
  [('cyclegan_demo', 'ba', 'a'), ('cut_demo', None, 'b'), ('adain', None, 'b')],
)
def test_a_translator_is_painted_with_the_domain_it_translates_into(
  name, direction, key
):
  run = Run(experiments.load(name, tiny=True), {})
  gallery = request.open_gallery(Request(run=run, direction=direction))
  assert gallery.digest.endswith(f'-{key}')


def test_a_style_is_for_a_run(folder):
  given = [f'--content={folder}/drawing.png', f'--sources={folder}/sources']
  code, _, err = run_main('paint', *given, '--style=builtin:5', '--output=out')
  assert code == 2 and '--style=builtin:5: it is for a RUN of AdaIN' in err


@pytest.mark.parametrize(
  'labels, numbers',
  [
    (0, [0, 0, 0]),
    ('7', [7, 7, 7]),
    (np.array([3, 5]), [3, 5, 3]),
    ((), [0, 1, 2]),
  ],
)
def test_one_class_is_painted_or_several_in_turn(labels, numbers):
  run = Run(experiments.load('cdcgan_mnist', tiny=True), {})
  nothing = Gallery((), lambda index: Image.new('RGB', (8, 8)))
  wanted = Request(run=run, labels=labels, count=3)
  made = request.compositions(wanted, nothing)
  assert [one.label for one in made] == numbers


def test_a_size_beyond_the_memory_names_the_largest_that_fits():
  with pytest.raises(core.UserError, match=r'--size=4096.*3\.5 GiB.*1\.0 are'):
    Painter(size=4096).require_fits(2**30)
  Painter(size=2048).require_fits(2**30)


@pytest.mark.slow
def test_samples_of_a_run_are_painted_with_its_training_pictures(tmp_path):
  run = art_jax.train(
    'dcgan_paintings',
    tiny=True,
    workdir=tmp_path / 'run',
    overrides={'train.duration': 2},
  )
  wanted = Request(run=run, count=2, seed=5, settings=_SMALL, upscale=True)
  files = request.paint_into(wanted)
  assert [file.name for file in files] == ['seed_0005.png', 'seed_0006.png']
  assert painted.notes(files[0])['run'] == 'run, step 2'
  # By itself the second one is the same picture.
  (alone,) = request.paint(dataclasses.replace(wanted, count=1, seed=6))
  np.testing.assert_array_equal(alone, np.asarray(Image.open(files[1])))
  from art_jax.report import page

  assert 'strokes of' in page.write(tmp_path / 'run').read_text()


def test_weights_that_are_absent_are_named_before_anything_is_sampled(
  folder, tmp_path, monkeypatch
):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path))
  monkeypatch.delenv('ART_JAX_ASSETS', raising=False)
  with pytest.raises(core.UserError, match='art_jax fetch vgg16'):
    request.paint(Request(sources=folder / 'sources'))
