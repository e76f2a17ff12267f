"""The task that stylizes a photo by optimizing its pixels (Gatys, NNST)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from art_jax import core
from art_jax.config import experiments
from art_jax.studio import models, pictures
from art_jax.style_transfer import optimize, task

_EVERY = 1.5  # seconds between two previews


def stylize(
  values: Mapping[str, Any], blobs: Sequence[bytes], tell: Callable[..., None]
) -> tuple[dict[str, Any], list[bytes]]:
  """Paint a photo in the style of a painting; tell how it goes, by previews.

  Args:
    values: 'experiment', 'size' (longest side in pixels), 'steps' (at each
      scale; 0: as the experiment has it), 'content' (times its weight of the
      photo) and 'seed'.
    blobs: the photo, then the paintings.
    tell: takes what is done, and a PNG.

  Raises:
    core.UserError: a picture is too small, or the weights are not here.
  """
  photo, *paintings = map(models.opened, blobs)
  experiment = _chosen(values)
  job = task.Task(photo, tuple(paintings))
  task.require_paintable(experiment, job, 0)
  sizes = task.scales(task.painter_of(experiment), experiment.data.size)
  steps = core.in_steps(experiment.train.duration)
  shown = time.monotonic()
  tell(f'loading and compiling {_part(sizes, 0)}, a minute or so')

  def report(
    number: int, metrics: core.Metrics, picture: Callable[[], np.ndarray]
  ) -> None:
    nonlocal shown
    part, step = divmod(number - 1, steps)
    last = step == steps - 1
    if number == 1 or last or time.monotonic() - shown >= _EVERY:
      preview = pictures.preview(picture())
      text = f'{_part(sizes, part)}, step {step + 1} of {steps}'
      if last and part + 1 < len(sizes):  # nothing is told while it compiles
        text = (
          f'{_part(sizes, part)} is done; compiling {_part(sizes, part + 1)}'
        )
      tell(text, preview)
      shown = time.monotonic()

  made = optimize.paint(experiment, job, report=report)
  height, width = made.shape[:2]
  told = {
    'message': f'{steps} steps at {" and ".join(map(str, sizes))} pixels',
    'files': ['stylized.png'],
    'width': width,
    'height': height,
  }
  return told, [pictures.png(made)]


def _part(sizes: Sequence[int], number: int) -> str:
  return f'part {number + 1} of {len(sizes)} ({sizes[number]} pixels)'


def _chosen(values: Mapping[str, Any]) -> core.Experiment:
  """Return the experiment of a request, with its numbers changed."""
  experiment = experiments.load(values['experiment'])
  weight = experiments.get(experiment, 'algorithm.content_weight')
  changed = experiments.override(
    experiment,
    [
      f'train.seed={values["seed"]}',
      f'algorithm.content_weight={weight * values["content"]}',
    ],
  )
  return task.sized(changed, values['size'], values['steps'] or None)
