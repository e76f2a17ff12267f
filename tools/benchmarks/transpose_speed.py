"""Times the upsampling layer with its gradients against flax's own.

  python -m tools.benchmarks.transpose_speed

Forward and both gradients of a transposed convolution, kernel 4, stride 2, at
shapes of DCGAN-64; medians, the two alternated in one process.
"""

import statistics

import jax
import jax.numpy as jnp
from flax import linen as nn

from art_jax.nn import conv
from tools import command
from tools.benchmarks import timing

_SHAPES = ((8, 32, 128, 64), (64, 16, 256, 128))  # batch, side, in, out
_REPEATS = 5


def main() -> None:
  """Print one line per shape."""
  for batch, side, inputs, outputs in _SHAPES:
    x = jax.random.normal(jax.random.key(0), (batch, side, side, inputs))
    theirs = nn.ConvTranspose(outputs, (4, 4), (2, 2), use_bias=False)
    ours = conv.ConvTranspose(outputs, use_bias=False)
    steps = [_compiled(module, x) for module in (theirs, ours)]
    times = [[timing.seconds(step) for step in steps] for _ in range(_REPEATS)]
    flax_ms, ours_ms = (
      1e3 * statistics.median(seconds) for seconds in zip(*times, strict=True)
    )
    print(
      f'{batch}x{side}x{side}x{inputs} -> {outputs}: flax {flax_ms:.0f} ms, '
      f'ours {ours_ms:.0f} ms, {flax_ms / ours_ms:.1f} times faster'
    )


def _compiled(module: nn.Module, x: jax.Array):
  params = module.init(jax.random.key(1), x)
  loss = lambda params, x: jnp.square(module.apply(params, x)).mean()  # noqa: E731
  step = jax.jit(jax.grad(loss, argnums=(0, 1)))
  jax.block_until_ready(step(params, x))
  return lambda: step(params, x)


if __name__ == '__main__':
  command.run(main)
