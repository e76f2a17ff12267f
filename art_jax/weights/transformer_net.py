"""Networks of fast style transfer: their layers by name.

One style, pytorch/examples fast_neural_style: `conv1.conv2d` with the norm
`in1`, ..., `res1.conv1.conv2d` with `res1.in1`, ..., `deconv3.conv2d`. The
names say nothing of transposed convolutions; only their kernels' layout does.

Several styles by conditional instance norm (Dumoulin et al. 2017), as exported
to ONNX from the network of TensorFlow's Android demo: `contract.0.w` with
`contract.0.norm.gamma` [styles, channels], `res.0.0.w`, `expand.2.w`.
"""

import re
from collections.abc import Mapping
from typing import Any

from art_jax.nn.transformer_net import TransformerNet
from art_jax.weights.files import WeightsError
from art_jax.weights.state_dict import Layer, Tensors, need

FIRST = 'conv1.conv2d.weight'
FIRST_OF_STYLES = 'contract.0.w'


def layers_of(module: TransformerNet, params: Mapping[str, Any]) -> list[Layer]:
  """List the layers under their foreign names.

  Raises:
    WeightsError: if neither code has such a network.
  """
  del params
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
  below = [
    need(tensors, down.format(first + i), '[width, channels, k, k]', 4)
    for i in range(3)
  ]
  above = []
  for i in range(2):
    kernel = need(tensors, up.format(first + i), '[width, channels, k, k]', 4)
    above.append(kernel)
  blocks = {m[1] for m in map(re.compile(r'res\.?(\d+)\.').match, tensors) if m}
  widths = tuple(kernel.shape[0] for kernel in below)
  if first and _upsample(tensors) == 'transpose':
    return widths, len(blocks), tuple(kernel.shape[1] for kernel in above)
  return widths, len(blocks), tuple(kernel.shape[0] for kernel in above)


def _upsample(tensors: Tensors) -> str:
  """Tell the layout [in, out, k, k] by the channels of the norm behind."""
  kernel, norm = 'deconv1.conv2d.weight', 'in4.weight'
  shape = need(tensors, kernel, '[width, channels, k, k]', 4).shape
  out = need(tensors, norm, '[width]', 1).shape[0]
  return 'resize' if shape[0] == out else 'transpose'


def _of_one(module: TransformerNet) -> list[Layer]:
  table = []

  def add(prefix, norm, path, out, inp, k, transposed=False):
    shape = (inp, out, k, k) if transposed else (out, inp, k, k)
    table.append(
      Layer(
        f'{prefix}.conv2d.',
        (path,),
        shape,
        transposed,
        norm='instance_affine' if norm else 'none',
        norm_prefix=f'{norm}.',
        norm_path=(f'{path}_norm',),
      )
    )

  down, up = module.down, module.up
  for i, (inp, out) in enumerate(zip((3, *down), down, strict=False)):
    add(f'conv{i + 1}', f'in{i + 1}', f'down_{i}', out, inp, 3 if i else 9)
  for i in range(module.blocks):
    for j in range(2):
      prefix, path = f'res{i + 1}.', f'block_{i}_{j}'
      add(
        f'{prefix}conv{j + 1}', f'{prefix}in{j + 1}', path, down[2], down[2], 3
      )
  transposed = module.upsample == 'transpose'
  for i, (inp, out) in enumerate(zip((down[2], *up), up, strict=False)):
    add(f'deconv{i + 1}', f'in{i + 4}', f'up_{i}', out, inp, 3, transposed)
  add('deconv3', '', 'head', 3, up[1], 9)
  return table


def _of_styles(module: TransformerNet) -> list[Layer]:
  table = []

  def add(prefix, path, out, inp, k):
    table.append(
      Layer(
        f'{prefix}.',
        (path,),
        (out, inp, k, k),
        bias=False,
        norm='conditional',
        norm_prefix=f'{prefix}.norm.',
        norm_path=(f'{path}_norm',),
        kernel='w',
        styles=module.num_styles,
      )
    )

  down, up = module.down, module.up
  for i, (inp, out) in enumerate(zip((3, *down), down, strict=False)):
    add(f'contract.{i}', f'down_{i}', out, inp, 3 if i else 9)
  for i in range(module.blocks):
    for j in range(2):
      add(f'res.{i}.{j}', f'block_{i}_{j}', down[2], down[2], 3)
  for i, (inp, out) in enumerate(zip((down[2], *up), up, strict=False)):
    add(f'expand.{i}', f'up_{i}', out, inp, 3)
  add('expand.2', 'head', 3, up[1], 9)
  return table
