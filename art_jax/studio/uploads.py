"""Pictures that a browser sent: in memory, a few, named by ids."""

import collections
import secrets

from art_jax import core
from art_jax.data import decode
from art_jax.studio import pictures

MAX_BYTES = 64 * 2**20  # of one
MAX_PIXELS = 50_000_000
_KEPT = 12
_KEPT_BYTES = 160 * 2**20


class Uploads:
  """The newest uploads; older ones are forgotten."""

  def __init__(self):
    self._files: collections.OrderedDict[str, bytes] = collections.OrderedDict()

  def add(self, data: bytes) -> dict[str, object]:
    """Keep a picture; return {'id', 'width', 'height'}.

    Only its header is read here: the worker decodes it.

    Raises:
      core.UserError: it is no picture, or too large.
    """
    core.require(data, 'the file is empty')
    try:
      width, height = decode.size_of(data)
    except decode.BadPictureError as error:
      raise core.UserError(
        f'this file cannot be used: {error.reason}; choose a picture'
      ) from error
    pictures.require_pixels(width, height, MAX_PIXELS)
    id = secrets.token_urlsafe(12)
    self._files[id] = data
    while len(self._files) > _KEPT or self._bytes > _KEPT_BYTES:
      self._files.popitem(last=False)
    return {'id': id, 'width': width, 'height': height}

  def get(self, id: str) -> bytes:
    """Return a picture.

    Raises:
      core.UserError: it was forgotten, or never was there.
    """
    core.require(
      id in self._files, 'this picture is not kept any more; drop it again'
    )
    self._files.move_to_end(id)
    return self._files[id]

  @property
  def _bytes(self) -> int:
    return sum(map(len, self._files.values()))
