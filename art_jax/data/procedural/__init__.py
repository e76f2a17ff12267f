"""Built-in paintings: pictures made by rule, without download or license.

Every scene is a pure function of (seed, index, size) and comes as a photo, as
a painting of the same scene and as a map of semantic classes, in one of five
genres. The truth of each pairing is known, so that unconditional,
class-conditional, paired and unpaired training can all be tried and scored
offline.
"""

from art_jax.data.procedural.cache import RENDER_VERSION, Scenes, render
from art_jax.data.procedural.labels import LABEL_COLORS
from art_jax.data.procedural.scenes import GENRES, MIN_SIZE, Scene, scene

__all__ = [
  'GENRES',
  'LABEL_COLORS',
  'MIN_SIZE',
  'RENDER_VERSION',
  'Scene',
  'Scenes',
  'render',
  'scene',
]
