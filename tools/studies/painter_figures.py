"""Measures paintings of samples: layout, strokes, copies and KID.

  art_jax paint RUN --count=64 --size=256 --output=FOLDER
  python -m tools.studies.painter_figures RUN FOLDER

Every painting is compared with its own composition, the sample of its seed, and
with its sources; all together with the pictures that the run kept aside, none
of which trained it or was a source, beside the samples enlarged. The figures go
into --output; each is measured anew.

  python -m tools.studies.painter_figures RUN FOLDER --blind=SHEETS

also writes paintings of the first seeds, the same samples enlarged and pictures
kept aside, shuffled, as SHEETS/00.png, 01.png, ..., and the key to them as
SHEETS/key.json, for somebody who is to tell them apart.
"""

import json
import pathlib
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.devices import mesh
from art_jax.evaluation import pictures
from art_jax.evaluation.survey import survey
from art_jax.inference import run as runs
from art_jax.media import images
from art_jax.metrics import features, kid
from art_jax.metrics.stroke_energy import stroke_energy
from art_jax.painter import compose, gallery, provenance, request
from art_jax.runs import painted
from tools import command

_SHUFFLE = 5  # seed of the order of blind sheets


def main(
  run: str,
  folder: str,
  *,
  judges: tuple[str, ...] = ('squeezenet',),
  first: command.Count = 16,
  blind: str = '',
  output: str = 'docs/results/painter_figures.json',
) -> None:
  """Measure the paintings of a folder; print and keep the figures.

  Args:
    run: the run whose samples were painted.
    folder: the paintings, square; one that is smaller, as its source is, is
      enlarged to the size of the others.
    judges: feature extractors of KID; none that the run was trained against.
    first: paintings, by name, that layouts are compared among.
    blind: folder for shuffled sheets; '': none.
    output: JSON file of the figures, an entry for each run.
  """
  judges = tuple(command.chosen('judges', judges, features.NAMES))
  model = runs.load(run)
  files = painted.files(pathlib.Path(folder))
  core.require(files, f'{folder} holds no paintings; art_jax paint {run}')
  paintings = [Image.open(file) for file in files]
  size = max(painting.width for painting in paintings)
  made = np.stack([_square(painting, size) for painting in paintings])
  seeds = [int(file.stem.split('_')[1]) for file in files]
  samples = [model.sample(1, seed=seed)[0] for seed in seeds]
  enlarged = np.stack(
    [
      images.to_uint8(compose.enlarged(sample, (size, size)))
      for sample in samples
    ]
  )
  kept = _kept_aside(model, size)
  figures = {
    'run': pathlib.Path(run).name,
    'step': model.step,
    'size': size,
    'paintings': len(files),
    **_provenance(files),
    **_layouts(samples[:first], made[:first]),
    **_strokes(model, files, made),
    **_kid(judges, kept, made, enlarged),
  }
  for name, value in figures.items():
    print(
      f'{name}: {value:.4g}' if isinstance(value, float) else f'{name}: {value}'
    )
  every = {}
  if pathlib.Path(output).exists():
    every = json.loads(pathlib.Path(output).read_text('utf-8'))
  every[figures['run']] = figures
  write_atomic(output, json.dumps(every, indent=2) + '\n')
  if blind:
    _write_blind(pathlib.Path(blind), made[:first], enlarged[:first], kept)


def _kept_aside(model: runs.Run, size: int) -> np.ndarray:
  """Return the pictures that a run kept aside, u8[N, size, size, 3]."""
  data = model.experiment.data
  dataset = data.source.open(data)
  core.require(
    dataset.heldout[0] is not dataset.train[0],
    f'{model.folder} keeps no pictures aside; train with '
    '--set data.heldout=0.1',
  )
  examples = dataset.heldout[0]
  return np.stack(
    [_square(examples.picture(i, 'image'), size) for i in range(len(examples))]
  )


