"""Picture files in, translated picture files out."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping, Sequence

import jax
import numpy as np
import tqdm
from PIL import Image

from art_jax import core
from art_jax.config import serialization
from art_jax.core.paths import make_folder, printable, require_free
from art_jax.data import decode, listing
from art_jax.inference.run import Run
from art_jax.inference.scratch import TooLargeError
from art_jax.media import images, packed, picture_format
from art_jax.media.picture_format import Format


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What became of the pictures.

  Attributes:
    written: how many were translated.
    there: how many results the same command had written before.
    failed: name and reason of each that could not be translated.
  """

  written: int
  there: int
  failed: tuple[tuple[str, str], ...] = ()

  def require_all(self) -> None:
    """Raise a UserError that counts and names what failed, if anything did."""
    if not self.failed:
      return
    names = '; '.join(f'{name}: {reason}' for name, reason in self.failed)
    total = self.written + self.there + len(self.failed)
    raise core.UserError(
      f'{len(self.failed)} of {total} pictures could not be translated ({names}'
      '); replace or remove them; the same command does what is left'
    )


def files(
  run: Run,
  source: str | pathlib.Path,
  output: str | pathlib.Path,
  direction: str | None = None,
  *,
  overwrite: bool = False,
  mask: str | None = None,
  fmt: Format = Format(),
) -> Outcome:
  """Translate a picture, or every picture of a folder.

  Each becomes `<stem>.png` (or .jpg, .webp) in `output`, of its own size. A
  picture that cannot be translated does not stop the others.

  A result holds a hash of its picture, the model and the settings. Where it is
  there already it is not made again: an interrupted command, started again,
  does what is left. Any other file in its place is never replaced.

  Args:
    run: the model.
    source: a picture or a folder of pictures (not searched deeper; hidden files
      are left out).
    output: a folder, made if missing; a .zip, which is written when all are
      there; or, for one picture, a file.
    direction: see `Run.translate`.
    overwrite: translate all of them, and replace files that exist.
    mask: a picture, white where the model repaints and black where the
      input stays; stretched to the size of each. For models that inpaint.
    fmt: how results are encoded.

  Returns:
    What became of them.

  Raises:
    core.UserError: before anything is translated if there is no picture, the
      results of a folder would lie in it, two would get one name, or
      something else exists in the place of a result;
      at once if the only picture cannot be translated.
  """
  source = pathlib.Path(source).expanduser()
  paths = listing.pictures(source)
  repainted = None if mask is None else _read_mask(run, mask)
  if repainted is None:
    direction = run.direction(direction)
  output = pathlib.Path(output).expanduser()
  core.require(
    paths[0].parent.resolve() != output.resolve() or paths == [source],
    f'--output={output} is the folder of --input: the next start would take '
    'the results for pictures to translate; pass another --output',
  )
  in_zip = packed.is_zip(output)
  folder = packed.parts(output) if in_zip else output
  targets = _targets(paths, folder, fmt)
  recipe = recipe_of(run, direction, repainted)
  if fmt != Format():
    recipe += f'|{fmt}'.encode()
  if in_zip:
    notes = {
      target.name: _made_from(path, recipe) or ''
      for path, target in zip(paths, targets, strict=True)
    }
    if not overwrite and packed.is_done(output, notes):
      return Outcome(0, len(paths))
    require_free(output, overwrite)
  left = _left(paths, targets, recipe, overwrite, ours=in_zip)
  if left:
    make_folder(targets[0].parent)
  failed = []
  for path, target in tqdm.tqdm(left, unit='picture', disable=None):
    try:
      picture = _read(path, fmt)
      made = _translated(run, picture, direction, repainted, target.parent)
    except (decode.BadPictureError, TooLargeError) as error:
      if len(paths) == 1:
        raise
      reason = getattr(error, 'reason', str(error))
      failed.append((printable(path.name), reason))
      continue
    note = _made_from(path, recipe) or ''
    picture_format.write(target, made, fmt, note)
  if in_zip and not failed:
    packed.pack(output, notes)
  written = len(left) - len(failed)
  return Outcome(written, len(paths) - len(left), tuple(failed))


