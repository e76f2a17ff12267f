"""Feature extractors, by name: the spaces in which pictures are compared.

A score is only comparable with scores of the same extractor, resize and number
of pictures, so all three are in its name: `fid/inception-clean@5000`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from art_jax import core

NAMES = (
  'pixels32',
  'inception',
  'inception-clean',
  'efficientnet-lite0',
  'squeezenet',
  'vgg16',
)


@dataclasses.dataclass(frozen=True)
class Extractor:
  """A fixed map from pictures to vectors.

  Attributes:
    name: as in scores; names the network and how pictures are resized.
    width: D, numbers per picture.
    resize: what happens to a picture before the network, for people.
    load: (path=None) -> params: the weights as host arrays (() where there
      are none), read from a file or from where they usually are; raises
      UserError, saying how to get them, if they are missing.
    apply: (params, f32[N, H, W, C] in [-1, 1]) -> f32[N, D]; pure, C is 1 or
      3, H and W are any. A row does not depend on the other rows.
    logits: (params, f32[N, D]) -> f32[N, K], of classes; None without a head.
  """

  name: str
  width: int
  resize: str
  load: Callable[..., Any]
  apply: Callable[[Any, jax.Array], jax.Array]
  logits: Callable[[Any, Any], Any] | None = None


def get(name: str) -> Extractor:
  """Return the extractor of this name.

  Raises:
    core.UserError: there is none.
  """
  core.require(
    name in NAMES, f'features {name!r}: they are one of {", ".join(NAMES)}'
  )
  if name == 'pixels32':  # used by every run: no network is imported for it
    from art_jax.metrics import pixels32

    return pixels32.EXTRACTOR
  from art_jax.metrics import pretrained

  return next(e for e in pretrained.EXTRACTORS if e.name == name)


def score_name(metric: str, extractor: str, count: int | str) -> str:
  """Return e.g. 'fid/inception-clean@5000': the metric and its protocol."""
  return f'{metric}/{extractor}@{count}'
