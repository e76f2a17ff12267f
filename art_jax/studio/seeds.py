"""The task that makes pictures of seeds, fast enough for a slider."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.algorithms import attributes
from art_jax.inference import run as runs
from art_jax.media import cielab, images
from art_jax.sampling import captions, generate, interpolate, labels, study
from art_jax.studio import models, pictures

_FPS, _COLUMNS, _LEAST_WIDTH = 20, 8, 256  # of a walk
_AHEAD = 8  # pictures that the device is given before the first is waited for


def sample(
  values: Mapping[str, Any], blobs: Sequence[bytes], tell: Callable[..., None]
) -> tuple[dict[str, Any], list[bytes]]:
  """Make `count` pictures of seeds from `seed` on, each by itself.

  Each depends on its own seed and label alone, and any count and truncation
  runs the same compiled program.
  """
  model = models.load(values)
  require_generator(model)
  began = time.monotonic()
  seeds = range(values['seed'], values['seed'] + values['count'])
  made: list[bytes] = []
  for first in range(0, len(seeds), _AHEAD):
    made += map(pictures.png, made_of(model, seeds[first:][:_AHEAD], values))
  milliseconds = round(1000 * (time.monotonic() - began))
  return {'milliseconds': milliseconds, 'step': model.step}, made


def made_of(
  model: runs.Run, seeds: Sequence[int], values: Mapping[str, Any]
) -> list[np.ndarray]:
  """Return the pictures u8[H, W, C] of seeds, as `Run.sample` makes each."""
  asked, keep = conditions(model, values), values.get('truncation', 1.0)
  make, center = _maker(model.algorithm), _center(model.algorithm)
  began = [make(model.params, seed, keep, center, asked) for seed in seeds]
  return [images.to_uint8(np.asarray(picture))[0] for picture in began]


def walk(model: runs.Run, values: Mapping[str, Any]) -> study.Result:
  """Return a film from the picture of a seed to the next ones, and back.

  Args:
    model: what makes the pictures.
    values: 'seed' and 'count' of the pictures to pass, 'frames', 'labels'.
  """
  require_generator(model)
  algorithm: Any = model.algorithm
  seed, count = values['seed'], max(values['count'], 2)
  firsts = [generate.first_latent(algorithm, seed + i) for i in range(count)]
  keys = np.concatenate([np.asarray(first) for first in firsts])
  path = interpolate.path_of(generate.latents(algorithm, seed, 64))
  label = next(iter(values.get('labels') or ()), None)
  if label is None and core.num_classes(algorithm):
    label = 0
  numbers = labels.numbers(label, algorithm, model.class_names)

  def make(length: int) -> np.ndarray:
    points = interpolate.loop(keys, length, path)
    dealt = labels.deal(numbers, length)
    return generate.generate_bytes(
      model.experiment, model.params, points, dealt, seed=seed
    )

  film = [
    images.grid(captions.enlarge(one[None], _LEAST_WIDTH), pad=0)
    for one in make(values['frames'])
  ]
  return study.Result(
    f'{len(film)} frames from seed {seed} to {seed + count - 1}, and back',
    {'interpolate': images.grid(make(_COLUMNS * count), _COLUMNS)},
    {'interpolate': study.Film(film, _FPS)},
  )


@functools.lru_cache(maxsize=8)
def _maker(algorithm: Any) -> Callable[..., jax.Array]:
  """Return the compiled (params, seed, keep, center, labels) -> f32 picture."""

  def make(params, seed, keep, center, asked):
    rows = generate.first_latent(algorithm, seed)
    nearer = (center + keep * (rows - center)).astype(rows.dtype)
    key = jax.random.fold_in(jax.random.key(seed), 0)
    rows = jnp.where(keep < 1, nearer, rows)
    return algorithm.generate(params, rows, asked, key=key)

  return jax.jit(make)


@functools.lru_cache(maxsize=8)
def _center(algorithm: Any) -> float:
  """Return the middle of the prior of a model."""
  rows = generate.latents(algorithm, 0, 64)
  return 0.0 if rows.min() < 0 < rows.max() else float(rows.mean())


def conditions(model: runs.Run, values: Mapping[str, Any]) -> Any:
  """Return the labels of one picture: its class, its attributes, or None."""
  algorithm = model.algorithm
  if known := core.attributes(algorithm):
    asked = values.get('attributes') or {}
    return np.asarray(
      attributes.ask(
        known, {one.name: _value(one, asked.get(one.name)) for one in known}, 1
      )
    )
  label = values.get('label')
  if label is None and core.num_classes(algorithm):
    label = 0
  numbers = labels.numbers(label, algorithm, model.class_names)
  return labels.deal(numbers, 1)


def _value(attribute: Any, asked: Any) -> Any:
  """Return an attribute as `ask` takes it; of a palette, from #rrggbb."""
  if not isinstance(attribute, attributes.Palette):
    return asked
  text = asked or '#808080'
  rgb = [int(text[i : i + 2], 16) / 127.5 - 1 for i in (1, 3, 5)]
  lab = cielab.rgb_to_lab(jnp.asarray(rgb, jnp.float32)[None, None, None])
  return np.asarray(lab)[0, 0, 0]


def require_generator(model: runs.Run) -> None:
  """Raise a UserError if a model makes no pictures of seeds."""
  core.require(
    isinstance(model.algorithm, core.Generative),
    f'{type(model.algorithm).__name__} makes no pictures of seeds; use a run '
    'of a GAN, a diffusion model, a VAE or an autoencoder',
  )
