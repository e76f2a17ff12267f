"""Times the input of a step: pictures of JPEG files to finished batches.

  python -m tools.benchmarks.input_speed

One row per engine and size: pictures per second and per processor second of
all threads, after crop and flip. Opening the engine, which for 'resident'
decodes the whole set, is timed apart, and compiling and warming up are not
counted, but for the first epoch of `data.cache`, which is timed from its first
batch to its last. The pictures are painted noise that is smooth, as photographs
are.
"""

import contextlib
import itertools
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
_FIRST = 'first epoch'
_ROWS_OF_TABLE = (
  ('streaming', ''),
  ('streaming', _FIRST),
  ('streaming', 'later epochs'),
  ('resident', ''),
  ('resident', 'later starts'),
)
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
  with tempfile.TemporaryDirectory() as top:
    folder, cache = os.path.join(top, 'pictures'), os.path.join(top, 'cache')
    os.mkdir(folder)
    paint(pathlib.Path(folder), count, side)
    print(
      '| size | engine | `data.cache` | images/s | per processor second '
      '| opening, processor s |'
    )
    print('|---|---|---|---|---|---|')
    for size, (kind, kept) in itertools.product(_SIZES, _ROWS_OF_TABLE):
      where = cache if kept else None
      rate = measure(folder, kind, size, seconds, where, kept == _FIRST)
      print(
        f'| {size} | {kind} | {kept} | {rate.wall:,.0f} '
        f'| {rate.processor:,.0f} | {rate.opening:.2f} |',
        flush=True,
      )


def paint(folder: pathlib.Path, count: int, side: int) -> None:
  """Write `count` smooth JPEGs of `side` x `side` pixels."""
  draw = np.random.default_rng(0)
  for index in range(count):
    coarse = draw.integers(0, 256, (-(-side // 8), -(-side // 8), 3), np.uint8)
    image = Image.fromarray(coarse).resize((side, side))
    image.save(folder / f'{index:05}.jpg', quality=90)


def measure(
  folder: str,
  kind: str,
  size: int,
  seconds: float,
  cache: str | None = None,
  first_epoch: bool = False,
) -> Rate:
  """Return how fast an engine gives finished batches.

  Args:
    folder: of pictures.
    kind: the engine, see `pipeline.ENGINES`.
    size: side of the training pictures; they are cut from 9/8 of it.
    seconds: processor seconds to measure for; one batch at least.
    cache: `data.cache`.
    first_epoch: measure the first epoch and no more, from a cold start.
  """
  data = core.Data(
    source=sources.Folder(folder),
    size=size,
    load_size=size * 9 // 8,
    engine=kind,
    cache=cache,
  )
  dataset = data.source.open(data)
  start, placer = time.process_time(), mesh.make_devices()
  engine = pipeline.open_engine(
    dataset, data, rows_per_step=_ROWS, seed=0, placer=placer
  )
  opening = time.process_time() - start
  prepare = jax.jit(engine.prepare)
  _, shapes = engine.abstract()
  zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)
  prepare(engine.constants, placer.place_batch(zeros))  # compiles
  batches = -(-dataset.num_examples // _ROWS)

  def done(count, processor):
    if first_epoch:
      return count >= batches
    return count and time.process_time() - processor >= seconds

  with contextlib.closing(engine.inputs(0)) as inputs:
    for _ in range(0 if first_epoch else _WARM):
      jax.block_until_ready(prepare(engine.constants, next(inputs)))
    count, wall, processor = 0, time.perf_counter(), time.process_time()
    while not done(count, processor):
      jax.block_until_ready(prepare(engine.constants, next(inputs)))
      count += 1
    wall = time.perf_counter() - wall
    processor = time.process_time() - processor
  return Rate(count * _ROWS / wall, count * _ROWS / processor, opening)


if __name__ == '__main__':
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')
  command.run(main)
