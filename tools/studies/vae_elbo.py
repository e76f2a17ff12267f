"""Prints the negative ELBO of a trained VAE on test pictures.

  python -m tools.studies.vae_elbo runs/vae_mnist_mlp path/to/mnist.npz

One latent is drawn per picture; the number is a mean in nats, with its standard
error. The pictures are `x_test` (or `image_test`) of the .npz file.
"""

import argparse

import jax
import numpy as np

from art_jax import core
from art_jax.algorithms.vae import VAE
from art_jax.inference import run
from art_jax.media import images

_ROWS = 1000


def pictures(path: str, shape: tuple[int, int, int]) -> np.ndarray:
  """Return the test pictures of an .npz file, f32[N, H, W, C] in [-1, 1].

  Raises:
    core.UserError: if there are none, or of another shape than [H, W, C].
  """
  try:
    with np.load(path, allow_pickle=False) as arrays:
      names = [name for name in ('x_test', 'image_test') if name in arrays]
      found = arrays[names[0]] if names else None
  except (OSError, ValueError) as error:
    raise core.UserError(f'{path}: {error}; pass an .npz file') from error
  if found is None:
    raise core.UserError(f'{path} has no x_test; pass a file with test digits')
  found = found.reshape(*found.shape[:3], -1)
  if found.shape[1:] != shape:
    raise core.UserError(
      f'{path} has pictures of {found.shape[1:]}, the model takes {shape}; '
      'pass the set that it was trained on'
    )
  return images.from_uint8(found)


def negative_elbo(model: run.Run, rows: np.ndarray, seed: int) -> np.ndarray:
  """Return the negative ELBO of every picture, f32[N] in nats."""
  elbo = jax.jit(model.algorithm.elbo)
  key = jax.random.key(seed)
  parts = []
  for first in range(0, len(rows), _ROWS):
    part = rows[first : first + _ROWS]
    parts.append(-elbo(model.params, part, key=jax.random.fold_in(key, first)))
  return np.concatenate(parts)


def main() -> None:
  """Run the command line."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('run', help='the folder that training wrote')
  parser.add_argument('data', help='an .npz file with x_test')
  parser.add_argument('--seed', type=int, default=0)
  flags = parser.parse_args()
  try:
    model = run.load(flags.run)
    if not isinstance(model.algorithm, VAE):
      raise core.UserError(
        f'{flags.run} holds a {type(model.algorithm).__name__}: pass the run '
        'of a VAE'
      )
    data = model.experiment.data
    rows = pictures(flags.data, (data.size, data.size, data.channels))
    values = negative_elbo(model, rows, flags.seed)
  except core.UserError as error:
    parser.exit(2, f'error: {error}\n')
  error = values.std() / np.sqrt(len(values))
  print(
    f'step {model.step}: negative ELBO {values.mean():.2f} +- {error:.2f} nats '
    f'({len(values)} pictures)'
  )


if __name__ == '__main__':
  main()
