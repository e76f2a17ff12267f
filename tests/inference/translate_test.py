"""Folders of pictures: what is bad is named, what is left is done."""

import dataclasses
import io
import os
import zipfile

import jax
import numpy as np
import pytest
from command_line import run_main
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.inference import foreign, large, run, translate
from art_jax.media import images, picture_format
from art_jax.weights import families


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
  """A file of weights of a small generator."""
  generator = experiments.load('cyclegan', tiny=True).algorithm.generator
  shape = jax.ShapeDtypeStruct((1, 16, 16, 3), 'float32')
  shapes = jax.eval_shape(generator.init, jax.random.key(0), shape)
  random = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda x: random.normal(0, 0.2, x.shape).astype(np.float32), shapes
  )
  path = tmp_path_factory.mktemp('weights') / 'x.safetensors'
  families.write(path, generator, variables)
  return path


def _picture(path, size=(20, 16), seed=0):
  pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3))
  Image.fromarray(pixels.astype(np.uint8)).save(path)
  return path


def _main(weights, source, output, *more):
  return run_main(
    *('--mode=translate', f'--weights={weights}', f'--input={source}'),
    *(f'--output={output}', *more),
  )


# A file in a folder beside three good ones, and what is said of it.
_BAD = {
  'cut': 'b.jpg: image file is truncated',
  'empty': 'b.jpg: the file is empty',
  'text': 'b.jpg: not a picture',
  'link': 'b.jpg: No such file or directory',
  'huge': 'b.png: 10000x9500 pixels; the limit is',
  'hidden': '',
  'hidden picture': '',
  'folder': '',
  'pipe': '',
}


