"""A trained model as a program and a file of weights.

`program_<name>.stablehlo` is a `jax.export` artifact for CPU, CUDA and TPU
that takes (weights, images) of a translator, whose name is a direction, or
(weights, latents[, labels]) of a 'generator'; it needs jax but not art_jax. It
can be read for about six months of jax releases, so
`weights_<name>.safetensors` and the config are the archive, not the program.
"""

import pathlib

import jax
import numpy as np
from jax import export as jax_export
from safetensors.numpy import save

from art_jax.config import serialization
from art_jax.core.paths import (
  make_folder,
  require_free,
  require_no_run,
  write_atomic,
)
from art_jax.inference import programs
from art_jax.inference.programs import Program
from art_jax.inference.run import Run

_PLATFORMS = ('cpu', 'cuda', 'tpu')


def write(
  run: Run,
  output: str | pathlib.Path,
  direction: str | None = None,
  *,
  overwrite: bool = False,
) -> list[pathlib.Path]:
  """Write config, and program and weights of one direction, or of all.

  Args:
    run: a trained translator, or a model that makes pictures of latents.
    output: a folder; made if missing.
    direction: None exports every direction that the run knows.
    overwrite: replace files that exist.

  Returns:
    The paths written.

  Raises:
    core.UserError: if the model does neither, a file exists, or it is the
      folder of a run.
  """
  chosen = programs.of_run(run, direction)
  output = pathlib.Path(output).expanduser()
  require_no_run(output, '--output')
  names = ['config.txt']
  for one in chosen:
    names += [
      f'program_{one.name}.stablehlo',
      f'weights_{one.name}.safetensors',
    ]
  for name in names:
    require_free(output / name, overwrite)
  make_folder(output)
  text = serialization.to_text(run.experiment) + '\n'
  write_atomic(output / 'config.txt', text)
  for one in chosen:
    arrays = {name: np.asarray(value) for name, value in one.weights.items()}
    write_atomic(output / f'weights_{one.name}.safetensors', save(arrays))
    content = bytes(exported(one).serialize())
    write_atomic(output / f'program_{one.name}.stablehlo', content)
  return [output / name for name in names]


def exported(program: Program) -> jax_export.Exported:
  """Return the exported function (weights, *inputs) -> pictures.

  weights are named as in the safetensors file; pictures are f32[N, H, W, C] in
  [-1, 1] with any N and with H and W any multiples of the network's.
  """
  shapes = [
    jax.ShapeDtypeStruct(value.shape, value.dtype)
    for value in program.weights.values()
  ]
  weights = dict(zip(program.weights, shapes, strict=True))
  inputs = [jax.ShapeDtypeStruct(i.shape, i.dtype) for i in program.inputs]
  function = jax.jit(program.call)
  return jax_export.export(function, platforms=_PLATFORMS)(weights, *inputs)
