"""Three ways to bound a critic: clipped gradients, weights, gradient penalty.

  python -m tools.studies.wgan_table --workdir=/tmp/wgan --seeds=3

- gap: E[D(x)] - E[D(G(z))], the critic's estimate of the distance.
- slope: the largest norm of the gradient of D at a training picture. D is a
  distance only while it is bounded; the estimate comparable between rows is
  gap / slope.
- diversity: mean pixel distance of two samples over that of the data.
- kid: KID on pixels32, and its deviation over subsets.
"""

import jax
import jax.numpy as jnp
import numpy as np

from art_jax.media import images
from tools.studies import study


def figures(cell: study.Trained) -> dict[str, float]:
  """Return the figures of one critic."""
  model, samples = cell.model, cell.samples()
  score = jax.jit(model.algorithm.score)

  @jax.jit
  def slope(params, rows):
    gradient = jax.grad(lambda x: model.algorithm.score(params, x).sum())(rows)
    return jnp.sqrt(jnp.square(gradient).sum(axis=(1, 2, 3)))

  real, fake = (
    images.from_uint8(rows[: cell.num]) for rows in (cell.train, samples)
  )
  gap = score(model.params, real).mean() - score(model.params, fake).mean()
  largest = float(np.max(slope(model.params, real)))
  kid, deviation = study.distance(cell.train, samples)
  return {
    'gap': float(gap),
    'slope': largest,
    'gap / slope': float(gap) / largest,
    'diversity': study.diversity(cell.train[: cell.num], samples),
    'kid': kid,
    'kid deviation': deviation,
  }


def main() -> None:
  """Run the command line."""
  flags = study.parser(
    __doc__, workdir='/tmp/wgan_table', steps=300
  ).parse_args()
  cells = [
    study.Cell('gradients_clipped', 'wgan_art128_as_described'),
    # The 100 critic steps before some steps of G would be most of a quick run.
    study.Cell('weights_clipped', 'wgan_art128', ('algorithm.warmup=None',)),
    study.Cell('gradient_penalty', 'wgan_gp_art128'),
  ]
  study.main(cells, figures, flags)


if __name__ == '__main__':
  main()
