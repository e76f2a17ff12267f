"""Compositions, galleries, and the choice of sources."""

import jax
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.nn import vgg
from art_jax.painter import choose, compose, gallery
from art_jax.painter.gallery import Gallery

_LAYERS = ('relu3_1', 'relu4_1')


@pytest.fixture(scope='module')
def features():
  network = vgg.VGG(16, width=4)
  variables = network.init(
    jax.random.key(0), np.zeros((1, 64, 64, 3), np.float32), _LAYERS
  )
  return gallery.Features(network, variables)


def _scene(seed: int, width: int = 96, height: int = 64) -> Image.Image:
  random = np.random.default_rng(seed)
  coarse = random.integers(0, 256, (4, 6, 3), np.uint8)
  return Image.fromarray(coarse).resize((width, height), 3)


def _gallery(count: int, digest: str = '') -> Gallery:
  return Gallery(tuple(f'{i}.png' for i in range(count)), _scene, None, digest)


@pytest.mark.parametrize('aspect', [0.5, 1.0, 1.5, 3.0])
def test_the_middle_of_a_picture_has_the_aspect_asked_for(aspect):
  width, height = gallery.cropped(_scene(0), aspect).size
  assert width / height == pytest.approx(aspect, rel=0.05)
  assert width <= 96 and height <= 64


def test_even_borders_are_trimmed_and_a_flat_picture_keeps_most_of_itself():
  framed = Image.new('RGB', (204, 104), 'white')
  framed.paste(_scene(0, 198, 101), (4, 2))
  assert gallery.trimmed(framed).size == (198, 101)
  assert gallery.trimmed(_scene(0)).size == _scene(0).size
  page = Image.new('RGB', (198, 160), 'white')  # paper below the painting
  page.paste(_scene(0, 198, 130), (0, 0))
  assert gallery.trimmed(page).size == (198, 130)
  flat = gallery.trimmed(Image.new('RGB', (200, 100)))
  assert flat.size >= (184, 92)


@pytest.mark.parametrize('mirrored', [False, True])
def test_a_blurred_picture_or_its_mirror_image_chooses_itself(
  features, mirrored
):
  described = gallery.describe(_gallery(12), features, 1.5)
  for index in (0, 7):
    picture = np.asarray(_scene(index).resize((24, 16)))
    if mirrored:
      picture = picture[:, ::-1]
    one = features.describe_one(np.ascontiguousarray(picture))
    # Features of a random network are no guide to a mirror image.
    weights = choose.Weights(features=0.0 if mirrored else 1.0)
    assert choose.choose(one, described, weights=weights) == [index]


def test_variations_and_further_sources_differ_and_respect_what_is_allowed(
  features,
):
  described = gallery.describe(_gallery(8), features, 1.0)
  one = features.describe_one(np.asarray(_scene(3)))
  several = choose.choose(one, described, 3)
  assert len({*several}) == 3
  (first,), (second,) = (
    choose.choose(one, described, skip=skip) for skip in (0, 1)
  )
  assert first != second
  allowed = [i != first for i in range(8)]
  assert choose.choose(one, described, allowed=allowed) == [second]


def test_descriptions_of_a_known_gallery_are_kept(features):
  first = gallery.describe(_gallery(4, 'known'), features, 1.0)

  def fail(index):
    raise AssertionError('the pictures are read again')

  again = gallery.describe(
    Gallery(('', '', '', ''), fail, None, 'known'), features, 1.0
  )
  for kept, made in zip(again, first, strict=True):
    np.testing.assert_array_equal(kept, made)


def test_noise_has_the_colors_of_its_palette_and_depends_on_its_seed():
  first, second, again = (
    next(compose.of_noise(_scene(1), 1, seed)).pixels for seed in (0, 1, 0)
  )
  np.testing.assert_array_equal(first, again)
  assert (first != second).any()
  palette = {*map(tuple, np.asarray(_scene(1).resize((48, 48))).reshape(-1, 3))}
  assert {*map(tuple, first.reshape(-1, 3))} <= palette


def test_a_drawing_of_four_pixels_is_refused_by_its_name():
  with pytest.raises(core.UserError, match=r'dot\.png.*2x2.*at least 8'):
    list(compose.of_pictures({'dot.png': Image.new('RGB', (2, 2))}))


def test_a_transparent_drawing_is_painted_over_white(tmp_path):
  Image.new('RGBA', (16, 16), (255, 0, 0, 0)).save(tmp_path / 'clear.png')
  (drawing,) = compose.of_pictures(compose.read_pictures(str(tmp_path)))
  assert drawing.name == 'clear'
  assert (drawing.pixels == 255).all()