def _read(path: pathlib.Path, fmt: Format) -> Image.Image:
  """Return a picture whose result the format can hold."""
  picture = decode.picture(path)
  core.require(
    max(picture.size) <= fmt.longest,
    f'{picture.width}x{picture.height} pixels: a side of a {fmt.suffix} file '
    f'has at most {fmt.longest}; pass --format=png for it',
    TooLargeError,
  )
  return picture


def _translated(
  run: Run,
  picture: Image.Image,
  direction: str | None,
  mask: Image.Image | None,
  scratch: pathlib.Path,
) -> np.ndarray:
  """Return the result of a picture, u8[H, W, C]."""
  pixels = images.of_pillow(picture, run.experiment.data.channels)
  if mask is None:
    return run.translate(pixels, direction, scratch=scratch)
  fitted = mask.resize(picture.size, Image.Resampling.NEAREST)
  return run.inpaint(pixels, np.asarray(fitted) > 127)


def _read_mask(run: Run, mask: str) -> Image.Image:
  if not isinstance(run.algorithm, core.Inpainter):
    raise core.UserError(
      f'--mask={mask}: {type(run.algorithm).__name__} does not inpaint; leave '
      'the mask out, or use a run of a diffusion model'
    )
  path = pathlib.Path(mask).expanduser()
  core.require(path.is_file(), f'--mask={mask}: there is no such file')
  return decode.mask(path)


def _targets(
  paths: Sequence[pathlib.Path], output: pathlib.Path, fmt: Format
) -> list[pathlib.Path]:
  """Return the file that each picture becomes."""
  suffix = output.suffix.lower()
  if suffix in listing.SUFFIXES and not output.is_dir():
    core.require(
      suffix == fmt.suffix and len(paths) == 1,
      f'--output={output}: it is a folder, or a {fmt.suffix} file for one '
      f'picture (here {len(paths)}); pass such a path',
    )
    targets = [output]
  else:
    targets = [output / f'{path.stem}{fmt.suffix}' for path in paths]
  taken: dict[pathlib.Path, pathlib.Path] = {}
  for path, target in zip(paths, targets, strict=True):
    first = taken.setdefault(target, path)
    core.require(
      first is path,
      f'{first.name} and {path.name} would both become '
      f'{target.name}; rename one of them',
    )
    core.require(
      not (target.exists() and path.exists() and target.samefile(path)),
      f'{path} would be replaced by its own translation; pass another --output',
    )
  return targets


def _left(
  paths: Sequence[pathlib.Path],
  targets: Sequence[pathlib.Path],
  recipe: bytes,
  overwrite: bool,
  ours: bool,
) -> list[tuple[pathlib.Path, pathlib.Path]]:
  """Return the pictures whose results are not there, and their targets."""
  left = []
  for path, target in zip(paths, targets, strict=True):
    if not overwrite and target.exists():
      note = picture_format.note(target)
      if note and note == _made_from(path, recipe):
        continue
      require_free(target, ours)
    left.append((path, target))
  return left


def _made_from(path: pathlib.Path, recipe: bytes) -> str | None:
  """Return a hash of a picture file and a recipe; None: it cannot be read."""
  state = hashlib.sha256(recipe)
  try:
    with open(path, 'rb') as file:
      while part := file.read(2**20):
        state.update(part)
  except OSError:
    return None
  return state.hexdigest()


def recipe_of(
  run: Run, direction: str | None = None, mask: Image.Image | None = None
) -> bytes:
  """Return a hash of the model and of how it is used."""
  state = hashlib.sha256()
  model = serialization.to_text(run.experiment.algorithm)
  state.update(f'{model}|{run.experiment.data.channels}|{direction}|'.encode())
  params = run.params
  if isinstance(params, Mapping) and direction in params:
    params = params[direction]
  for leaf in jax.tree.leaves(params):
    state.update(np.ascontiguousarray(leaf).tobytes())
  if mask is not None:
    state.update(mask.tobytes())
  return state.digest()
