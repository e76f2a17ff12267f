"""`art_jax stylize` of a video: the frames of a clip, painted steadily."""

import contextlib
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from art_jax import core
from art_jax.cli import options
from art_jax.config import experiments, serialization
from art_jax.core.paths import require_free
from art_jax.inference import run
from art_jax.media import frame_store, optical_flow, video
from art_jax.style_transfer import task
from art_jax.style_transfer import video as style_video


def writes_video(flags: Any) -> bool:
  """Return whether a video is to be painted: --output ends in .mp4."""
  return pathlib.Path(flags.output).suffix.lower() == '.mp4'


def translate(flags: Any, model: run.Run) -> None:
  """Paint --content by a trained network into --output."""
  clip = _Clip(flags, core.size_multiple(model.algorithm))
  job = {
    'model': serialization.to_text(model.experiment),
    'weights': frame_store.fingerprint(flags.weights)
    if flags.weights
    else str(pathlib.Path(flags.run).resolve()),
    'step': model.step,
    'direction': flags.direction,
  }
  done = clip.painted(flags, job)
  with clip.bar(done) as report:
    style_video.translate(model, iter(clip), done, flags.direction, report)
  clip.finish(done)


def paint(
  flags: Any, experiment: core.Experiment, styles: list[Image.Image]
) -> None:
  """Paint --content by optimizing pixels into --output."""
  options.refuse(
    flags, 'videos', 'tile', 'mask', 'start', 'every', 'devices', 'workdir'
  )
  style_video.require_video(experiment)
  clip = _Clip(flags, 1, experiment.data.size)
  size = max(clip.shape)  # even, and so is the first frame
  experiment = experiments.override(experiment, [f'data.size={size}'])
  first = Image.fromarray(next(iter(clip)))
  task.require_paintable(experiment, task.Task(first, tuple(styles)), 0)
  done = clip.painted(flags, {'experiment': serialization.to_text(experiment)})
  with clip.bar(done) as report:
    loss = style_video.paint(experiment, iter(clip), styles, done, report)
  clip.finish(done)
  if np.isfinite(loss):
    print(f'style loss of a frame: {loss:.6g} (mean of those painted now)')


class _Clip:
  """The frames of --content at the size that they are painted in.

  Attributes:
    shape: even height and width of the frames.
  """

  def __init__(self, flags: Any, multiple: int, size: int | None = None):
    options.refuse(flags, 'videos', 'versus')
    self._video = video.read(flags.content)
    video.require_rate(self._video.fps)  # not after hours of painting
    self._output = pathlib.Path(flags.output).expanduser()
    require_free(self._output, flags.overwrite)
    core.require(
      self._output.resolve() != self._video.path.resolve(),
      '--output is --content; pass another name',
    )
    longest = flags.size or size or max(self._video.size)
    scale = longest / max(self._video.size)
    # Even sides: the format of the video needs them.
    self.shape = tuple(
      max(round(n * scale / 2), 1) * 2 for n in self._video.size
    )
    least = max(task.MIN_SIDE, 2 * multiple)
    core.require(
      min(self.shape) >= least,
      f'--size={longest}: frames would be {self.shape[1]}x{self.shape[0]} '
      f'pixels; both sides are at least {least}; pass a larger one',
    )

  def __iter__(self) -> Iterator[np.ndarray]:
    """Yield u8[H, W, 3] frames."""
    for frame in self._video:
      if frame.shape[:2] != self.shape:
        image = Image.fromarray(frame)
        frame = np.asarray(
          image.resize([*self.shape[::-1]], Image.Resampling.LANCZOS)
        )
      yield frame

  def painted(self, flags: Any, job: dict[str, Any]) -> frame_store.Frames:
    """Return the frames that are painted already."""
    styles = flags.style.split(',') if flags.style else []
    stated = {
      'clip': frame_store.fingerprint(self._video.path),
      'shape': list(self.shape),
      'styles': [frame_store.fingerprint(name) for name in styles],
    }
    done = frame_store.Frames(self._output, job | stated, flags.overwrite)
    if done.count:
      print(f'continued: {done.count} frames are done', file=sys.stderr)
    return done

  @contextlib.contextmanager
  def bar(self, done: frame_store.Frames) -> Iterator[style_video.Report]:
    """Yield what shows, on a terminal, how many frames are done."""
    with tqdm.tqdm(
      total=self._video.count, initial=done.count, unit='frame', disable=None
    ) as bar:
      yield lambda count: bar.update(count - bar.n)

  def finish(self, done: frame_store.Frames) -> None:
    """Write the video, say how much it flickers, drop the frames."""
    video.write(self._output, done, self._video.fps)
    height, width = self.shape
    print(f'{done.count} frames of {width}x{height} pixels: {self._output}')
    try:
      plain, painted = optical_flow.flicker(iter(self), done)
      print(
        f'flicker: {painted:.3f} of 255 (the clip itself: {plain:.3f}): mean '
        'change of what only moved between two frames'
      )
    except core.UserError as error:
      print(f'flicker: not measured: {error}', file=sys.stderr)
    done.drop()
