"""Using a trained model: `art_jax.load(run).sample(16, seed=1)`."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath

from art_jax import core
from art_jax.config import renamed
from art_jax.runs import restore
from art_jax.runs.folder import RunFolder

if TYPE_CHECKING:
  from art_jax.inference.large import Function


@dataclasses.dataclass(frozen=True)
class Run:
  """A trained model, ready to use.

  Attributes:
    experiment: what was trained.
    params: what `algorithm.inference` gives, on the default device.
    step: step of the checkpoint; None for foreign weights.
    class_names: of the classes of its data, in the order of their numbers.
    folder: that it was loaded from; None for foreign weights.
  """

  experiment: core.Experiment
  params: core.Params
  step: int | None = None
  class_names: tuple[str, ...] = ()
  folder: epath.Path | None = None

  @property
  def algorithm(self) -> core.Algorithm:
    """The model itself."""
    return self.experiment.algorithm

  def sample(
    self,
    n: int,
    *,
    labels: int | str | Sequence[int | str] | None = None,
    seed: int = 0,
    floats: bool = False,
  ) -> np.ndarray:
    """Make pictures out of nothing but a seed.

    Memory is bounded: they are made in chunks of 64 or fewer.

    Args:
      n: how many, >= 1.
      labels: of a conditional model, classes by name or number: one for all,
        or several that are dealt in turn, or 'all'.
      seed: of the latents, in [0, 2**32); picture i depends on the seed, its
        label and i alone.
      floats: return f32 in [-1, 1] instead of bytes.

    Returns:
      u8[n, H, W, C], or f32.

    Raises:
      core.UserError: the model makes no pictures of latents, needs labels and
        got none, or has no such class.
    """
    if not isinstance(self.algorithm, core.Generative):
      raise core.UserError(
        f'{type(self.algorithm).__name__} makes no pictures of latents; use a '
        'run of a GAN, a diffusion model, a VAE or an autoencoder'
      )
    core.require(n >= 1, f'n={n}: it is at least 1')
    require_seed(seed)
    from art_jax.sampling import generate
    from art_jax.sampling import labels as label_numbers

    classes = label_numbers.numbers(labels, self.algorithm, self.class_names)
    make = generate.generate if floats else generate.generate_bytes
    return make(
      self.experiment,
      self.params,
      generate.latents(self.algorithm, seed, n),
      label_numbers.deal(classes, n),
      seed=seed,
    )

  def styled(self, paintings: Sequence[np.ndarray]) -> 'Run':
    """Return a model that paints like any painting, for some (AdaIN).

    Args:
      paintings: f32[1, h, w, 3] in [-1, 1] each; several are blended, by
        `algorithm.blend`.

    Raises:
      core.UserError: this model was trained on certain paintings and takes no
        other.
    """
    if not isinstance(self.algorithm, core.Stylable):
      raise core.UserError(
        f'{type(self.algorithm).__name__} paints as it was trained to; leave '
        'the paintings out, or choose one by the direction '
        f'({", ".join(core.directions(self.algorithm))})'
      )
    params = self.algorithm.styled(self.params, [*map(jnp.asarray, paintings)])
    return dataclasses.replace(self, params=params)

  def direction(self, name: str | None = None) -> str:
    """Return the direction of a translation by its name; None: the first.

    Raises:
      core.UserError: if the model translates nothing, or not this way.
    """
    if not isinstance(self.algorithm, core.Translator):
      raise core.UserError(
        f'{type(self.algorithm).__name__} does not translate pictures; use a '
        'run of CycleGAN or another translator'
      )
    known = self.algorithm.directions
    direction = name or known[0]
    if direction not in known:
      direction = renamed.option('direction', direction)
    require_direction(self.algorithm, direction, 'direction')
    # Params are by direction, but of a model that has one network for all.
    params = self.params if isinstance(self.params, Mapping) else ()
    there = [name for name in known if name in params]
    core.require(
      not there or direction in there,
      f'direction={direction!r}: these weights hold one map only; leave '
      f'the direction out, or pass {", ".join(there)}',
    )
    return direction

  def translate(
    self,
    images: Any,
    direction: str | None = None,
    *,
    seed: int = 0,
    scratch: str | pathlib.Path | None = None,
  ) -> np.ndarray:
    """Translate pictures of any size.

    What does not fit into memory is translated in tiles, with the result of the
    whole picture up to rounding; see `inference.tiles`.

    Args:
      images: u8[N, H, W, C] in 0..255 or f32 in [-1, 1]; one picture without
        the leading axis works too. The sides are padded by reflection to the
        multiple that the network needs, and the result is cut back.
      direction: one of `algorithm.directions`; None: the first.
      seed: of the randomness, for models that have any.
      scratch: folder for what does not fit into memory; None: the system's for
        temporary files.

    Returns:
      An array of the shape and type of `images`.

    Raises:
      core.UserError: if the model translates nothing, or not this way, or
        pictures are too large for it, or of other channels or type.
    """
    from art_jax.inference import sizes  # here: a run may only sample

    function = _translation(self.algorithm, self.direction(direction))
    sizes.require_pictures(images, self.experiment.data.channels)
    multiple = core.size_multiple(self.algorithm)
    require_seed(seed)
    params = self.params, jax.random.key(seed)
    return sizes.translate(function, params, images, multiple, scratch)

  def inpaint(self, images: Any, mask: Any, *, seed: int = 0) -> np.ndarray:
    """Repaint parts of pictures, so that they fit the rest.

    Args:
      images: as in `translate`.
      mask: bool[N, H, W] or bool[H, W], True where the model paints.
      seed: of the noise.

    Returns:
      An array of the shape and type of `images`; what the mask leaves is as
      it was.

    Raises:
      core.UserError: if the model cannot, or the mask is of another size.
    """
    from art_jax.inference import large, sizes

    algorithm = self.algorithm
    if not isinstance(algorithm, core.Inpainter):
      raise core.UserError(
        f'{type(algorithm).__name__} does not inpaint; use a run of a '
        'diffusion model'
      )
    images, mask = np.asarray(images), np.asarray(mask, bool)
    sizes.require_pictures(images, self.experiment.data.channels)
    *each, height, width, _ = images.shape
    core.require(
      mask.shape[-2:] == (height, width)
      and [*mask.shape[:-2]] in ([], [1] * len(each), each),
      f'mask of shape {mask.shape} for pictures of shape {images.shape}: '
      'pass one of their height and width for all, or as many as pictures',
    )

    require_seed(seed)
    function, multiple = _inpainting(algorithm), algorithm.multiple
    hole = np.broadcast_to(mask, images.shape[:-1])
    hole = hole.reshape(-1, *mask.shape[-2:], 1).astype(np.float32)
    hole, _ = sizes.pad_to_multiple(hole, multiple)

    def make(x, convert, finish):
      params = self.params, hole, jax.random.key(seed)
      small = self.params, None, params[2]
      large.require_fits(function, small, x.shape, multiple)
      return finish(np.asarray(jax.jit(function)(params, convert(x))))

    made = sizes.padded(images, multiple, make)
    return np.where(mask[..., None], made, images)


def require_seed(seed: int, name: str = 'seed') -> None:
  """Raise UserError unless a seed is one of those that jax tells apart."""
  core.require(
    0 <= seed < 2**32, f'{name}={seed}: it is at least 0 and below 2**32'
  )


def require_direction(
  algorithm: core.Translator, direction: str, name: str
) -> None:
  """Raise UserError unless a model translates this way.

  Args:
    algorithm: the model.
    direction: which way.
    name: of the argument, for the message.
  """
  known = algorithm.directions
  advice = ''
  if known == (direction[::-1],):  # pix2pix and CUT learn one map
    advice = (
      '; this model learned no other: train one with '
      f'--set algorithm.direction={direction}'
    )
  core.require(
    direction in known,
    f'{name}={direction!r}: it is one of {", ".join(known)}{advice}',
  )


def load(
  run: str | pathlib.Path,
  checkpoint: int | str = 'latest',
  extra: Mapping[str, type] | None = None,
) -> Run:
  """Load a run folder, or a published model.

  Args:
    run: the folder that training or publishing wrote, or
      'hf:owner/name[@revision]'. Of a published model only a literal config
      and safetensors are read; nothing is executed.
    checkpoint: 'latest', 'best' (see `train.best_metric`) or a step.
    extra: classes of a user's own experiment file, by name.

  Returns:
    The model with its networks, ready to sample, translate or evaluate.

  Raises:
    core.UserError: if it is no run, or has no such checkpoint.
  """
  # A run folder has checkpoints: it is loaded without what publishing needs.
  if not (epath.Path(run) / 'checkpoints').exists():
    from art_jax.core import hub
    from art_jax.inference import published

    if hub.is_name(run) or published.is_published(run):
      core.require(
        checkpoint == 'latest',
        f'--checkpoint={checkpoint}: a published model has one; leave it out',
      )
      folder = published.fetch(str(run)) if hub.is_name(run) else run
      return published.load(folder, extra)
  experiment, restored = restore.restore(run, checkpoint, extra)
  params = experiment.algorithm.inference(restored.state)
  folder = RunFolder(run, writable=False)
  return Run(
    experiment,
    jax.tree.map(jnp.array, params),
    restored.step,
    folder.class_names(),
    folder.path,
  )


@functools.lru_cache(maxsize=8)
def _translation(algorithm: Any, direction: str) -> 'Function':
  """Return one function per model and direction: jit compiles it per size."""

  def function(params, images):
    params, key = params
    return algorithm.translate(params, images, direction, key=key)

  return function


@functools.lru_cache(maxsize=8)
def _inpainting(algorithm: core.Inpainter) -> 'Function':
  def function(params, images):
    params, hole, key = params
    if hole is None:  # to measure what a picture of any size needs
      hole = images[..., :1]
    return algorithm.inpaint(params, images, hole, key=key)

  return function
