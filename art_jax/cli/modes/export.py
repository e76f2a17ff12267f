"""`art_jax export RUN`: a program that needs only jax, or an ONNX file."""

from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.inference import export


def run(flags: Any) -> None:
  """Write the program into --output and print its files."""
  options.need(flags, 'output')
  kind = flags.format or 'stablehlo'
  core.require(
    kind in ('stablehlo', 'onnx'),
    f'--format={kind}: a model is exported as stablehlo or onnx',
  )
  core.require(
    kind == 'onnx' or not flags.uint8,
    '--uint8 is for --format=onnx; StableHLO takes f32 in [-1, 1]',
  )
  if kind == 'onnx':
    from art_jax.inference import onnx_export

    for path in onnx_export.write(
      options.model(flags),
      flags.output,
      flags.direction,
      as_bytes=flags.uint8,
      overwrite=flags.overwrite,
    ):
      print(path)
    return
  for path in export.write(
    options.model(flags),
    flags.output,
    flags.direction,
    overwrite=flags.overwrite,
  ):
    print(path)