def _square(picture: Image.Image, size: int) -> np.ndarray:
  if picture.size == (size, size):
    return np.asarray(picture)
  whole = gallery.cropped(picture, 1.0)
  return np.asarray(whole.resize((size, size), Image.Resampling.LANCZOS))


def _provenance(files: list[pathlib.Path]) -> dict[str, float]:
  regions = [painted.notes(file)['largest_region'] for file in files]
  return {
    'largest_region_median': float(np.median(regions)),
    'largest_region_max': float(max(regions)),
  }


def _layouts(samples: list[np.ndarray], made: np.ndarray) -> dict[str, Any]:
  """Return how paintings agree with their own compositions and with others."""
  agreement = np.array(
    [
      [
        provenance.layout_agreement(sample / 127.5 - 1, one / 127.5 - 1)
        for sample in samples
      ]
      for one in made
    ]
  )
  own = np.diag(agreement)
  return {
    'layout_agreement_mean': float(own.mean()),
    'layout_agreement_least': float(own.min()),
    'own_composition_first': int(
      (agreement.argmax(1) == np.arange(len(own))).sum()
    ),
    'compared': len(own),
  }


def _strokes(
  model: runs.Run, files: list[pathlib.Path], made: np.ndarray
) -> dict[str, float]:
  """Return the energy of strokes over that of the sources, by painting."""
  there = request.open_gallery(request.Request(run=model))
  size, ratios = made.shape[1], []
  for file, one in zip(files, made, strict=True):
    shares = painted.notes(file)['sources']
    numbers = [there.names.index(name) for name in shares]
    sources = np.stack([_square(there.open(i), size) for i in numbers])
    energy = np.asarray(stroke_energy(_floats(sources)))
    of_sources = float(energy @ np.array(list(shares.values())))
    ratios.append(float(stroke_energy(_floats(one[None]))[0]) / of_sources)
  return {
    'stroke_energy_over_sources': float(np.mean(ratios)),
    'stroke_energy_least': float(min(ratios)),
    'stroke_energy_greatest': float(max(ratios)),
  }


def _floats(pixels: np.ndarray) -> Any:
  return images.from_uint8(pixels)


def _kid(judges, kept, made, enlarged) -> dict[str, Any]:
  """Return KID to the pictures kept aside, of paintings and of samples."""
  row: dict[str, Any] = {}
  for judge in judges:
    real, fake, plain = (_points(judge, x) for x in (kept, made, enlarged))
    for name, points in (('painted', fake), ('enlarged', plain)):
      value, interval = kid.kid_of_all_pairs(real, points)
      row[f'kid_{name}/{judge}'] = value
      row[f'kid_{name}/{judge}_interval'] = interval
    row[f'kid_ratio/{judge}'] = (
      row[f'kid_painted/{judge}'] / row[f'kid_enlarged/{judge}']
    )
  return row


def _points(judge: str, arrays: np.ndarray) -> np.ndarray:
  """Return the features of u8[N, H, W, 3]."""
  extractor = features.get(judge)
  chosen = pictures.Pictures(
    judge, len(arrays), lambda indices: arrays[indices]
  )
  weights, devices = extractor.load(), mesh.make_devices(1)
  return survey(chosen, extractor, weights, devices, keep=False).features


def _write_blind(
  folder: pathlib.Path, made: np.ndarray, enlarged: np.ndarray, kept: np.ndarray
) -> None:
  """Write shuffled pictures and the key to them."""
  count = len(made)
  parts = [('painted', made), ('sample', enlarged), ('held out', kept[:count])]
  shown = [(kind, i, one) for kind, part in parts for i, one in enumerate(part)]
  order = np.random.default_rng(_SHUFFLE).permutation(len(shown))
  key = {}
  for number, index in enumerate(order):
    kind, i, one = shown[index]
    images.save_png(folder / f'{number:02d}.png', one)
    key[f'{number:02d}'] = {'kind': kind, 'number': i}
  write_atomic(folder / 'key.json', json.dumps(key, indent=2) + '\n')


if __name__ == '__main__':
  command.run(main)
