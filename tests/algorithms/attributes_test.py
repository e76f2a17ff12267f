"""Attributes: from a labels.csv to the numbers that a generator is told."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms import attributes
from art_jax.algorithms.attributes import Category, Number, Palette
from art_jax.algorithms.gan import GAN
from art_jax.algorithms.stabilizers import Stabilizers
from art_jax.data import columns, detect, fit, pipeline
from art_jax.data.sources import Builtin, Labeled
from art_jax.media import cielab
from art_jax.nn.cdcgan import CDCGANDiscriminator, CDCGANGenerator

_ALL = (
  Category(name='artist', count=3),
  Number(name='year', low=1800, high=1900),
  Palette(),
)


# CIE L*a*b* of sRGB primaries under D65, as tabulated by Lindbloom
# (brucelindbloom.com, "CIE color calculator").
@pytest.mark.parametrize(
  'rgb, lab',
  [
    ((255, 255, 255), (100, 0, 0)),
    ((0, 0, 0), (0, 0, 0)),
    ((255, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 255, 0), (87.73, -86.18, 83.18)),
    ((0, 0, 255), (32.30, 79.19, -107.86)),
    ((119, 119, 119), (50.03, 0, 0)),
  ],
)
def test_lab(rgb, lab):
  pixel = jnp.array(rgb, jnp.float32) / 127.5 - 1
  np.testing.assert_allclose(cielab.rgb_to_lab(pixel), lab, atol=0.02)


def test_lab_of_grey_pictures_and_at_black_has_gradients():
  grey = cielab.rgb_to_lab(jnp.zeros((2, 1)))
  np.testing.assert_allclose(grey[:, 1:], 0, atol=1e-3)
  slope = jax.grad(lambda x: cielab.rgb_to_lab(x).sum())(-jnp.ones(3))
  assert np.isfinite(slope).all()


def _batch():
  left, right = jnp.full((1, 4, 2, 3), -1.0), jnp.full((1, 4, 2, 3), 1.0)
  half = jnp.concatenate([left, right], axis=2)
  return {
    'image': jnp.concatenate([half, -jnp.ones((1, 4, 4, 3))]),
    'artist': jnp.array([2, -1]),
    'year': jnp.array([1850.0, jnp.nan]),
  }


def test_conditions_by_hand():
  found = attributes.observe(_ALL, _batch())
  # Half black, half white: L = 50; black: L = 0.
  expected = [[0, 0, 1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, -2, 0, 0]]
  np.testing.assert_allclose(found, expected, atol=1e-3)
  assert found.shape[1] == sum(one.width for one in _ALL)
  cells = Palette(cells=2).observe(_batch()).reshape(2, 2, 2, 3)
  np.testing.assert_allclose(cells[0, :, :, 0], [[-2, 2], [-2, 2]], atol=1e-3)


def test_asking_is_observing():
  asked = attributes.ask(
    _ALL, {'artist': np.array([2, -1]), 'palette': (50, 25, -25)}, 2
  )
  expected = [[0, 0, 1, 0, 0, 0, 1, -1], [0, 0, 0, 0, 0, 0, 1, -1]]
  np.testing.assert_allclose(asked, expected, atol=1e-6)


@pytest.mark.parametrize(
  'values, message',
  [
    ({'palette': (0, 0, 0), 'style': 1}, 'knows artist, year, palette'),
    ({'palette': (0, 0, 0), 'artist': 3}, r'whole number in \[0, 3\)'),
    ({'palette': (0, 0, 0), 'artist': -2}, 'whole number'),
    ({'palette': (0, 0, 0), 'artist': 1.5}, 'whole number'),
    ({'palette': (0, 0, 0), 'year': np.ones(3)}, 'one value, or 2'),
    ({'palette': (0, 0)}, r'palette of shape \(2,\)'),
    ({'artist': 1}, 'every picture has one'),
  ],
)
def test_asking_for_nonsense(values, message):
  with pytest.raises(core.UserError, match=message):
    attributes.ask(_ALL, values, 2)


@pytest.mark.parametrize(
  'build, message',
  [
    (lambda: Category(name='x', count=0), 'at least 1'),
    (lambda: Number(name='x', low=2, high=2), 'low is below high'),
    (lambda: Palette(cells=0), 'at least 1'),
    (lambda: GAN(attributes=(Palette(), Palette())), 'twice'),
    (lambda: GAN(attributes=_ALL, num_classes=3), 'num_classes=3'),
    (lambda: GAN(attributes=(Category(name='a', count=2),)), 'like a picture'),
    (lambda: Palette(cells=3).measure(jnp.zeros((1, 4, 4, 3))), 'divisor'),
  ],
)
def test_bad_fields(build, message):
  with pytest.raises(core.UserError, match=message):
    build()


# The table -------------------------------------------------------------------

_TABLE = """file,artist,year
0.png,Monet,1872
1.png,,1889
sub/2.png,van Gogh,
"""


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
  monkeypatch.setenv('ART_JAX_HOME', str(tmp_path_factory.mktemp('home')))


@pytest.fixture
def folder(tmp_path):
  (tmp_path / 'sub').mkdir()
  for name in ('0.png', '1.png', 'sub/2.png', '3.png'):
    Image.new('RGB', (20, 20), (200, 30, 30)).save(tmp_path / name)
  (tmp_path / 'labels.csv').write_text(_TABLE)
  return tmp_path


def _open(folder, heldout=0.0, **fields):
  source = Labeled(str(folder), **fields)
  return source.open(core.Data(source=source, size=16, heldout=heldout))


def test_table_beside_the_pictures(folder):
  found = _open(folder)
  assert found.columns == (
    columns.Column('artist', ('Monet', 'van Gogh')),
    columns.Column('year', (), 1872.0, 1889.0),
  )
  (examples,) = found.train
  rows = {examples.name(i): examples.read(i) for i in range(4)}
  values = {
    name: (int(row['artist']), float(row['year'])) for name, row in rows.items()
  }
  assert values['0.png'] == (0, 1872.0)
  assert values['1.png'] == (-1, 1889.0)
  assert values['sub/2.png'][0] == 1 and np.isnan(values['sub/2.png'][1])
  assert values['3.png'][0] == -1 and np.isnan(values['3.png'][1])
  assert '3 with a line' in found.summary
  batch = pipeline.heldout_batch(found, core.Data(source=None, size=16), 4)
  condition = attributes.observe(
    (Category(name='artist', count=2), *_ALL[1:]), batch
  )
  assert condition.shape == (4, 7) and np.isfinite(condition).all()


def test_columns_can_be_chosen_and_numbers_be_names(folder):
  found = _open(folder, columns=('year',), categories=('year',))
  assert found.columns == (columns.Column('year', ('1872', '1889')),)
  assert found.keys == ('image', 'year')


@pytest.mark.parametrize(
  'old, new, message',
  [
    ('1.png', '9.png', "line 3: there is no picture '9.png'"),
    ('1.png', '0.png', "line 3: '0.png' has a line already"),
    ('1889', 'about 1889', "line 3: year='about 1889' is no number"),
    ('Monet,1872', 'Monet', 'line 2: 2 cells for 3 columns'),
    ('file,', 'name,', '`file` among them'),
    ('artist,year', 'year,year', 'each once'),
    (',', ';', 'with commas between them'),  # as spreadsheets of Europe save it
    ('artist,', 'label,', "may not be called 'label'"),
    ('1872\n1.png,,1889', '\n1.png,,', "column 'year' is empty"),
  ],
)
def test_bad_tables(folder, old, new, message):
  text = _TABLE
  if 'about' in new:  # most of the column are numbers
    text += '3.png,,1890\n'
  (folder / 'labels.csv').write_text(text.replace(old, new))
  with pytest.raises(core.UserError, match=message):
    _open(folder)


def test_other_bad_tables(folder):
  with pytest.raises(core.UserError, match="no column 'style'; it has artist"):
    _open(folder, columns=('style',))
  with pytest.raises(core.UserError, match='cannot be read: No such file'):
    _open(folder, file='other.csv')
  (folder / 'labels.csv').write_bytes(b'file,artist\n0.png,\xff\n')
  with pytest.raises(core.UserError, match='CSV in UTF-8'):
    _open(folder)


def test_an_unreadable_picture_may_have_a_line(folder):
  (folder / '1.png').write_bytes(b'no picture')
  source = Labeled(str(folder))
  found = source.open(core.Data(source=source, size=16, max_bad=0.5))
  assert len(found.skipped) == 1 and found.num_examples == 2


@pytest.mark.parametrize(
  'wanted, message',
  [
    ({'style': 3}, "'style' is not in the data, which has artist, year"),
    ({'artist': 0}, "'artist' is a number there and a category in the data"),
    ({'year': 5}, "'year' is a category there and a number in the data"),
    ({'artist': 1}, "'artist' has 2 names in the data, but count=1"),
  ],
)
def test_what_the_algorithm_reads_must_be_there(folder, wanted, message):
  model = types.SimpleNamespace(columns=wanted, attributes=(), labels=len)
  with pytest.raises(core.UserError, match=message) as error:
    fit.check_columns(_open(folder), model)
  assert (
    "(Category(name='artist', count=2), Number(name='year', low=1872, "
    'high=1889), Palette())'
  ) in str(error.value)


@pytest.mark.parametrize(
  'low, high',
  [
    (1900.0, 1900.0),
    (2e7 + 0.5, 20240131.0),
    (0.1, 1e30),
  ],
)
def test_a_suggestion_is_exact_and_leaves_constants_out(low, high):
  text = columns.suggestion([columns.Column('x', (), low, high)])
  inside = text.removeprefix('--set "algorithm.attributes=').rstrip('"')
  made = eval(inside, {'Number': Number, 'Palette': Palette})
  assert [(n.low, n.high) for n in made[:-1]] == [(low, high)] * (low < high)
  assert isinstance(made[-1], Palette)


def test_detection(folder):
  inputs = ('image', 'artist')
  source, told = detect.parse(str(folder), inputs, False)
  assert source == Labeled(str(folder)) and 'labels.csv' in told
  assert detect.parse('builtin', inputs, False)[0].layout == 'attributes'
  (folder / 'labels.csv').unlink()
  with pytest.raises(core.UserError, match='column `file`'):
    detect.parse(str(folder), inputs, False)


def test_built_in_genre_is_an_attribute():
  data = core.Data(source=Builtin(layout='attributes', count=6), size=16)
  found = data.source.open(data)
  (column,) = found.columns
  assert column.name == 'genre' and len(column.values) == 5
  labels = Builtin(layout='images', count=6).open(data).train[0]
  for i in range(len(labels)):
    same = found.train[0].read(i)
    assert same['genre'] == labels.read(i)['label']


# The GAN ---------------------------------------------------------------------


@pytest.mark.slow
def test_gan_is_told_and_learns_it():
  gan = GAN(
    generator=CDCGANGenerator(size=32, width=4, latent_size=8),
    discriminator=CDCGANDiscriminator(width=4),
    attributes=_ALL,
    stabilizers=Stabilizers(replay_every=2),
  )
  assert gan.inputs == ('image', 'artist', 'year')
  rng = np.random.default_rng(0)
  batch = {
    'image': jnp.asarray(rng.uniform(-1, 1, (4, 32, 32, 3)), 'f4'),
    'artist': jnp.array([0, 1, 2, -1]),
    'year': jnp.array([1800, 1850, 1900, jnp.nan]),
  }
  state = jax.jit(gan.init)(jax.random.key(0), batch)
  state, metrics = jax.jit(gan.step)(state, batch, jax.random.key(1))
  for leaf in jax.tree.leaves((state, metrics)):
    assert np.isfinite(leaf).all()
  condition = attributes.observe(_ALL, batch)
  np.testing.assert_allclose(state.replay.labels[0], condition[0])
  params, z = gan.inference(state), gan.latents(jax.random.key(2), 4)
  values = {'artist': np.array([0, 1, 2, -1]), 'palette': (50, 0, 0)}
  named = gan.generate(params, z, values)
  rows = gan.generate(params, z, attributes.ask(_ALL, values, 4))
  np.testing.assert_array_equal(named, rows)
  assert gan.score(params, named, condition).shape == (4,)
  with pytest.raises(core.UserError, match='artist, year, palette'):
    gan.generate(params, z)
