"""Where pictures come from: every class is a `core.Source`.

Folder, Classes, Unpaired and Pairs read folders, Labeled one with a table of
attributes, Arrays an .npz file, Tfds a set of TensorFlow Datasets; Builtin
paints its own pictures.
"""

from art_jax.data.arrays import Arrays
from art_jax.data.builtin import Builtin
from art_jax.data.folders import Classes, Folder, Pairs, Unpaired
from art_jax.data.labeled import Labeled
from art_jax.data.tfds_source import Tfds

__all__ = [
  'Arrays',
  'Builtin',
  'Classes',
  'Folder',
  'Labeled',
  'Pairs',
  'Tfds',
  'Unpaired',
]
