"""A trained translator as a program and a file of weights.

`program_<direction>.stablehlo` is a `jax.export` artifact for CPU, CUDA and
TPU that takes (weights, images); it needs jax but not art_jax. It can be read
for about six months of jax releases, so `weights_<direction>.safetensors` and
the config are the archive, not the program.
"""

import pathlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import export as jax_export
from safetensors.numpy import save

from art_jax import core
from art_jax.config import renamed, serialization
from art_jax.core.paths import make_folder, require_free, write_atomic
from art_jax.inference.run import Run, require_direction
from art_jax.nn import lowering

_PLATFORMS = ('cpu', 'cuda', 'tpu')


def write(
  run: Run,
  output: str | pathlib.Path,
  direction: str | None = None,
  *,
  overwrite: bool = False,
) -> list[pathlib.Path]:
  """Write program, weights and config of one direction, or of all.

  Args:
    run: a trained translator.
    output: a folder; made if missing.
    direction: None exports every direction that the run knows.
    overwrite: replace files that exist.

  Returns:
    The paths written.

  Raises:
    core.UserError: if the model translates nothing or a file exists.
  """
  algorithm = _translator(run)
  if direction is not None and direction not in algorithm.directions:
    direction = renamed.option('direction', direction)
  if direction is not None:
    require_direction(algorithm, direction, '--direction')
  known = run.params.keys() if isinstance(run.params, Mapping) else ()
  directions = [direction] if direction else list(algorithm.directions)
  directions = [d for d in directions if not known or d in known]
  output = pathlib.Path(output).expanduser()
  contents = ['config.txt']
  for name in directions:
    contents += [f'program_{name}.stablehlo', f'weights_{name}.safetensors']
  for name in contents:
    require_free(output / name, overwrite)
  make_folder(output)
  text = serialization.to_text(run.experiment) + '\n'
  write_atomic(output / 'config.txt', text)
  for name in directions:
    weights = save(flat_weights(run.params, name))
    write_atomic(output / f'weights_{name}.safetensors', weights)
    write_atomic(
      output / f'program_{name}.stablehlo',
      bytes(program(run, name).serialize()),
    )
  return [output / name for name in contents]


def program(run: Run, direction: str) -> jax_export.Exported:
  """Return the exported function (weights, images) -> images.

  weights are named as in the safetensors file; images are f32[N, H, W, C] in
  [-1, 1] with any N and with H and W any multiples of the network's.
  """
  algorithm, params = _translator(run), run.params[direction]

  def translate(weights, images):
    tree = traverse_util.unflatten_dict(weights, sep='/')
    with lowering.native_lowering():  # the sizes are symbolic: no rule by shape
      # No key: an exported program draws no random numbers.
      return algorithm.translate(
        {direction: tree},
        images,
        direction,
        key=None,  # pyright: ignore[reportArgumentType]
      )

  shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype),
    traverse_util.flatten_dict(params, sep='/'),
  )
  multiple, channels = algorithm.multiple, run.experiment.data.channels
  pixels = jax_export.symbolic_shape(
    f'n, {multiple}*h, {multiple}*w, {channels}',
    constraints=['h >= 4', 'w >= 4', 'n >= 1'],
  )
  images = jax.ShapeDtypeStruct(pixels, jnp.float32)
  return jax_export.export(jax.jit(translate), platforms=_PLATFORMS)(
    shapes, images
  )


def _translator(run: Run) -> core.Translator:
  if isinstance(run.algorithm, core.Translator):
    return run.algorithm
  raise core.UserError(
    f'{type(run.algorithm).__name__} cannot be exported: it does not '
    'translate; use a run of CycleGAN or another translator'
  )


def flat_weights(params: core.Params, direction: str) -> dict[str, np.ndarray]:
  """Return one direction's variables by 'params/layer/...' names."""
  flat = traverse_util.flatten_dict(params[direction], sep='/')
  return {name: np.asarray(value) for name, value in flat.items()}
