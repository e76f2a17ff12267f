"""What a file is that Pillow does not open, for its refusal."""

import contextlib
import io
import pathlib

from PIL import TiffImagePlugin

_HEAD = 32  # bytes that tell the kind
_KINDS = (
  (4, b'ftyphei', 'HEIC'),
  (4, b'ftypmif1', 'HEIF'),
  (4, b'ftypavi', 'AVIF, which this Pillow is built without'),
  (4, b'JXL ', 'JPEG XL'),
  (0, b'\xff\x0a', 'JPEG XL'),
  (4, b'jP  ', 'JPEG 2000'),
  (0, b'8BPS', 'Photoshop'),
  (0, b'v/1\x01', 'OpenEXR'),
  (0, b'#?RADIANCE', 'Radiance HDR'),
  (0, b'%PDF', 'PDF'),
  (0, b'<svg', 'SVG'),
)
_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_SAMPLES = {
  1: 'unsigned integers',
  2: 'signed integers',
  3: 'floating-point numbers',
}


def describe(stream: io.BytesIO | pathlib.Path) -> str:
  """Return what a file is and how to convert it; '' if that is not known."""
  with contextlib.suppress(Exception):
    if isinstance(stream, pathlib.Path):
      with open(stream, 'rb') as file:
        return _describe(file)
    return _describe(stream)
  return ''


def _describe(file) -> str:
  head = file.read(_HEAD)
  if head.startswith(_TIFF):
    return _tiff(file, head)
  for start, mark, kind in _KINDS:
    if head.startswith(mark, start):
      return f'it is {kind}, which is not read; save it as PNG or JPEG'
  return ''


def _tiff(file, head: bytes) -> str:
  """Say which samples a TIFF has."""
  header = head[: 16 if head[2:3] == b'+' or head[3:4] == b'+' else 8]
  tags = TiffImagePlugin.ImageFileDirectory_v2(header)
  file.seek(tags.next)
  tags.load(file)
  if TiffImagePlugin.BITSPERSAMPLE not in tags:
    return ''
  bits = tags[TiffImagePlugin.BITSPERSAMPLE]
  kind = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0]
  count = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
  return (
    f'a TIFF of {count} x {bits[0]}-bit {_SAMPLES.get(kind, "samples")}, which '
    'Pillow does not open; save it with 8 or 16 bits a sample, e.g. '
    'gdal_translate -ot Byte -scale IN.tif OUT.png'
  )
