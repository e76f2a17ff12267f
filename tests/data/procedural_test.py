"""Tests of the built-in paintings."""

import os

import numpy as np
import pytest

from art_jax.data import procedural

GENRES = procedural.GENRES


@pytest.fixture(scope='module')
def scenes():
  return procedural.render(5, 50, 64)


def _same(left, right):
  return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def _correlation(left, right):
  left, right = left.mean(-1).ravel(), right.mean(-1).ravel()
  return float(np.corrcoef(left, right)[0, 1])


def _shrunk(picture, side):
  step = len(picture) // side
  blocks = picture.reshape(side, step, side, step, 3).astype(float)
  return blocks.mean((1, 3))


def test_shapes_types_and_genres(scenes):
  for view in scenes[:3]:
    assert view.shape == (50, 64, 64, 3)
    assert view.dtype == np.uint8
  assert scenes.genre.dtype == np.int32
  np.testing.assert_array_equal(scenes.genre, np.arange(50) % 5)


def test_a_scene_is_the_same_whatever_else_is_rendered(scenes):
  for index in (0, 6, 12, 18, 24):
    alone = procedural.scene(5, index, 64)
    assert alone.genre == index % 5
    assert _same(alone[:3], [view[index] for view in scenes[:3]])
  part = procedural.render(5, 4, 64, first=7)
  assert _same(part, [view[7:11] for view in scenes])


def test_seed_and_index_change_the_picture():
  photo = procedural.scene(0, 0, 32).photo
  assert not np.array_equal(photo, procedural.scene(1, 0, 32).photo)
  assert not np.array_equal(photo, procedural.scene(0, 5, 32).photo)


def test_restricted_genres_cycle_through_scenes_of_the_full_set(scenes):
  chosen = procedural.render(5, 5, 64, genres=('flower', 'portrait'))
  np.testing.assert_array_equal(chosen.genre, [2, 1, 2, 1, 2])
  places = [2, 1, 7, 6, 12]
  assert _same(chosen, [view[places] for view in scenes])
  tail = procedural.render(5, 2, 64, first=3, genres=('flower', 'portrait'))
  assert _same(tail, [view[[6, 12]] for view in scenes])


@pytest.mark.parametrize('size', [32, 33, 50, 100, 161])
@pytest.mark.parametrize('genre', range(5))
def test_any_size(size, genre):
  drawn = procedural.scene(2, genre, size)
  for view in drawn[:3]:
    assert view.shape == (size, size, 3)


@pytest.mark.parametrize('index', range(10))
def test_sizes_share_the_composition(index):
  small = procedural.scene(4, index, 64)
  large = procedural.scene(4, index, 192)
  assert _correlation(_shrunk(small.photo, 32), _shrunk(large.photo, 32)) > 0.95
  painted = _shrunk(small.painting, 16), _shrunk(large.painting, 16)
  assert _correlation(*painted) > 0.9
  same = small.labels == large.labels[1::3, 1::3]
  assert same.all(-1).mean() > 0.85


def test_label_maps_hold_only_palette_colors(scenes):
  colors = list(procedural.LABEL_COLORS.values())
  assert len(set(colors)) == len(colors)
  found = np.unique(scenes.labels.reshape(-1, 3), axis=0)
  assert {tuple(map(int, c)) for c in found} <= set(colors)
  for labels in scenes.labels:
    assert len(np.unique(labels.reshape(-1, 3), axis=0)) >= 2


def test_label_classes_fit_their_genre(scenes):
  expected = ('sky', 'skin', 'petal', 'building', 'warm shape')
  for genre, name in enumerate(expected):
    maps = scenes.labels[scenes.genre == genre]
    color = procedural.LABEL_COLORS[name]
    holds = (maps == color).all(-1).any((1, 2)).mean()
    assert holds > (0.5 if name == 'warm shape' else 0.99), name


def test_painting_differs_from_photo_but_shows_the_same(scenes):
  photo, painting = scenes.photo.astype(float), scenes.painting.astype(float)
  assert 0.05 < np.abs(photo - painting).mean() / 255 < 0.25
  pairs = [_correlation(p, q) for p, q in zip(photo, painting, strict=True)]
  assert np.median(pairs) > 0.9
  assert min(pairs) > 0.6
  # Strangers must not match as well as partners do.
  apart = [
    _correlation(p, q) for p, q in zip(photo, painting[1:], strict=False)
  ]
  assert np.median(apart) < 0.4


def test_painting_is_warmer_and_richer_than_photo(scenes):
  photo, painting = scenes.photo.astype(float), scenes.painting.astype(float)

  def warmth(view):
    return (view[..., 0] - view[..., 2]).mean()

  assert warmth(painting) > warmth(photo) + 10
  assert np.ptp(painting, -1).mean() > np.ptp(photo, -1).mean() + 10


def test_pictures_vary(scenes):
  for view in scenes[:2]:
    small = np.stack([_shrunk(picture, 8).ravel() for picture in view])
    apart = np.abs(small[:, None] - small[None]).mean(-1)
    apart[np.diag_indices(len(small))] = 255
    assert apart.min() > 4
    assert view.std((1, 2)).mean() > 20


