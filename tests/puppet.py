"""A generator whose samples a test chooses: for probes, alarms and reports."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from art_jax import core
from art_jax.data.dataset import Dataset, Examples
from art_jax.data.sources import Builtin

SIZE = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Puppet:
  """Shows the pictures of its state; they are best after `best` steps.

  Attributes:
    num_classes: as of a conditional GAN.
    best: step at which the samples are most like the data.
    loss: 'falling', or 'rising' a hundredfold from the tenth step on.
  """

  aligned: ClassVar[bool] = False
  num_classes: int = 0
  best: int = 4
  loss: str = 'falling'

  @property
  def inputs(self):
    return ('image', 'label') if self.num_classes else ('image',)

  def networks(self, batch):
    return {}

  def init(self, key, batch, pretrained=()):
    return {'clock': jnp.int32(0), 'shown': jnp.zeros_like(batch['image'])}

  def step(self, state, batch, key):
    clock = state['clock'] + 1
    away = 0.1 * jnp.abs(clock - self.best)
    loss = 1 / (clock + 1.0)
    if self.loss == 'rising':
      loss = jnp.where(clock < 10, 1.0, 100.0)
    shown = batch['image'] + away
    return {'clock': clock, 'shown': shown}, {'loss/total': loss}

  def render(self, state, batch, key):
    return {'samples': jnp.clip(state['shown'], -1, 1)}

  def inference(self, state):
    return state['shown']

  def latents(self, key, count):
    return jnp.arange(count, dtype=jnp.float32)[:, None]

  def generate(self, params, latents, labels=None, *, key=None):
    rows = latents[:, 0].astype(jnp.int32) % params.shape[0]
    return jnp.take(params, rows, axis=0)


def experiment(*, duration: int = 8, alarms=None, **fields) -> core.Experiment:
  """Return a run that looks at itself at every step."""
  train = {name: fields.pop(name) for name in list(fields) if name in _TRAIN}
  if alarms is not None:
    train['alarms'] = alarms
  return core.Experiment(
    algorithm=Puppet(**fields),
    data=core.Data(
      source=Builtin(layout='images', count=40), size=SIZE, flip=False
    ),
    train=core.Train(
      duration=duration,
      batch_size=32,
      log_every=1,
      **{'render_every': 1, 'checkpoint_every': 1, **train},
    ),
  )


_TRAIN = {field.name for field in dataclasses.fields(core.Train)}


def pictures(count: int, classes: int = 1, seed: int = 0):
  """Return smooth coloured pictures, u8[N, 32, 32, 3], and their labels.

  Those of a class share their coarse composition, as photographs of one
  subject do; each has details of its own.
  """
  rng = np.random.default_rng(seed)
  labels = np.arange(count) % classes
  coarse = rng.normal(0, 0.5, (classes, 4, 4, 3))[labels]
  fine = rng.normal(0, 0.35, (count, 8, 8, 3))
  whole = np.kron(coarse, np.ones((1, 8, 8, 1)))
  whole = whole + np.kron(fine, np.ones((1, 4, 4, 1)))
  return np.clip(127.5 * (whole + 1), 0, 255).astype(np.uint8), labels


def dataset(images: np.ndarray, labels: np.ndarray, heldout: int) -> Dataset:
  """Return arrays as a data set; the last `heldout` rows are held out."""

  def space(rows):
    return Examples(
      ('image', 'label'),
      [str(i) for i in rows],
      lambda i: {'image': images[rows[i]], 'label': np.int32(labels[rows[i]])},
    )

  rows = range(len(images))
  cut = len(images) - heldout
  return Dataset((space(rows[:cut]),), (space(rows[cut:]),))


def floats(images: np.ndarray) -> np.ndarray:
  """Return u8 pictures as the model sees them."""
  return (images.astype(np.float32) / 127.5) - 1


def state(samples: np.ndarray) -> dict:
  """Return the state of a Puppet that shows these samples."""
  return {'clock': jnp.int32(1), 'shown': jax.numpy.asarray(samples)}