def _put(kind, folder):
  """Put a file of a kind into a folder."""
  path = folder / 'b.jpg'
  if kind == 'cut':
    whole = _picture(folder / 'b.jpg', (200, 200)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
  elif kind == 'empty':
    path.write_bytes(b'')
  elif kind == 'text':
    path.write_text('no picture')
  elif kind == 'link':
    path.symlink_to(folder / 'gone.jpg')
  elif kind == 'huge':
    Image.new('1', (10000, 9500)).save(folder / 'b.png')
  elif kind == 'hidden':
    (folder / '._a.png').write_bytes(b'\0\5\x16\7')
  elif kind == 'hidden picture':
    _picture(folder / '.b.png')
  elif kind == 'folder':
    path.mkdir()
  elif kind == 'pipe':
    os.mkfifo(path)


@pytest.mark.parametrize('kind', _BAD)
def test_a_bad_file_does_not_stop_the_others(kind, weights, tmp_path):
  source, output = tmp_path / 'in', tmp_path / 'out'
  source.mkdir()
  for i, name in enumerate('acd'):
    _picture(source / f'{name}.png', seed=i)
  _put(kind, source)
  code, out, err = _main(weights, source, output)
  assert sorted(p.name for p in output.iterdir()) == ['a.png', 'c.png', 'd.png']
  assert f'3 picture(s) translated into {output}' in out
  if not _BAD[kind]:
    assert code == 0, err
    return
  assert code == 2
  last = err.strip().splitlines()[-1]
  assert last.startswith('art_jax: 1 of 4 pictures could not be translated (')
  assert _BAD[kind] in last
  # The same command does what is left, once the picture is whole.
  before = {p: p.stat().st_mtime_ns for p in output.iterdir()}
  code, out, _ = _main(weights, source, output)
  assert code == 2 and '0 picture(s) translated' in out
  name = _BAD[kind].partition(':')[0]
  (source / name).unlink()
  _picture(source / name, seed=7)
  code, out, err = _main(weights, source, output)
  assert code == 0, err
  assert '1 picture(s) translated' in out and '(3 more are there' in out
  assert (
    before.items()
    <= {p: p.stat().st_mtime_ns for p in output.iterdir()}.items()
  )


def test_the_only_picture_is_named_in_one_line(weights, tmp_path):
  (tmp_path / 'b.jpg').write_text('no picture')
  code, _, err = _main(weights, tmp_path / 'b.jpg', tmp_path / 'out')
  assert code == 2
  assert (
    err.strip()
    .splitlines()[-1]
    .endswith("b.jpg' cannot be read: not a picture; replace or remove it")
  )


@pytest.mark.parametrize(
  'change',
  ['foreign', 'picture', 'weights', 'unreadable', 'other direction'],
)
def test_a_result_of_something_else_is_never_replaced(
  change, weights, tmp_path
):
  source, output = _picture(tmp_path / 'a.png'), tmp_path / 'out'
  assert _main(weights, source, output)[0] == 0
  result = output / 'a.png'
  if change == 'foreign':
    Image.open(result).copy().save(result)  # the same pixels, without the note
  elif change == 'picture':
    _picture(source, seed=1)
  elif change == 'unreadable':
    source.write_bytes(b'')
  elif change == 'weights':
    module, variables = families.load(weights)
    other = jax.tree.map(lambda x: x * 2, variables)
    weights = tmp_path / 'other.safetensors'
    families.write(weights, module, other)
  elif change == 'other direction':
    model = foreign.load_weights(weights)
    model = dataclasses.replace(model, params={'ba': model.params['ab']})
    with pytest.raises(core.UserError, match='a.png exists'):
      translate.files(model, source, output, 'ba')
    return
  before = result.read_bytes()
  code, _, err = _main(weights, source, output)
  assert code == 2 and 'a.png exists' in err
  assert result.read_bytes() == before
  if change != 'unreadable':
    assert _main(weights, source, output, '--overwrite')[0] == 0
    assert images.png_note(result, 'art_jax made from')


@pytest.mark.parametrize(
  'name, inputs, message',
  [
    ('result.png', 1, ''),
    ('deep/er/RESULT.PNG', 1, ''),
    ('there.png/', 1, ''),
    ('result.jpg', 1, 'a .png file for one picture (here 1)'),
    ('result.png', 2, 'a .png file for one picture (here 2)'),
    ('in/0.png', 1, 'would be replaced by its own translation'),
    ('in', 1, 'would be replaced by its own translation'),
  ],
)
def test_output_is_a_folder_or_a_file(name, inputs, message, weights, tmp_path):
  source, output = tmp_path / 'in', tmp_path / name
  source.mkdir()
  for i in range(inputs):
    _picture(source / f'{i}.png')
  if name.endswith('/'):
    output.mkdir()
  given = source / '0.png' if inputs == 1 else source
  pixels = (source / '0.png').read_bytes()
  code, _, err = _main(weights, given, output, '--overwrite')
  if message:
    assert code == 2 and message in err
    assert (source / '0.png').read_bytes() == pixels
    return
  assert code == 0, err
  written = output / '0.png' if output.is_dir() else output
  assert Image.open(written).size == (20, 16)


def test_results_do_not_become_pictures_to_translate(weights, tmp_path):
  # Else 0.jpg and 0.png would both become 0.png at the next start.
  picture = _picture(tmp_path / '0.jpg')
  code, _, err = _main(weights, tmp_path, f'{tmp_path}/.')
  assert code == 2 and 'is the folder of --input' in err
  assert [*tmp_path.iterdir()] == [picture]
  assert _main(weights, picture, tmp_path)[0] == 0
  assert _main(weights, picture, tmp_path)[0] == 0


def _sides():
  return [(1, 1), (1, 64), (3, 64), (64, 3), (2, 2), (4, 4), (5, 3), (8, 1)]


@pytest.mark.parametrize(
  'name',
  ['cyclegan', 'cut_demo', 'fast_style', 'pix2pix_facades', 'adain'],
)
def test_tiny_pictures_are_translated(name, monkeypatch):
  """Their sides become what the network takes; nothing is computed here."""
  experiment = experiments.load(name, tiny=True)
  algorithm, image = experiment.algorithm, np.zeros((1, 64, 64, 3), np.float32)
  batch = dict.fromkeys(algorithm.inputs, image)
  params = jax.eval_shape(
    lambda key: algorithm.inference(algorithm.init(key, batch)),
    jax.random.key(0),
  )
  if isinstance(algorithm, core.Stylable):
    params = jax.eval_shape(algorithm.styled, params, [image])
  model = run.Run(experiment, params)
  sizes = []  # that the network sees

  def shapes_alone(function):
    def run_(params, x):
      sizes.append(x.shape[1:3])
      return np.zeros(jax.eval_shape(function, params, x).shape)

    return run_

  monkeypatch.setattr(jax, 'jit', shapes_alone)
  for height, width in _sides():
    picture = np.zeros((height, width, 3), np.uint8)
    assert model.translate(picture).shape == picture.shape
  assert min(map(min, sizes)) >= algorithm.multiple


@pytest.mark.parametrize(
  'pictures, message',
  [
    (np.zeros((8, 8, 3), np.uint8), '1 channel.* gray; convert'),
    (np.zeros((8, 8), np.uint8), r'pass \[N, H, W, C\]'),
    (np.zeros((1, 0, 8, 1), np.uint8), 'both sides at least 1'),
    (np.zeros((8, 8, 1), np.int64), 'dtype int64: pictures are bytes'),
    (np.zeros((8, 8, 1), bool), 'dtype bool: pictures are bytes'),
  ],
)
def test_other_channels_and_types_are_refused(pictures, message):
  for name in ('cyclegan_demo', 'diffusion_mnist'):
    experiment = experiments.load(name, tiny=True)
    experiment = experiments.override(experiment, ['data.channels=1'])
    model = run.Run(experiment, ())  # Nothing is computed.
    with pytest.raises(core.UserError, match=message):
      if name == 'cyclegan_demo':
        model.translate(pictures)
      else:
        model.inpaint(pictures, np.ones((8, 8), bool))


@pytest.mark.parametrize(
  'pictures, mask',
  [
    ((8, 8, 1), (1, 8, 8)),  # of one picture without the leading axis
    ((3, 8, 8, 1), (2, 8, 8)),
    ((3, 8, 8, 1), (1, 1, 8, 8)),
    ((3, 8, 8, 1), (8, 9)),
  ],
)
def test_masks_for_other_pictures_are_refused(pictures, mask):
  model = run.Run(experiments.load('diffusion_mnist', tiny=True), ())
  with pytest.raises(core.UserError, match='mask of shape .* for all, or as'):
    model.inpaint(np.zeros(pictures, np.uint8), np.ones(mask, bool))


def test_a_side_of_one_pixel_through_the_command_line(weights, tmp_path):
  source = tmp_path / 'in'
  source.mkdir()
  for width, height in ((1, 1), (64, 3), (20, 16)):
    _picture(source / f'{width}.png', (width, height))
  code, out, err = _main(weights, source, tmp_path / 'out')
  assert code == 0, err
  assert '3 picture(s)' in out
  for width, height in ((1, 1), (64, 3)):
    made = Image.open(tmp_path / 'out' / f'{width}.png')
    assert made.size == (width, height)


def test_a_picture_that_is_too_large_is_named_among_others(
  weights, tmp_path, monkeypatch
):
  source = tmp_path / 'in'
  source.mkdir()
  for name, size in (('a', (20, 16)), ('big', (64, 48))):
    _picture(source / f'{name}.png', size)

  def never(*args, **kwargs):
    raise large.stages.NotLocalError

  monkeypatch.setattr(large, '_SMALL', 20 * 16)
  monkeypatch.setattr(large, 'limit', lambda: 100_000)
  monkeypatch.setattr(large.tiles, 'Picture', never)
  code, out, err = _main(weights, source, tmp_path / 'out')
  assert code == 2 and '1 picture(s) translated' in out
  assert 'big.png: 64x48 pixels need' in err.strip().splitlines()[-1]


@pytest.mark.parametrize(
  'fmt, most',  # of libjpeg's JPEG_MAX_DIMENSION and of a VP8 frame's 14 bits
  [('jpg', 65_500), ('webp', 2**14 - 1)],
)
def test_a_side_that_a_format_cannot_hold(fmt, most, weights, tmp_path):
  source = tmp_path / 'in'
  source.mkdir()
  _picture(source / 'a.png')
  _picture(source / 'long.png', (most + 1, 1))
  code, out, err = _main(
    weights, source, tmp_path / 'out', f'--format={fmt}:90'
  )
  assert code == 2 and '1 picture(s) translated' in out
  assert f'long.png: {most + 1}x1 pixels' in err.strip().splitlines()[-1]
  longest = np.zeros((1, most, 3), np.uint8)
  encoded = picture_format.encode(longest, picture_format.parse(fmt), '')
  assert Image.open(io.BytesIO(encoded)).size == (most, 1)


def test_translations_in_a_zip(weights, tmp_path):
  (tmp_path / 'in').mkdir()
  for i in range(3):
    _picture(tmp_path / 'in' / f'{i}.png', seed=i)
  output = tmp_path / 'out.zip'
  code, out, err = _main(weights, tmp_path / 'in', output, '--format=jpg:90')
  assert code == 0, err
  with zipfile.ZipFile(output) as file:
    assert file.namelist() == ['0.jpg', '1.jpg', '2.jpg']
    assert Image.open(file.open('1.jpg')).size == (20, 16)
  code, out, _ = _main(weights, tmp_path / 'in', output, '--format=jpg:90')
  assert code == 0 and '3 more are there already' in out
  code, _, err = _main(weights, tmp_path / 'in', output)
  assert code == 2 and 'exists' in err
  # A picture that cannot be translated: the others are kept for the next time.
  (tmp_path / 'in' / '3.png').write_text('no picture')
  code, _, err = _main(weights, tmp_path / 'in', tmp_path / 'b.zip')
  assert code == 2 and not (tmp_path / 'b.zip').exists()
  (tmp_path / 'in' / '3.png').unlink()
  code, out, _ = _main(weights, tmp_path / 'in', tmp_path / 'b.zip')
  assert code == 0 and '0 picture(s)' in out and '3 more' in out
  assert (tmp_path / 'b.zip').exists()
