"""Paint a video: frame by frame, steadily, and from where it stopped."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import paintings
from art_jax.inference.run import Run
from art_jax.media import color_transfer, images, optical_flow
from art_jax.media.frame_store import Frames
from art_jax.style_transfer import optimize

_BATCH_PIXELS = 2**20  # of the frames that a network is given at a time
Report = Callable[[int], object]  # called with the number of frames done


def translate(
  run: Run,
  clip: Iterator[np.ndarray],
  done: Frames,
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
  while True:
    first = next(rest, None)
    if first is None:
      return
    size = size or max(1, min(16, _BATCH_PIXELS // first[..., 0].size))
    batch = [first, *itertools.islice(rest, size - 1)]
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
  done: Frames,
  report: Report | None = None,
) -> float:
  """Paint the rest of a clip by optimising the pixels of every frame.

  The first frame is painted as any picture. Every other one starts from the
  frame before, moved by the optical flow of the clip, takes half as many steps
  at the full size only, and is kept near that start where it can be trusted:

    temporal_weight mean_p c_p (x_p - w_p)^2.

  A frame that equals the one before is not painted again. Without
  `temporal_weight` every frame is painted by itself.

  Args:
    experiment: of a `Gatys`.
    clip: all frames u8[H, W, 3], of the size to paint.
    styles: the paintings.
    done: those painted; the new ones are appended.
    report: called after every frame.

  Returns:
    The mean style loss of the last step of the frames painted now.

  Reference: Ruder et al. 2016, arXiv:1604.08610, sections 4.1 and 4.2.
  """
  algorithm = experiment.algorithm
  first, losses, before, painter = done.count, [], None, None
  for number, frame in enumerate(clip):
    if painter is None:
      painter = _Painter(experiment, styles, frame)
    if number >= first:
      if before is None or not algorithm.temporal_weight:
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

  def __init__(self, experiment, styles, reference):
    self._experiment, self._styles = experiment, tuple(styles)
    # Of the clip, not of the frame where a run continues: paintings that take
    # on the content's colours have those of the first frame.
    self._reference = images.from_uint8(reference)
    self._steps = max(experiment.train.duration // 2, 1)
    algorithm = self._algorithm = experiment.algorithm
    self._features = jax.tree.map(
      jnp.asarray, core.pretrained(algorithm, paintings.read)
    )
    if not jax.tree.leaves(self._features):
      key = jax.random.key(experiment.train.seed)
      blank = jnp.zeros((1, *reference.shape))
      self._features = algorithm.features.init(key, blank, algorithm.layers)
    self._content = jax.jit(lambda f, x: algorithm.targets(f, x, ()).content)
    self._step = jax.jit(
      lambda s: algorithm.step(s, {}, jax.random.key(0)), donate_argnums=0
    )
    self._targets = None

  def alone(self, frame: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a frame painted as any picture, u8[H, W, 3], its style loss."""
    last = {}

    def report(number, metrics, picture):
      del number, picture
      last.update(metrics)

    task = optimize.Task(Image.fromarray(frame), self._styles)
    single = dataclasses.replace(self._algorithm, temporal_weight=0.0)
    single = dataclasses.replace(self._experiment, algorithm=single)
    picture = optimize.paint(single, task, report=report)
    return picture, float(last['loss/style'])

  def after(
    self, frame: np.ndarray, before: np.ndarray, painted: np.ndarray
  ) -> tuple[np.ndarray, float]:
    """Return the frame that follows one that is painted already."""
    backward = optical_flow.between(frame, before)
    trust = optical_flow.trusted(backward, optical_flow.between(before, frame))
    moved = optical_flow.warp(images.from_uint8(painted), backward)
    photo = images.from_uint8(frame)
    content = photo
    if self._algorithm.colors == 'luminance':
      content, moved = (
        color_transfer.luminance(photo),
        color_transfer.luminance(moved),
      )
    start = np.where(trust[..., None] > 0, moved, content)[None]
    if self._targets is None:
      self._targets = self._of_paintings()
    targets = self._targets.replace(
      content=self._content(self._features, content[None]),
      before=jnp.asarray(start),
      trust=jnp.asarray(trust),
    )
    # Donated buffers must not be shared: `before` stays, the pixels move.
    state = self._algorithm.begin(jnp.array(start), self._features, targets)
    state = jax.tree.map(jnp.array, state)
    # Of a schedule of the learning rate, the second half.
    late = self._experiment.train.duration - self._steps
    state = state.replace(clock=jnp.int32(late))
    for _ in range(self._steps):
      state, metrics = self._step(state)
    picture = np.clip(np.asarray(state.canvas.params['pixels'][0]), -1, 1)
    if self._algorithm.colors == 'luminance':
      picture = color_transfer.with_colors_of(picture, photo)
    return images.to_uint8(picture), float(metrics['loss/style'])

  def _of_paintings(self):
    """Return the targets of the paintings."""
    algorithm, photo = self._algorithm, self._reference
    longest = max(photo.shape[:2])
    pictures = []
    for style in self._styles:
      shape = images.shape_of(style, longest * algorithm.style_scale, 1)
      pictures.append(
        color_transfer.prepared(
          images.resized(style, shape), photo, algorithm.colors
        )
      )
    arrays = tuple(jnp.asarray(x[None]) for x in pictures)
    return jax.jit(algorithm.targets)(self._features, photo[None], arrays)


def check(experiment: core.Experiment) -> None:
  """Raise UserError for what videos cannot have, or do not find here."""
  optimize.check_algorithm(experiment.algorithm)
  if experiment.algorithm.temporal_weight:
    optical_flow.library()
