"""Times a step of style transfer by optimizing pixels, and its share of FLOPs.

  python -m tools.benchmarks.gatys_speed --experiment=style_transfer \
    --sizes=256,512

For square pictures of each size: seconds of a step (median), FLOP of it with
native convolutions, FLOP/s, their share of the fastest 3x3 convolution or
matrix product measured here, and the memory of the compiled step.
"""

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.devices import memory, mesh
from art_jax.media import images
from art_jax.profiling import describe, roofline
from tools import command


def main(
  *,
  experiment: str = 'style_transfer',
  set_: Sequence[str] = (),
  sizes: tuple[int, ...] = (256, 512),
  steps: command.Count = 5,
) -> None:
  """Measure and print a line for each size.

  Args:
    experiment: its features and losses.
    set_: fields of the experiment.
    sizes: sides of the pictures.
    steps: timed, after one that is not.
  """
  highest = roofline.measure(mesh.make_devices(1), 'float32')
  print({name: f'{x / 1e9:.0f} GFLOP/s' for name, x in highest.items()})
  for size in sizes:
    changes = [*set_, f'data.size={size}']
    chosen = experiments.resolve(
      experiments.override(experiments.load(experiment), changes), 1
    )
    algorithm: Any = chosen.algorithm
    batch = {
      key: images.resized(paintings.scene(i, photo=not i), (size, size))[None]
      for i, key in enumerate(('content', 'style'))
    }
    start = time.perf_counter()
    state = jax.jit(algorithm.init)(
      jax.random.key(0), batch, core.pretrained(algorithm, paintings.read)
    )
    step = jax.jit(
      lambda state, algorithm=algorithm: algorithm.step(
        state, {}, jax.random.key(0)
      ),
      donate_argnums=0,
    )
    compiled = step.lower(state).compile()
    prepared = time.perf_counter() - start
    state = jax.tree.map(jax.numpy.copy, state)  # donated below
    times = []
    for _ in range(steps + 1):
      start = time.perf_counter()
      state, _ = jax.block_until_ready(compiled(state))
      times.append(time.perf_counter() - start)
    seconds = float(np.median(times[1:]))
    flops = describe.step_flops(chosen)
    print(
      f'{size} px: {seconds:.3f} s a step, {flops / 1e9:.1f} GFLOP, '
      f'{flops / seconds / 1e9:.0f} GFLOP/s, '
      f'{flops / seconds / max(highest.values()):.0%} of the highest; '
      f'targets and compiling {prepared:.0f} s; memory '
      f'{memory.needs(compiled)["peak"] / 2**20:.0f} MiB',
      flush=True,
    )


if __name__ == '__main__':
  command.run(main)
