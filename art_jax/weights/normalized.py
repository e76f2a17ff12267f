"""Feature networks whose filters all answer equally strongly."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from art_jax.nn.vgg import VGG

_LEAST = 0.05  # of a layer's mean: filters that hardly ever fire


def normalize(
  module: VGG, variables: Mapping[str, Any], pictures: Sequence[np.ndarray]
) -> dict[str, Any]:
  """Rescale a VGG so that the mean answer of every filter is 1.

  The mean is over pictures and positions, after the ReLU. The next layer takes
  the scale back, so that the network's answers differ by a factor for each
  channel and by nothing else. It makes the layers of a loss comparable, and
  Oxford's and torchvision's weights too.

  Args:
    module: max or average pooling; both let a positive factor pass.
    variables: `params` and `constants`; layers behind those in it are unused.
    pictures: f32[1, h, w, 3] in [-1, 1], to measure on.

  Returns:
    The variables, as f32 arrays.

  Reference: Gatys et al. 2016, CVPR, section 2.
  """
  params = {k: dict(v) for k, v in variables['params'].items()}
  order = [name for name, _ in module.plan() if name in params]
  layers = tuple(name.replace('conv', 'relu') for name in order)

  @jax.jit
  def measure(picture):
    answers: Any = module.apply(variables, picture, layers)
    return [answers[name].mean((0, 1, 2)) for name in layers]

  measured = [measure(picture) for picture in pictures]
  before = np.ones(1)  # the pictures stay as they are
  for name, answers in zip(order, zip(*measured, strict=True), strict=True):
    mean = np.mean(np.asarray(answers, np.float64), 0)
    scale = np.maximum(mean, max(_LEAST * mean.mean(), 1e-12))
    kernel = np.asarray(params[name]['kernel'], np.float64) * before[:, None]
    params[name] = {
      'kernel': (kernel / scale).astype(np.float32),
      'bias': (params[name]['bias'] / scale).astype(np.float32),
    }
    before = scale
  return {**variables, 'params': params}
