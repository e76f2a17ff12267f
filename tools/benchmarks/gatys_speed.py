"""Time a step of style transfer by optimising pixels, and its share of FLOPs.

  python -m tools.benchmarks.gatys_speed --experiment=style_transfer \
    --sizes=256,512

For square pictures of each size: seconds of a step (median), FLOP of it with
native convolutions, FLOP/s, their share of the fastest 3x3 convolution or
matrix product measured here, and the memory of the compiled step.
"""

import time

import jax
import numpy as np
from absl import app, flags

from art_jax import core
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.devices import memory, mesh
from art_jax.media import images
from art_jax.profiling import describe, roofline

flags.DEFINE_string('experiment', 'style_transfer', 'Its features and losses.')
flags.DEFINE_multi_string('set', [], 'Fields of the experiment.')
flags.DEFINE_list('sizes', ['256', '512'], 'Sides of the pictures.')
flags.DEFINE_integer('steps', 5, 'Timed, after one that is not.', 1)
FLAGS = flags.FLAGS


def _step(algorithm):
  return lambda state: algorithm.step(state, {}, jax.random.key(0))


def main(argv: list[str]) -> None:
  """Measure and print a line for each size."""
  del argv
  highest = roofline.measure(mesh.make_devices(1), 'float32')
  print({name: f'{x / 1e9:.0f} GFLOP/s' for name, x in highest.items()})
  for size in map(int, FLAGS.sizes):
    experiment = experiments.override(
      experiments.load(FLAGS.experiment), [*FLAGS.set, f'data.size={size}']
    )
    experiment = experiments.resolve(experiment, num_examples=1)
    algorithm = experiment.algorithm
    batch = {
      key: images.from_uint8(
        np.asarray(paintings.scene(number, photo=not number).resize([size] * 2))
      )[None]
      for number, key in enumerate(('content', 'style'))
    }
    key = jax.random.key(0)
    start = time.perf_counter()
    state = jax.jit(algorithm.init)(
      key, batch, core.pretrained(algorithm, paintings.read)
    )
    step = jax.jit(_step(algorithm), donate_argnums=0)
    compiled = step.lower(jax.tree.map(jax.numpy.copy, state)).compile()
    prepared = time.perf_counter() - start
    state = jax.tree.map(jax.numpy.copy, state)
    times = []
    for _ in range(FLAGS.steps + 1):
      start = time.perf_counter()
      state, _ = jax.block_until_ready(compiled(state))
      times.append(time.perf_counter() - start)
    seconds = float(np.median(times[1:]))
    flops = describe.step_flops(experiment)
    share = flops / seconds / max(highest.values())
    print(
      f'{size} px: {seconds:.3f} s a step, {flops / 1e9:.1f} GFLOP, '
      f'{flops / seconds / 1e9:.0f} GFLOP/s, {share:.0%} of the highest; '
      f'targets and compiling {prepared:.0f} s; memory '
      f'{memory.needs(compiled)["peak"] / 2**20:.0f} MiB',
      flush=True,
    )


if __name__ == '__main__':
  app.run(main)
