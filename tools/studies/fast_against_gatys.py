"""Compares a fast_style network with optimizing the pixels of the same loss.

  python -m tools.studies.fast_against_gatys --run=runs/fast_style_squeezenet \
    --pictures=a.png,b.jpg --size=256 --iterations=100

For each picture: the loss of the network's result; the iteration at which
L-BFGS, from the photo, first has a lower one; and the seconds of both. The
network learned at `data.size`; where losses are sums, the content counts for
more on larger pictures, so its weight is scaled by the ratio of the areas.

  python -m tools.studies.fast_against_gatys --experiment=fast_style \
    --set=algorithm.weights=vgg16 --pictures=a.png --iterations=5

takes a fresh network: for the seconds only.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms import optim, trainable
from art_jax.config import experiments
from art_jax.data import decode, paintings
from art_jax.inference import run as runs
from art_jax.media import images
from art_jax.runs import restore
from tools import command
from tools.benchmarks import timing

_TIMED = 5  # passes of the network
_OPTIMIZER = optim.LBFGS()


def main(
  *,
  run: str = '',
  experiment: str = '',
  set_: Sequence[str] = (),
  pictures: tuple[str, ...],
  size: command.Count = 256,
  iterations: command.Count = 100,
) -> None:
  """Measure and print.

  Args:
    run: run folder of a fast_style.
    experiment: in its place: for the speed only.
    set_: fields of the experiment.
    pictures: photos; they are cut to a square.
    size: their side.
    iterations: of L-BFGS.
  """
  if run:
    chosen = runs.load(run).experiment
    state = jax.tree.map(jnp.asarray, restore.load_state(run))
  else:
    chosen = experiments.override(experiments.load(experiment), set_)
    state = jax.jit(chosen.algorithm.init)(
      jax.random.key(0),
      {'image': jnp.zeros((1, size, size, 3))},
      core.pretrained(chosen.algorithm, paintings.read),
    )
  algorithm: Any = chosen.algorithm
  if algorithm.reduction != 'mean':
    algorithm = dataclasses.replace(
      algorithm,
      content_weight=algorithm.content_weight * (chosen.data.size / size) ** 2,
    )
  network = jax.jit(
    lambda x: algorithm.transformer.apply(state.transformer.variables, x)
  )
  measure, step = _compiled(algorithm, state)
  for name in pictures:
    image = decode.picture(name).convert('RGB')
    side = min(image.size)
    image = image.crop((0, 0, side, side)).resize((size, size))
    photo = jnp.array(images.from_uint8(np.asarray(image))[None])
    made = jnp.clip(network(photo), -1, 1)
    reached, first = (float(measure(x, photo)) for x in (made, photo))
    losses, times = _optimize(step, photo, iterations)
    below = [i for i, x in enumerate(losses) if x <= reached]
    step_s, pass_s = (
      float(np.median(times[1:])),
      timing.median(functools.partial(network, photo), _TIMED),
    )
    text = f'after {below[0]} iterations' if below else 'not reached by L-BFGS'
    print(
      f'{name}: photo {first:.4g}, network {reached:.4g}: {text} (its last '
      f'{losses[-1]:.4g}); {step_s:.3f} s an iteration, {pass_s:.3f} s a pass: '
      f'500 iterations are {500 * step_s / pass_s:.0f} passes',
      flush=True,
    )


def _compiled(algorithm: Any, state):
  """Return the loss of pixels against a photo, and a step that lowers it."""

  @jax.jit
  def measure(pixels, photo):
    return algorithm.losses(
      state, pixels, {'image': photo, 'style': jnp.array([0])}
    )[0]

  @jax.jit
  def step(canvas, photo):
    def loss_fn(params, collections, batch):
      loss = measure(params['pixels'], batch['photo'])
      return loss, (collections, loss)

    batch, clock = {'photo': photo}, jnp.int32(0)
    return trainable.descend(canvas, loss_fn, _OPTIMIZER, clock, batch)

  return measure, step


def _optimize(step, photo, iterations: int) -> tuple[list[float], list[float]]:
  """Return the loss before each iteration, and its seconds."""
  canvas = trainable.from_params({'pixels': photo}, {}, _OPTIMIZER)
  losses: list[float] = []

  def iterate():
    nonlocal canvas
    canvas, loss = step(canvas, photo)
    losses.append(float(loss))

  return losses, [timing.seconds(iterate) for _ in range(iterations)]


if __name__ == '__main__':
  command.run(main, quiet=True)
