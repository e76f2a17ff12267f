"""Scores a translator on built-in scenes whose true partner is known.

  python -m tools.studies.score_builtin --run=runs/cyclegan_demo

The held-out photos and paintings show the same scenes, which training never
saw, paired or not. For each direction: the distance `pixel_gradient` (plain
colors and edges, not LPIPS) from the input to its true partner, which is what
doing nothing scores, and from the translation to it.
"""

import dataclasses

from art_jax import core
from art_jax.data import pipeline, sources
from art_jax.inference import run as runs
from art_jax.metrics.pixel_gradient import pixel_gradient
from tools import command

_NAMES = {'ab': 'photo -> painting', 'ba': 'painting -> photo'}


def main(run: str, *, count: command.Count = 20) -> None:
  """Print one line per direction.

  Args:
    run: the folder that training wrote.
    count: number of held-out scenes, the same ones first; training sees none of
      them, however many they are.
  """
  model = runs.load(run)
  data = model.experiment.data
  core.require(
    type(data.source) is sources.Builtin and data.source.layout == 'unpaired',
    f'--run={run} was not trained on the built-in photos and paintings; its '
    'true partners are not known; pass a run of cyclegan_demo or cut_demo',
  )
  core.require(
    count < data.source.count,
    f'--count={count}: it is below the {data.source.count} scenes of training',
  )
  data = dataclasses.replace(data, heldout=count / data.source.count)
  batch = pipeline.heldout_batch(data.source.open(data), data, count)
  print(f'pixel_gradient distance to the true partner, {count} scenes')
  print(f'{"direction":<22} {"doing nothing":>14} {"translated":>11}   change')
  for direction in core.directions(model.algorithm):
    name = _NAMES[direction]
    source, target = (batch[key] for key in direction)
    before, after = (
      float(pixel_gradient(pictures, target).mean())
      for pictures in (source, model.translate(source, direction))
    )
    print(
      f'{name:<22} {before:>14.4f} {after:>11.4f}  '
      f'{100 * (after / before - 1):+6.1f} %'
    )


if __name__ == '__main__':
  command.run(main)
