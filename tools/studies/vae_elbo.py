"""Prints the negative ELBO of a trained VAE on test pictures.

  python -m tools.studies.vae_elbo runs/vae_mnist_mlp path/to/mnist.npz

One latent is drawn per picture; the number is a mean in nats, with its standard
error. The pictures are `x_test` (or `image_test`) of the .npz file.
"""

import jax
import numpy as np

from art_jax import core
from art_jax.algorithms.vae import VAE
from art_jax.inference import run as runs
from art_jax.media import images
from tools import command
from tools.studies import study

_ROWS = 1000


def pictures(path: str, shape: tuple[int, int, int]) -> np.ndarray:
  """Return the test pictures of an .npz file, f32[N, H, W, C] in [-1, 1].

  Raises:
    core.UserError: there are none, or they are of another shape than [H, W, C].
  """
  try:
    with np.load(path, allow_pickle=False) as arrays:
      names = [name for name in ('x_test', 'image_test') if name in arrays]
      rows = arrays[names[0]] if names else None
  except (OSError, ValueError) as error:
    raise core.UserError(f'{path}: {error}; pass an .npz file') from error
  core.require(
    rows is not None, f'{path} has no x_test; pass a file with test digits'
  )
  rows = rows.reshape(*rows.shape[:3], -1)
  core.require(
    rows.shape[1:] == shape,
    f'{path} has pictures of {rows.shape[1:]}, the model takes {shape}; '
    'pass the set that it was trained on',
  )
  return images.from_uint8(rows)


def main(run: str, data: str, *, seed: int = 0) -> None:
  """Print the negative ELBO.

  Args:
    run: the folder that training wrote.
    data: an .npz file with x_test.
    seed: of the latents.
  """
  model = runs.load(run)
  elbo = jax.jit(study.needs(model, VAE, 'a VAE').elbo)
  fields, key = model.experiment.data, jax.random.key(seed)
  rows = pictures(data, (fields.size, fields.size, fields.channels))
  values = -np.concatenate(
    [
      elbo(model.params, rows[i : i + _ROWS], key=jax.random.fold_in(key, i))
      for i in range(0, len(rows), _ROWS)
    ]
  )
  error = values.std() / np.sqrt(len(values))
  print(
    f'step {model.step}: negative ELBO {values.mean():.2f} +- {error:.2f} nats '
    f'({len(values)} pictures)'
  )


if __name__ == '__main__':
  command.run(main)
