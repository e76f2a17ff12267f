"""Pictures of latents, in chunks that bound the memory."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from art_jax import core
from art_jax.media import images

# Latents are drawn in blocks of this length, so that row i depends on the seed
# and on i alone, never on the number of rows.
_BLOCK = 64
# Pixels that are made at once: 64 pictures of 256 px, 4 of 1024 px.
_PIXELS = 64 * 256**2


def latents(algorithm: core.Generative, seed: int, count: int) -> np.ndarray:
  """Draw latents from the prior of a model.

  Args:
    algorithm: the model.
    seed: of the draw, >= 0; the first rows of a seed are always the same.
    count: number of rows, >= 1.

  Returns:
    f32[count, ...].
  """
  return latents_at(algorithm, seed, 0, count)


def latents_at(
  algorithm: core.Generative, seed: int, start: int, count: int
) -> np.ndarray:
  """Return rows `start` to `start + count` of `latents`, alone."""
  key = jax.random.key(seed)
  first, last = start // _BLOCK, -(-(start + count) // _BLOCK)
  blocks = [
    np.asarray(algorithm.latents(jax.random.fold_in(key, i), _BLOCK))
    for i in range(first, last)
  ]
  skipped = start - first * _BLOCK
  return np.concatenate(blocks)[skipped : skipped + count]


def first_latent(algorithm: core.Generative, seed: jax.typing.ArrayLike) -> Any:
  """Return row 0 of `latents` on the device; the seed may be traced."""
  key = jax.random.fold_in(jax.random.key(seed), 0)
  return algorithm.latents(key, _BLOCK)[:1]


def generate(
  experiment: core.Experiment,
  params: core.Params,
  rows: np.ndarray,
  labels: np.ndarray | None = None,
  *,
  seed: int = 0,
) -> np.ndarray:
  """Make a picture of each latent.

  Args:
    experiment: gives the model and the size of its pictures.
    params: what `algorithm.inference` returned.
    rows: f32[N, ...] latents.
    labels: i32[N], or None.
    seed: of the randomness of a model that has more than its latents.

  Returns:
    f32[N, H, W, C] in [-1, 1], on the host.
  """
  return in_chunks(experiment, maker(experiment, params, seed), rows, labels)


def generate_bytes(
  experiment: core.Experiment,
  params: core.Params,
  rows: np.ndarray,
  labels: np.ndarray | None = None,
  *,
  seed: int = 0,
) -> np.ndarray:
  """Return what `generate` does as u8[N, H, W, C]; a quarter of the memory."""
  make = maker(experiment, params, seed)
  return in_chunks(
    experiment, lambda *chunk: images.to_uint8(make(*chunk)), rows, labels
  )


def in_chunks(
  experiment: core.Experiment,
  fn: Any,
  rows: np.ndarray,
  labels: np.ndarray | None = None,
) -> np.ndarray:
  """Return what `fn(start, rows, labels)` gives for chunks, joined.

  All chunks are of one length, so that `fn` compiles once: the last one is
  filled up with its last row, and the surplus is cut off.

  Args:
    experiment: gives the size of a picture.
    fn: takes the index of the first row, [n, ...] and i32[n] or None.
    rows: [N, ...], N >= 1.
    labels: i32[N], or None.

  Returns:
    [N, ...] on the host.
  """
  count = len(rows)
  length = min(count, chunk_length(experiment))
  made = []
  for start in range(0, count, length):
    index = np.minimum(np.arange(start, start + length), count - 1)
    dealt = None if labels is None else labels[index]
    made.append(np.asarray(fn(start, rows[index], dealt)))
  return np.concatenate(made)[:count]


def chunk_length(experiment: core.Experiment) -> int:
  """Return how many pictures are made at once, in [1, 64]."""
  return int(np.clip(_PIXELS // experiment.data.size**2, 1, _BLOCK))


def maker(experiment: core.Experiment, params: core.Params, seed: int) -> Any:
  """Return (index of the first, latents, labels) -> f32 pictures."""
  algorithm: Any = experiment.algorithm
  fn, key = compiled(algorithm.generate), jax.random.key(seed)
  return lambda start, rows, labels: fn(
    params, rows, labels, key=jax.random.fold_in(key, start)
  )


@functools.lru_cache(maxsize=24)
def compiled(verb: Callable[..., Any]) -> Callable[..., Any]:
  """Compile a method of a model, once for equal models."""
  return jax.jit(verb)
