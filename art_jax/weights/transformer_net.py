"""Networks of fast style transfer: their layers by name.

One style, pytorch/examples fast_neural_style: `conv1.conv2d` with the norm
`in1`, ..., `res1.conv1.conv2d` with `res1.in1`, ..., `deconv3.conv2d`. The
names say nothing of transposed convolutions; only their kernels' layout does.

Several styles by conditional instance norm (Dumoulin et al. 2017), as exported
to ONNX from the network of TensorFlow's Android demo: `contract.0.w` with
`contract.0.norm.gamma` [styles, channels], `res.0.0.w`, `expand.2.w`.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Any

from art_jax.nn.transformer_net import TransformerNet
from art_jax.weights.files import WeightsError
from art_jax.weights.state_dict import Layer, Tensors, need

FIRST = 'conv1.conv2d.weight'
FIRST_OF_STYLES = 'contract.0.w'


def layers_of(module: TransformerNet, params: Mapping[str, Any]) -> list[Layer]:
  """List the layers under their foreign names; params are not needed.

  Raises:
    WeightsError: if neither code has such a network.
  """
  plain = module.use_bias and module.num_styles == 1
  if plain and module.head == 'linear':
    return _of_one(module)
  styles = not module.use_bias and module.num_styles > 1
  if styles and module.head == 'sigmoid' and module.upsample == 'resize':
    return _of_styles(module)
  raise WeightsError(
    f'num_styles = {module.num_styles}, head = {module.head!r}, use_bias = '
    f'{module.use_bias}, upsample = {module.upsample!r}: foreign names are '
    "for one style with head 'linear' and biases, and for several with head "
    "'sigmoid', upsample 'resize' and no biases"
  )


def infer(tensors: Tensors) -> tuple[TransformerNet, list[Layer]]:
  """Find the member of the family that the tensors describe.

  Raises:
    WeightsError: naming the tensor that does not fit.
  """
  if FIRST in tensors:
    module = TransformerNet(
      *_widths(tensors, 'conv{}.conv2d.weight', 'deconv{}.conv2d.weight', 1),
      upsample=_upsample(tensors),
    )
    return module, _of_one(module)
  table = 'contract.0.norm.gamma'
  module = TransformerNet(
    *_widths(tensors, 'contract.{}.w', 'expand.{}.w', 0),
    head='sigmoid',
    num_styles=need(tensors, table, '[styles, width]', 2).shape[0],
    use_bias=False,
  )
  return module, _of_styles(module)


def _widths(tensors, down, up, first):
  """Return the fields down, blocks and up."""
  below, above = (
    [
      need(tensors, name.format(first + i), '[width, channels, k, k]', 4).shape
      for i in range(count)
    ]
    for name, count in ((down, 3), (up, 2))
  )
  blocks = {m[1] for m in map(re.compile(r'res\.?(\d+)\.').match, tensors) if m}
  axis = int(first == 1 and _upsample(tensors) == 'transpose')
  widths = tuple(shape[0] for shape in below)
  return widths, len(blocks), tuple(shape[axis] for shape in above)


def _upsample(tensors: Tensors) -> str:
  """Tell the layout [in, out, k, k] by the channels of the norm behind."""
  name = 'deconv1.conv2d.weight'
  kernel = need(tensors, name, '[width, channels, k, k]', 4)
  norm = need(tensors, 'in4.weight', '[width]', 1)
  return 'resize' if len(kernel) == len(norm) else 'transpose'


def _layers(
  module: TransformerNet, parts: tuple[str, str, str], first: int, layer
) -> list[Layer]:
  """List the layers of a network in order.

  Args:
    module: the network.
    parts: names of the parts that shrink, stay and grow.
    first: number of the first layer of a part.
    layer: from (prefix, number of the norm, our name, inp, out, size,
      transposed) to the layer.
  """
  below, inside, above = parts
  down, up = module.down, module.up
  transposed = module.upsample == 'transpose'
  return [
    *(
      layer(f'{below}{first + i}', i, f'down_{i}', *pair, 3 if i else 9)
      for i, pair in enumerate(itertools.pairwise((3, *down)))
    ),
    *(
      layer(
        inside.format(first + i, first + j),
        j,
        f'block_{i}_{j}',
        *down[2:] * 2,
        3,
      )
      for i in range(module.blocks)
      for j in range(2)
    ),
    *(
      layer(f'{above}{first + i}', i + 3, f'up_{i}', *pair, 3, transposed)
      for i, pair in enumerate(itertools.pairwise((down[2], *up)))
    ),
    layer(f'{above}{first + 2}', None, 'head', up[1], 3, 9),
  ]


def _of_one(module: TransformerNet) -> list[Layer]:
  def layer(prefix, norm, path, inp, out, size, transposed=False):
    root = prefix.rpartition('conv')[0] if prefix.startswith('res') else ''
    return Layer(
      f'{prefix}.conv2d.',
      (path,),
      inp,
      out,
      size,
      transposed,
      norm='none' if norm is None else 'instance_affine',
      norm_prefix='' if norm is None else f'{root}in{norm + 1}.',
      norm_path=(f'{path}_norm',),
    )

  return _layers(module, ('conv', 'res{}.conv{}', 'deconv'), 1, layer)


def _of_styles(module: TransformerNet) -> list[Layer]:
  def layer(prefix, norm, path, inp, out, size, transposed=False):
    return Layer(
      f'{prefix}.',
      (path,),
      inp,
      out,
      size,
      transposed,
      bias=False,
      norm='conditional',
      norm_prefix=f'{prefix}.norm.',
      norm_path=(f'{path}_norm',),
      kernel='w',
      styles=module.num_styles,
    )

  return _layers(module, ('contract.', 'res.{}.{}', 'expand.'), 0, layer)
