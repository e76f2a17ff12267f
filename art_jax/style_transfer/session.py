"""The run folder of a painting: settings, losses, pictures and a report."""

import contextlib
import dataclasses
import pathlib
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from PIL import ImageOps

from art_jax import core
from art_jax.devices import mesh
from art_jax.media import images
from art_jax.report.refresh import Refresher
from art_jax.runs import metrics_log, start_record
from art_jax.runs.folder import RunFolder
from art_jax.style_transfer.task import Task

Record = Callable[[int, Mapping[str, float], Callable[[], np.ndarray]], None]

_PICTURES = 10  # of one painting, evenly spread over its steps
_SIDE = 256  # of the photo and the paintings in examples.png


def require_new(folder: str | pathlib.Path) -> None:
  """Raise UserError if the folder holds a run: a painting starts anew."""
  core.require(
    not (pathlib.Path(folder).expanduser() / 'config.txt').exists(),
    f'--workdir={folder}: there is a run already, and a painting starts '
    'anew; pass another folder',
  )


@contextlib.contextmanager
def recorded(
  folder: str | pathlib.Path,
  experiment: core.Experiment,
  task: Task,
  devices: mesh.Devices,
  steps: int,
) -> Iterator[Record]:
  """Keep what `art_jax report` and `art_jax compare` show of a painting.

  Args:
    folder: a new one.
    experiment: of an algorithm that paints one picture.
    task: what is painted.
    devices: what it is painted on.
    steps: over all scales.

  Yields:
    A function to call after every step: with its number, its metrics, and a
    function that gives the picture u8[H, W, 3].

  Raises:
    core.UserError: there is a run already, or it cannot be written.
  """
  require_new(folder)
  run = RunFolder(folder, writable=True)
  every = max(steps // _PICTURES, 1)
  log_every = core.in_steps(experiment.train.log_every)
  train = dataclasses.replace(
    experiment.train, duration=steps, render_every=every
  )
  start_record.write_start(
    run,
    experiment,
    dataclasses.replace(experiment, train=train),
    devices,
    shlex.join(sys.argv),
    data={
      'summary': f'a photo of {_size(task.content)} pixels, painted like '
      + ', '.join(_size(style) for style in task.styles),
    },
    examples=lambda: _sheet(task),
  )
  with (
    Refresher(run.path, enabled=True) as report,
    metrics_log.Writer(run.path, enabled=True) as writer,
  ):
    report.begin()

    def record(step, metrics, picture):
      if step in (1, steps) or step % log_every == 0:
        writer.scalars(step, metrics)
      if step in (1, steps) or step % every == 0:
        writer.images(step, {'painting': picture()[None]})
        writer.plot()
        report.refresh()

    yield record


def _size(image) -> str:
  return f'{image.width}x{image.height}'


def _sheet(task: Task) -> np.ndarray:
  """Return the photo and the paintings side by side."""
  shown = [
    np.asarray(ImageOps.pad(image, (_SIDE, _SIDE), color='white'))
    for image in (task.content, *task.styles)
  ]
  return images.grid(np.stack(shown), columns=len(shown))
