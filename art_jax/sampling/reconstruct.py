"""Real pictures, and what the encoder and the decoder make of them."""

from typing import Any

import numpy as np

from art_jax.media import images
from art_jax.sampling import generate, inputs
from art_jax.sampling.study import Request, Result

NEEDS = ('generator', 'encoder')
_NUM = 16
_COLUMNS = 8


def study(run: Any, request: Request) -> Result:
  """Encode and decode `num` held-out pictures, or those of --input.

  Returns:
    `reconstruct`: originals above, reconstructions below; and the arrays
    originals, reconstructions, latents, and rmse of each in units of 0..255.
  """
  data = run.experiment.data
  real = inputs.pictures(data, request.input, request.num or _NUM)
  encode = generate.compiled(run.algorithm.encode)
  latents = generate.in_chunks(
    run.experiment, lambda start, rows, _: encode(run.params, rows), real
  )
  made = generate.generate(run.experiment, run.params, latents)
  errors = rmse(made, real)
  return Result(
    f'{len(real)} picture(s) above, their reconstructions below; error '
    f'{errors.mean():.1f} of 255 (root mean square)',
    {
      'reconstruct': pairs(
        images.to_uint8(real), images.to_uint8(made), _COLUMNS
      )
    },
    arrays={
      'originals': images.to_uint8(real),
      'reconstructions': images.to_uint8(made),
      'latents': latents,
      'rmse': errors,
    },
  )


def rmse(made: np.ndarray, real: np.ndarray) -> np.ndarray:
  """Return the error of each f32[N, H, W, C] in [-1, 1]: f32[N] in 0..255."""
  return 127.5 * np.sqrt(np.square(made - real).mean(axis=(1, 2, 3)))


def pairs(upper: np.ndarray, lower: np.ndarray, columns: int) -> np.ndarray:
  """Lay u8[N, H, W, C] pictures out in rows, each over those of `lower`."""
  columns = min(columns, len(upper))
  short = -len(upper) % columns  # white fills the last row
  padding = [(0, short), (0, 0), (0, 0), (0, 0)]
  rows = [
    np.pad(part, padding, constant_values=255).reshape(
      -1, columns, *part.shape[1:]
    )
    for part in (upper, lower)
  ]
  return images.grid(
    np.stack(rows, axis=1).reshape(-1, *upper.shape[1:]), columns
  )
