"""`art_jax sample RUN`: show what a model learned."""

import hashlib
import io
import pathlib
from typing import Any

import numpy as np

from art_jax import core
from art_jax.cli import options
from art_jax.core.paths import require_free, write_atomic
from art_jax.inference import translate
from art_jax.inference.run import Run
from art_jax.media import images, picture_format, series, video
from art_jax.sampling import study

_SUFFIXES = ('.png', '.gif', '.mp4', '.npz')


def run(flags: Any) -> None:
  """Do --study and write what it gives into --output."""
  core.require(
    flags.study, f'sample needs --study=NAME, one of {", ".join(study.STUDIES)}'
  )
  options.need(flags, 'output')
  request = study.Request(
    num=flags.num,
    seed=flags.seed,
    labels=tuple(flags.labels),
    frames=flags.frames,
    input=pathlib.Path(flags.input) if flags.input else None,
  )
  output = pathlib.Path(flags.output).expanduser()
  several = flags.study == 'pictures'
  core.require(
    several or not (flags.format or output.suffix.lower() == '.zip'),
    f'--study={flags.study} writes PNG and films into a folder; pass '
    '--study=pictures for a .zip or another --format',
  )
  fmt = picture_format.parse(flags.format)
  for path in sorted(output.glob(f'{flags.study}*')):
    if path.suffix in _SUFFIXES and path.stem.split('_')[0] == flags.study:
      require_free(path, flags.overwrite)
  model = options.model(flags)
  result = study.find(model, flags.study).study(model, request)
  if result.series:
    write_series(model, result, output, fmt, flags)
    return
  arrays = flags.study if flags.save_arrays else None
  for path in write(result, output, arrays):
    print(path)
  print(result.message)


def write_series(
  model: Run,
  result: study.Result,
  output: pathlib.Path,
  fmt: picture_format.Format,
  flags: Any,
) -> None:
  """Write the pictures of a series that are not there."""
  core.require(
    not flags.save_arrays,
    '--save_arrays: pictures are written one by one; leave it out',
  )
  pictures = result.series
  assert pictures is not None
  recipe = translate.recipe_of(model) + f'|{flags.seed}|{fmt}|'.encode()
  notes = [
    hashlib.sha256(recipe + stem.encode()).hexdigest()
    for stem in pictures.stems
  ]
  written, there = series.write(
    output,
    pictures.stems,
    notes,
    pictures.make,
    pictures.length,
    fmt,
    overwrite=flags.overwrite,
  )
  more = f' ({there} more are there already)' if there else ''
  print(f'{written} of {result.message} written into {output}{more}')


def write(
  result: study.Result, output: pathlib.Path, arrays: str | None
) -> list[pathlib.Path]:
  """Write PNG, GIF and MP4, each whole or not at all.

  Args:
    result: of a study.
    output: a folder; made if missing.
    arrays: stem of the .npz; None: no arrays.

  Returns:
    The files.

  Raises:
    core.UserError: there are no arrays.
    OSError: a file cannot be written.
  """
  core.require(
    not arrays or result.arrays,
    f'--save_arrays: {arrays} makes pictures of pictures, there are no '
    'arrays; leave it out',
  )
  written = []
  for stem, picture in result.pictures.items():
    written.append(output / f'{stem}.png')
    images.save_png(written[-1], picture)
  for stem, film in result.films.items():
    written.append(output / f'{stem}.gif')
    images.gif(written[-1], film.frames, film.fps)
    written.append(output / f'{stem}.mp4')
    video.write(written[-1], film.frames, film.fps)
  if arrays:
    data = io.BytesIO()
    np.savez_compressed(data, allow_pickle=False, **result.arrays)
    written.append(output / f'{arrays}.npz')
    write_atomic(written[-1], data.getvalue())
  return written
