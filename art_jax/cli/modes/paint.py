"""`art_jax paint`: compose small, paint large."""

import pathlib
import sys
from typing import Any

from art_jax import core
from art_jax.cli import options
from art_jax.painter import request


def run(flags: Any) -> None:
  """Paint what RUN samples, or --content, with strokes of the sources."""
  named = flags.run or flags.weights
  core.require(
    named or not flags.style,
    f'--style={flags.style}: it is for a RUN of AdaIN; paintings whose strokes '
    'are used are named by --sources=FOLDER',
  )
  model = options.painter(flags) if named else None
  wanted = request.Request(
    run=model,
    content=flags.content,
    sources=flags.sources,
    count=flags.count,
    seed=flags.seed,
    labels=tuple(flags.labels),
    direction=flags.direction,
    variations=flags.variations,
    size=flags.size,
    num_sources=flags.num_sources,
    quality=flags.quality,
    max_copy=flags.max_copy,
    upscale=flags.upscale,
  )
  output = pathlib.Path(flags.output).expanduser() if flags.output else None
  request.paint_into(
    wanted,
    output,
    devices=flags.devices or 1,
    overwrite=flags.overwrite,
    say=lambda line: print(line, file=sys.stderr),
    show=print,
  )
