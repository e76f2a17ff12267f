"""Translation of a picture that does not fit into memory, by tiles.

A network that sees a neighborhood of each pixel is cut into stages
(`inference.stages`), one or a few convolutions each. A stage goes over the
picture tile by tile. It reads a window, a tile with an overlap as wide as the
stage sees, writes the values of the tile, and adds to the mean and variance
that the norm behind it needs; so no norm sees a tile, and the result is that of
the whole picture up to rounding.

The values between two stages are kept in a scratch file, unless they are so
many that making them again is cheaper.
"""

import functools
import itertools
import math
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import tqdm

from art_jax.inference import scratch, stages
from art_jax.inference.window import (
  Moments,
  NormMoments,
  Pair,
  Program,
  tiles,
)
from art_jax.nn import dropout

# Bytes of the intermediate values of a window, none fused: of most windows, and
# of those whose overlap is large. Larger ones are slower, as their memory is
# mapped anew for every window (32, 64, 256 MiB: 18, 22, 42 s of processor time
# for a TransformerNet and 3 megapixels).
TILE_BYTES = 32 * 2**20
WIDE_TILE_BYTES = 1024 * 2**20
_LEAST = 256  # pixels of the side of a window, where the picture is larger
_OVERLAP = 1 / 8  # of a window on each side: larger windows have less
_WIDE = 1.25  # times the median: values at a cut that are made again

Convert = Callable[[np.ndarray], np.ndarray]


