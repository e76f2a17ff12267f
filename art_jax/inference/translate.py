"""Picture files in, translated picture files out."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tqdm
from PIL import Image

from art_jax import core
from art_jax.core.paths import make_folder, require_free
from art_jax.data import decode, listing
from art_jax.inference.run import Run
from art_jax.media import images


def files(
  run: Run,
  source: str | pathlib.Path,
  output: str | pathlib.Path,
  direction: str | None = None,
  *,
  overwrite: bool = False,
  mask: str | None = None,
) -> int:
  """Translate a picture, or every picture of a folder.

  Each becomes `<stem>.png` in `output`, of its own size.

  Args:
    run: the model.
    source: a picture or a folder of pictures (not searched deeper).
    output: a folder; made if missing.
    direction: see `Run.translate`.
    overwrite: replace files that exist.
    mask: a picture, white where the model repaints and black where the
      input stays; stretched to the size of each. For models that inpaint.

  Returns:
    The number of pictures written.

  Raises:
    core.UserError: before anything is translated if there is no picture, two
      would get one name, or a result exists already.
  """
  paths = listing.pictures(pathlib.Path(source).expanduser())
  repainted = None if mask is None else _read_mask(run, mask)
  output = pathlib.Path(output).expanduser()
  targets = _targets(paths, output, overwrite)
  make_folder(output)
  channels = run.experiment.data.channels
  for path, target in tqdm.tqdm(
    list(zip(paths, targets, strict=True)), unit='picture', disable=None
  ):
    picture = decode.picture(path).convert('L' if channels == 1 else 'RGB')
    pixels = np.asarray(picture).reshape(picture.height, picture.width, -1)
    if repainted is None:
      made = run.translate(pixels, direction)
    else:
      fitted = repainted.resize(picture.size, Image.Resampling.NEAREST)
      made = run.inpaint(pixels, np.asarray(fitted) > 127)
    images.save_png(target, made)
  return len(paths)


def _read_mask(run: Run, mask: str) -> Image.Image:
  if not isinstance(run.algorithm, core.Inpainter):
    raise core.UserError(
      f'--mask={mask}: {type(run.algorithm).__name__} does not inpaint; leave '
      'the mask out, or use a run of a diffusion model'
    )
  path = pathlib.Path(mask).expanduser()
  core.require(path.is_file(), f'--mask={mask}: there is no such file')
  return decode.picture(path).convert('L')


def _targets(
  paths: Sequence[pathlib.Path], output: pathlib.Path, overwrite: bool
) -> list[pathlib.Path]:
  targets = [output / f'{path.stem}.png' for path in paths]
  taken: dict[pathlib.Path, pathlib.Path] = {}
  for path, target in zip(paths, targets, strict=True):
    first = taken.setdefault(target, path)
    core.require(
      first is path,
      f'{first.name} and {path.name} would both become '
      f'{target.name}; rename one of them',
    )
    require_free(target, overwrite)
  return targets
