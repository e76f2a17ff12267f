"""Times the input of a step: pictures of JPEG files to finished batches.

  python -m tools.benchmarks.input_speed

One row per engine and size: pictures per second and per processor second of
all threads, after crop and flip. Opening the engine, which for 'resident'
decodes the whole set, is timed apart, and compiling and warming up are not
counted. The pictures are painted noise that is smooth, as photographs are.
"""

import contextlib
import os
import pathlib
import tempfile
import time
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import pipeline, sources
from art_jax.devices import mesh
from tools import command

_SIZES = (64, 128, 256)
_ROWS = 64  # of a batch
_WARM = 3  # batches before the clock starts; tf.data holds two ready


class Rate(NamedTuple):
  """How fast an engine is.

  Attributes:
    wall: pictures per second.
    processor: pictures per processor second (user and system).
    opening: processor seconds that opening the engine takes.
  """

  wall: float
  processor: float
  opening: float


def main(
  *, count: command.Count = 256, side: command.Count = 512, seconds: float = 4.0
) -> None:
  """Print a table in Markdown.

  Args:
    count: number of pictures.
    side: of each JPEG, in pixels.
    seconds: processor seconds to measure for, of each row.
  """
  with tempfile.TemporaryDirectory() as folder:
    paint(pathlib.Path(folder), count, side)
    print(
      '| size | engine | images/s | per processor second '
      '| opening, processor s |'
    )
    print('|---|---|---|---|---|')
    for size in _SIZES:
      for kind in pipeline.ENGINES:
        rate = measure(folder, kind, size, seconds)
        print(
          f'| {size} | {kind} | {rate.wall:,.0f} | {rate.processor:,.0f} '
          f'| {rate.opening:.1f} |',
          flush=True,
        )


def paint(folder: pathlib.Path, count: int, side: int) -> None:
  """Write `count` smooth JPEGs of `side` x `side` pixels."""
  draw = np.random.default_rng(0)
  for index in range(count):
    coarse = draw.integers(0, 256, (-(-side // 8), -(-side // 8), 3), np.uint8)
    image = Image.fromarray(coarse).resize((side, side))
    image.save(folder / f'{index:05}.jpg', quality=90)


def measure(folder: str, kind: str, size: int, seconds: float) -> Rate:
  """Return how fast an engine gives finished batches.

  Args:
    folder: of pictures.
    kind: the engine, see `pipeline.ENGINES`.
    size: side of the training pictures; they are cut from 9/8 of it.
    seconds: processor seconds to measure for; one batch at least.
  """
  data = core.Data(
    source=sources.Folder(folder),
    size=size,
    load_size=size * 9 // 8,
    engine=kind,
  )
  dataset = data.source.open(data)
  start = time.process_time()
  engine = pipeline.open_engine(
    dataset, data, rows_per_step=_ROWS, seed=0, placer=mesh.make_devices()
  )
  opening = time.process_time() - start
  prepare = jax.jit(engine.prepare)
  with contextlib.closing(engine.inputs(0)) as inputs:
    for _ in range(_WARM):
      jax.block_until_ready(prepare(engine.constants, next(inputs)))
    count, wall, processor = 0, time.perf_counter(), time.process_time()
    while not count or time.process_time() - processor < seconds:
      jax.block_until_ready(prepare(engine.constants, next(inputs)))
      count += _ROWS
    wall = time.perf_counter() - wall
    processor = time.process_time() - processor
  return Rate(count / wall, count / processor, opening)


if __name__ == '__main__':
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')
  command.run(main)
