"""Paint a video: frame by frame, steadily, and from where it stopped."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.config import experiments
from art_jax.inference.run import Run
from art_jax.media import frame_store, images, optical_flow
from art_jax.style_transfer import optimize, scale, task

_BATCH_PIXELS = 2**20  # of the frames that a network translates at a time
Report = Callable[[int], object]  # called with the number of frames done


def translate(
  run: Run,
  clip: Iterator[np.ndarray],
  done: frame_store.Frames,
  direction: str | None = None,
  report: Report | None = None,
) -> None:
  """Paint the rest of a clip by a trained network, in batches of frames.

  Args:
    run: the model.
    clip: all frames u8[H, W, 3].
    done: those painted; the new ones are appended.
    direction: see `Run.translate`.
    report: called after every batch.
  """
  rest = itertools.islice(clip, done.count, None)
  size = 0
  for first in rest:
    size = size or max(1, min(16, _BATCH_PIXELS // first[..., 0].size))
    batch = [
      images.of_pillow(Image.fromarray(frame), run.experiment.data.channels)
      for frame in (first, *itertools.islice(rest, size - 1))
    ]
    # The last batch is filled up, since another size would compile again.
    full = np.stack(batch + batch[-1:] * (size - len(batch)))
    for frame in run.translate(full, direction)[: len(batch)]:
      done.append(frame)
    if report:
      report(done.count)


def paint(
  experiment: core.Experiment,
  clip: Iterator[np.ndarray],
  styles: Sequence[Image.Image],
  done: frame_store.Frames,
  report: Report | None = None,
) -> float:
  """Paint the rest of a clip by optimizing the pixels of every frame.

  The first frame is painted as any picture. Every other one starts from the
  frame before, moved by the optical flow of the clip, takes half as many steps
  at the full size only, and is kept near that start where it can be trusted:

    temporal_weight mean_p c_p (x_p - w_p)^2.

  A frame that equals the one before is not painted again. Without
  `temporal_weight` every frame is painted by itself.

  Args:
    experiment: of an algorithm that paints one picture.
    clip: all frames u8[H, W, 3], of the size to paint.
    styles: the paintings.
    done: those painted; the new ones are appended.
    report: called after every frame.

  Returns:
    The mean style loss of the last step of the frames painted now.

  Reference: Ruder et al. 2016, arXiv:1604.08610, sections 4.1 and 4.2.
  """
  temporal = task.painter_of(experiment).temporal_weight
  first, losses, before, painter = done.count, [], None, None
  for number, frame in enumerate(clip):
    if painter is None:
      painter = _Painter(experiment, styles, frame)
    if number >= first:
      if before is None or not temporal:
        picture, loss = painter.alone(frame)
      elif np.array_equal(frame, before):
        picture, loss = done[number - 1], losses[-1] if losses else np.nan
      else:
        picture, loss = painter.after(frame, before, done[number - 1])
      done.append(picture)
      losses.append(loss)
      if report:
        report(done.count)
    before = frame
  return float(np.nanmean(losses)) if losses else float('nan')


class _Painter:
  """Paints frames of one size; what is compiled is compiled once."""

  def __init__(
    self,
    experiment: core.Experiment,
    styles: Sequence[Image.Image],
    reference: np.ndarray,
  ):
    self._experiment, self._styles = experiment, tuple(styles)
    # The first frame of the clip, not the one where a run continues: paintings
    # that take on the content's colors have those of this one.
    self._reference = images.from_uint8(reference)
    algorithm = self._algorithm = task.painter_of(experiment)
    self._features = scale.feature_variables(algorithm, experiment.train.seed)
    self._content = jax.jit(algorithm.content_targets)
    self._step = jax.jit(
      lambda s: algorithm.step(s, {}, jax.random.key(0)), donate_argnums=0
    )
    self._targets = None

  def alone(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a frame painted as any picture, u8[H, W, 3], its style loss."""
    last = {}
    picture = optimize.paint(
      experiments.override(self._experiment, ['algorithm.temporal_weight=0.0']),
      task.Task(Image.fromarray(frame), self._styles),
      report=lambda number, metrics, picture: last.update(metrics),
    )
    return picture, float(last['loss/style'])

  def after(
    self, frame: np.ndarray, before: np.ndarray, painted: np.ndarray
  ) -> tuple[np.ndarray, float]:
    """Return the frame that follows one that is painted already."""
    backward = optical_flow.between(frame, before)
    trust = optical_flow.trusted(backward, optical_flow.between(before, frame))
    photo = images.from_uint8(frame)
    content = scale.content_image(self._algorithm, photo)
    moved = scale.content_image(
      self._algorithm,
      optical_flow.warp(images.from_uint8(painted), backward),
    )
    start = np.where(trust[..., None] > 0, moved, content)[None]
    if self._targets is None:
      reference = self._reference
      styles = scale.style_images(self._algorithm, self._styles, reference)
      self._targets = jax.jit(self._algorithm.targets)(
        self._features, reference[None], styles
      )
    targets = self._targets.replace(
      content=self._content(self._features, content[None]),
      before=jnp.asarray(start),
      trust=jnp.asarray(trust),
    )
    # Donated buffers must not be shared: `before` stays, the pixels change.
    state = jax.tree.map(
      jnp.array,
      self._algorithm.begin(jnp.array(start), self._features, targets),
    )
    # The second half of the steps, and of a schedule of the learning rate.
    duration = core.in_steps(self._experiment.train.duration)
    steps = max(duration // 2, 1)
    state = state.replace(clock=jnp.int32(duration - steps))
    for _ in range(steps):
      state, metrics = self._step(state)
    pixels = self._algorithm.pixels(state.canvas.params)
    return (
      scale.finish(self._algorithm, pixels, photo),
      float(metrics['loss/style']),
    )


def require_video(experiment: core.Experiment) -> None:
  """Raise UserError if the experiment cannot paint videos here.

  It optimizes pixels; steady videos need the library of the optical flow.
  """
  if task.painter_of(experiment).temporal_weight:
    optical_flow.library()
