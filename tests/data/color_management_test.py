"""Tests for art_jax.data.color_management: profiles by published formulas."""

import io

import color_profiles as profiles
import numpy as np
import pytest
from PIL import Image, features

from art_jax.data import color_management, decode

_GRAY = profiles.gray(profiles.GRAY_GAMMA)
_ADOBE = profiles.rgb(profiles.ADOBE, profiles.ADOBE_GAMMA)
_ROMM = profiles.rgb(profiles.ROMM, profiles.ROMM_GAMMA)
_SRGB = profiles.rgb(profiles.SRGB, profiles.srgb_curve())
_CMYK = profiles.inks(b'CMYK', profiles.cmyk_corners())


def _colors(seed=0):
  """Flat patches, so that JPEG keeps their colors: u8[64, 64, 3]."""
  patches = np.random.default_rng(seed).integers(40, 216, (4, 4, 3))
  return patches.repeat(16, 0).repeat(16, 1).astype(np.uint8)


def _read(content):
  reading = decode.read(content)
  return np.asarray(reading.image.convert('RGB'), float), reading.notes


def _mean_difference(actual, expected):
  return np.abs(actual - expected).mean()


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'TIFF', 'WEBP', 'AVIF'])
@pytest.mark.parametrize(
  'colorants, gamma',
  [
    (profiles.ADOBE, profiles.ADOBE_GAMMA),
    (profiles.ROMM, profiles.ROMM_GAMMA),
  ],
)
def test_colors_of_a_profile_become_those_of_the_formula(
  kind, colorants, gamma
):
  if kind == 'AVIF' and not features.check('avif'):
    pytest.skip('no AVIF')
  content = profiles.saved(
    _colors(), 'RGB', kind, profiles.rgb(colorants, gamma),
    **({'lossless': True} if kind == 'WEBP' else {}),
  )  # fmt: skip
  actual, notes = _read(content)
  with Image.open(io.BytesIO(content)) as image:
    stored = np.asarray(image)
  expected = profiles.rgb_as_srgb(stored, colorants, gamma)
  assert _mean_difference(actual, expected) < 1
  assert _mean_difference(actual, stored) > 5  # the profile matters
  assert not notes


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_every_mode_of_colors_is_converted(mode):
  content = profiles.saved(_colors(), mode, 'PNG', _ADOBE)
  with Image.open(io.BytesIO(content)) as image:
    stored = np.asarray(image.convert('RGB'))
  expected = profiles.rgb_as_srgb(stored, profiles.ADOBE, profiles.ADOBE_GAMMA)
  assert _mean_difference(_read(content)[0], expected) < 1


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'TIFF'])
@pytest.mark.parametrize('mode', ['L', 'LA', '1', 'I;16'])
def test_gray_of_a_profile_becomes_that_of_the_formula(mode, kind):
  if kind == 'JPEG' and mode != 'L':
    pytest.skip('JPEG has no such mode')
  ramp = (
    np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(8, 0).repeat(8, 1)
  )
  image = Image.fromarray(ramp)
  if mode == 'I;16':
    image = Image.fromarray(ramp.astype(np.uint16) * 257)
  elif mode != 'L':
    image = image.convert(mode, dither=Image.Dither.NONE)
  stream = io.BytesIO()
  image.save(stream, kind, icc_profile=_GRAY)
  with Image.open(io.BytesIO(stream.getvalue())) as stored:
    if mode != 'I;16':
      ramp = np.asarray(stored.convert('L'))
  actual, notes = _read(stream.getvalue())
  expected = profiles.gray_as_srgb(ramp, profiles.GRAY_GAMMA)
  assert _mean_difference(actual, expected) < 1 and not notes


def test_gray_stays_one_channel():
  content = profiles.saved(_colors(), 'L', 'PNG', _GRAY)
  assert decode.picture(content).mode == 'L'


@pytest.mark.parametrize('kind', ['TIFF', 'JPEG'])
def test_cmyk_with_a_profile_becomes_the_lab_of_its_inks(kind):
  corners = profiles.cmyk_corners().reshape(16, 3)
  on = np.indices((2, 2, 2, 2)).reshape(4, 16).T * 255
  inks = on[None].repeat(16, 0).repeat(16, 1).astype(np.uint8)
  stream = io.BytesIO()
  Image.fromarray(inks, 'CMYK').save(
    stream,
    kind,
    icc_profile=_CMYK,
    **({'quality': 98} if kind == 'JPEG' else {}),
  )
  actual, notes = _read(stream.getvalue())
  expected = profiles.lab_as_srgb(corners).repeat(16, 0)[None]
  assert _mean_difference(actual, expected) < 2 and not notes


def test_cmyk_without_a_profile_is_plain_ink():
  inks = np.full((8, 8, 4), (0, 128, 255, 0), np.uint8)
  stream = io.BytesIO()
  Image.fromarray(inks, 'CMYK').save(stream, 'TIFF')
  np.testing.assert_allclose(_read(stream.getvalue())[0][0, 0], (255, 127, 0))


