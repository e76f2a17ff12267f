"""How the pictures of fixed latents changed while a model trained."""

from typing import Any

import numpy as np
from PIL import Image

from art_jax import core
from art_jax.sampling import captions
from art_jax.sampling.study import Film, Request, Result

NEEDS = ('pictures of its training',)
_FRAMES = 200
_SECONDS = 10
_RATES = (2, 4, 5, 10, 20)  # frames a second that a GIF can keep
_LAST_SECONDS = 1.5
_LEAST_WIDTH = 256


def study(run: Any, request: Request) -> Result:
  """Make a film of every kind of picture that the training rendered.

  The run rendered the same latents, or held-out pictures, each time, so the
  grids that it saved are the frames; the step stands above.

  Returns:
    `timelapse_NAME` for each NAME in images/, of at most `frames` frames,
    evenly chosen; the last one stays a while.
  """
  films, parts = {}, []
  for name, paths in _saved(run.folder / 'images').items():
    frames, left_out = _frames(_spread(paths, request.frames or _FRAMES))
    fps = _rate(len(frames))
    still = [frames[-1]] * round(_LAST_SECONDS * fps)
    films[f'timelapse_{name}'] = Film([*frames, *still], fps)
    others = f' ({left_out} of another size left out)' if left_out else ''
    parts.append(
      f'{name}: {len(frames)} of {len(paths)} saved pictures{others}'
    )
  core.require(
    films, f'{run.folder / "images"} holds no pictures yet; wait for the first'
  )
  return Result('; '.join(parts), films=films)


def _saved(folder: Any, name: str = '') -> dict[str, list[Any]]:
  """Return the grids in the order of their steps, by name."""
  grids: dict[str, list[Any]] = {}
  for path in sorted(folder.iterdir(), key=lambda p: p.name):
    if path.is_dir():
      grids |= _saved(path, f'{name}_{path.name}' if name else path.name)
    elif path.suffix == '.png' and path.stem.isdecimal():
      grids.setdefault(name, []).append(path)
  return {
    name: sorted(paths, key=lambda p: int(p.stem))
    for name, paths in grids.items()
  }


def _spread(paths: list[Any], most: int) -> list[Any]:
  count = min(len(paths), most)
  index = np.linspace(0, len(paths) - 1, count).round().astype(int)
  return [paths[i] for i in index]


def _frames(paths: list[Any]) -> tuple[list[np.ndarray], int]:
  """Return the frames, and how many were left out for their size."""
  grids = []
  for path in paths:
    with path.open('rb') as file, Image.open(file) as image:
      grids.append(np.asarray(image.convert('RGB')))
  # A run that went on with another render_count has others at first.
  kept = [
    captions.titled(
      f'step {int(path.stem)}', captions.enlarge(grid, _LEAST_WIDTH)
    )
    for path, grid in zip(paths, grids, strict=True)
    if grid.shape == grids[-1].shape
  ]
  return kept, len(grids) - len(kept)


def _rate(frames: int) -> int:
  """Return frames a second for a film of about ten seconds."""
  return next((r for r in _RATES if frames <= r * _SECONDS), _RATES[-1])
