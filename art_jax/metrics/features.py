"""Feature extractors, by name: what distances between pictures are taken in.

A score is only comparable with scores of the same extractor, resize and number
of pictures, so all three are in its name: `fid/inception-clean@5000`.
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import jax

from art_jax import core

# Name -> (module of art_jax.metrics, its attribute). Imported when asked for.
_DECLARED = {
  'pixels32': ('pixels32', 'EXTRACTOR'),
  'inception': ('inception', 'LEGACY'),
  'inception-clean': ('inception', 'CLEAN'),
  'efficientnet-lite0': ('efficientnet_lite0', 'EXTRACTOR'),
  'squeezenet': ('squeezenet', 'EXTRACTOR'),
}
NAMES = tuple(_DECLARED)


@dataclasses.dataclass(frozen=True)
class Extractor:
  """A fixed map from pictures to vectors.

  Attributes:
    name: as in scores; names the network and how pictures are resized.
    width: D, numbers per picture.
    resize: what happens to a picture before the network, for people.
    load: (path=None) -> params: the weights as host arrays (() where there
      are none), of a file or of where they usually lie; raises UserError,
      saying how to get them, if they are missing.
    apply: (params, f32[N, H, W, C] in [-1, 1]) -> f32[N, D]; pure, C is 1 or
      3, H and W are any. A row does not depend on the other rows.
    logits: (params, f32[N, D]) -> f32[N, K]: classes, if it tells any.
  """

  name: str
  width: int
  resize: str
  load: Callable[..., Any]
  apply: Callable[[Any, jax.Array], jax.Array]
  logits: Callable[[Any, jax.Array], jax.Array] | None = None


def get(name: str) -> Extractor:
  """Return the extractor of this name.

  Raises:
    core.UserError: there is none.
  """
  if name not in _DECLARED:
    raise core.UserError(
      f'features {name!r}: they are one of {", ".join(NAMES)}'
    )
  module, attribute = _DECLARED[name]
  found = importlib.import_module(f'art_jax.metrics.{module}')
  return getattr(found, attribute)


def score_name(metric: str, extractor: str, count: int | str) -> str:
  """Return e.g. 'fid/inception-clean@5000': the metric and its protocol."""
  return f'{metric}/{extractor}@{count}'
