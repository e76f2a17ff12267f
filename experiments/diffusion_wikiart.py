"""Diffusion on five genres of painting: the genre asked for.

The recipe of `diffusion_paintings` (Karras et al. 2022, arXiv:2206.00364), with
classes and classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598).

  art_jax train diffusion_wikiart
  art_jax train diffusion_wikiart --data=/wikiart/by/genre

Data: the built-in paintings, five genres, unless --data names a folder with a
sub-folder for each genre; then set algorithm.num_classes and
algorithm.denoiser.num_classes to their number. For a GPU. In the samples each
latent is drawn in every genre in turn.
"""

from art_jax import core
from art_jax.algorithms import optim
from art_jax.config import experiments

_CHANGES = {
  'algorithm.denoiser.num_classes': 5,
  'algorithm.num_classes': 5,
  'algorithm.guidance': 1.5,
}


def experiment() -> core.Experiment:
  """Return `diffusion_paintings` with classes and less dropout."""
  return experiments.replace(
    experiments.load('diffusion_paintings'),
    {
      **_CHANGES,
      'algorithm.denoiser.dropout': 0.1,
      'train.render_count': 50,
    },
  )


def tiny() -> core.Experiment:
  """Return the same changes of the tiny form, without the warm-up."""
  return experiments.replace(
    experiments.load('diffusion_paintings', tiny=True),
    {
      **_CHANGES,
      'algorithm.optimizer': optim.Adam(learning_rate=2e-4, b1=0.9),
    },
  )