@pytest.mark.parametrize('profile', [None, _ADOBE])
def test_lab_becomes_the_formula_whatever_is_embedded(profile):
  lab = np.array([(53, 40, -20), (70, -30, 40), (30, 0, 0), (100, 0, 0)])
  encoded = np.rint(lab * [2.55, 1, 1]).astype(np.int16).astype(np.uint8)
  stream = io.BytesIO()
  image = Image.frombytes('LAB', (4, 1), encoded.tobytes())
  image.save(stream, 'TIFF', **({'icc_profile': profile} if profile else {}))
  actual, _ = _read(stream.getvalue())
  assert _mean_difference(actual, profiles.lab_as_srgb(lab)[None]) < 2


@pytest.mark.parametrize(
  'mode, profile',
  [
    ('RGB', _SRGB),
    ('RGBA', _SRGB),
    ('L', profiles.gray(profiles.srgb_curve())),
    ('L', _SRGB),
    ('P', _SRGB),
  ],
)
def test_a_profile_of_srgb_changes_nothing(mode, profile):
  with_profile = profiles.saved(_colors(), mode, 'PNG', profile)
  without = profiles.saved(_colors(), mode, 'PNG')
  actual, notes = _read(with_profile)
  np.testing.assert_array_equal(actual, _read(without)[0])
  assert not notes


_BROKEN = (b'x', b'not a profile' * 50, _ADOBE[:200], _CMYK[:-400])


@pytest.mark.parametrize('mode', ['RGB', 'L', 'RGBA', 'CMYK'])
@pytest.mark.parametrize('profile', _BROKEN)
def test_a_broken_profile_is_left_out_and_noted(mode, profile):
  kind = 'TIFF' if mode == 'CMYK' else 'PNG'
  actual, notes = _read(profiles.saved(_colors(), mode, kind, profile))
  plain, _ = _read(profiles.saved(_colors(), mode, kind))
  np.testing.assert_array_equal(actual, plain)
  assert len(notes) == 1 and 'color profile ignored' in notes[0]


@pytest.mark.parametrize(
  'mode, profile',
  [
    ('RGB', _GRAY),
    ('RGB', _CMYK),
    ('L', _ADOBE),
    ('L', _CMYK),
    ('CMYK', _ADOBE),
    ('CMYK', _GRAY),
  ],
)
def test_a_profile_of_other_channels_is_left_out_and_noted(mode, profile):
  actual, notes = _read(profiles.saved(_colors(), mode, 'TIFF', profile))
  plain, _ = _read(profiles.saved(_colors(), mode, 'TIFF'))
  np.testing.assert_array_equal(actual, plain)
  assert notes == (color_management.OTHER_CHANNELS,)


def test_transparency_is_over_the_white_of_srgb():
  pixels = np.full((8, 8, 4), (0, 200, 0, 0), np.uint8)
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, 'PNG', icc_profile=_ADOBE)
  assert (_read(stream.getvalue())[0] == 255).all()


def test_a_jpeg_with_a_profile_is_decoded_smaller():
  content = profiles.saved(
    _colors().repeat(16, 0).repeat(16, 1), 'RGB', 'JPEG', _ADOBE
  )
  small = decode.read(content, at_least=128)
  assert small.image.size == (128, 128) and small.size == (1024, 1024)
  whole = decode.resize(decode.picture(content), 64, 3, 'crop')
  reduced = decode.decode(content, size=64, channels=3, fit='crop')
  assert np.abs(whole.astype(int) - reduced).mean() < 1


def test_the_result_carries_no_profile():
  for profile in (_ADOBE, _SRGB, b'broken'):
    content = profiles.saved(_colors(), 'RGB', 'PNG', profile)
    assert 'icc_profile' not in decode.picture(content).info


def test_without_littlecms_profiles_are_left_out(monkeypatch):
  monkeypatch.setattr(color_management, '_has_littlecms', lambda: False)
  color_management._conversion.cache_clear()
  try:
    content = profiles.saved(_colors(), 'RGB', 'PNG', _ADOBE)
    actual, notes = _read(content)
    np.testing.assert_array_equal(actual, _colors())
    assert notes == (color_management.NO_LITTLECMS,)
    stream = io.BytesIO()
    Image.new('LAB', (4, 4)).save(stream, 'TIFF')
    with pytest.raises(decode.BadPictureError, match='littlecms'):
      decode.read(stream.getvalue())
  finally:
    color_management._conversion.cache_clear()


def test_a_profile_is_built_once():
  color_management._conversion.cache_clear()
  for seed in range(3):
    decode.read(profiles.saved(_colors(seed), 'RGB', 'PNG', _ADOBE))
  assert color_management._conversion.cache_info().misses == 1


def test_it_is_logged_once_for_pictures_nobody_verified(monkeypatch, caplog):
  monkeypatch.setattr(decode, '_told', set())
  for seed in range(3):
    decode.picture(profiles.saved(_colors(seed), 'RGB', 'PNG', b'broken'))
  assert caplog.text.count('color profile ignored') == 1
