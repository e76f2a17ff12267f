"""What to paint: a sample of a run, a picture of a user, or noise."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.data import decode
from art_jax.inference.run import Run
from art_jax.media import images
from art_jax.runs import painted

MIN_SIDE = 8  # of a drawing: less says nothing of a layout
_NOISE = 32  # side of the noise that becomes a composition


@dataclasses.dataclass(frozen=True, eq=False)
class Composition:
  """A picture whose layout and colors are painted.

  Attributes:
    name: stem of the file that the painting becomes.
    make: returns the picture u8[h, w, 1 or 3], of any size.
    label: its class, by number; None: it has none.
    notes: where it is from, by keyword, kept in the file.
    content: the picture of the user that it is, or is translated from.
  """

  name: str
  make: Callable[[], np.ndarray]
  label: int | None = None
  notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
  content: Image.Image | None = None

  @functools.cached_property
  def pixels(self) -> np.ndarray:
    """The picture u8[h, w, 3]; made on first use."""
    pixels = self.make()
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()


def of_samples(
  run: Run,
  count: int,
  seed: int = 0,
  labels: int | str | Sequence[int | str] | None = None,
) -> Iterator[Composition]:
  """Yield samples: picture i is `run.sample(1, seed=seed + i)`.

  Args:
    run: a GAN, VAE, autoencoder or diffusion model.
    count: how many, >= 1.
    seed: of the first.
    labels: classes that are dealt in turn; see `Run.sample`.

  Raises:
    core.UserError: the run makes no pictures, or needs labels.
  """
  from art_jax.sampling import labels as label_numbers

  numbers = label_numbers.numbers(labels, run.algorithm, run.class_names)
  for i in range(count):
    label = None if numbers is None else numbers[i % len(numbers)]
    make = functools.partial(_sample, run, label, seed + i)
    notes = {'composition': f'sample, seed {seed + i}', 'run': _run_name(run)}
    if label is not None:
      names = run.class_names
      notes['class'] = names[label] if names else str(label)
    yield Composition(f'seed_{seed + i:04d}', make, label, notes)


def of_translations(
  run: Run, pictures: Mapping[str, Image.Image], direction: str | None = None
) -> Iterator[Composition]:
  """Yield pictures translated by a run.

  Args:
    run: CycleGAN or another translator.
    pictures: what to translate, by its name.
    direction: one of `algorithm.directions`; None: the first.
  """
  direction = run.direction(direction)
  for name, picture in pictures.items():
    notes = {
      'composition': f'translation {direction} of {pathlib.Path(name).name}',
      'run': _run_name(run),
    }
    make = functools.partial(_translation, run, picture, direction)
    yield Composition(pathlib.Path(name).stem, make, None, notes, picture)


def of_pictures(pictures: Mapping[str, Image.Image]) -> Iterator[Composition]:
  """Yield drawings or photos as they are, by their names."""
  for name, picture in pictures.items():
    core.require(
      min(picture.size) >= MIN_SIDE,
      f'--content={name}: a picture of {picture.width}x{picture.height} pixels '
      f'has no layout to paint; both sides are at least {MIN_SIDE}: pass a '
      'larger one',
    )
    notes = {'composition': f'the picture {pathlib.Path(name).name}'}
    make = functools.partial(np.asarray, picture.convert('RGB'))
    stem = pathlib.Path(name).stem or 'content'
    yield Composition(stem, make, None, notes, picture)


def of_noise(
  palette: Image.Image, count: int, seed: int = 0, aspect: float = 1.0
) -> Iterator[Composition]:
  """Yield smooth noise in the colors of a picture: the painter's own layouts.

  Noise whose power falls as 1 / frequency^3 takes the colors of the picture by
  their brightness: its darkest place has the darkest color, and so on.

  Args:
    palette: gives the colors.
    count: how many, >= 1.
    seed: of the first.
    aspect: width over height.
  """
  for i in range(count):
    yield Composition(
      f'noise_{seed + i:04d}',
      functools.partial(_noise, palette, seed + i, aspect),
      None,
      {'composition': f"noise of the painter's own, seed {seed + i}"},
    )


def read_pictures(path: str) -> dict[str, Image.Image]:
  """Return the pictures that --content names: a file, or those of a folder.

  What is transparent shows white, as everywhere. The sheet of earlier paintings
  is left out.

  Raises:
    core.UserError: there is none, or one cannot be read.
  """
  from art_jax.data import listing

  listed = listing.pictures(pathlib.Path(path).expanduser(), '--content')
  files = [file for file in listed if not painted.is_sheet(file)]
  core.require(
    files,
    f'--content={path}: there is only {listed[0].name}, which shows paintings '
    'made before; pass another picture or folder',
  )
  return {str(file): decode.picture(file).convert('RGB') for file in files}


def enlarged(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
  """Return a composition u8[h, w, 3] as f32[*shape, 3] in [-1, 1], smoothly.

  Bicubic where it grows, averaged where it shrinks: no new detail.
  """
  height, width = shape
  image = Image.fromarray(pixels).resize(
    (width, height), Image.Resampling.BICUBIC
  )
  return images.from_uint8(np.asarray(image))


def _run_name(run: Run) -> str:
  step = '' if run.step is None else f', step {run.step}'
  return f'{run.folder.name}{step}' if run.folder else 'foreign weights'


def _sample(run: Run, label: int | None, seed: int) -> np.ndarray:
  return run.sample(1, labels=label, seed=seed)[0]


def _translation(run: Run, picture: Image.Image, direction: str) -> np.ndarray:
  pixels = images.of_pillow(picture, run.experiment.data.channels)
  return run.translate(pixels, direction)


def _noise(palette: Image.Image, seed: int, aspect: float) -> np.ndarray:
  colors = np.asarray(palette.convert('RGB').resize((48, 48))).reshape(-1, 3)
  colors = colors[np.argsort(colors @ [0.299, 0.587, 0.114])]
  height = max(round(_NOISE / max(aspect, 1)), MIN_SIDE)
  width = max(round(_NOISE * min(aspect, 1)), MIN_SIDE)
  rows, columns = np.meshgrid(
    np.fft.fftfreq(height), np.fft.rfftfreq(width), indexing='ij'
  )
  frequency = np.hypot(rows, columns)
  frequency[0, 0] = 1
  random = np.random.default_rng(seed)
  spectrum = np.fft.rfft2(random.normal(size=(height, width)))
  field = np.fft.irfft2(spectrum / frequency**1.5, (height, width))
  ranks = np.argsort(np.argsort(field.ravel())) / (field.size - 1)
  pixels = colors[np.rint(ranks * (len(colors) - 1)).astype(int)]
  return pixels.reshape(height, width, 3)
