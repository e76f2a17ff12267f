"""Paint a picture by optimizing its pixels, from coarse to fine."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms.trainable import Trainable
from art_jax.devices import memory, mesh
from art_jax.style_transfer.scale import Scale, feature_variables, finish
from art_jax.style_transfer.task import (
  Task,
  painter_of,
  require_paintable,
  scales,
)

Report = Callable[[int, core.Metrics, Callable[[], np.ndarray]], None]


def paint(
  experiment: core.Experiment,
  task: Task,
  *,
  devices: mesh.Devices | None = None,
  tile: int = 0,
  report: Report | None = None,
) -> np.ndarray:
  """Return the picture u8[H, W, 3], its longest side `data.size`.

  Args:
    experiment: of an algorithm that paints one picture; `train.duration`
      steps are taken at each scale.
    task: what to paint.
    devices: the picture's rows are spread over them; default: the first.
    tile: side of the tiles that a larger picture is worked on in; 0: whole.
    report: called after each step with its number (over all scales), its
      metrics on the device, and a function that gives the picture u8[h, w, 3].

  Raises:
    core.UserError: for pictures that do not fit, absent weights, or too little
      memory; before the first step.
    core.Diverged: the loss is not finite.
  """
  algorithm = painter_of(experiment)
  require_paintable(experiment, task, tile)
  devices = devices or mesh.make_devices(1)
  features = feature_variables(algorithm, experiment.train.seed)
  number, canvas = 0, None
  pixels: Any = None
  for size in scales(algorithm, experiment.data.size):
    scale = Scale(algorithm, task, size, devices, tile)
    start = (
      scale.start(jax.random.key(experiment.train.seed))
      if pixels is None
      else _resize(pixels, scale.shape)
    )
    with memory.explain_exhausted(size):
      step, state = scale.prepare(features, start)
      if canvas is not None and not algorithm.settles:
        state = state.replace(canvas=_carry(canvas, state.canvas))
      for _ in range(core.in_steps(experiment.train.duration)):
        state, metrics = step(state)
        number += 1
        _require_finite(experiment, number, metrics)
        if report:
          pixels = algorithm.pixels(state.canvas.params)
          report(
            number,
            metrics,
            lambda p=pixels, s=scale: finish(algorithm, p, s.photo),
          )
      pixels = scale.settled(state)
    canvas, features = state.canvas, state.features
  return finish(algorithm, pixels, scale.photo)


def _resize(pixels: jax.Array, shape: tuple[int, int]) -> jax.Array:
  """Return the picture of the previous scale at the size of this one."""
  pixels = jnp.asarray(np.asarray(pixels))
  size = (pixels.shape[0], *shape, pixels.shape[-1])
  return jnp.clip(jax.image.resize(pixels, size, 'cubic'), -1, 1)


def _carry(old: Trainable, new: Trainable) -> Trainable:
  """Return the new canvas with the old optimizer state, resized.

  Linear, as second moments must stay positive. The pairs of L-BFGS describe
  another problem, so it starts afresh.
  """
  before, after = old.params['pixels'].shape, new.params['pixels'].shape
  if any(leaf.ndim > len(after) for leaf in jax.tree.leaves(new.opt_state)):
    return new

  def resize(value, like):
    if value.shape == before:
      value = jax.image.resize(jnp.asarray(np.asarray(value)), after, 'linear')
    return jax.device_put(value.astype(like.dtype), like.sharding)

  return new.replace(
    opt_state=jax.tree.map(resize, old.opt_state, new.opt_state)
  )


def _require_finite(
  experiment: core.Experiment, number: int, metrics: core.Metrics
) -> None:
  """Read the loss every `log_every` steps: reading waits for the device."""
  if number > 1 and number % core.in_steps(experiment.train.log_every):
    return
  loss = float(metrics['loss/total'])
  if not math.isfinite(loss):
    raise core.Diverged(
      f'step {number}: the loss is {loss}; try a lower --set '
      'algorithm.optimizer.learning_rate'
    )
