"""The latent of a given picture, by gradient descent."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from art_jax import core
from art_jax.media import images
from art_jax.sampling import captions, generate, inputs, labels, reconstruct
from art_jax.sampling.study import Request, Result, classes

NEEDS = ('generator',)
_NUM = 4
_RESTARTS = 8
_STEPS = 300
_RATE = 0.1
_LEAST_SIDE = 128  # pixels; the error fits under that


def study(run: Any, request: Request) -> Result:
  """Invert the pictures of --input, or `num` held-out ones.

  The best of 8 descents by Adam on the mean squared error, from draws of the
  prior; a model with an encoder starts one of them from the encoder's latent.
  Latents of a prior in [0, 1] stay in there.

  Returns:
    `invert`: each target left, the result right, with its error; and the
    arrays latents, targets, results, rmse, and starts_rmse of each restart.

  Reference: Creswell & Bharath 2016, "Inverting the generator of a generative
  adversarial network", arXiv:1611.05644, Algorithm 1 (there: several
  restarts, without a prior term).
  """
  chosen = classes(run, request)
  real = inputs.pictures(
    run.experiment.data, request.input, request.num or _NUM
  )
  inverted = [
    _invert(run, request.seed, picture, chosen and [chosen[i % len(chosen)]])
    for i, picture in enumerate(real)
  ]
  latents, results, errors = (np.stack(x) for x in zip(*inverted, strict=True))
  best = np.arange(len(real)), errors.argmin(axis=1)
  latents, results, least = latents[best], results[best], errors[best]
  tiles = np.concatenate(
    [
      captions.enlarge(images.to_uint8(x), _LEAST_SIDE) for x in (real, results)
    ],
    axis=2,
  )
  return Result(
    f'{len(real)} picture(s) left, the nearest that the model makes right; '
    'error '
    + ', '.join(f'{e:.1f}' for e in least)
    + f' of 255 (root mean square), the worst of {_RESTARTS} restarts '
    + ', '.join(f'{e:.1f}' for e in errors.max(axis=1)),
    {
      'invert': images.grid(
        captions.under(tiles, [f'error {e:.1f} of 255' for e in least])
      )
    },
    arrays={
      'latents': latents,
      'targets': images.to_uint8(real),
      'results': images.to_uint8(results),
      'rmse': least,
      'starts_rmse': errors,
    },
  )


def _invert(
  run: Any, seed: int, target: np.ndarray, label: list[int] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Return the latents, pictures and errors of all restarts."""
  algorithm = run.algorithm
  draws = generate.latents(algorithm, seed, 64)
  starts = draws[:_RESTARTS]
  if isinstance(algorithm, core.Encoder):
    code = jax.jit(algorithm.encode)(run.params, target[None])
    starts = np.concatenate([np.asarray(code), starts[1:]])
  inside = bool(draws.min() >= 0 and draws.max() <= 1)
  dealt = labels.deal(label, _RESTARTS)
  begin, step = _descent(algorithm, inside)
  state, key = begin(starts), jax.random.key(seed)
  for _ in range(_STEPS):
    state = step(run.params, state, target, dealt, key)
  latents = np.asarray(state[0])
  made = generate.generate(
    run.experiment, run.params, latents, dealt, seed=seed
  )
  return latents, made, reconstruct.rmse(made, target)


@functools.lru_cache(maxsize=8)
def _descent(algorithm: core.Generative, inside: bool):
  """Compile the start and a step of the descents, once per model."""
  optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, _STEPS))

  def loss(latents, params, target, labels, key):
    made = algorithm.generate(params, latents, labels, key=key)
    # A sum over the restarts: their gradients are apart.
    return jnp.square(made - target).mean(axis=(1, 2, 3)).sum()

  def begin(latents):
    latents = jnp.asarray(latents, jnp.float32)
    return latents, optimizer.init(latents)

  def step(params, state, target, labels, key):
    latents, opt_state = state
    gradient = jax.grad(loss)(latents, params, target, labels, key)
    updates, opt_state = optimizer.update(gradient, opt_state)
    latents = latents + updates
    return (jnp.clip(latents, 0, 1) if inside else latents), opt_state

  return jax.jit(begin), jax.jit(step)