def _terms(colors):
  red, green, blue = colors.reshape(-1, 3).T / 255.0
  return np.stack([
    red**i * green**j * blue**k
    for i in range(4)
    for j in range(4 - i)
    for k in range(4 - i - j)
  ], 1)  # fmt: skip


@pytest.mark.parametrize('ways', [(0, 1), (1, 0)], ids=['paint', 'photograph'])
def test_a_smooth_color_map_explains_much_of_the_style(scenes, ways):
  source, goal = scenes[ways[0]], scenes[ways[1]] / 255.0
  fitted, held = slice(0, 30), slice(30, 50)
  weights = np.linalg.lstsq(
    _terms(source[fitted]), goal[fitted].reshape(-1, 3), rcond=None
  )[0]
  guess = (_terms(source[held]) @ weights).clip(0, 1)
  left = np.abs(guess.reshape(goal[held].shape) - goal[held]).mean()
  before = np.abs(source[held] / 255.0 - goal[held]).mean()
  assert left < 0.55 * before


def test_cache_round_trip(tmp_path, monkeypatch):
  folder = str(tmp_path / 'made' / 'here')
  fresh = procedural.render(1, 5, 32, cache=folder)
  assert len(os.listdir(folder)) == 1

  def fail(*arguments):
    raise AssertionError('the cache was not used')

  monkeypatch.setattr('art_jax.data.procedural.cache.scene', fail)
  assert _same(fresh, procedural.render(1, 5, 32, cache=folder))
  for other in ({'first': 1}, {'genres': ('flower',)}):
    with pytest.raises(AssertionError, match='not used'):
      procedural.render(1, 5, 32, cache=folder, **other)


def _truncate(path):
  data = path.read_bytes()
  path.write_bytes(data[: len(data) // 2])


def _flip(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 255
  path.write_bytes(bytes(data))


def _wrong_shape(path):
  np.savez(path, **procedural.render(1, 4, 32)._asdict())


def _wrong_genres(path):
  scenes = procedural.render(1, 5, 32)
  np.savez(path, **scenes._replace(genre=scenes.genre[::-1])._asdict())


def _missing_view(path):
  stored = procedural.render(1, 5, 32)._asdict()
  del stored['labels']
  np.savez(path, **stored)


def _pickled(path):
  np.savez(path, photo=np.array([{}], object), allow_pickle=True)


@pytest.mark.slow
@pytest.mark.parametrize(
  'damage',
  [
    lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(b'not an archive'),
    _truncate,
    _flip,
    _wrong_shape,
    _wrong_genres,
    _missing_view,
    _pickled,
  ],
  ids=['empty', 'text', 'cut', 'flipped', 'shape', 'genre', 'view', 'pickle'],
)
def test_a_damaged_cache_is_rendered_again(tmp_path, damage):
  fresh = procedural.render(1, 5, 32, cache=str(tmp_path))
  (path,) = tmp_path.iterdir()
  damage(path)
  assert _same(fresh, procedural.render(1, 5, 32, cache=str(tmp_path)))
  assert [p.name for p in tmp_path.iterdir()] == [path.name]
  with np.load(path, allow_pickle=False) as stored:
    assert np.array_equal(stored['photo'], fresh.photo)


def test_no_scenes():
  none = procedural.render(0, 0, 32)
  assert none.photo.shape == (0, 32, 32, 3)
  assert none.genre.shape == (0,)


@pytest.mark.parametrize(
  ('arguments', 'options', 'message'),
  [
    ((0, 1, 31), {}, r'size=31 .* >= 32; draw scenes at'),
    ((0, 1, 64.0), {}, r'size=64\.0 is not an integer'),
    ((0, 1, True), {}, r'size=True is not an integer'),
    ((0, -1, 64), {}, r'count=-1 is not an integer >= 0; pass'),
    ((0, 1.5, 64), {}, r'count=1\.5 is not an integer'),
    ((-3, 1, 64), {}, r'seed=-3 is not an integer >= 0'),
    ((0, 1, 64), {'first': -2}, r'first=-2 is not an integer >= 0'),
    ((0, 1, 64), {'genres': ('flower', 'cat')}, r"unknown genre 'cat'.*use"),
    ((0, 1, 64), {'genres': ()}, r'genres=\(\) is empty; name at least one'),
    ((0, 1, 64), {'genres': 'flower'}, r"genres='flower' is one string"),
    ((0, 1, 64), {'genres': ('flower', 'flower')}, r'names a genre twice'),
  ],
)
def test_bad_input(arguments, options, message):
  with pytest.raises(ValueError, match=message):
    procedural.render(*arguments, **options)


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ((0, -1, 64), r'index=-1 is not an integer >= 0'),
    ((0, 0, 16), r'size=16 is not an integer >= 32'),
    ((None, 0, 64), r'seed=None is not an integer'),
  ],
)
def test_bad_scene(arguments, message):
  with pytest.raises(ValueError, match=message):
    procedural.scene(*arguments)
