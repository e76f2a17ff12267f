"""How much of a face survives: Gram matrices against patches (MRF).

  python -m tools.studies.face_kept --content=portrait.png \
    --style=painting.jpg --box=0.12,0.34,0.38,0.56 --output=faces.png

Paints the portrait with `style_transfer` at several content weights, from noise
(the paper) and from the photo, and with `style_transfer_mrf`, and measures
every few steps, in one network, how far the picture is from the painting (the
squared differences of Gram matrices over the painting's own, summed over the
five layers of `style_transfer`) and how far from the photo inside the face
(relu4_2 of the box, over the photo's own). Prints both, and for each MRF
picture the ratio to the Gram pictures at the same Gram distance.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.data import decode, paintings
from art_jax.media import images
from art_jax.style_transfer import optimize

flags.DEFINE_string('content', None, 'A portrait.', required=True)
flags.DEFINE_string('style', None, 'A painting.', required=True)
flags.DEFINE_list(
  'box',
  ['0', '0', '1', '1'],
  'Of the face: top,left,bottom,right in [0, 1]; default: all.',
)
flags.DEFINE_string('output', None, 'A sheet of the last pictures (PNG).')
flags.DEFINE_integer('size', 256, 'Longest side.')
flags.DEFINE_integer('steps', 60, 'At each scale.')
flags.DEFINE_integer('every', 10, 'Steps between measurements.')
flags.DEFINE_list('weights', ['5', '50', '500'], 'Content weights of Gram.')
flags.DEFINE_list('mrf_weights', ['1'], 'Content weights of the MRF.')
flags.DEFINE_list('starts', ['noise', 'content'], 'Of Gram.')
FLAGS = flags.FLAGS


def main(argv: list[str]) -> None:
  """Paint, measure, print."""
  del argv
  task = optimize.Task(
    decode.picture(FLAGS.content).convert('RGB'),
    (decode.picture(FLAGS.style).convert('RGB'),),
  )
  measure = _measure(task)
  curves, made = {}, []
  runs = [('style_transfer', w, s) for s in FLAGS.starts for w in FLAGS.weights]
  runs += [('style_transfer_mrf', w, '') for w in FLAGS.mrf_weights]
  for name, weight, begin in runs:
    rows, picture = _run(name, weight, begin, task, measure)
    curves.setdefault((name, begin), []).extend(rows)
    made.append(picture)
  for begin in FLAGS.starts:
    gram = np.array(sorted(curves['style_transfer', begin]))
    best = np.minimum.accumulate(gram[:, 1])  # least change for this distance
    for distance, face in curves['style_transfer_mrf', '']:
      if gram[0, 0] <= distance <= gram[-1, 0]:
        same = np.interp(np.log(distance), np.log(gram[:, 0]), best)
        print(
          f'at Gram {distance:.4g}: face {face:.4g}, {face / same:.2f} of '
          f'Gram from {begin}'
        )
  if FLAGS.output:
    images.save_png(FLAGS.output, images.grid(np.stack(made), len(made)))


def _run(name, weight, begin, task, measure):
  """Return [(Gram distance, face distance)] and the last picture."""
  coarse = 0 if begin else round(FLAGS.size / 2**0.5)  # as the MRF's default
  experiment = experiments.override(
    experiments.load(name),
    [
      *(f'data.size={FLAGS.size}', f'train.duration={FLAGS.steps}'),
      f'algorithm.coarse_size={coarse}',
      f'algorithm.content_weight={weight}',
      *([f'algorithm.start={begin}'] if begin else []),
    ],
  )
  rows = []

  def report(number, metrics, picture):
    del metrics
    due = number % min(FLAGS.every, FLAGS.steps) == 0
    made = picture() if due else None
    if made is not None and max(made.shape) == FLAGS.size:
      rows.append(measure(made))
      told = f'{name} {weight} {begin} {number}'
      print(f'{told} {rows[-1][0]:.4g} {rows[-1][1]:.4g}', flush=True)

  return rows, optimize.paint(experiment, task, report=report)


def _measure(task):
  """Return the function picture -> (Gram distance, face distance)."""
  algorithm = dataclasses.replace(
    experiments.load('style_transfer').algorithm,
    content_weight=0.0,
    tv_weight=0.0,
  )
  variables = jax.tree.map(
    jnp.asarray, core.pretrained(algorithm, paintings.read)
  )
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
    sums = algorithm.sums(variables, x, targets)['styles'][0]
    gram = 0.0
    for name, painted in targets.styles[0].items():
      own = sums[name]['gram'] / sums[name]['count']
      gram += jnp.sum((own - painted) ** 2) / jnp.sum(painted**2)
    layers = algorithm.features.apply(variables, x, ('relu4_2',))
    error = (layers['relu4_2'] - targets.content['relu4_2']) ** 2
    h, w = error.shape[1:3]
    box = error[
      :, int(top * h) : int(bottom * h), int(left * w) : int(right * w)
    ]
    photo = jnp.mean(targets.content['relu4_2'] ** 2)
    return gram, box.mean() / photo

  def measure(picture):
    found = distances(images.from_uint8(picture)[None])
    return tuple(float(x) for x in found)

  return measure


def _fitted(image: Image.Image) -> tuple[int, int]:
  scale = FLAGS.size / max(image.size)
  return tuple(round(n * scale) for n in image.size)


if __name__ == '__main__':
  app.run(main)
