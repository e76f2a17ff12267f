"""A model that can do everything and that is known in closed form."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from art_jax import core
from art_jax.data.sources import Builtin
from art_jax.losses.adversarial import AdversarialLoss, NonSaturating

SIDE = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mirror:
  """x = tanh(z + class / 4), z the pixels; D(x) is the mean of a picture.

  Attributes:
    num_classes: 0: no labels.
    loss: what the score means.
    uniform: latents from U(0, 1) instead of N(0, 1).
  """

  inputs: ClassVar[tuple[str, ...]] = ('image',)
  aligned: ClassVar[bool] = False
  num_classes: int = 0
  loss: AdversarialLoss = NonSaturating()
  uniform: bool = False

  def networks(self, batch):
    return {}

  def init(self, key, batch, pretrained=()):
    return {'clock': jnp.int32(0)}

  def step(self, state, batch, key):
    clock = state['clock'] + 1
    return {'clock': clock}, {'loss/mirror': 1.0 / clock}

  def render(self, state, batch, key):
    shade = state['clock'] / 10.0
    return {'samples': jnp.full_like(batch['image'], shade)}

  def inference(self, state):
    return {}

  def latents(self, key, count):
    draw = jax.random.uniform if self.uniform else jax.random.normal
    return draw(key, (count, 3 * SIDE * SIDE))

  def generate(self, params, latents, labels=None, *, key=None):
    shift = 0 if labels is None else labels[:, None] / 4
    return jnp.tanh(latents + shift).reshape(-1, SIDE, SIDE, 3)

  def encode(self, params, images):
    return jnp.arctanh(0.999 * images).reshape(len(images), -1)

  def score(self, params, images, labels=None):
    return images.mean(axis=(1, 2, 3))


def experiment() -> core.Experiment:
  """Return a run of 4 steps."""
  return core.Experiment(
    algorithm=Mirror(num_classes=5),
    data=core.Data(source=Builtin(layout='images', count=12), size=SIDE),
    train=core.Train(
      duration=4, batch_size=8, log_every=1, render_every=1, checkpoint_every=2
    ),
  )


def tiny() -> core.Experiment:
  """Return the same: it has no other size."""
  return experiment()
