"""Scores pictures whose damage is known: do the metrics see it, in order?

  python -m tools.studies.known_truth --features=pixels32 --count=256 --size=64

Half of the built-in paintings are the real pictures. Scored against them is
the other half: as it is, blurred mildly and strongly (Gaussian, 0.7 and 2
pixels at 64), with noise, and with fewer and fewer of the five genres.
"""

import numpy as np
from PIL import Image, ImageFilter

from art_jax import core
from art_jax.data.sources import Builtin
from art_jax.devices import mesh
from art_jax.evaluation import distributions, pictures, scores, survey
from art_jax.metrics import features as extractors
from tools import command

_SHARES = 'precision', 'recall', 'density', 'coverage'
_COLUMNS = ['', 'number', 'KID', 'FID', *_SHARES]


def main(
  *,
  features: str = 'pixels32',
  count: command.Count = 256,
  size: command.Count = 64,
) -> None:
  """Print one line per damage.

  Args:
    features: extractor.
    count: pictures in each half.
    size: side in pixels.
  """
  data = core.Data(source=Builtin(layout='images', count=2 * count), size=size)
  whole = pictures.of_examples(
    'paintings', data.source.open(data).train[0], 'image', size
  )
  real, others = np.split(whole.read(np.arange(2 * count)), 2)
  genres = np.asarray(whole.labels)[count:]
  noise = np.random.default_rng(0).normal(0, 90, others.shape)
  sets = {
    'real': others,
    'mild blur': _blurred(others, 0.7 * size / 64),
    'strong blur': _blurred(others, 2 * size / 64),
    'noise': np.clip(others + noise, 0, 255).astype(np.uint8),
    **{f'{n} of 5 genres': others[genres < n] for n in (4, 3, 2, 1)},
  }
  extractor, devices = extractors.get(features), mesh.make_devices()
  params = extractor.load()
  reference, *others = (
    survey.survey(
      pictures.Pictures('', len(rows), rows.__getitem__),
      extractor,
      params,
      devices,
    )
    for rows in (real, *sets.values())
  )
  lines = []
  for name, points in zip(sets, others, strict=True):
    compared = scores.Scores(('kid', 'fid', *_SHARES))
    distributions.compare(compared, extractor, params, reference, points)
    kid, fid, *shares = compared.rows
    lines.append(
      [
        name,
        f'{points.count}',
        f'{kid.value:.4g} +- {kid.deviation:.2g}',
        f'{fid.value:.4g}',
        *(f'{share.value:.3f}' for share in shares),
      ]
    )
  print(f'{features}, {size} px, against {count} real pictures\n')
  print(command.table(_COLUMNS, lines))


def _blurred(rows: np.ndarray, radius: float) -> np.ndarray:
  blur = ImageFilter.GaussianBlur(radius)
  return np.stack(
    [np.asarray(Image.fromarray(one).filter(blur)) for one in rows]
  )


if __name__ == '__main__':
  command.run(main)
