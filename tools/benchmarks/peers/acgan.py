"""ACGAN: a discriminator that names the class as well."""

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import (
  Place,
  Task,
  count,
  frozen,
  start_normal,
)


class Generator(nn.Module):
  """Latents and one-hot labels to pictures of 64 px."""

  def __init__(self, classes: int):
    super().__init__()
    self.dense = nn.Linear(100 + classes, 512)
    layers, channels = [], 512
    for i, features in enumerate((256, 128, 64, 32)):
      stride, padding = (2, 1) if i else (1, 0)
      layers += [
        nn.ConvTranspose2d(channels, features, 4, stride, padding, bias=False),
        nn.BatchNorm2d(features),
        nn.ReLU(inplace=True),
      ]
      channels = features
    last = nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False)
    self.layers = nn.Sequential(*layers, last, nn.Tanh())

  def forward(self, z, y):
    """Return [B, 3, 64, 64]."""
    return self.layers(self.dense(torch.cat([z, y], 1))[:, :, None, None])


class Discriminator(nn.Module):
  """Pictures of 64 px to a logit and class logits."""

  def __init__(self, classes: int):
    super().__init__()
    layers, channels = [], 3
    for features in (16, 32, 64, 128, 256):
      layers += [
        nn.Conv2d(channels, features, 5, 2, 2, bias=False),
        nn.BatchNorm2d(features),
        nn.LeakyReLU(0.2, inplace=True),
      ]
      channels = features
    self.layers = nn.Sequential(*layers, nn.Flatten())
    self.source = nn.Linear(1024, 1)
    self.classes = nn.Linear(1024, classes)

  def forward(self, x):
    """Return [B] and [B, K]."""
    x = self.layers(x)
    return self.source(x)[:, 0], self.classes(x)


def acgan(place: Place, *, size: int, batch: int, classes: int) -> Task:
  """Update D, then G on the same fakes."""
  g = place.network(start_normal(Generator(classes)))
  d = place.network(start_normal(Discriminator(classes)))
  of_g, of_d = place.adam(g), place.adam(d)
  real, labels = place.pictures(batch, size), place.labels(batch, classes)

  def judge(pictures, target, y):
    logits, named = d(pictures)
    source = F.binary_cross_entropy_with_logits(
      logits, torch.full_like(logits, target)
    )
    return source + F.cross_entropy(named, y)

  def step():
    y = labels()
    with place.precision():
      told = F.one_hot(y, classes).float()
      fake = g(place.normal(batch, 100), told)
      loss = judge(real(), 1.0, y) + judge(fake.detach(), 0.0, y)
    of_d.zero_grad(set_to_none=True)
    loss.backward()
    of_d.step()
    with frozen(d), place.precision():
      loss = judge(fake, 1.0, y)
    of_g.zero_grad(set_to_none=True)
    loss.backward()
    of_g.step()

  return Task(count(generator=g, discriminator=d), step)
