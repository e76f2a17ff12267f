"""Score a translator on built-in scenes whose true partner is known.

  python -m tools.studies.score_builtin --run=runs/cyclegan_demo

The held-out photos and paintings show the same scenes, which training never
saw, paired or not. For each direction: the distance `pixel_gradient` (plain
colours and edges, not LPIPS) from the input to its true partner, which is what
doing nothing scores, and from the translation to it.
"""

import sys

from absl import app, flags, logging

import art_jax
from art_jax import core
from art_jax.data import pipeline
from art_jax.data.sources import Builtin
from art_jax.metrics.pixel_gradient import pixel_gradient

_RUN = flags.DEFINE_string('run', None, 'Run folder.', required=True)
_COUNT = flags.DEFINE_integer('count', 20, 'Number of held-out scenes.')


def main(argv: list[str]) -> None:
  """Print one line per direction."""
  del argv
  logging.set_verbosity(logging.WARNING)
  run = art_jax.load(_RUN.value)
  data = run.experiment.data
  if data.source.__class__ is not Builtin or data.source.layout != 'unpaired':
    raise core.UserError(
      f'--run={_RUN.value} was not trained on the built-in photos and '
      'paintings; its true partners are not known'
    )
  batch = pipeline.heldout_batch(data.source.open(data), data, _COUNT.value)
  print(f'pixel_gradient distance to the true partner, {_COUNT.value} scenes')
  print(f'{"direction":<22} {"doing nothing":>14} {"translated":>11}   change')
  names = {'ab': 'photo -> painting', 'ba': 'painting -> photo'}
  for direction, name in names.items():
    source, target = batch[direction[0]], batch[direction[1]]
    before = float(pixel_gradient(source, target).mean())
    output = run.translate(source, direction)
    after = float(pixel_gradient(output, target).mean())
    change = 100 * (after / before - 1)
    print(f'{name:<22} {before:>14.4f} {after:>11.4f}  {change:+6.1f} %')


if __name__ == '__main__':
  try:
    app.run(main)
  except core.UserError as error:
    print(f'score_builtin: {error}', file=sys.stderr)
    sys.exit(2)
