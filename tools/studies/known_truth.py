"""Score pictures whose damage is known: do the metrics see it, in order?

  python -m tools.studies.known_truth --features=pixels32 --count=256 --size=64

Half of the built-in paintings are the real pictures. Scored against them is
the other half: as it is, blurred mildly and strongly (Gaussian, 0.7 and 2
pixels at 64), with noise, and with fewer and fewer of the five genres.
"""

import sys

import numpy as np
from absl import app, flags, logging
from PIL import Image, ImageFilter

from art_jax import core
from art_jax.data.sources import Builtin
from art_jax.devices import mesh
from art_jax.evaluation.pictures import Pictures, of_examples
from art_jax.evaluation.survey import survey
from art_jax.metrics import features, fid, kid, precision_recall

_FEATURES = flags.DEFINE_string('features', 'pixels32', 'Extractor.')
_COUNT = flags.DEFINE_integer('count', 256, 'Pictures in each half.')
_SIZE = flags.DEFINE_integer('size', 64, 'Side in pixels.')


def main(argv: list[str]) -> None:
  """Print one line per damage."""
  del argv
  logging.set_verbosity(logging.WARNING)
  count, size = _COUNT.value, _SIZE.value
  data = core.Data(source=Builtin(layout='images', count=2 * count), size=size)
  examples = data.source.open(data).train[0]
  whole = of_examples('paintings', examples, 'image', size)
  real = whole.read(np.arange(count))
  others = whole.read(np.arange(count, 2 * count))
  genres = whole.labels[count:]
  noise = np.random.default_rng(0).normal(0, 90, others.shape)
  sets = {
    'real': others,
    'mild blur': _blurred(others, 0.7 * size / 64),
    'strong blur': _blurred(others, 2 * size / 64),
    'noise': np.clip(others + noise, 0, 255).astype(np.uint8),
  }
  for kept in (4, 3, 2, 1):
    sets[f'{kept} of 5 genres'] = others[genres < kept]
  known = _features(real)
  print(f'{_FEATURES.value}, {size} px, against {count} real pictures')
  print(
    f'{"":<14} {"number":>6} {"KID":>8} {"+-":>6} {"FID":>8} {"precision":>9} '
    f'{"recall":>6} {"density":>7} {"coverage":>8}'
  )
  for name, pictures in sets.items():
    found = _features(pictures)
    mean, deviation = kid.kid(known, found)
    distance = fid.frechet_distance(
      fid.update(None, known), fid.update(None, found)
    )
    precision, recall = precision_recall.precision_recall(known, found)
    density, coverage = precision_recall.density_coverage(known, found)
    print(
      f'{name:<14} {len(found):>6} {mean:>8.4g} {deviation:>6.2g} '
      f'{distance:>8.4g} {precision:>9.3f} {recall:>6.3f} {density:>7.3f} '
      f'{coverage:>8.3f}'
    )


def _features(pictures: np.ndarray) -> np.ndarray:
  extractor = features.get(_FEATURES.value)
  chosen = Pictures('', len(pictures), lambda indices: pictures[indices])
  devices = mesh.make_devices()
  return survey(chosen, extractor, extractor.load(), devices).features


def _blurred(pictures: np.ndarray, radius: float) -> np.ndarray:
  blur = ImageFilter.GaussianBlur(radius)
  return np.stack(
    [np.asarray(Image.fromarray(one).filter(blur)) for one in pictures]
  )


if __name__ == '__main__':
  try:
    app.run(main)
  except core.UserError as error:
    print(f'known_truth: {error}', file=sys.stderr)
    sys.exit(2)
