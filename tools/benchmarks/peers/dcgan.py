"""DCGAN, WGAN, ACGAN, and the autoencoders made of the same layers."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import (
  Place,
  Task,
  bce,
  count,
  descend,
  frozen,
  leaky,
  relu,
  start_normal,
)


def down(size: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that halve pictures down to 4x4."""
  layers = [
    nn.Conv2d(3, width, 4, 2, 1, bias=False),
    nn.LeakyReLU(0.2, inplace=True),
  ]
  for i in range(1, _halvings(size)):
    features = width * 2**i
    layers.append(nn.Conv2d(features // 2, features, 4, 2, 1, bias=False))
    layers += leaky(features)
  return layers


def up(size: int, channels: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that make pictures out of latents [B, Z, 1, 1]."""
  layers = []
  for i in reversed(range(_halvings(size))):
    features = width * 2**i
    stride, padding = (2, 1) if layers else (1, 0)
    layers += [
      nn.ConvTranspose2d(channels, features, 4, stride, padding, bias=False),
      *relu(features),
    ]
    channels = features
  return [*layers, nn.ConvTranspose2d(channels, 3, 4, 2, 1, bias=False)]


def _halvings(size: int) -> int:
  return size.bit_length() - 3


def pair(place: Place, size: int) -> tuple[nn.Module, nn.Module]:
  """Return G and D."""
  channels = 64 * 2 ** (_halvings(size) - 1)
  g = nn.Sequential(*up(size, 100), nn.Tanh())
  head = nn.Conv2d(channels, 1, 4, 1, 0, bias=False)
  d = nn.Sequential(*down(size), head, nn.Flatten(0))
  return place.network(start_normal(g)), place.network(start_normal(d))


def dcgan(place: Place, *, size: int, batch: int) -> Task:
  """Update D, then G on the same fakes, as the PyTorch tutorial does."""
  g, d = pair(place, size)
  adam_g, adam_d = place.adam(g), place.adam(d)
  real = place.pictures(batch, size)

  def step():
    with place.precision():
      fake = g(place.normal(batch, 100, 1, 1))
      loss = bce(d(real()), 1.0) + bce(d(fake.detach()), 0.0)
    descend(adam_d, loss)
    with frozen(d), place.precision():
      loss = bce(d(fake), 1.0)
    descend(adam_g, loss)

  return Task(count(generator=g, discriminator=d), step)


def wgan(place: Place, *, size: int, batch: int, n_critic: int) -> Task:
  """Update the critic n_critic times, its weights clipped, then G."""
  g, d = pair(place, size)
  rms_g, rms_d = (
    torch.optim.RMSprop(n.parameters(), 5e-5, foreach=True) for n in (g, d)
  )
  weights = list(d.parameters())
  real = place.pictures(batch, size)

  def step():
    for _ in range(n_critic):
      with place.precision():
        with torch.no_grad():
          fake = g(place.normal(batch, 100, 1, 1))
        loss = d(fake).mean() - d(real()).mean()
      descend(rms_d, loss)
      with torch.no_grad():
        torch._foreach_clamp_min_(weights, -0.01)
        torch._foreach_clamp_max_(weights, 0.01)
    with frozen(d), place.precision():
      loss = -d(g(place.normal(batch, 100, 1, 1))).mean()
    descend(rms_g, loss)

  return Task(count(generator=g, discriminator=d), step)


class ACGANGenerator(nn.Module):
  """Latents and one-hot labels to pictures of 64 px."""

  def __init__(self, classes: int):
    super().__init__()
    self.dense = nn.Linear(100 + classes, 512)
    self.layers = nn.Sequential(*up(64, 512, 32), nn.Tanh())

  def forward(self, z, y):
    """Return [B, 3, 64, 64]."""
    return self.layers(self.dense(torch.cat([z, y], 1))[:, :, None, None])


class ACGANDiscriminator(nn.Module):
  """Pictures of 64 px to a logit and class logits."""

  def __init__(self, classes: int):
    super().__init__()
    layers = []
    for before, features in itertools.pairwise((3, 16, 32, 64, 128, 256)):
      layers.append(nn.Conv2d(before, features, 5, 2, 2, bias=False))
      layers += leaky(features)
    self.layers = nn.Sequential(*layers, nn.Flatten())
    self.source = nn.Linear(1024, 1)
    self.classes = nn.Linear(1024, classes)

  def forward(self, x):
    """Return [B] and [B, K]."""
    x = self.layers(x)
    return self.source(x)[:, 0], self.classes(x)


def acgan(place: Place, *, size: int, batch: int, classes: int) -> Task:
  """Update D, then G on the same fakes."""
  g = place.network(start_normal(ACGANGenerator(classes)))
  d = place.network(start_normal(ACGANDiscriminator(classes)))
  adam_g, adam_d = place.adam(g), place.adam(d)
  real, labels = place.pictures(batch, size), place.labels(batch, classes)

  def loss_of(pictures, target, y):
    source, named = d(pictures)
    return bce(source, target) + F.cross_entropy(named, y)

  def step():
    y = labels()
    with place.precision():
      one_hot = F.one_hot(y, classes).float()
      fake = g(place.normal(batch, 100), one_hot)
      loss = loss_of(real(), 1.0, y) + loss_of(fake.detach(), 0.0, y)
    descend(adam_d, loss)
    with frozen(d), place.precision():
      loss = loss_of(fake, 1.0, y)
    descend(adam_g, loss)

  return Task(count(generator=g, discriminator=d), step)


def autoencoder(
  place: Place, *, size: int, batch: int, latent: int, variational: bool
) -> Task:
  """Reconstruct pictures: squared error, or the ELBO."""
  features = 16 * 64 * 2 ** (_halvings(size) - 1)
  head = (
    [nn.Linear(features, 2 * latent)]
    if variational
    else [nn.Dropout(0.25), nn.Linear(features, latent)]
  )
  encoder = place.network(nn.Sequential(*down(size), nn.Flatten(), *head))
  decoder = place.network(nn.Sequential(*up(size, latent), nn.Tanh()))
  adam = place.adam(encoder, decoder, rate=1e-3, betas=(0.9, 0.999))
  images = place.pictures(batch, size)

  def error(x):
    codes = torch.sigmoid(encoder(x))
    return F.mse_loss(decoder(codes[:, :, None, None]), x)

  def elbo(x):
    mean, logvar = encoder(x).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    made = decoder(z[:, :, None, None])
    likelihood = 0.5 * ((made - x) / 0.3).square().sum((1, 2, 3))
    kl = 0.5 * (mean.square() + torch.expm1(logvar) - logvar).sum(1)
    return (likelihood + kl).mean()

  def step():
    with place.precision():
      loss = (elbo if variational else error)(images())
    descend(adam, loss)

  return Task(count(encoder=encoder, decoder=decoder), step)
