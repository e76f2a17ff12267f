"""A small classifier that checks what conditional samples show.

It learns from the labeled pictures of a run and has nothing to do with the
networks of the run itself: a GAN that fools its own critic does not fool it.
"""

import hashlib

import jax
import numpy as np
import optax
from flax import linen as nn
from flax import serialization

from art_jax import core
from art_jax.core import paths
from art_jax.media import images as image_values
from art_jax.metrics import distances

_ROWS = 128
_VERSION = 1  # of the network and its training; old cache files are ignored


class Classifier(nn.Module):
  """Strided convolutions down to 4x4 or less, a hidden layer, a head.

  Attributes:
    num_classes: K.
    width: channels of the first layer; they double up to four times that.
    features: width of the hidden layer, the space of distances.
  """

  num_classes: int
  width: int = 32
  features: int = 128

  @nn.compact
  def __call__(self, x: jax.Array, train: bool = False):
    """Return (logits f32[B, K], features f32[B, F]) of [B, H, W, C]."""
    width = self.width
    while min(x.shape[1:3]) > 4:
      x = nn.relu(nn.Conv(width, (3, 3), 2)(x))
      width = min(2 * width, 4 * self.width)
    x = nn.relu(nn.Dense(self.features)(x.reshape(x.shape[0], -1)))
    hidden = nn.Dropout(0.3, deterministic=not train)(x)
    return nn.Dense(self.num_classes)(hidden), x


def fit(
  network: Classifier,
  pictures: np.ndarray,
  labels: np.ndarray,
  *,
  steps: int = 800,
  flip: bool = False,
  seed: int = 0,
) -> core.Params:
  """Train by Adam (1e-3, cosine to 0) on cross entropy, 128 rows a step.

  Args:
    network: to train.
    pictures: u8[N, H, W, C].
    labels: i32[N] in [0, K).
    steps: updates.
    flip: mirror every second picture.
    seed: of weights, order and dropout.

  Returns:
    The variables of the network.
  """
  rng = np.random.default_rng(seed)
  key = jax.random.key(seed)
  variables = network.init(key, image_values.from_uint8(pictures[:1]))
  optimizer = optax.adam(optax.cosine_decay_schedule(1e-3, steps))

  @jax.jit
  def update(variables, state, rows, labels, key):
    def loss(variables):
      logits, _ = network.apply(variables, rows, True, rngs={'dropout': key})
      return optax.softmax_cross_entropy_with_integer_labels(
        logits, labels
      ).mean()

    changes, state = optimizer.update(jax.grad(loss)(variables), state)
    return optax.apply_updates(variables, changes), state

  state = optimizer.init(variables)
  for step in range(steps):
    chosen = rng.integers(len(pictures), size=_ROWS)
    rows = image_values.from_uint8(pictures[chosen])
    if flip and step % 2:
      rows = rows[:, :, ::-1]
    step_key = jax.random.fold_in(key, step)
    variables, state = update(variables, state, rows, labels[chosen], step_key)
  return variables


def fit_once(
  network: Classifier, pictures: np.ndarray, labels: np.ndarray, **options
) -> core.Params:
  """Return what `fit` returns, from the user's cache when it is there."""
  state = hashlib.sha256(
    f'{_VERSION} {network} {sorted(options.items())}{pictures.shape}'.encode()
  )
  state.update(np.ascontiguousarray(pictures).data)
  state.update(np.ascontiguousarray(labels).data)
  path = paths.home() / f'classifier_{state.hexdigest()[:20]}'
  if path.exists():
    return serialization.msgpack_restore(path.read_bytes())
  variables = fit(network, pictures, labels, **options)
  paths.write_atomic(path, serialization.msgpack_serialize(variables))
  return variables


def predict(
  network: Classifier, variables: core.Params, pictures: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Return the class i64[N] and the features f32[N, F] of u8[N, H, W, C]."""
  apply = jax.jit(network.apply)
  outputs = [
    apply(variables, image_values.from_uint8(pictures[first : first + 500]))
    for first in range(0, len(pictures), 500)
  ]
  logits, features = map(np.concatenate, zip(*outputs, strict=True))
  return logits.argmax(axis=1), features


def spread_by_class(
  rows: np.ndarray, labels: np.ndarray, num_classes: int, limit: int = 100
) -> np.ndarray:
  """Return the mean distance of two rows of one class, f64[K].

  Args:
    rows: [N, ...]: features, or pictures.
    labels: i[N] in [0, K).
    num_classes: K.
    limit: rows of a class that are used at most.

  Returns:
    Euclidean distances; NaN for a class of less than two rows.
  """
  rows = rows.reshape(len(rows), -1).astype(np.float32)
  means = np.full(num_classes, np.nan)
  for c in range(num_classes):
    members = rows[np.flatnonzero(labels == c)[:limit]]
    if len(members) > 1:
      means[c] = distances.mean_pairwise(members)
  return means
