"""`art_jax stylize`: paint a photo or a video in the style of paintings."""

import contextlib
import pathlib
import sys
from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.cli import options
from art_jax.cli.modes import stylize_clip
from art_jax.config import experiments, serialization
from art_jax.core.paths import require_free
from art_jax.devices import mesh
from art_jax.media import images
from art_jax.style_transfer import optimize, session, task
from art_jax.training.progress import Progress


def run(flags: Any) -> None:
  """Paint --content, a picture or a video, into --output.

  By a trained network (--run, --weights), or by optimizing pixels.
  """
  if flags.run or flags.weights:
    options.need(flags, 'content', 'output')
    return _translate(flags)
  options.need(flags, 'content', 'style', 'output')
  if stylize_clip.writes_video(flags):
    experiment = task.sized(options.experiment(flags), flags.size, flags.steps)
    styles = [task.picture('style', name) for name in _split(flags.style)]
    return stylize_clip.paint(flags, experiment, styles)
  return _optimize(flags)


def _translate(flags: Any) -> None:
  options.refuse(
    flags,
    'trained networks',
    'tile',
    'mask',
    'start',
    'every',
    'versus',
    'workdir',
    'steps',
    'devices',
    'precision',
    'tiny',
  )
  model = options.painter(flags)
  if stylize_clip.writes_video(flags):
    return stylize_clip.translate(flags, model)
  (target,) = _targets(
    pathlib.Path(flags.output).expanduser(), 1, flags.overwrite
  )
  picture = task.picture('content', flags.content)
  shape = images.shape_of(picture, flags.size or max(picture.size), 1)
  small = picture.resize([*shape[::-1]], Image.Resampling.LANCZOS)
  pixels = images.of_pillow(small, model.experiment.data.channels)
  images.save_png(target, model.translate(pixels, flags.direction))
  print(f'{shape[1]}x{shape[0]} pixels: {target}')


def _optimize(flags: Any) -> None:
  """Paint by optimizing pixels; once more for each --versus."""
  experiment = task.sized(options.experiment(flags), flags.size, flags.steps)
  extra = experiments.user_classes(flags.experiment)
  variants = [experiment] + [
    task.sized(
      experiments.override(experiment, [assignment], extra), None, None
    )
    for assignment in flags.versus
  ]
  output = pathlib.Path(flags.output).expanduser()
  targets = _targets(output, len(variants), flags.overwrite)
  folders = _folders(flags.workdir, len(variants))
  job = task.read_task(
    flags.content, _split(flags.style), _split(flags.mask), flags.start
  )
  for variant, target in zip(variants, targets, strict=True):
    task.require_paintable(variant, job, flags.tile)
    _, total = _scales(variant)
    steps = range(flags.every, total + 1, flags.every) if flags.every else ()
    for number in steps:
      require_free(_of_step(target, number), flags.overwrite)
  devices = mesh.make_devices(flags.devices or 1)
  made = []
  for variant, target, folder in zip(variants, targets, folders, strict=True):
    if len(variants) > 1:
      changes = ' '.join(
        f'{path}={serialization.to_text(experiments.get(variant, path))}'
        for path in experiments.differences(experiment, variant)
      )
      print(f'{target.name}: {changes or "as it is"}', file=sys.stderr)
    made.append(_paint(variant, job, devices, flags, target, folder))
    images.save_png(target, made[-1])
  if len(made) > 1:
    images.save_png(output, _beside(made))
  print(f'{made[0].shape[1]}x{len(made[0])} pixels: {output}')


def _paint(variant, job, devices, flags, target, folder) -> np.ndarray:
  """Paint one picture; show progress, and record it in a run folder."""
  sizes, total = _scales(variant)
  recorded: Any = contextlib.nullcontext()
  if folder:
    recorded = session.recorded(folder, variant, job, devices, total)
  with Progress(0, total, 0) as progress, recorded as record:
    progress.say(f'{total} steps at {", ".join(map(str, sizes))} pixels')

    def report(number, metrics, picture):
      progress.advance(number)
      if number == 1 or number % variant.train.log_every == 0:
        progress.show(number, {k: float(v) for k, v in metrics.items()})
      if flags.every and number % flags.every == 0:
        images.save_png(_of_step(target, number), picture())
      if record:
        record(number, metrics, picture)

    return optimize.paint(
      variant, job, devices=devices, tile=flags.tile, report=report
    )


def _scales(variant: core.Experiment) -> tuple[list[int], int]:
  """Return the sizes that are painted, and the steps of all together."""
  sizes = task.scales(task.painter_of(variant), variant.data.size)
  return sizes, len(sizes) * core.in_steps(variant.train.duration)


def _of_step(target: pathlib.Path, number: int) -> pathlib.Path:
  """Return the file of --every."""
  return target.with_name(f'{target.stem}_step_{number:05d}.png')


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
  """Return pictures u8[H, W, 3] of any sizes side by side on white."""
  height, width = np.max([picture.shape[:2] for picture in pictures], 0)
  padded = [
    np.pad(
      picture,
      ((0, height - len(picture)), (0, width - picture.shape[1]), (0, 0)),
      constant_values=255,
    )
    for picture in pictures
  ]
  return images.grid(np.stack(padded), columns=len(padded))


def _targets(
  output: pathlib.Path, count: int, overwrite: bool
) -> list[pathlib.Path]:
  """Return the files to write; with several, `output` is their sheet."""
  core.require(
    output.suffix.lower() == '.png',
    f'--output={output}: pictures are written as PNG; pass a name that ends '
    'in .png',
  )
  names = [f'{output.stem}_{i}.png' for i in range(1, count + 1)]
  parts = [output.with_name(name) for name in names] if count > 1 else [output]
  for path in {output, *parts}:
    require_free(path, overwrite)
  return parts


def _folders(workdir: str | None, count: int) -> list[pathlib.Path | None]:
  """Return the run folder of each variant; none without --workdir."""
  if not workdir:
    return [None] * count
  folder = pathlib.Path(workdir).expanduser()
  several = [folder / str(i) for i in range(1, count + 1)]
  folders = several if count > 1 else [folder]
  for path in folders:
    session.require_new(path)
  return [*folders]


def _split(names: str | None) -> list[str]:
  return names.split(',') if names else []
