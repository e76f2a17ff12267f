"""Keras' HDF5 files of weights: arrays only.

A layer's Python code, the model's configuration and everything else that Keras
would run or build stands in attributes, which are not read. Nor is anything
read that lies outside the file: links and data sets that point to other files
are refused, and so are filters that HDF5 would load as plug-ins.
"""

import math
from typing import Any

import h5py
import numpy as np

from art_jax import core

# Those that HDF5 and h5py bring along; any other would load a plug-in.
_FILTERS = {'gzip', 'lzf', 'shuffle', 'fletcher32'}


class Refused(core.UserError):
  """The file holds something other than arrays of its own."""


def read(path: str, max_bytes: int, max_tensors: int) -> dict[str, np.ndarray]:
  """Return the arrays of an HDF5 file by path, 'layer/layer/kernel:0'.

  Of a whole saved model, only what lies under 'model_weights'.

  Raises:
    Refused: if something lies outside the file, or is no array of numbers.
  """
  with h5py.File(path, 'r') as file:
    model = _own(file, 'model_weights')
    root = model if isinstance(model, h5py.Group) else file
    datasets = _datasets(root, max_tensors)
    size = sum(math.prod(d.shape) * d.dtype.itemsize for d in datasets.values())
    core.require(
      size <= max_bytes,
      f'its arrays have {size} bytes: more than {max_bytes}',
      Refused,
    )
    return {name: dataset[()] for name, dataset in datasets.items()}


def _own(group: h5py.Group, name: str) -> Any:
  """Return an entry; None where a link leads elsewhere, or nowhere."""
  own = isinstance(group.get(name, getlink=True), h5py.HardLink)
  return group[name] if own else None


def _datasets(root: h5py.Group, most: int) -> dict[str, h5py.Dataset]:
  """Return the data sets below `root`, each checked; none is read."""
  datasets: dict[str, h5py.Dataset] = {}
  queue, entries = [('', root)], 0
  while queue:
    prefix, group = queue.pop()
    for key in group.keys():
      name = f'{prefix}{key}'
      entries += 1
      # A group may hold itself: names that grow for ever end here.
      core.require(
        entries <= 20 * most and len(name) <= 1000,
        'it holds too many entries',
        Refused,
      )
      item = _own(group, key)
      core.require(
        item is not None, f"'{name}' is a link that leads elsewhere", Refused
      )
      if isinstance(item, h5py.Group):
        queue.append((f'{name}/', item))
      else:
        _require_numbers(name, item)
        datasets[name] = item
      core.require(
        len(datasets) <= most, f'it holds more than {most} arrays', Refused
      )
  core.require(datasets, 'it holds no arrays', Refused)
  return datasets


def _require_numbers(name: str, item: Any) -> None:
  core.require(
    isinstance(item, h5py.Dataset) and item.dtype.kind in 'fiub',
    f"'{name}' is no array of numbers",
    Refused,
  )
  core.require(item.shape is not None, f"'{name}' is empty", Refused)
  core.require(
    not item.external and not item.is_virtual,
    f"the numbers of '{name}' lie in another file",
    Refused,
  )
  filters: Any = item._filters
  unknown = set(filters) - _FILTERS
  if unknown:
    raise Refused(f"'{name}' needs the filter {sorted(unknown)[0]}")
