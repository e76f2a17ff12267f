"""Prints the negative ELBO of a trained VAE on test pictures.

  python -m tools.studies.vae_elbo runs/vae_mnist_mlp path/to/mnist.npz

One latent is drawn per picture; the number is a mean in nats, with its standard
error. The pictures are those held out in the data, of the size that the model
was trained on: `x_test` of an .npz file.
"""

import jax
import numpy as np

from art_jax.algorithms.vae import VAE
from art_jax.inference import run as runs
from art_jax.media import images
from tools import command
from tools.studies import study

_ROWS = 1000


def main(run: str, data: str, *, seed: int = 0) -> None:
  """Print the negative ELBO.

  Args:
    run: the folder that training wrote.
    data: an .npz file with x_test, or what `--data` of training takes.
    seed: of the latents.
  """
  model = runs.load(run)
  elbo = jax.jit(study.needs(model, VAE, 'a VAE').elbo)
  fields, key = model.experiment.data, jax.random.key(seed)
  heldout = study.opened(fields, data, ('image',)).heldout
  rows = images.from_uint8(study.read(heldout, fields.size, limit=None))
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
