"""DCGAN, WGAN, ACGAN, and the autoencoders made of the same layers."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import (
  LEAKY,
  RELU,
  Place,
  Task,
  bce,
  count,
  normed,
  start_normal,
)


def down(size: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that halve pictures down to 4x4."""
  widths = [3, *_widths(size, width)]
  first, *others = (
    nn.Conv2d(before, features, 4, 2, 1, bias=False)
    for before, features in itertools.pairwise(widths)
  )
  return [first, LEAKY, *normed(others, LEAKY)]


def up(size: int, channels: int, width: int = 64) -> list[nn.Module]:
  """Return the layers that make pictures out of latents [B, Z, 1, 1]."""
  widths = [channels, *reversed(_widths(size, width)), 3]
  places = itertools.chain([(1, 0)], itertools.repeat((2, 1)))
  *others, last = (
    nn.ConvTranspose2d(before, features, 4, stride, padding, bias=False)
    for (before, features), (stride, padding) in zip(
      itertools.pairwise(widths), places, strict=False
    )
  )
  return [*normed(others, RELU), last]


def _widths(size: int, width: int = 64) -> list[int]:
  """Return the channels at every size from half of the picture's to 4x4."""
  return [width * 2**i for i in range(size.bit_length() - 3)]


def pair(place: Place, size: int) -> tuple[nn.Module, nn.Module]:
  """Return G and D."""
  g = nn.Sequential(*up(size, 100), nn.Tanh())
  head = nn.Conv2d(_widths(size)[-1], 1, 4, 1, 0, bias=False)
  d = nn.Sequential(*down(size), head, nn.Flatten(0))
  return place.network(start_normal(g)), place.network(start_normal(d))


def dcgan(place: Place, *, size: int, batch: int) -> Task:
  """Update D, then G on the same fakes, as the PyTorch tutorial does."""
  g, d = pair(place, size)
  real = place.pictures(batch, size)
  step = place.adversarial(
    g,
    d,
    draw=lambda: (place.normal(batch, 100, 1, 1),),
    d_loss=lambda fake: bce(d(real()), 1.0) + bce(d(fake), 0.0),
    g_loss=lambda fake: bce(d(fake), 1.0),
  )
  return Task(count(generator=g, discriminator=d), step)


def wgan(place: Place, *, size: int, batch: int, n_critic: int) -> Task:
  """Update the critic n_critic times, its weights clipped, then G."""
  g, d = pair(place, size)
  rms_g, rms_d = (
    torch.optim.RMSprop(n.parameters(), 5e-5, foreach=True) for n in (g, d)
  )
  weights, real = list(d.parameters()), place.pictures(batch, size)

  def fake():
    return g(place.normal(batch, 100, 1, 1))

  def critic_loss():
    with torch.no_grad():
      made = fake()
    return d(made).mean() - d(real()).mean()

  def step():
    for _ in range(n_critic):
      place.descend(rms_d, critic_loss)
      with torch.no_grad():
        torch._foreach_clamp_min_(weights, -0.01)
        torch._foreach_clamp_max_(weights, 0.01)
    place.descend(rms_g, lambda: -d(fake()).mean(), d)

  return Task(count(generator=g, discriminator=d), step)


class ACGANDiscriminator(nn.Module):
  """Pictures of 64 px to a logit and class logits."""

  def __init__(self, classes: int):
    super().__init__()
    convs = (
      nn.Conv2d(before, features, 5, 2, 2, bias=False)
      for before, features in itertools.pairwise((3, 16, 32, 64, 128, 256))
    )
    self.layers = nn.Sequential(*normed(convs, LEAKY), nn.Flatten())
    self.source, self.classes = nn.Linear(1024, 1), nn.Linear(1024, classes)

  def forward(self, x):
    """Return [B] and [B, K]."""
    x = self.layers(x)
    return self.source(x)[:, 0], self.classes(x)


def acgan(place: Place, *, size: int, batch: int, classes: int) -> Task:
  """Update D, then G on the same fakes; latents and one-hot labels go in."""
  latents = nn.Linear(100 + classes, 512), nn.Unflatten(1, (512, 1, 1))
  generator = nn.Sequential(*latents, *up(64, 512, 32), nn.Tanh())
  g = place.network(start_normal(generator))
  d = place.network(start_normal(ACGANDiscriminator(classes)))
  real, labels = place.pictures(batch, size), place.labels(batch, classes)

  def draw():
    y = labels()
    return torch.cat(
      [place.normal(batch, 100), F.one_hot(y, classes).float()], 1
    ), y

  def loss_of(pictures, y, target):
    source, named = d(pictures)
    return bce(source, target) + F.cross_entropy(named, y)

  step = place.adversarial(
    g,
    d,
    draw,
    d_loss=lambda fake, y: loss_of(real(), y, 1.0) + loss_of(fake, y, 0.0),
    g_loss=lambda fake, y: loss_of(fake, y, 1.0),
  )
  return Task(count(generator=g, discriminator=d), step)


def autoencoder(
  place: Place, *, size: int, batch: int, latent: int, variational: bool
) -> Task:
  """Reconstruct pictures: squared error, or the ELBO."""
  features = 16 * _widths(size)[-1]
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
    return F.mse_loss(decoder(torch.sigmoid(encoder(x))[:, :, None, None]), x)

  def elbo(x):
    mean, logvar = encoder(x).chunk(2, dim=1)
    z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
    made = decoder(z[:, :, None, None])
    likelihood = 0.5 * ((made - x) / 0.3).square().sum((1, 2, 3))
    kl = 0.5 * (mean.square() + torch.expm1(logvar) - logvar).sum(1)
    return (likelihood + kl).mean()

  loss = elbo if variational else error
  return Task(
    count(encoder=encoder, decoder=decoder),
    lambda: place.descend(adam, lambda: loss(images())),
  )
