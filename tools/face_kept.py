"""How much of a face survives: Gram matrices against patches (MRF).

  python tools/face_kept.py --content=portrait.png --style=painting.jpg \
    --box=0.12,0.34,0.38,0.56 --output=faces.png

Paints the portrait with `style_transfer` at several content weights and with
`style_transfer_mrf`, and measures every few steps, in one network, how far the
picture is from the painting (the Gram loss of `style_transfer`) and how far
from the photo inside the face (relu4_2 of the box). Prints both, and for each
MRF picture the ratio to the Gram pictures at the same Gram distance.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from PIL import Image

from art_jax import config, core, images, stylize
from art_jax.data import decode

flags.DEFINE_string('content', None, 'A portrait.', required=True)
flags.DEFINE_string('style', None, 'A painting.', required=True)
flags.DEFINE_list('box', None, 'Of the face: top,left,bottom,right in [0, 1].')
flags.DEFINE_string('output', None, 'A sheet of the last pictures (PNG).')
flags.DEFINE_integer('size', 256, 'Longest side.')
flags.DEFINE_integer('steps', 60, 'At each scale.')
flags.DEFINE_integer('every', 10, 'Steps between measurements.')
flags.DEFINE_list('weights', ['5', '50', '500'], 'Content weights of Gram.')
flags.DEFINE_list('mrf_weights', ['0.2'], 'Content weights of the MRF.')
FLAGS = flags.FLAGS


def main(argv: list[str]) -> None:
  """Paint, measure, print."""
  del argv
  task = stylize.Task(
    decode.picture(FLAGS.content).convert('RGB'),
    (decode.picture(FLAGS.style).convert('RGB'),),
  )
  measure = _measure(task)
  curves, made = {}, []
  runs = [('style_transfer', w) for w in FLAGS.weights]
  runs += [('style_transfer_mrf', w) for w in FLAGS.mrf_weights]
  for name, weight in runs:
    rows, picture = _run(name, weight, task, measure)
    curves.setdefault(name, []).extend(rows)
    made.append(picture)
  gram = np.array(sorted(curves['style_transfer']))
  best = np.minimum.accumulate(gram[:, 1])  # least change for this distance
  for distance, face in curves['style_transfer_mrf']:
    if gram[0, 0] <= distance <= gram[-1, 0]:
      same = np.interp(np.log(distance), np.log(gram[:, 0]), best)
      print(f'at Gram {distance:.4g}: face {face:.4g}, {face / same:.2f} of it')
  if FLAGS.output:
    images.save_png(FLAGS.output, images.grid(np.stack(made), len(made)))


def _run(name, weight, task, measure):
  """Return [(Gram distance, face distance)] and the last picture."""
  experiment = config.override(
    config.load(name),
    [
      *(f'data.size={FLAGS.size}', f'train.duration={FLAGS.steps}'),
      *('algorithm.coarse_size=0', f'algorithm.content_weight={weight}'),
    ],
  )
  rows = []

  def report(number, metrics, picture):
    del metrics
    if number % FLAGS.every == 0:
      rows.append(measure(picture()))
      print(f'{name} {weight} {number} {rows[-1][0]:.4g} {rows[-1][1]:.4g}')

  return rows, stylize.paint(experiment, task, report=report)


def _measure(task):
  """Return the function picture -> (Gram distance, face distance)."""
  algorithm = dataclasses.replace(
    config.load('style_transfer').algorithm, content_weight=0.0, tv_weight=0.0
  )
  variables = jax.tree.map(jnp.asarray, core.pretrained(algorithm))
  scale = FLAGS.size / max(task.content.size)
  width, height = (round(n * scale) for n in task.content.size)
  content, style = (
    images.from_uint8(np.asarray(image.resize(size, Image.LANCZOS)))[None]
    for image, size in (
      (task.content, (width, height)),
      (task.styles[0], _fitted(task.styles[0])),
    )
  )
  targets = algorithm.targets(variables, content, (style,))
  top, left, bottom, right = (float(x) for x in FLAGS.box)

  @jax.jit
  def distances(x):
    sums = algorithm.sums(variables, x, targets)
    gram, _ = algorithm.loss(sums, targets)
    layers = algorithm.features.apply(variables, x, ('relu4_2',))
    error = (layers['relu4_2'] - targets.content['relu4_2']) ** 2
    h, w = error.shape[1:3]
    box = error[
      :, int(top * h) : int(bottom * h), int(left * w) : int(right * w)
    ]
    return gram, box.mean()

  def measure(picture):
    found = distances(images.from_uint8(picture)[None])
    return tuple(float(x) for x in found)

  return measure


def _fitted(image: Image.Image) -> tuple[int, int]:
  scale = FLAGS.size / max(image.size)
  return tuple(round(n * scale) for n in image.size)


if __name__ == '__main__':
  app.run(main)
