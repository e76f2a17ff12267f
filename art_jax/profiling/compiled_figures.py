"""What a compiled program does in one call, read from its text.

The counts are those of the executable itself: nothing is run or estimated.
"""

import collections
import dataclasses
import math
import re

from art_jax.profiling import hlo_text
from art_jax.profiling.hlo_text import Computation, Instruction, Module

_COLLECTIVES = (
  *('all-reduce', 'all-gather', 'reduce-scatter', 'all-to-all'),
  *('collective-permute', 'collective-broadcast'),
)
KINDS: tuple[str, ...] = (
  *('products', 'fusions', 'transposes', 'copies', 'collectives'),
)
_PRODUCTS = ('convolution', 'dot')
# Layouts and places change, values do not.
_TURNS, _COPIES = {'transpose'}, {'copy', 'copy-start'}
_READS_A_PART = {'dynamic-slice', 'gather', 'slice'}


@dataclasses.dataclass(frozen=True)
class Figures:
  """Figures of one call, on one device.

  Attributes:
    operations: number of what the device starts, by kind: 'products'
      (convolutions and matrix products with what is fused to them), 'fusions'
      (all other arithmetic), 'transposes', 'copies' and 'collectives'. On a
      GPU each is at least one launch of a kernel.
    turned: number of arrays that are transposed, inside of fusions too.
    collectives: kind -> (number, bytes of their results).
    traffic: bytes that operations read from and write to main memory.
    bfloat16: share of the FLOPs of products whose inputs are bfloat16; nan
      without products.
  """

  operations: dict[str, int]
  turned: int
  collectives: dict[str, tuple[int, int]]
  traffic: int
  bfloat16: float

  @property
  def launches(self) -> int:
    """All operations together."""
    return sum(self.operations.values())


def read(text: str) -> Figures:
  """Return the figures of a program's text, `compiled.as_text()`."""
  module = hlo_text.parse(text)
  operations = dict.fromkeys(KINDS, 0)
  counts, sizes = collections.Counter(), collections.Counter()
  flops: dict[str, float] = collections.defaultdict(float)
  traffic, turned = 0, 0
  for each, computation, times in module.executed():
    if not each.opcode.endswith('-done'):
      operations[_kind(module, each)] += times
      traffic += times * _traffic(module, each, computation)
      turned += times * _turned(module, each)
    for kind, size in _collectives(module, each):
      counts[kind] += times
      sizes[kind] += times * size
    for dtype, number in _products(module, each, computation):
      flops[dtype] += times * number
  total = sum(flops.values())
  return Figures(
    operations,
    turned,
    {kind: (counts[kind], sizes[kind]) for kind in sorted(counts)},
    traffic,
    flops['bf16'] / total if total else math.nan,
  )


def _kind(module: Module, each: Instruction) -> str:
  """Return which of the kinds of `Figures.operations` an instruction is."""
  inside = {i.opcode for i in module.fused(each).values()} - hlo_text.FREE
  does = inside or {each.opcode}
  if any(opcode.startswith(_COLLECTIVES) for opcode in does):
    return 'collectives'
  if does & set(_PRODUCTS) or _is_library_product(each):
    return 'products'
  if does <= _COPIES:
    return 'copies'
  if does <= _TURNS | _COPIES:
    return 'transposes'
  return 'fusions'


def _turned(module: Module, each: Instruction) -> int:
  lines = module.fused(each).values() or [each]
  return sum(one.opcode in _TURNS for one in lines)


def _is_library_product(each: Instruction) -> bool:
  """Tell whether cuDNN or cuBLAS does it."""
  return each.opcode == 'custom-call' and bool(
    re.search(r'custom_call_target="__(cudnn\$conv|cublas\$)', each.text)
  )


def _collectives(module: Module, each: Instruction):
  """Yield kind and bytes of the collectives that an instruction ends."""
  inside = module.fused(each)
  for one in [each, *inside.values()]:
    kind = one.opcode.removesuffix('-done')
    if kind in _COLLECTIVES:
      size = sum(array.size for array in one.results)
      # A TPU adds up parts and keeps its own in one operation.
      if inside and 'scatter' in each.called[0]:
        kind, size = 'reduce-scatter', sum(a.size for a in each.results)
      yield kind, size


def _traffic(module: Module, each: Instruction, computation: Computation):
  """Return the bytes that an instruction moves from and to main memory."""
  results = each.results
  if each.opcode.endswith('-start'):
    results = results[:1]  # the others are operands and flags
  moved = sum(array.size for array in results if array.main)
  inside = module.fused(each)
  parameters = {
    int(i.inner): i for i in inside.values() if i.opcode == 'parameter'
  }
  for number, name in enumerate(each.operands):
    operand = computation.get(name)
    if operand is None:
      continue
    whole = sum(array.size for array in operand.results if array.main)
    if whole and number in parameters:
      whole = min(whole, _read(inside, parameters[number].name, whole))
    elif each.opcode in _READS_A_PART and number == 0:
      whole = min(whole, sum(array.size for array in results))
    moved += whole
  return moved


def _read(inside: Computation, parameter: str, whole: int) -> int:
  """Return the bytes that a fusion reads of a parameter."""
  users = [i for i in inside.values() if parameter in i.operands]
  if not users or any(
    i.opcode not in _READS_A_PART or i.operands[0] != parameter for i in users
  ):
    return whole
  return sum(array.size for i in users for array in i.results)


def _products(module: Module, each: Instruction, computation: Computation):
  """Yield the type of the inputs and the FLOPs of products."""
  if _is_library_product(each):
    yield _dtype(each, computation), _flops(each, computation)
  inside = module.fused(each)
  lines = inside or {each.name: each}
  for one in lines.values():
    if one.opcode in _PRODUCTS:
      where = inside or computation
      yield _dtype(one, where), _flops(one, where)


def _dtype(one: Instruction, where: Computation) -> str:
  """Return the type of the inputs of a product; the wider of two."""
  dtypes = {
    array.dtype
    for name in one.operands[:2]
    if name in where
    for array in where[name].results[:1]
  }
  return 'bf16' if dtypes == {'bf16'} else next(iter(dtypes - {'bf16'}), 'f32')


def _flops(one: Instruction, where: Computation) -> float:
  """Return 2 x multiply-add of a convolution or a matrix product.

  Zeros that padding or dilation adds are counted: it is a weight.
  """
  arrays = [
    where[name].results[0] for name in one.operands[:2] if name in where
  ]
  if len(arrays) < 2:
    return 0.0
  left, right = (array.shape for array in arrays)
  result = one.results[0].shape
  labels = re.search(r'dim_labels=\w+_(\w+)->\w+', one.text)
  if labels:
    # Each value of y meets the taps and channels of one output of w.
    taps, y = right, result
    if 'convBackwardFilter' in one.text:
      taps, y = result, right
    elif 'convBackwardInput' in one.text:
      y = left
    outputs = taps[labels[1].index('o')]
    return 2.0 * math.prod(y) * math.prod(taps) / outputs
  contracted = re.search(
    r'lhs_contracting_dim(?:ension)?s"?[=:][{\["]+([\d,"]+)', one.text
  )
  axes = re.findall(r'\d+', contracted[1]) if contracted else ()
  return 2.0 * math.prod(result) * math.prod(left[int(n)] for n in axes)
