"""Compare a fast_style network with optimising the pixels of the same loss.

  python -m tools.studies.fast_against_gatys --run=runs/fast_style_squeezenet \
    --pictures=a.png,b.jpg --size=256 --iterations=100

For each picture: the loss of the network's result; the iteration at which
L-BFGS, from the photo, first has a lower one; and the seconds of both. The
network learnt at `data.size`; where losses are sums, the content counts for
more on larger pictures, so its weight is scaled by the ratio of the areas.

  python -m tools.studies.fast_against_gatys --experiment=fast_style \
    --set=algorithm.weights=vgg16 --pictures=a.png --iterations=5

takes a fresh network: for the seconds only.
"""

import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags, logging

from art_jax.algorithms import optim, trainable
from art_jax.config import experiments
from art_jax.data import decode, paintings
from art_jax.inference import run as runs
from art_jax.media import images
from art_jax.runs import restore

flags.DEFINE_string('run', None, 'Run folder of a fast_style.')
flags.DEFINE_string('experiment', None, 'In its place: for the speed only.')
flags.DEFINE_multi_string('set', [], 'Fields of the experiment.')
flags.DEFINE_list('pictures', None, 'Photos; cut to a square.', required=True)
flags.DEFINE_integer('size', 256, 'Their side.')
flags.DEFINE_integer('iterations', 100, 'Of L-BFGS.')
FLAGS = flags.FLAGS
_TIMED = 5  # passes of the network


def main(argv: list[str]) -> None:
  """Measure and print."""
  del argv
  logging.set_verbosity(logging.ERROR)
  algorithm, state, learnt_at = _load()
  scale = (learnt_at / FLAGS.size) ** 2 if algorithm.reduction != 'mean' else 1
  objective = dataclasses.replace(
    algorithm, content_weight=algorithm.content_weight * scale
  )
  network = jax.jit(
    lambda x: algorithm.transformer.apply(state.transformer.variables, x)
  )

  @jax.jit
  def measure(pixels, photo):
    batch = {'image': photo, 'style': jnp.array([0])}
    return objective.losses(state, pixels, batch)

  optimizer = optim.LBFGS()

  @jax.jit
  def step(canvas, photo):
    def loss_fn(params, collections, batch):
      loss, _ = measure(params['pixels'], batch['photo'])
      return loss, (collections, loss)

    clock = jnp.int32(0)
    batch = {'photo': photo}
    return trainable.descend(canvas, loss_fn, optimizer, clock, batch)

  for name in FLAGS.pictures:
    size = (FLAGS.size, FLAGS.size)
    image = decode.picture(name).convert('RGB')
    side = min(image.size)
    image = image.crop((0, 0, side, side)).resize(size)
    photo = images.from_uint8(np.asarray(image))[None]
    made = jnp.clip(network(photo), -1, 1)
    start = time.perf_counter()
    for _ in range(_TIMED):
      jax.block_until_ready(network(photo))
    pass_s = (time.perf_counter() - start) / _TIMED
    reached = float(measure(made, photo)[0])
    first = float(measure(photo, photo)[0])
    canvas = trainable.from_params({'pixels': photo}, {}, optimizer)
    losses, times = [], []
    for _ in range(FLAGS.iterations):
      start = time.perf_counter()
      canvas, loss = step(canvas, photo)
      losses.append(float(loss))
      times.append(time.perf_counter() - start)
    below = [i for i, x in enumerate(losses) if x <= reached]
    step_s = float(np.median(times[1:]))
    told = f'after {below[0]} iterations' if below else 'not reached by L-BFGS'
    print(
      f'{name}: photo {first:.4g}, network {reached:.4g}: {told} '
      f'(its last {losses[-1]:.4g}); {step_s:.3f} s an iteration, '
      f'{pass_s:.3f} s a pass: 500 iterations are {500 * step_s / pass_s:.0f} '
      'passes',
      flush=True,
    )


def _load():
  """Return the algorithm, its state, and the size that it learnt at."""
  if FLAGS.run:
    experiment = runs.load(FLAGS.run).experiment
    state = jax.tree.map(jnp.asarray, restore.load_state(FLAGS.run))
  else:
    experiment = experiments.override(
      experiments.load(FLAGS.experiment), FLAGS.set
    )
    size = FLAGS.size
    batch = {'image': jnp.zeros((1, size, size, 3))}
    state = jax.jit(experiment.algorithm.init)(
      jax.random.key(0), batch, experiment.algorithm.pretrained(paintings.read)
    )
  return experiment.algorithm, state, experiment.data.size


if __name__ == '__main__':
  app.run(main)
