"""art_jax: the classic art-generation models as one JAX system.

Train an experiment (`art_jax list` shows them all), then use its run:

    import art_jax

    run = art_jax.train('dcgan_mnist', tiny=True, workdir='runs/digits')
    run = art_jax.load('runs/digits')  # the same, in another process
    pictures = run.sample(16, seed=1)  # u8[16, H, W, C]

    painter = art_jax.load('runs/cyclegan_demo')
    painted = painter.translate(photo, 'ab')  # u8[H, W, 3], like the photo

    picture = art_jax.stylize('photo.jpg', 'painting.jpg', size=512)
    painting, = art_jax.paint(content='drawing.png', sources='paintings')

The types are those of a config: an `Experiment` has an `Algorithm`, `Data` and
`Train`; lengths are `Steps` or `Epochs`. Bad input raises `UserError`, which
names the value, the rule and the next step.

jax is imported on first use, so devices and XLA flags can still be chosen after
`import art_jax`.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from art_jax.config import renamed_imports
from art_jax.devices import xla_flags

if TYPE_CHECKING:
  import numpy as np

  from art_jax.core import (
    Alarms,
    Algorithm,
    Classifier,
    Data,
    Diverged,
    Duration,
    Encoder,
    Epochs,
    Experiment,
    Generative,
    Inpainter,
    Scorer,
    Source,
    Steps,
    StorageError,
    Stylable,
    Train,
    Translator,
    UserError,
  )
  from art_jax.core.version import VERSION as __version__
  from art_jax.devices.mesh import Devices
  from art_jax.inference.foreign import load_weights
  from art_jax.inference.run import Run, load
  from art_jax.studio.notebook import Studio
  from art_jax.style_transfer.task import Picture

__all__ = [
  'Alarms',
  'Algorithm',
  'Classifier',
  'Data',
  'Diverged',
  'Duration',
  'Encoder',
  'Epochs',
  'Experiment',
  'Generative',
  'Inpainter',
  'Run',
  'Scorer',
  'Source',
  'Steps',
  'StorageError',
  'Stylable',
  'Train',
  'Translator',
  'UserError',
  '__version__',
  'load',
  'load_weights',
  'open_studio',
  'paint',
  'stylize',
  'train',
]
# Where a name is from, unless from core.
_HOMES = {
  'Run': ('inference.run', 'Run'),
  'load': ('inference.run', 'load'),
  'load_weights': ('inference.foreign', 'load_weights'),
  '__version__': ('core.version', 'VERSION'),
}

xla_flags.set_flag()
renamed_imports.install()  # import paths of earlier versions


def __getattr__(name: str) -> Any:
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  module, name = _HOMES.get(name, ('core', name))
  return getattr(importlib.import_module(f'art_jax.{module}'), name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})


def train(
  experiment: 'str | Experiment',
  *,
  workdir: str | os.PathLike | None = None,
  data: 'str | os.PathLike | Source | None' = None,
  overrides: Mapping[str, Any] | None = None,
  tiny: bool = False,
  devices: 'int | Devices | None' = None,
  init_from: str | None = None,
  log: Sequence[str] = (),
) -> 'Run':
  """Train an experiment to its end, or continue its run; return the model.

  Args:
    experiment: a name that `art_jax list` shows, the path of a .py file, or the
      value itself.
    workdir: run folder; None: runs/NAME. A run that it holds is continued.
    data: a folder or an archive, 'tfds:NAME', 'builtin' or a `Source`; None:
      what the experiment says.
    overrides: values of fields by their paths: {'train.duration': 1000}.
    tiny: take the small variant, which trains in seconds on a CPU.
    devices: how many, or which; None: all.
    init_from: run folder whose networks a new run starts from.
    log: trackers that are told of the run: 'wandb', 'mlflow', 'trackio',
      'module:Class'.

  Returns:
    The trained model, as `load` returns it.

  Raises:
    UserError: for bad input, before anything is compiled.
    Diverged: a number is NaN or infinite.
  """
  import pathlib

  from art_jax import core
  from art_jax.config import choose
  from art_jax.data import detect
  from art_jax.inference import run
  from art_jax.training import loop

  if isinstance(experiment, str):
    name = pathlib.Path(experiment).stem + '_tiny' * tiny
    workdir = workdir or f'runs/{name}'
  elif workdir is None:
    raise core.UserError(
      'workdir=None: the run folder of an Experiment has no name by itself; '
      'pass workdir=FOLDER'
    )
  chosen, _ = choose.choose(experiment, tiny=tiny)
  if isinstance(data, str | os.PathLike):
    inputs, aligned = chosen.algorithm.inputs, chosen.algorithm.aligned
    data, _ = detect.parse(str(data), inputs, aligned)
  changes = {} if data is None else {'data.source': data}
  chosen, classes = choose.choose(chosen, {**changes, **(overrides or {})})
  workdir = str(workdir)
  loop.train(
    chosen,
    workdir,
    devices=_devices(devices),
    init_from=init_from,
    command='art_jax.train',
    log=log,
  )
  return run.load(workdir, extra=classes)


def stylize(
  content: 'Picture',
  style: 'Picture | Sequence[Picture]',
  *,
  experiment: 'str | Experiment' = 'style_transfer',
  size: int | None = None,
  steps: int | None = None,
  seed: int | None = None,
  overrides: Mapping[str, Any] | None = None,
  tiny: bool = False,
  masks: 'Picture | Sequence[Picture]' = (),
  start: 'Picture | None' = None,
  tile: int = 0,
  devices: 'int | Devices' = 1,
) -> 'np.ndarray':
  """Paint a photo in the style of paintings, by optimizing its pixels.

  A picture is an array (u8[H, W, 3], or f32 in [-1, 1]), a PIL image, the path
  of a file, or 'builtin', 'builtin:1', ... To paint with a trained network, use
  `load(run).translate(photo)`.

  Args:
    content: the photo.
    style: the painting, or several.
    experiment: name or path of its file, or the value itself.
    size: longest side of the result in pixels; None: the experiment's.
    steps: number of steps at each scale; None: the experiment's.
    seed: of the random draws; None: the experiment's.
    overrides: values of fields by their paths: {'algorithm.style_weight': 1e4}.
    tiny: take the small variant of the experiment.
    masks: the mask, or one for each painting, white where it applies; ():
      everywhere.
    start: picture to start from; None: what the experiment says.
    tile: side in pixels of the tiles to work in, to save memory; 0: whole.
    devices: how many share the picture, or which.

  Returns:
    u8[H, W, 3].

  Raises:
    UserError: for pictures that do not fit or absent weights, before the first
      step.
    Diverged: the loss is not finite.
  """
  from art_jax.config import choose
  from art_jax.style_transfer import optimize, task

  changes = {} if seed is None else {'train.seed': seed}
  chosen, _ = choose.choose(
    experiment, {**changes, **(overrides or {})}, tiny=tiny
  )

  def several(pictures: Any) -> 'Sequence[Any]':
    one = not isinstance(pictures, Sequence) or isinstance(pictures, str)
    return [pictures] if one else pictures

  return optimize.paint(
    task.sized(chosen, size, steps),
    task.read_task(content, several(style), several(masks), start),
    devices=_devices(devices),
    tile=tile,
  )


def paint(
  run: 'str | os.PathLike | Run | None' = None,
  *,
  content: str | os.PathLike | None = None,
  sources: str | os.PathLike | None = None,
  count: int = 1,
  size: int = 512,
  seed: int = 0,
  labels: 'int | str | Sequence[int | str]' = (),
  variations: int = 1,
  num_sources: int = 1,
  quality: str = 'full',
  max_copy: float = 0.35,
  upscale: bool = False,
) -> 'list[np.ndarray]':
  """Paint samples of a run, or a drawing, with the strokes of paintings.

  Args:
    run: a run folder or a loaded `Run` that samples or translates; None: the
      content is painted as it is, or noise without one.
    content: picture or folder to paint, or to translate first.
    sources: folder or archive of the paintings to take strokes from; None:
      those that the run was trained on.
    count: number of samples.
    size: longest side of a painting, in pixels.
    seed: of the first sample; the next ones count on.
    labels: the class of the samples, or several that are dealt in turn; (): all
      classes.
    variations: paintings of each composition, with other sources.
    num_sources: paintings whose strokes one picture uses.
    quality: 'full' or 'fast'.
    max_copy: largest region copied from one source, as a part of the side.
    upscale: paint at `size` though the sources are smaller.

  Returns:
    u8[H, W, 3] each; those of a composition follow each other.

  Raises:
    UserError: for what cannot be read or painted, before anything is sampled.
  """
  from art_jax.inference import run as runs
  from art_jax.painter import request

  return request.paint(
    request.Request(
      run=run
      if run is None or isinstance(run, runs.Run)
      else runs.load(os.fspath(run)),
      content=content,
      sources=sources,
      count=count,
      size=size,
      seed=seed,
      labels=labels,
      variations=variations,
      num_sources=num_sources,
      quality=quality,
      max_copy=max_copy,
      upscale=upscale,
    )
  )


def open_studio(
  runs: str | os.PathLike = 'runs',
  *,
  port: int = 8765,
  height: int = 800,
  data_root: str | os.PathLike | None = None,
  frame_ancestors: Sequence[str] = ('http://localhost:*', 'http://127.0.0.1:*'),
) -> 'Studio':
  """Show runs in a notebook: the studio in a frame.

  Args:
    runs: folder of run folders, or one of them.
    port: to listen on; the next free one if it is taken.
    height: of the frame, in pixels.
    data_root: folder below which runs may be given pictures.
    frame_ancestors: origins of the notebook's page; as it is, those of this
      machine.

  Returns:
    What a notebook shows as a frame; `close()` ends it.

  Raises:
    UserError: there is no such folder, or starlette is not installed.
  """
  from art_jax.core import extras

  for library in ('starlette', 'uvicorn'):
    extras.load(library, 'studio', 'the studio')
  from art_jax.studio import notebook

  return notebook.open_studio(
    runs,
    port=port,
    height=height,
    data_root=data_root,
    frame_ancestors=frame_ancestors,
  )


def _devices(devices: 'int | Devices | None') -> 'Devices':
  from art_jax.devices import mesh

  if devices is None or isinstance(devices, int):
    return mesh.make_devices(devices)
  return devices
