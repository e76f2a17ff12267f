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
from art_jax.evaluation import pictures, survey
from art_jax.metrics import features as extractors
from art_jax.metrics import fid, kid, precision_recall
from tools import command


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
  reference = _features(real, features)
  print(f'{features}, {size} px, against {count} real pictures')
  print(
    f'{"":<14} {"number":>6} {"KID":>8} {"+-":>6} {"FID":>8} {"precision":>9} '
    f'{"recall":>6} {"density":>7} {"coverage":>8}'
  )
  for name, rows in sets.items():
    points = _features(rows, features)
    mean, deviation = kid.kid(reference, points)
    distance = fid.frechet_distance(
      fid.statistics(reference), fid.statistics(points)
    )
    precision, recall = precision_recall.precision_recall(reference, points)
    density, coverage = precision_recall.density_coverage(reference, points)
    print(
      f'{name:<14} {len(points):>6} {mean:>8.4g} {deviation:>6.2g} '
      f'{distance:>8.4g} {precision:>9.3f} {recall:>6.3f} {density:>7.3f} '
      f'{coverage:>8.3f}'
    )


def _features(rows: np.ndarray, name: str) -> np.ndarray:
  extractor = extractors.get(name)
  return survey.survey(
    pictures.Pictures('', len(rows), lambda indices: rows[indices]),
    extractor,
    extractor.load(),
    mesh.make_devices(),
  ).features


def _blurred(rows: np.ndarray, radius: float) -> np.ndarray:
  blur = ImageFilter.GaussianBlur(radius)
  return np.stack(
    [np.asarray(Image.fromarray(one).filter(blur)) for one in rows]
  )


if __name__ == '__main__':
  command.run(main)
