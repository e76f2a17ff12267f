"""A source that needs no files: procedural paintings."""

import dataclasses
from typing import TYPE_CHECKING

from art_jax import core

if TYPE_CHECKING:
  from art_jax.data.dataset import Dataset

LAYOUTS = ('unpaired', 'images', 'attributes', 'pairs', 'labels')


@dataclasses.dataclass(frozen=True)
class Builtin:
  """Procedural landscapes, portraits, flowers, ... painted on the spot.

  Needs no files and no network. The held-out scenes are further ones that
  training never sees.

  Attributes:
    layout: 'unpaired': a photos, b paintings of OTHER scenes (held-out a and
      b show the same scenes in the same order, so the truth is known);
      'images': paintings with genre labels; 'attributes': the same, the genre
      under the key 'genre'; 'pairs': a photo, b painting of
      one scene; 'labels': a label map, b painting of one scene.
    count: number of training scenes (of each domain).
    seed: another seed gives other scenes.
  """

  layout: str = 'unpaired'
  count: int = 256
  seed: int = 0

  def __post_init__(self):
    core.require(
      self.layout in LAYOUTS,
      f'Builtin(layout={self.layout!r}): it is one of {", ".join(LAYOUTS)}',
    )
    core.require(
      self.count >= 1, f'Builtin(count={self.count}): it is at least 1'
    )

  @property
  def num_train(self) -> int:
    """Number of training pictures of one epoch."""
    return self.count

  def open(self, data: core.Data) -> 'Dataset':
    """Paint the scenes; raises UserError."""
    # Only now: a trained model is loaded without the code that paints.
    from art_jax.data import builtin_scenes

    return builtin_scenes.open_scenes(self, data)
