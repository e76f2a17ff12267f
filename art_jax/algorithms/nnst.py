"""One scale of neural neighbor style transfer by itself."""

import dataclasses
import functools
from collections.abc import Sequence

import jax

from art_jax import core
from art_jax.algorithms import nnst_matches, optim
from art_jax.algorithms.neural_neighbor import NNST
from art_jax.nn.field import Field, Turned


def paint_scale(
  algorithm: NNST,
  variables: core.PyTree,
  content: jax.Array,
  sources: Sequence[jax.Array],
  turned: Sequence[Turned],
  start: jax.Array,
  *,
  key: core.Key,
  steps: int = 60,
) -> tuple[jax.Array, Field]:
  """Paint one scale.

  The cells of all turned sources are concatenated and padded to a multiple of
  1,024, so the step is compiled once for a canvas and about as many cells; the
  feature network once for each shape of a source.

  Args:
    algorithm: its `turns` and `blend` are not read: the list says it.
    variables: of the feature network.
    content: f32[H, W, 3] in [-1, 1].
    sources: f32[h, w, 3], of the same scale.
    turned: the orientations that are matched.
    start: f32[H, W, 3], what the picture starts as.
    key: of the projection.
    steps: of the optimizer; the content takes part in the matching during
      the first quarter of them.

  Returns:
    f32[H, W, 3] in [-1, 1], and for each cell its match in `turned`.
  """
  quarter = optim.StepDecay(boundaries=(steps // 4,), gamma=0.0)
  algorithm = dataclasses.replace(algorithm, share_schedule=quarter)
  extract = functools.partial(_extract, algorithm, variables)
  targets = algorithm.painted_targets(
    extract, [x[None] for x in sources], [turned], key
  ).replace(content=extract(content[None]))
  state = algorithm.begin(start[None], variables, targets)
  for _ in range(steps):
    state, _ = _step(algorithm, state)
  pixels = algorithm.pixels(state.canvas.params)
  pixels, matches = _settle(algorithm, variables, pixels, targets)
  return pixels[0], nnst_matches.field(matches, targets.painted)


@functools.partial(jax.jit, static_argnums=0)
def _extract(algorithm, variables, pictures):
  return algorithm.extract(variables, pictures)


@functools.partial(jax.jit, static_argnums=0)
def _step(algorithm, state):
  return algorithm.step(state, {}, jax.random.key(0))


@functools.partial(jax.jit, static_argnums=0)
def _settle(algorithm, variables, pixels, targets):
  return algorithm.settled(variables, pixels, targets)
