"""Patches: the best are found, strokes stay, and copies come apart."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax import core
from art_jax.data import procedural
from art_jax.media import images
from art_jax.metrics.stroke_energy import stroke_energy
from art_jax.nn.field import Field, Turned, turned
from art_jax.painter import patch_blend, patch_match, patch_search, provenance


@functools.cache
def _painting(number, height=96, width=64):
  """Return a crop of a built-in painting, f32[height, width, 3]."""
  drawn = procedural.render(0, 1, 96, first=number).painting[0]
  return images.from_uint8(drawn[:height, :width])


def _low(picture):
  """Return a picture as if it had been enlarged to twice its size."""
  small = (picture.shape[0] // 2, picture.shape[1] // 2, 3)
  low = jax.image.resize(picture, small, 'cubic')
  return jax.image.resize(low, picture.shape, 'cubic')


def _same_place(height, width):
  """Return the field of a copy of half the size."""
  i, j = np.indices((height // 8, width // 8))
  return Field(0 * i, i, j)


def _wishes(shape, radii=(16, 4, 1)):
  none = jnp.full((1, *shape), -1, jnp.int32)
  return patch_search.Wishes(
    0.0, 0.0, jnp.asarray(radii, jnp.float32), Field(none, none, none), 0
  )


@pytest.mark.slow
def test_search_is_within_three_percent_of_all_patches():
  picture, source = _painting(0, 64, 64), _painting(1, 64, 64)

  def patches(x):
    x = np.pad(x, [(3, 3), (3, 3), (0, 0)], 'reflect')
    windows = np.lib.stride_tricks.sliding_window_view(x, (7, 7), (0, 1))
    return windows.reshape(*windows.shape[:2], -1).astype(np.float64)

  a, b = patches(picture)[::2, ::2].reshape(-1, 147), patches(source)
  b = b.reshape(-1, 147)
  distances = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
  wanted = np.maximum(distances, 0).min(1).mean() / 147
  stack = patch_search.stack([source])
  places = np.random.default_rng(0).integers(0, 64, (2, 32, 32))
  field = Field(*(jnp.asarray(v, jnp.int32) for v in (0 * places[0], *places)))
  for radii, rounds in (((64, 32, 16), 48), ((16, 4, 1), 24)):
    field, costs = patch_search.search(
      *(jnp.asarray(picture), stack, field, _wishes((32, 32), radii)),
      *(jax.random.key(0), rounds),
    )
  assert wanted <= costs.mean() + 1e-6 and costs.mean() < 1.03 * wanted
  at = np.asarray(field.row * 64 + field.column).ravel()
  mine = ((a - b[at]) ** 2).mean(1)
  np.testing.assert_allclose(costs.ravel(), mine, rtol=1e-3, atol=1e-6)


def test_a_copy_is_exact_and_its_turn_is_undone():
  source = _painting(0, 64, 48)
  target = turned(source, 5)
  voted = patch_match.vote(
    patch_match.Patches(max_copy=1.0),
    _low(target),
    [np.zeros((40, 40, 3), np.float32), source],
    [Turned(0, 0), Turned(1, 5)],
    _same_place(*target.shape[:2])._replace(picture=np.ones((6, 8), int)),
    key=jax.random.key(0),
  )
  np.testing.assert_allclose(voted.pixels, target, atol=1e-5)
  assert provenance.largest_region(voted.cells) == 1
  np.testing.assert_array_equal(voted.origins.row, np.indices((48, 64))[0])
  assert voted.cells.row.shape == (12, 16)
  assert np.all(voted.cells.picture == 1)


def _painted(seed=0, **settings):
  source, start = _painting(1), _low(_painting(2, 64, 96))
  return patch_match.vote(
    patch_match.Patches(**settings),
    start,
    [source],
    [Turned(0, turn) for turn in (0, 1)],
    None,
    key=jax.random.key(seed),
  )


@pytest.mark.slow
def test_strokes_stay_and_the_key_decides():
  source = _painting(1)
  once, again, other = _painted(), _painted(), _painted(1)
  wanted = stroke_energy(_painting(2, 64, 96)[None])[0]
  ratio = stroke_energy(once.pixels[None])[0] / wanted
  start = stroke_energy(_low(_painting(2, 64, 96))[None])[0] / wanted
  assert abs(ratio - 1) < 0.25 and start < 0.5
  for first, second in zip(*map(jax.tree.leaves, (once, again)), strict=True):
    np.testing.assert_array_equal(first, second)
  assert np.any(once.pixels != other.pixels)
  # Most pixels are one of the source's, not a mean of several.
  pictures = [turned(source, turn) for turn in (0, 1)]
  picture, row, column = (np.asarray(v) for v in once.origins)
  taken = np.where(
    (picture == 0)[..., None],
    pictures[0][np.minimum(row, 95), np.minimum(column, 63)],
    pictures[1][np.minimum(row, 63), np.minimum(column, 95)],
  )
  near = np.abs(taken - once.pixels).max(-1) < 0.05
  assert near.mean() > 0.8


@pytest.mark.slow
def test_max_copy_takes_a_copy_apart():
  source = _painting(0, 96, 96)
  region = {}
  for max_copy in (1.0, 0.35):
    voted = patch_match.vote(
      patch_match.Patches(max_copy=max_copy, quality='fast'),
      *(_low(source), [source], [Turned(0, 0), Turned(0, 4)]),
      _same_place(96, 96),
      key=jax.random.key(0),
    )
    region[max_copy] = provenance.largest_region(voted.cells)
  assert region[1.0] > 0.95 and region[0.35] <= 0.35


def test_patches_stay_out_of_masks():
  source, mask = _painting(1), np.zeros((96, 64), bool)
  mask[:40, 10:] = True
  voted = patch_match.vote(
    patch_match.Patches(quality='fast'),
    *(_low(_painting(2, 64, 96)), [source], [Turned(0, 1)], None),
    key=jax.random.key(0),
    masks=[mask],
  )
  allowed = turned(mask[..., None], 1)[..., 0]
  assert allowed[np.asarray(voted.origins.row), voted.origins.column].all()
  # A mean of allowed colors alone.
  colors = source[:40, 10:].reshape(-1, 3)
  assert np.all(voted.pixels <= colors.max(0) + 1e-5)
  assert np.all(voted.pixels >= colors.min(0) - 1e-5)


def test_memory_at_2048_pixels_is_bounded():
  f32, i32 = jnp.float32, jnp.int32
  side, pictures, sites = 2048, 2, 1024

  def of(*shape, dtype=f32):
    return jax.ShapeDtypeStruct(shape, dtype)

  stack = patch_search.Stack(
    of(pictures, side + 6, 3 * (side + 6)),
    of(pictures, side, side),
    of(pictures, side, side, dtype=bool),
    of(pictures, 2, dtype=i32),
  )
  field = Field(*(of(sites, sites, dtype=i32) for _ in range(3)))
  avoided = Field(*(of(4, sites, sites, dtype=i32) for _ in range(3)))
  wishes = patch_search.Wishes(of(), of(), of(3), avoided, of(dtype=i32))
  key, picture = jax.eval_shape(lambda: jax.random.key(0)), of(side, side, 3)
  by = patch_blend.Sharpness(of(), of(), of(), of(dtype=i32))
  searched = patch_search.search.lower(
    picture, stack, field, wishes, key, of(dtype=i32)
  )
  blended = patch_blend.blend.lower(stack, field, of(sites, sites), picture, by)
  for program in (searched, blended):
    memory = program.compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1.5e9


@pytest.mark.parametrize(
  'change, message',
  [
    ({'quality': 'best'}, 'one of fast, full'),
    ({'max_copy': 0.0}, 'above 0'),
    ({'texture': -1.0}, 'at least 0'),
    ({'start': np.zeros((7, 64, 3))}, 'start of 7x64 pixels'),
    ({'sources': [np.zeros((7, 7, 3))]}, 'a source of 7x7'),
    ({'masks': [np.zeros((64, 64), bool)]}, 'masks of 1 sources leave no'),
  ],
)
def test_bad_arguments(change, message):
  picture = _painting(0, 64, 64)
  given = {'start': picture, 'sources': [picture], 'masks': None}
  fields = {k: v for k, v in change.items() if k not in given}
  given |= {k: v for k, v in change.items() if k in given}
  with pytest.raises(core.UserError, match=message):
    patch_match.vote(
      patch_match.Patches(**fields),
      *(given['start'], given['sources'], [Turned(0, 0)], None),
      key=jax.random.key(0),
      masks=given['masks'],
    )
