"""What a user asks to have painted, checked before anything is computed."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from art_jax import core
from art_jax.algorithms import style_states
from art_jax.data import sources
from art_jax.devices import memory, mesh
from art_jax.inference.run import Run, require_seed
from art_jax.painter import compose, plan, session
from art_jax.painter.compose import Composition
from art_jax.painter.gallery import Gallery, of_examples
from art_jax.painter.settings import Painter
from art_jax.runs import painted

_HELD_TOO = 8  # pixels: no source is too small to be opened
_DRAWN, _DRAWN_SIDE = 128, 256  # built-in pictures that serve as sources


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
  """What to paint, and with what.

  Attributes:
    run: a trained model that composes; None: it is not needed.
    content: picture or folder to paint, or to translate first with `run`;
      None: samples of `run`, or noise.
    sources: folder or archive of the pictures to paint with; None: those that
      `run` was trained on.
    count: number of compositions; of --content, all are painted.
    seed: of the first sample, and of the painter.
    labels: a class, or several that are dealt in turn; (): all.
    direction: of a translator.
    variations: paintings of each composition.
    size, num_sources, quality, max_copy, upscale: see `Painter`; None: as
      `settings` says.
    settings: of the painter, where these do not say otherwise.
  """

  run: Run | None = None
  content: str | os.PathLike | None = None
  sources: str | os.PathLike | None = None
  count: int = 1
  seed: int = 0
  labels: int | str | Sequence[int | str] = ()
  direction: str | None = None
  variations: int = 1
  size: int | None = None
  num_sources: int | None = None
  quality: str | None = None
  max_copy: float | None = None
  upscale: bool = False
  settings: Painter = Painter()

  def __post_init__(self):
    core.require(self.count >= 1, f'--count={self.count}: it is at least 1')
    require_seed(self.seed, '--seed')
    core.require(
      self.seed + self.count <= 2**32,
      f'--seed={self.seed}: of --count={self.count} samples each has the next '
      'seed, and all are below 2**32; pass a smaller one',
    )
    core.require(
      self.run or self.sources,
      'paint needs a RUN, whose training pictures it paints with, or '
      '--sources=FOLDER; for example: art_jax paint --content=drawing.png '
      '--sources=paintings',
    )

  @property
  def painter(self) -> Painter:
    """The settings."""
    names = ('size', 'num_sources', 'quality', 'max_copy')
    given = {name: getattr(self, name) for name in names}
    changes = {k: v for k, v in given.items() if v is not None}
    return dataclasses.replace(self.settings, upscale=self.upscale, **changes)


def open_gallery(request: Request) -> Gallery:
  """Return the pictures to paint with; none that is held out.

  Raises:
    core.UserError: they are not there, or cannot be read.
  """
  run = request.run
  if request.sources is not None:
    folder = sources.Folder(os.fspath(request.sources))
    data = core.Data(source=folder, size=_HELD_TOO, heldout=0, max_bad=0.5)
    dataset = folder.open(data)
    return of_examples(dataset.train[0], 'image', dataset.fingerprint.digest)
  assert run is not None
  data = dataclasses.replace(
    run.experiment.data, size=_HELD_TOO, load_size=None
  )
  if isinstance(data.source, sources.Builtin):  # drawn as large as asked for
    count = min(data.source.count, _DRAWN)
    source = dataclasses.replace(data.source, count=count)
    size = min(request.painter.size, _DRAWN_SIDE)
    data = dataclasses.replace(data, source=source, size=size)
  try:
    dataset = data.source.open(data)
  except core.UserError as error:
    raise core.UserError(
      f'the pictures that {run.folder} was trained on cannot be read: {error}; '
      'or pass --sources=FOLDER'
    ) from error
  key = 'image'
  if isinstance(run.algorithm, core.Translator) and 'image' not in dataset.keys:
    key = run.direction(request.direction)[-1]  # 'ab' paints with those of b
    if key not in run.algorithm.inputs:  # 'stylize'
      key = run.algorithm.inputs[-1]
  (examples,) = (one for one in dataset.train if key in one.keys)
  labeled = bool(core.num_classes(run.algorithm)) and 'label' in examples.keys
  return of_examples(examples, key, dataset.fingerprint.digest, labeled)


def compositions(request: Request, gallery: Gallery) -> list[Composition]:
  """Return what to paint; nothing is sampled yet.

  Raises:
    core.UserError: the run makes no pictures, or the content cannot be read.
  """
  run = request.run
  pictures: dict[str, Image.Image] = {}
  if request.content is not None:
    pictures = compose.read_pictures(os.fspath(request.content))
  if run is not None and isinstance(run.algorithm, core.Translator):
    if isinstance(run.algorithm, core.Generative) and not pictures:
      return _samples(request, run)
    core.require(
      pictures,
      f'{type(run.algorithm).__name__} composes by translating a picture: pass '
      '--content=photo.jpg or a folder',
    )
    return [*compose.of_translations(run, pictures, request.direction)]
  if pictures:
    return [*compose.of_pictures(pictures)]
  if run is not None:
    return _samples(request, run)
  palette = np.random.default_rng(request.seed).integers(len(gallery))
  noise = compose.of_noise(
    gallery.open(int(palette)), request.count, request.seed
  )
  return [*noise]


def _samples(request: Request, run: Run) -> list[Composition]:
  if not isinstance(run.algorithm, core.Generative):
    raise core.UserError(
      f'{type(run.algorithm).__name__} makes no pictures to paint; use a run '
      'of a GAN, a VAE, an autoencoder, a diffusion model or a translator, or '
      '--content=drawing.png with --sources=FOLDER'
    )
  labels = request.labels
  count = core.num_classes(run.algorithm)
  if not np.size(labels) and count:
    labels = range(count)
  return [*compose.of_samples(run, request.count, request.seed, labels)]


class _Ready(NamedTuple):
  painter: Painter
  variables: Any
  gallery: Gallery
  compositions: list[Composition]


def _ready(request: Request) -> _Ready:
  """Read and check what a request names; nothing is computed yet."""
  painter = request.painter
  painter.require_fits(memory.free(mesh.make_devices(1)))
  variables = variables_of(painter)
  gallery = open_gallery(request)
  wanted = compositions(request, gallery)
  _require_sources(request, gallery, wanted)
  return _Ready(painter, variables, gallery, wanted)


def _require_sources(
  request: Request, gallery: Gallery, wanted: Sequence[Composition]
) -> None:
  """Raise UserError unless each variation can have sources of its own."""
  for one in wanted:
    count, of_class = len(gallery), ''
    if gallery.labels is not None and one.label is not None:
      count, of_class = gallery.labels.count(one.label), ' of its class'
    core.require(
      request.variations <= count,
      f'--variations={request.variations}: each painting of {one.name!r} has '
      f'other sources, and there are {count} pictures{of_class}; pass at most '
      'as many, or --sources=FOLDER with more',
    )


def variables_of(painter: Painter) -> Any:
  """Return the variables of the feature network, which paints and compares."""
  loaded = style_states.load_features(painter.nnst)
  least = jnp.zeros((1, 32, 32, 3))
  return jax.tree.map(
    jnp.asarray,
    style_states.features_or_random(
      painter.nnst, loaded, jax.random.key(0), least
    ),
  )


def paint(request: Request) -> list[np.ndarray]:
  """Return the paintings of a request, u8[H, W, 3] each."""
  painter, variables, gallery, wanted = _ready(request)
  atelier = session.Atelier(painter, gallery, variables)
  return [
    atelier.paint(composition, variation, request.seed)[0].pixels
    for composition in wanted
    for variation in range(request.variations)
  ]


def _require_apart(content, output: pathlib.Path, variations: int) -> None:
  """Raise UserError if paintings would be, or replace, what is painted."""
  content = pathlib.Path(content).expanduser()
  core.require(
    content.resolve() != output.resolve(),
    f'--output={output} is the folder of --content: the next start would take '
    'the paintings for pictures to paint; pass another --output',
  )
  target = output / f'{content.stem}.png'
  core.require(
    variations > 1 or content.resolve() != target.resolve(),
    f'{content} would be replaced by its own painting; pass another --output',
  )


def paint_into(
  request: Request,
  output: pathlib.Path | None = None,
  *,
  devices: int = 1,
  overwrite: bool = False,
  say: Callable[[str], object] = lambda line: None,
  show: Callable[[str], object] = lambda line: None,
) -> list[pathlib.Path]:
  """Paint a request into a folder, from where the last call stopped.

  Args:
    request: what to paint.
    output: the folder; None: `painted` in the run folder.
    devices: number of devices that share the paintings.
    overwrite: paint again what is there.
    say: takes lines on what happens.
    show: takes a line for each painting.

  Returns:
    The files of the paintings.
  """
  if output is None:
    folder = request.run and request.run.folder
    if not folder:
      raise core.UserError('paint needs --output=FOLDER where there is no RUN')
    output = pathlib.Path(folder) / painted.FOLDER
  if request.sources is not None:
    # Paintings would become sources, and the next call had others.
    root = pathlib.Path(request.sources).expanduser().resolve()
    core.require(
      not output.resolve().is_relative_to(root),
      f'--output={output} lies in --sources={request.sources}: paintings '
      'would become sources; pass an --output outside of it',
    )
  if request.content is not None:
    _require_apart(request.content, output, request.variations)
  painter, variables, gallery, wanted = _ready(request)
  done, rest = plan.plan(
    painter,
    gallery,
    wanted,
    output,
    run=request.run,
    variations=request.variations,
    seed=request.seed,
    overwrite=overwrite,
  )
  if done:
    say(f'{len(done)} of {len(done) + len(rest)} are painted already')

  def shown(work: plan.Work, notes: dict[str, Any]) -> None:
    show(f'{work.path}: {painted.describe(notes)}')

  if rest:
    atelier = session.Atelier(painter, gallery, variables, say)
    session.paint_all(
      atelier,
      rest,
      devices=mesh.make_devices(devices).mesh.local_devices,
      seed=request.seed,
      done=shown,
    )
  files = [work.path for work in sorted((*done, *rest), key=lambda w: w.path)]
  session.write_sheet(output, files)
  return files
