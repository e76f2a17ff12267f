"""Requests and results of studies, and which a model can do."""

import dataclasses
import importlib
import pathlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from art_jax import core
from art_jax.sampling import labels

# Each is a file of art_jax/sampling/ with `NEEDS` and `study(run, request)`.
STUDIES = (
  *('grid', 'pictures', 'interpolate', 'classes', 'top'),
  *('reconstruct', 'timelapse', 'invert'),
)
_HAS = {
  'generator': lambda run: isinstance(run.algorithm, core.Generative),
  'encoder': lambda run: isinstance(run.algorithm, core.Encoder),
  'discriminator': lambda run: isinstance(run.algorithm, core.Scorer),
  'classes': lambda run: core.num_classes(run.algorithm) > 0,
  'pictures of its training': lambda run: (
    run.folder is not None and (run.folder / 'images').exists()
  ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
  """Options of a study; None: its own default.

  Attributes:
    num: number of pictures.
    seed: of the latents, >= 0.
    labels: classes by name or number; ('all',) means all of them.
    frames: number of frames of a film.
    input: a picture or a folder of pictures.
  """

  num: int | None = None
  seed: int = 0
  labels: tuple[str, ...] = ()
  frames: int | None = None
  input: pathlib.Path | None = None

  def __post_init__(self):
    for name, least in (('num', 1), ('seed', 0), ('frames', 2)):
      value = getattr(self, name)
      core.require(
        value is None or value >= least,
        f'--{name}={value}: it is at least {least}',
      )


@dataclasses.dataclass(frozen=True, eq=False)
class Film:
  """Frames u8[H, W, 3] of one size, and how many are shown a second."""

  frames: Sequence[np.ndarray]
  fps: float


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
  """Pictures that are files of their own, too many for the memory.

  Attributes:
    stems: of the names of the files.
    length: of a chunk.
    make: index of the first -> the pictures of one chunk, u8[n, H, W, C].
  """

  stems: Sequence[str]
  length: int
  make: Callable[[int], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
  """Result of a study.

  Attributes:
    message: a sentence for people.
    pictures: u8[H, W, C] by the stem of their file.
    films: by the stem of their file.
    arrays: what the pictures were made of, by name.
    series: pictures that are made when they are written.
  """

  message: str
  pictures: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
  films: Mapping[str, Film] = dataclasses.field(default_factory=dict)
  arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
  series: Series | None = None


def find(run: Any, name: str) -> ModuleType:
  """Return the module of a study.

  Raises:
    core.UserError: there is none of that name, or the model cannot do it; it
      says which it can.
  """
  if name not in STUDIES:
    raise core.UserError(
      f'--study={name}: it is one of {", ".join(STUDIES)}; this model can do '
      f'{possible(run)}'
    )
  module = _module(name)
  missing = [need for need in module.NEEDS if not _HAS[need](run)]
  if missing:
    raise core.UserError(
      f'--study={name}: this {type(run.algorithm).__name__} has no '
      f'{" and no ".join(missing)}; it can do {possible(run)}'
    )
  return module


def possible(run: Any) -> str:
  """Return the studies that a model can do, in words."""
  names = [
    name
    for name in STUDIES
    if all(_HAS[need](run) for need in _module(name).NEEDS)
  ]
  return ', '.join(names) or 'none of them'


def classes(
  run: Any, request: Request, default: tuple[str, ...] = ()
) -> list[int] | None:
  """Return the numbers of the classes that a request names.

  Args:
    run: a loaded run.
    request: of the study.
    default: used where the request names none; (): it must.

  Raises:
    core.UserError: see `labels.numbers`.
  """
  count = core.num_classes(run.algorithm)
  wanted = request.labels or (default if count else ())
  core.require(
    not count or wanted,
    f'this {type(run.algorithm).__name__} makes pictures of a class: pass '
    f'--labels=all or, with commas, some of '
    f'{", ".join(class_names(run))}',
  )
  return labels.numbers(wanted, run.algorithm, run.class_names)


def class_names(run: Any) -> list[str]:
  """Return the names of all classes, numbers where they have none."""
  count = core.num_classes(run.algorithm)
  return [labels.name_of(i, run.class_names) for i in range(count)]


def _module(name: str) -> ModuleType:
  return importlib.import_module(f'art_jax.sampling.{name}')
