"""The weights of the FID InceptionV3, in the names of pytorch-fid."""

import os
from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
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
  shapes = jax.eval_shape(
    FIDInception().init, jax.random.key(0), jnp.zeros((1, SIDE, SIDE, 3))
  )['params']
  layers = flax.traverse_util.flatten_dict(shapes, sep='.')
  params = {}
  for name, shape in layers.items():
    if name.endswith('.kernel'):
      layer = name.removesuffix('.kernel')
      params[tuple(layer.split('.'))] = batch_norm.fold(
        tensors, f'{layer}.conv', f'{layer}.bn', _EPSILON, shape.shape
      )
  # A classifier's own InceptionV3 has the same names, but 1,000 outputs.
  outputs = batch_norm.take(tensors, 'fc.weight', (NUM_OUTPUTS, WIDTH))
  return {
    'params': flax.traverse_util.unflatten_dict(params),
    'outputs': outputs.T,
  }
