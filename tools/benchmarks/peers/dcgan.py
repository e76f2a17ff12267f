"""DCGAN, WGAN, and the autoencoders made of the same layers."""

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


def down(size: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that halve pictures down to 4x4."""
  layers, channels = [], 3
  for i in range(_halvings(size)):
    layers.append(nn.Conv2d(channels, width * 2**i, 4, 2, 1, bias=False))
    channels = width * 2**i
    layers += [nn.BatchNorm2d(channels)] if i else []
    layers.append(nn.LeakyReLU(0.2, inplace=True))
  return layers


def up(size: int, channels: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that make pictures out of latents [B, Z, 1, 1]."""
  layers, stages = [], _halvings(size)
  for i in range(stages):
    features = width * 2 ** (stages - 1 - i)
    stride, padding = (2, 1) if i else (1, 0)
    layers += [
      nn.ConvTranspose2d(channels, features, 4, stride, padding, bias=False),
      nn.BatchNorm2d(features),
      nn.ReLU(inplace=True),
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
  of_g, of_d = place.adam(g), place.adam(d)
  real = place.pictures(batch, size)

  def judge(pictures, target):
    logits = d(pictures)
    return F.binary_cross_entropy_with_logits(
      logits, torch.full_like(logits, target)
    )

  def step():
    with place.precision():
      fake = g(place.normal(batch, 100, 1, 1))
      loss = judge(real(), 1.0) + judge(fake.detach(), 0.0)
    of_d.zero_grad(set_to_none=True)
    loss.backward()
    of_d.step()
    with frozen(d), place.precision():
      loss = judge(fake, 1.0)
    of_g.zero_grad(set_to_none=True)
    loss.backward()
    of_g.step()

  return Task(count(generator=g, discriminator=d), step)


def wgan(place: Place, *, size: int, batch: int, n_critic: int) -> Task:
  """Update the critic n_critic times, its weights clipped, then G."""
  g, d = pair(place, size)
  of_g, of_d = (
    torch.optim.RMSprop(n.parameters(), 5e-5, foreach=True) for n in (g, d)
  )
  weights = list(d.parameters())
  real = place.pictures(batch, size)

  @torch.no_grad()
  def clip():
    torch._foreach_clamp_min_(weights, -0.01)
    torch._foreach_clamp_max_(weights, 0.01)

  def step():
    for _ in range(n_critic):
      with place.precision():
        with torch.no_grad():
          fake = g(place.normal(batch, 100, 1, 1))
        loss = d(fake).mean() - d(real()).mean()
      of_d.zero_grad(set_to_none=True)
      loss.backward()
      of_d.step()
      clip()
    with frozen(d), place.precision():
      loss = -d(g(place.normal(batch, 100, 1, 1))).mean()
    of_g.zero_grad(set_to_none=True)
    loss.backward()
    of_g.step()

  return Task(count(generator=g, discriminator=d), step)


def autoencoder(
  place: Place, *, size: int, batch: int, latent: int, variational: bool
) -> Task:
  """Reconstruct pictures: squared error, or the ELBO."""
  features = 16 * 64 * 2 ** (_halvings(size) - 1)
  wide = 2 * latent if variational else latent
  dropout = [] if variational else [nn.Dropout(0.25)]
  encoder = place.network(
    nn.Sequential(
      *down(size), nn.Flatten(), *dropout, nn.Linear(features, wide)
    )
  )
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
    adam.zero_grad(set_to_none=True)
    loss.backward()
    adam.step()

  return Task(count(encoder=encoder, decoder=decoder), step)
