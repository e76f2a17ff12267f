"""Color profiles written byte by byte (ICC.1:2001-04), and what they mean.

The second half converts by the published formulas in NumPy: IEC 61966-2-1 for
sRGB, CIE 15 for Lab. The colorants, adapted to D50, are those of Adobe RGB
(1998), ROMM RGB (ISO 22028-2) and sRGB as their own profiles have them.
"""

import io
import struct

import numpy as np
from PIL import Image

D50 = np.array([0.9642, 1.0, 0.8249])
SRGB = np.array(
  [
    [0.43607, 0.38515, 0.14307],
    [0.22249, 0.71687, 0.06061],
    [0.01392, 0.09708, 0.71410],
  ]
)
ADOBE = np.array(
  [
    [0.60974, 0.20528, 0.14919],
    [0.31111, 0.62567, 0.06322],
    [0.01947, 0.06087, 0.74457],
  ]
)
ROMM = np.array(
  [
    [0.7977, 0.1352, 0.0313],
    [0.2880, 0.7119, 0.0001],
    [0.0000, 0.0000, 0.8249],
  ]
)
ADOBE_GAMMA, ROMM_GAMMA, GRAY_GAMMA = 563 / 256, 1.8, 1.8


def rgb(colorants, curve) -> bytes:
  """A display profile: a gamma, or 1024 values in [0, 1] of a curve."""
  tags = {b'wtpt': _xyz(D50)}
  for i, name in enumerate((b'r', b'g', b'b')):
    tags[name + b'XYZ'] = _xyz(colorants[:, i])
    tags[name + b'TRC'] = _curve(curve)
  return _profile(b'mntr', b'RGB ', b'XYZ ', tags)


def gray(curve) -> bytes:
  tags = {b'wtpt': _xyz(D50), b'kTRC': _curve(curve)}
  return _profile(b'mntr', b'GRAY', b'XYZ ', tags)


def inks(device: bytes, corners) -> bytes:
  """A print profile: the Lab of each corner of the cube of inks.

  Args:
    device: b'CMYK' or b'Lab '.
    corners: f[2, ..., 2, 3], an axis for each ink.
  """
  encoded = np.rint(corners * [2.55, 1, 1] + [0, 128, 128]).astype(np.uint8)
  inputs, ramp = corners.ndim - 1, bytes(range(256))
  identity = [65536 * (i % 4 == 0) for i in range(9)]
  table = struct.pack('>4s4xBBBx9i', b'mft1', inputs, 3, 2, *identity)
  table += ramp * inputs + encoded.tobytes() + ramp * 3
  return _profile(
    b'prtr', device, b'Lab ', {b'wtpt': _xyz(D50), b'A2B0': table}
  )


def cmyk_corners() -> np.ndarray:
  """The Lab of 16 solid overprints, made up: f[2, 2, 2, 2, 3]."""
  solid = {
    (0, 0, 0): (100, 0, 0), (1, 0, 0): (55, -36, -50), (0, 1, 0): (48, 74, -3),
    (0, 0, 1): (89, -5, 93), (1, 1, 0): (24, 22, -46), (1, 0, 1): (50, -68, 33),
    (0, 1, 1): (47, 68, 48), (1, 1, 1): (23, 0, 0),
  }  # fmt: skip
  corners = np.zeros((2, 2, 2, 2, 3))
  for ink, lab in solid.items():
    corners[(*ink, 0)] = lab
    corners[(*ink, 1)] = np.array(lab) * 0.16
  corners[1, 1, 1, 1] = 0
  return corners


def _profile(kind, device, pcs, tags) -> bytes:
  tags = {b'desc': struct.pack('>4s4xI5s78x', b'desc', 5, b'test\0'), **tags}
  table, body = b'', b''
  start = 128 + 4 + 12 * len(tags)
  for name, data in tags.items():
    table += struct.pack('>4sII', name, start + len(body), len(data))
    body += data + b'\0' * (-len(data) % 4)
  header = struct.pack(
    '>I4xI4s4s4s12x4s28x3i48x',
    *(start + len(body), 0x02400000, kind, device, pcs, b'acsp'),
    *np.rint(D50 * 65536).astype(int),
  )
  return header + struct.pack('>I', len(tags)) + table + body


def _xyz(values) -> bytes:
  return struct.pack('>4s4x3i', b'XYZ ', *np.rint(values * 65536).astype(int))


def _curve(curve) -> bytes:
  if np.ndim(curve) == 0:
    return struct.pack('>4s4xIH', b'curv', 1, round(curve * 256))
  values = np.rint(np.asarray(curve) * 65535).astype('>u2')
  return struct.pack('>4s4xI', b'curv', len(values)) + values.tobytes()


def srgb_curve() -> np.ndarray:
  x = np.linspace(0, 1, 1024)
  return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def as_srgb(xyz) -> np.ndarray:
  """f[..., 3] XYZ of D50 -> f[..., 3] in 0..255."""
  linear = np.clip(np.asarray(xyz) @ np.linalg.inv(SRGB).T, 0, 1)
  return 255 * np.where(
    linear <= 0.0031308,
    12.92 * linear,
    1.055 * linear ** (1 / 2.4) - 0.055,
  )


def rgb_as_srgb(pixels, colorants, gamma) -> np.ndarray:
  return as_srgb((np.float64(pixels) / 255) ** gamma @ colorants.T)


def gray_as_srgb(pixels, gamma) -> np.ndarray:
  luminance = (np.float64(pixels) / 255) ** gamma
  return as_srgb(luminance[..., None] * D50)


def lab_as_srgb(lab) -> np.ndarray:
  lab = np.asarray(lab, float)
  y = (lab[..., 0] + 16) / 116
  f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
  cubes = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
  return as_srgb(cubes * D50)


def saved(pixels, mode, kind, profile=None, **options) -> bytes:
  """A file of u8 pixels in a format of Pillow."""
  stream = io.BytesIO()
  image = Image.fromarray(np.asarray(pixels, np.uint8)).convert(mode)
  options = {'icc_profile': profile} | options if profile else options
  if kind == 'JPEG':
    options = {'quality': 98, 'subsampling': 0} | options
  image.save(stream, kind, **options)
  return stream.getvalue()
