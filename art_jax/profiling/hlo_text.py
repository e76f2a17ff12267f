"""Reads the text of a compiled program: XLA's optimized HLO.

It is printed by `compiled.as_text()`: computations in braces, an instruction a
line, as https://openxla.org/xla/operation_semantics names them:

  %name = f32[8,32]{1,0:T(8,128)S(1)} opcode(%operand, ...), attribute=...
"""

import dataclasses
import math
import re
from collections.abc import Iterator

_BYTES = {'pred': 1, 'c64': 8, 'c128': 16, 'token': 0, 'opaque': 0}
_ARRAY = re.compile(r'([a-z]+\d*\w*)\[([\d,<=]*)\](?:\{([^}]*)\})?')
_HEAD = re.compile(r'^\s*(ROOT )?%?([\w.\-]+) = ')
_COMPUTATION = re.compile(r'^(ENTRY )?%?([\w.\-]+) .*\{$')
_CALLED = re.compile(r'\b(calls|to_apply|body)=%?([\w.\-]+)')
_BRANCHES = re.compile(r'branch_computations=\{([^}]*)\}')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
# They name a value, or wait for one; nothing is computed.
FREE = frozenset(
  {
    *('parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast'),
    *('after-all', 'partition-id', 'replica-id', 'opt-barrier', 'domain'),
  }
)


@dataclasses.dataclass(frozen=True)
class Array:
  """An array of an instruction.

  Attributes:
    dtype: 'f32', 'bf16', ...
    shape: its sides.
    size: bytes, with the padding of its tiles.
    main: it lies in the device's main memory, not in a scratchpad.
  """

  dtype: str
  shape: tuple[int, ...]
  size: int
  main: bool


@dataclasses.dataclass(frozen=True)
class Instruction:
  """One line.

  Attributes:
    name: of its result.
    opcode: what it does.
    results: one array, or those of a tuple.
    operands: names of instructions.
    inner: what stands in the parentheses, such as the number of a parameter.
    called: computations that it runs, or branches of which it runs one.
    trips: how often a loop runs, where that is known; else 1.
    text: the line after the operands: its attributes.
    root: it is the result of its computation.
  """

  name: str
  opcode: str
  results: tuple[Array, ...]
  operands: tuple[str, ...]
  inner: str
  called: tuple[str, ...]
  trips: int
  text: str
  root: bool


Computation = dict[str, Instruction]


@dataclasses.dataclass(frozen=True)
class Module:
  """A program.

  Attributes:
    computations: instructions in their order, by computation and name.
    entry: name of the computation that is run.
  """

  computations: dict[str, Computation]
  entry: str

  def executed(self) -> Iterator[tuple[Instruction, Computation, int]]:
    """Yield what one call executes, its computation, and how often.

    Loops and calls are entered, fusions and reductions are not: they are one
    operation of the device. Of branches the longest is taken.
    """
    yield from self._executed(self.entry, 1)

  def fused(self, instruction: Instruction) -> Computation:
    """Return the instructions that a fusion is made of; {} for others."""
    if instruction.opcode != 'fusion' or not instruction.called:
      return {}
    return self.computations[instruction.called[0]]

  def _executed(self, name: str, times: int):
    computation = self.computations[name]
    for each in computation.values():
      if each.opcode in ('while', 'call', 'async-start'):
        yield from self._executed(each.called[0], times * each.trips)
      elif each.opcode == 'conditional':
        longest = max(each.called, key=lambda n: len(self.computations[n]))
        yield from self._executed(longest, times)
      elif each.opcode not in FREE:
        yield each, computation, times


def parse(text: str) -> Module:
  """Return the program of a text."""
  computations, entry, current = {}, '', None
  for line in text.splitlines():
    if line.startswith('}'):
      current = None
    elif current is None:
      head = _COMPUTATION.match(line)
      if head and ' = ' not in line.split('(')[0]:
        current = computations.setdefault(head[2], {})
        entry = head[2] if head[1] else entry
    elif _HEAD.match(line):
      instruction = _instruction(line)
      current[instruction.name] = instruction
  return Module(computations, entry)


def _instruction(line: str) -> Instruction:
  head = _HEAD.match(line)
  assert head is not None, line
  rest = line[head.end() :]
  if rest.startswith('('):
    end = _closing(rest, 0) + 1
  else:
    match = _ARRAY.match(rest)
    end = match.end() if match else 0
  results = tuple(_array(*m.groups()) for m in _ARRAY.finditer(rest[:end]))
  opcode, _, _ = rest[end:].strip().partition('(')
  opening = rest.index('(', end)
  closing = _closing(rest, opening)
  tail = rest[closing + 1 :]
  called = [m[2] for m in _CALLED.finditer(tail)]
  if branches := _BRANCHES.search(tail):
    called = [name.strip().lstrip('%') for name in branches[1].split(',')]
  trips = _TRIPS.search(tail)
  return Instruction(
    name=head[2],
    opcode=opcode,
    results=results,
    operands=tuple(re.findall(r'%([\w.\-]+)', rest[opening:closing])),
    inner=rest[opening + 1 : closing],
    called=tuple(called),
    trips=int(trips[1]) if trips else 1,
    text=tail,
    root=bool(head[1]),
  )


def _closing(text: str, opening: int) -> int:
  """Return where the parenthesis that opens there is closed."""
  depth = 0
  for index in range(opening, len(text)):
    depth += (text[index] == '(') - (text[index] == ')')
    if not depth:
      return index
  return len(text) - 1


def _array(dtype: str, sides: str, layout: str | None) -> Array:
  shape = tuple(int(n.lstrip('<=')) for n in sides.split(',') if n)
  order, _, rest = (layout or '').partition(':')
  padded = list(shape)
  tile = re.match(r'T\(([\d,]+)\)', rest)
  minor = [int(n) for n in order.split(',') if n]
  if tile and minor:
    for side, axis in zip(
      reversed([int(n) for n in tile[1].split(',')]), minor, strict=False
    ):
      padded[axis] = -(-shape[axis] // side) * side
  space = re.search(r'S\((\d+)\)', rest)
  size = int(math.prod(padded) * _itemsize(dtype))
  return Array(dtype, shape, size, not space)


def _itemsize(dtype: str) -> float:
  if dtype in _BYTES:
    return _BYTES[dtype]
  bits = re.search(r'\d+', dtype)
  return int(bits[0]) / 8 if bits else 0
