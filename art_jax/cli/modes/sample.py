"""`art_jax sample RUN`: show what a model learned."""

import io
import pathlib
from typing import Any

import numpy as np

from art_jax import core
from art_jax.cli import options
from art_jax.core.paths import require_free, write_atomic
from art_jax.media import images, video
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
  for path in sorted(output.glob(f'{flags.study}*')):
    if path.suffix in _SUFFIXES and path.stem.split('_')[0] == flags.study:
      require_free(path, flags.overwrite)
  model = options.model(flags)
  result = study.find(model, flags.study).study(model, request)
  arrays = flags.study if flags.save_arrays else None
  for path in write(result, output, arrays):
    print(path)
  print(result.message)


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
