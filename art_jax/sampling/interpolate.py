"""A walk through the latents, from seed to seed and back to the first."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_jax.media import images
from art_jax.sampling import captions, generate, labels
from art_jax.sampling.study import Film, Request, Result, classes

NEEDS = ('generator',)
_NUM = 6
_FRAMES_EACH = 24
_FPS = 20  # a GIF counts in 1/100 s
_COLUMNS = 8
_LEAST_WIDTH = 256  # pixels of a film


def lerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
  """Return (1 - t) a + t b."""
  return (1 - t) * a + t * b


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
  """Interpolate on the great circle between two vectors.

  slerp(a, b; t) = sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, with w the
  angle between a and b. Between draws of N(0, 1) in many dimensions, which all
  lie near the sphere of radius sqrt(d), it stays near that sphere; `lerp` cuts
  through the inside, where the prior has nearly no mass.

  Args:
    a: f32[d].
    b: f32[d].
    t: in [0, 1].

  Returns:
    f32[d]; `lerp` where a and b are (nearly) parallel or opposite.

  Reference: Shoemake 1985, "Animating rotation with quaternion curves"; White
  2016, arXiv:1609.04468, section 2.1.
  """
  norms = np.linalg.norm(a) * np.linalg.norm(b)
  angle = np.arccos(np.clip(np.vdot(a, b) / norms if norms else 1.0, -1, 1))
  return (
    lerp(a, b, t)
    if np.sin(angle) < 1e-4
    else (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
  )


def loop(keys: np.ndarray, frames: int, path: Any) -> np.ndarray:
  """Return points of a closed walk over latents.

  Args:
    keys: f32[K, ...], the latents to pass, K >= 2.
    frames: number of points, evenly spread over the K parts; the first is
      `keys[0]`, and one more would be it again.
    path: `lerp` or `slerp`.

  Returns:
    f32[frames, ...].
  """
  flat = keys.reshape(len(keys), -1).astype(np.float64)
  after = np.roll(flat, -1, axis=0)
  points = [
    path(flat[int(at)], after[int(at)], at % 1)
    for at in np.arange(frames) * len(keys) / frames
  ]
  return np.stack(points).reshape(-1, *keys.shape[1:]).astype(np.float32)


def path_of(latents: np.ndarray) -> Any:
  """Return the walk that suits a prior: `slerp` if it is centered at zero.

  Latents of one sign, such as an autoencoder's U(0, 1), fill a cube: between
  two of its points the straight line stays inside, and the circle does not.
  """
  return slerp if latents.min() < 0 < latents.max() else lerp


def study(run: Any, request: Request) -> Result:
  """Walk over `num` latents in `frames` frames, each class side by side.

  Returns:
    `interpolate`: the film, and a sheet of eight pictures on the way between
    each two latents; and the arrays latents (of the frames), keys, pictures.
  """
  chosen = classes(run, request) or [None]
  num = max(request.num or _NUM, 2)
  frames = request.frames or _FRAMES_EACH * num
  keys = generate.latents(run.algorithm, request.seed, num)
  path = path_of(generate.latents(run.algorithm, request.seed, 64))
  film_latents = loop(keys, frames, path)
  film = _pictures(run, request, film_latents, chosen)
  sheet = _pictures(run, request, loop(keys, num * _COLUMNS, path), chosen[:1])
  return Result(
    f'{frames} frames over {num} latents by {path.__name__}, and back',
    {'interpolate': images.grid(sheet[:, 0], _COLUMNS)},
    {'interpolate': Film([_tile(run, part, chosen) for part in film], _FPS)},
    {'latents': film_latents, 'keys': keys, 'pictures': film},
  )


def _tile(
  run: Any, pictures: np.ndarray, chosen: Sequence[int] | Sequence[None]
) -> np.ndarray:
  """Lay one frame out: the picture of each class, with the name above."""
  columns = min(len(chosen), _COLUMNS)
  wide = captions.enlarge(pictures, _LEAST_WIDTH // columns)
  if chosen[0] is None:
    return images.grid(wide, pad=0)
  named = [
    captions.titled(labels.name_of(label, run.class_names), picture)
    for label, picture in zip(chosen, wide, strict=True)
  ]
  return images.grid(np.stack(named), columns)


def _pictures(
  run: Any,
  request: Request,
  latents: np.ndarray,
  chosen: Sequence[int] | Sequence[None],
) -> np.ndarray:
  """Return u8[N, K, H, W, C]: every latent in every class."""
  made = generate.generate_bytes(
    run.experiment,
    run.params,
    latents.repeat(len(chosen), axis=0),
    labels.deal(chosen, len(latents) * len(chosen)),
    seed=request.seed,
  )
  return made.reshape(-1, len(chosen), *made.shape[1:])
