"""Published models: a config and weights, on the hub or in a folder.

config.txt          the experiment, as in a run folder: a literal, not code
config.json         what a reader wants to know without art_jax
model.safetensors   what `algorithm.inference` gives, by names 'a/b/c'
README.md           the model card
samples/            pictures

Only the first three are read; nothing is executed.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
from etils import epath
from safetensors import numpy as safetensors_numpy

from art_jax import core
from art_jax.config import experiments, shapes
from art_jax.core import hub
from art_jax.core.paths import printable
from art_jax.inference import run as runs
from art_jax.runs.folder import RunFolder

CONFIG, TABLE, WEIGHTS = 'config.txt', 'config.json', 'model.safetensors'
FORMAT = 1  # of these files
_MAX_TABLE = 2**20  # bytes


def is_published(folder: str | pathlib.Path) -> bool:
  """Tell whether a folder is a published model, and no run."""
  path = epath.Path(folder).expanduser()
  return (path / WEIGHTS).exists() and not (path / 'checkpoints').exists()


def pinned(text: str) -> str:
  """Return 'hf:owner/name@commit' of a model on the hub; raises UserError."""
  return str(hub.pin(hub.parse(text), 'model'))


def fetch(text: str) -> pathlib.Path:
  """Download the three files of a model; return their folder.

  Raises:
    core.UserError: it cannot be reached, or art_jax did not publish it.
  """
  name = hub.pin(hub.parse(text), 'model')
  core.require(
    not name.part, f'{text}: a model has no parts; leave :{name.part} out'
  )
  wanted = (CONFIG, TABLE, WEIGHTS)
  try:
    there = hub.files(name, 'model')
  except core.UserError:
    folder = hub.fetch(name, 'model', wanted)  # without network: as it is kept
    there = [file for file in wanted if (folder / file).is_file()]
    if CONFIG not in there or WEIGHTS not in there:
      raise
  missing = [file for file in (CONFIG, WEIGHTS) if file not in there]
  core.require(
    not missing,
    f'{name} has no {" and no ".join(missing)}: art_jax did not publish it '
    f'(its files: {printable(", ".join(there[:8])) or "none"}); weights of '
    'others are read from a file, by --weights or art_jax.load_weights',
  )
  return hub.fetch(name, 'model', wanted)


def load(
  folder: str | pathlib.Path, extra: Mapping[str, type] | None = None
) -> runs.Run:
  """Load a published model.

  Args:
    folder: that holds it.
    extra: classes of a user's own experiment file, by name.

  Raises:
    core.UserError: a file is missing or damaged, or the weights do not fit
      the config.
  """
  folder = pathlib.Path(folder).expanduser()
  experiment = RunFolder(folder, writable=False).read_config(extra)
  if experiment is None:
    raise core.UserError(
      f'{folder}: there is no {CONFIG} beside {WEIGHTS}; publish it again'
    )
  table = _read_table(folder / TABLE)
  names = table.get('classes')
  return runs.Run(
    experiment,
    _read_weights(folder / WEIGHTS, experiment),
    step if isinstance(step := table.get('step'), int) else None,
    tuple(map(str, names)) if isinstance(names, list) else (),
  )


def flat(params: core.Params) -> dict[str, Any]:
  """Return the leaves of parameters by names such as 'ab/params/stem/bias'."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(params)
  return {
    jax.tree_util.keystr(path, simple=True, separator='/'): leaf
    for path, leaf in leaves
  }


def weights_bytes(params: core.Params) -> bytes:
  """Return the content of `model.safetensors`."""
  arrays = {
    name: np.ascontiguousarray(leaf) for name, leaf in flat(params).items()
  }
  return safetensors_numpy.save(arrays, {'format': 'art_jax'})


def _read_weights(path: pathlib.Path, experiment: core.Experiment) -> Any:
  """Return the parameters, of exactly the shapes that the config needs."""
  resolved = experiments.resolve(experiment, num_examples=1)
  state = shapes.state_shapes(resolved)
  template = jax.eval_shape(experiment.algorithm.inference, state)
  try:
    arrays = safetensors_numpy.load_file(path)
  except (OSError, safetensors.SafetensorError, ValueError) as error:
    raise core.UserError(
      f'{path} cannot be read as safetensors ({error}); get it again'
    ) from None
  needed = {
    name: (tuple(leaf.shape), str(leaf.dtype))
    for name, leaf in flat(template).items()
  }
  there = {name: (x.shape, str(x.dtype)) for name, x in arrays.items()}
  for name in sorted(needed.keys() | there.keys()):
    core.require(
      needed.get(name) == there.get(name),
      f'{path}: tensor {printable(name)!r} is '
      f'{_shown(there.get(name))}, and its {CONFIG} needs '
      f'{_shown(needed.get(name))}; get both files again',
    )
  leaves = [jnp.asarray(arrays[name]) for name in flat(template)]
  return jax.tree.unflatten(jax.tree.structure(template), leaves)


def _shown(kind: tuple[tuple[int, ...], str] | None) -> str:
  return 'none' if kind is None else f'{kind[1]}{list(kind[0])}'


def _read_table(path: pathlib.Path) -> dict[str, Any]:
  try:
    if path.stat().st_size > _MAX_TABLE:
      return {}
    table = json.loads(path.read_text('utf-8'))
  except (OSError, ValueError):
    return {}  # numbers name the classes as well
  return table if isinstance(table, dict) else {}
