"""The weights of the FID InceptionV3, in the names of pytorch-fid."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from art_jax.nn.inception import NUM_OUTPUTS, SIDE, WIDTH, FIDInception
from art_jax.weights import batch_norm, catalogue
from art_jax.weights.files import read

_EPSILON = 1e-3


def load(path: str | os.PathLike | None = None) -> dict[str, Any]:
  """Return the weights of `FIDInception`.

  Args:
    path: of the file; None: `inception_fid` of the catalogue.

  Returns:
    params: the network's, batch norms folded in; outputs: f32[2048, 1008], the
    last layer without its bias, as inception scores use it.

  Raises:
    WeightsError: the file is missing, or not these weights.
  """
  return convert(read(catalogue.find(os.fspath(path or 'inception_fid'))))


def convert(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
  """Return what `load` does, of tensors by pytorch-fid's names."""
  params = batch_norm.fold_network(
    FIDInception(),
    SIDE,
    tensors,
    lambda path: ('.'.join((*path, 'conv')), '.'.join((*path, 'bn'))),
    _EPSILON,
  )
  # A classifier's own InceptionV3 has the same names, but 1,000 outputs.
  outputs = batch_norm.take(tensors, 'fc.weight', (NUM_OUTPUTS, WIDTH))
  return {'params': params, 'outputs': outputs.T}