class Picture:
  """A large picture on its way through a network.

  Its values are named (number of a cut, number of what is alive there); the
  pixels are ('image', 0), and what a dropout keeps ('kept', its number).
  """

  def __init__(
    self,
    function: Callable[[Any, jax.Array], jax.Array],
    params: Any,
    shape: tuple[int, int, int],
    multiple: int,
    *,
    folder: pathlib.Path | None = None,
    tile_bytes: int = TILE_BYTES,
  ):
    """Trace the network.

    Args:
      function: maps params and f32[1, h, w, C] to the same height and width.
      params: of the network.
      shape: of the picture; height and width are multiples of `multiple`.
      multiple: of which the sides of a window are multiples.
      folder: for scratch files; None: the system's.
      tile_bytes: of intermediate values of a window.

    Raises:
      stages.NotLocalError: a norm of it stands in a loop.
    """
    self._extent: Pair = shape[:2]
    self._multiple, self._folder = multiple, folder
    self._tile_bytes = tile_bytes
    self._network = functools.cache(
      lambda window: stages.trace(function, params, (*window, shape[2]))
    )
    self._compiled: dict[str, Any] = {}
    self._reach: dict[str, int] = {}
    plan = self._plan = self._network(self._window(2 * _LEAST))
    pixels = math.prod(plan.window)
    widths = [
      sum(map(stages.num_bytes, cut.alive)) / pixels for cut in plan.cuts
    ]
    limit = _WIDE * statistics.median(widths) if widths else 0
    # By number of a cut: bytes per pixel of values that are kept.
    self._kept = {i: w for i, w in enumerate(widths) if w <= limit}

  def scratch_bytes(self) -> int:
    """Return the most bytes that scratch files take at once."""
    widths = [0.0, *self._kept.values(), 0.0]
    most = max(a + b for a, b in itertools.pairwise(widths))
    return int(most * math.prod(self._extent))

  def translate(
    self, pixels: np.ndarray, convert: Convert, finish: Convert
  ) -> np.ndarray:
    """Return finish(function(params, convert(pixels))).

    Args:
      pixels: [H, W, C].
      convert: from a window of them to f32.
      finish: from f32 to what is returned.

    Raises:
      stages.NotLocalError: the network sees more than a neighborhood.
      scratch.TooLargeError: there is no room for the scratch files.
      core.StorageError: a scratch file cannot be written.
    """
    scratch.require_space(self.scratch_bytes(), self._folder)
    values: dict[Any, Any] = {('image', 0): scratch.Array(pixels, convert)}
    values |= self._draws()
    moments, base = [], None
    numbers = range(len(self._plan.cuts))
    for number in tqdm.tqdm(numbers, 'layers', leave=False, disable=None):
      following = {}
      program = self._program(base, number, values, moments)
      if number in self._kept:
        following = self._following(program.network, base, number, values)
      outputs = [
        following[number, program.network.cuts[number].alive.index(v)]
        for v in program.writes
      ]
      total = Moments()
      for parts, added in self._tiles(program, values, moments):
        _write(outputs, parts)
        total.add(*added)
      moments.append(total.result())
      if following:
        _close(values, following)
        values, base = following, number
    program = self._program(base, None, values, moments)
    result = None
    for ((row, column, part),), _ in self._tiles(program, values, moments):
      part = finish(part)
      if result is None:
        shape = (*self._extent, part.shape[-1])
        result = scratch.Array(np.empty(shape, part.dtype))
      result.write(row, column, part)
    _close(values, {})
    assert result is not None  # a picture has a tile
    return result.array

  def _tiles(self, program: Program, values, moments: NormMoments):
    """Yield what a program writes for each tile, and the tile's moments.

    What it writes is a list of (row, column, [h, w, C]).
    """
    network = program.network
    inputs = [values[name] for name in program.reads]
    scales = list(program.scales())
    overlap = self._reach.get(program.text, 0)
    for corner, first, end in tiles(self._extent, network.window, overlap):
      inside = [*np.subtract(first, corner), *np.subtract(end, corner)]
      windows = _read(inputs, scales, corner, network.window)
      written, added, _ = program(windows, moments, inside)
      parts = []
      for variable, value in zip(program.writes, written, strict=True):
        scale = network.scale(variable)
        top, left, bottom, right = (int(n) // scale for n in inside)
        part = np.asarray(value)[0, top:bottom, left:right]
        parts.append((first[0] // scale, first[1] // scale, part))
      yield parts, added

  def _program(
    self, base: int | None, number: int | None, values, moments: NormMoments
  ) -> Program:
    """Compile a stage on windows that it has the memory for.

    Args:
      base: the last cut whose values are kept.
      number: of the cut at its end; None: the result is.
      values: by name.
      moments: of the norms before.

    Raises:
      stages.NotLocalError: windows would need too much memory.
    """
    plan, names = self._plan, self._names(self._plan, base)
    known = [
      *plan.constants,
      *(v for c in plan.cuts for v in c.moments),
      *names,
    ]
    wanted = _wanted(plan, names, number, self._kept)
    equations, _ = plan.between(known, wanted)
    each = stages.peak_bytes(equations, wanted) / math.prod(plan.window)
    side = int(math.sqrt(self._tile_bytes / each))
    most = max(WIDE_TILE_BYTES, self._tile_bytes)
    while True:
      network = self._network(self._window(side))
      names = self._names(network, base)
      target, *writes = _wanted(network, names, number, self._kept)
      program = Program(network, names, target, writes, self._compiled)
      share = self._share(program, values, moments)
      side = 3 * min(network.window) // 2
      if share <= _OVERLAP or each * side**2 > most:
        break
    if share > 1 / 4:
      raise stages.NotLocalError(f'it sees {share:.0%} of a window')
    return program

  def _share(self, program: Program, values, moments: NormMoments) -> float:
    """Measure the overlap of windows; return its share of them."""
    window, text = program.network.window, program.text
    if window == self._extent:
      self._reach[text] = 0
    if text not in self._reach:
      inputs = [values[name] for name in program.reads]
      windows = _read(inputs, program.scales(), (0, 0), window)
      unit = program.unit(self._multiple)
      self._reach[text] = program.reach(windows, moments, unit)
    cut = [w for w, e in zip(window, self._extent, strict=True) if w < e]
    return self._reach[text] / min(cut, default=1)

  def _names(self, network: stages.Network, base: int | None):
    """Return by variable the names of the values that a stage may read."""
    names = {network.image: ('image', 0)}
    names |= {v: ('kept', i) for i, v in enumerate(network.kept)}
    if base is not None:
      names |= {v: (base, i) for i, v in enumerate(network.cuts[base].alive)}
    return names

  def _following(self, network, base, number, values):
    """Return the values that are read behind a stage, new ones unset."""
    names = self._names(network, base)
    following = {k: v for k, v in values.items() if k[0] in ('image', 'kept')}
    for i, variable in enumerate(network.cuts[number].alive):
      if variable in names:
        following[number, i] = values[names[variable]]
        continue
      shape = self._shape(network, variable)
      dtype = variable.aval.dtype
      following[number, i] = scratch.make(shape, dtype, self._folder)
    return following

  def _draws(self) -> dict[tuple[str, int], scratch.Array]:
    """Return by name what each dropout keeps, for all of the picture."""
    network, draws = self._plan, {}
    for number, (variable, equation) in enumerate(network.kept.items()):
      _, key = equation.invars
      equations, _ = network.between(network.constants, [key])
      (key,) = network.run(equations, network.constants, [key])
      shape = (1, *self._shape(network, variable))
      kept = dropout.keep(key, shape, equation.params['dropped'])
      draws['kept', number] = scratch.Array(np.asarray(kept)[0])
    return draws

  def _shape(self, network, variable) -> tuple[int, int, int]:
    """Return the shape of a value for all of the picture."""
    (height, width), scale = self._extent, network.scale(variable)
    return height // scale, width // scale, variable.aval.shape[-1]

  def _window(self, side: int) -> Pair:
    """Return the sides of a window of about `side` pixels."""
    unit = self._multiple
    side = max(side // unit, -(-_LEAST // unit), 2) * unit
    height, width = self._extent
    return min(side, height), min(side, width)


def _wanted(network, names: Mapping[Any, Any], number, kept) -> list[Any]:
  """Return the target of a stage and what it writes."""
  if number is None:
    return [network.output, network.output]
  cut = network.cuts[number]
  new = [v for v in cut.alive if v not in names] if number in kept else []
  return [cut.operand, *new]


def _read(inputs, scales, corner: Pair, window: Pair) -> list[np.ndarray]:
  """Read the window at a corner of some values."""
  return [
    values.read(*(n // scale for n in (*corner, *window)))
    for values, scale in zip(inputs, scales, strict=True)
  ]


def _write(outputs: Sequence[Any], parts) -> None:
  for output, part in zip(outputs, parts, strict=True):
    output.write(*part)


def _close(values: Mapping[Any, Any], following: Mapping[Any, Any]) -> None:
  """Give the space of values back that are not read again."""
  used = set(map(id, following.values()))
  for value in values.values():
    if isinstance(value, scratch.File) and id(value) not in used:
      value.close()
