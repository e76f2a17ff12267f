"""Autoencoder against VAE by latent size: reconstruction and samples.

  python -m tools.studies.latent_table --workdir=/tmp/latent

- psnr: of the reconstructions of held-out pictures, in dB.
- kid: KID on pixels32 of samples from the prior against training pictures,
  and its deviation over subsets. U(0, 1) for the autoencoder, N(0, 1) for the
  VAE.
- kid refitted: the same of samples from a Gaussian with the mean and the
  covariance of the codes of the training pictures.
- active: dimensions whose code varies over the data, Var > 0.01 (Burda et al.
  2016, arXiv:1509.00519, section 5.1); of the autoencoder's codes in (0, 1) the
  variance is divided by the prior's, 1/12.
- sharpness: variance of the Laplacian of samples over that of the data.
"""

import jax
import numpy as np

from art_jax.media import images
from art_jax.metrics import appearance
from tools.studies import study


def figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one autoencoder."""
  model, bounded = cell.model, 'VAE' not in type(cell.model.algorithm).__name__
  encode = jax.jit(model.algorithm.encode)
  codes = np.asarray(encode(model.params, images.from_uint8(cell.train)))
  held = np.asarray(encode(model.params, images.from_uint8(cell.heldout)))
  again = cell.samples(held).astype(np.float64)
  errors = np.square(again - cell.heldout).mean(axis=(1, 2, 3))
  samples = cell.samples()
  kid, deviation = study.distance(cell.train, samples)
  drawn = np.random.default_rng(cell.seed).multivariate_normal(
    codes.mean(axis=0), np.cov(codes.T), cell.num
  )
  if bounded:
    drawn = np.clip(drawn, 0, 1)
  drawn = cell.samples(drawn.astype(np.float32))
  refitted, refitted_deviation = study.distance(cell.train, drawn)
  sharpness = [
    float(appearance.sharpness(images.from_uint8(rows)).mean())
    for rows in (samples, cell.train)
  ]
  return {
    'psnr': float((10 * np.log10(255**2 / errors)).mean()),
    'kid': kid,
    'kid deviation': deviation,
    'kid refitted': refitted,
    'refitted deviation': refitted_deviation,
    'active': int((codes.var(axis=0) * (12 if bounded else 1) > 0.01).sum()),
    'sharpness': sharpness[0] / sharpness[1],
  }


def main() -> None:
  """Run the command line."""
  parser = study.parser(__doc__, workdir='/tmp/latent_table', steps=1500)
  parser.add_argument('--latents', type=int, nargs='+', default=[16, 64, 256])
  flags = parser.parse_args()
  cells = [
    study.Cell(f'{name}_{n}', name, (f'algorithm.latent_size={n}',))
    for n in flags.latents
    for name in ('autoencoder', 'vae')
  ]
  study.main(cells, figures, flags)


if __name__ == '__main__':
  main()
