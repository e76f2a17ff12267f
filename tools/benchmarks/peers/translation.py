"""CycleGAN and pix2pix."""

import random

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import (
  LEAKY,
  RELU,
  Place,
  Residual,
  Task,
  bce,
  count,
  normed,
  start_normal,
)

_NORM = nn.InstanceNorm2d


def resnet(blocks: int) -> nn.Module:
  """Return the generator of CycleGAN."""
  residuals = (
    Residual(
      nn.ReflectionPad2d(1),
      *normed([nn.Conv2d(256, 256, 3)], RELU, _NORM),
      nn.ReflectionPad2d(1),
      nn.Conv2d(256, 256, 3),
      _NORM(256),
    )
    for _ in range(blocks)
  )
  ups = (
    nn.ConvTranspose2d(n, n // 2, 3, 2, 1, output_padding=1) for n in (256, 128)
  )
  layers = nn.Sequential(
    nn.ReflectionPad2d(3),
    *normed([nn.Conv2d(3, 64, 7)], RELU, _NORM),
    *normed((nn.Conv2d(n, 2 * n, 3, 2, 1) for n in (64, 128)), RELU, _NORM),
    *residuals,
    *normed(ups, RELU, _NORM),
    nn.ReflectionPad2d(3),
    nn.Conv2d(64, 3, 7),
    nn.Tanh(),
  )
  return start_normal(layers)


def patchgan(channels: int, batch_norm: bool) -> nn.Module:
  """Return the 70x70 discriminator."""
  first = nn.Conv2d(channels, 64, 4, 2, 1)
  convs = (
    nn.Conv2d(n, 2 * n, 4, stride, 1, bias=not batch_norm)
    for n, stride in ((64, 2), (128, 2), (256, 1))
  )
  others = normed(convs, LEAKY, nn.BatchNorm2d if batch_norm else _NORM)
  return start_normal(
    nn.Sequential(first, LEAKY, *others, nn.Conv2d(512, 1, 4, 1, 1))
  )


class Pool:
  """The history of 50 fakes."""

  def __init__(self):
    self._kept = []

  def query(self, pictures):
    """Exchange new pictures for a mixture of new and old ones."""
    given = []
    for picture in pictures.unbind():
      if len(self._kept) < 50:
        self._kept.append(picture)
      elif random.random() < 0.5:
        i = random.randrange(50)
        picture, self._kept[i] = self._kept[i], picture
      given.append(picture)
    return torch.stack(given)


def cyclegan(place: Place, *, size: int, batch: int, blocks: int) -> Task:
  """Update both generators, then both discriminators."""
  ab, ba = (place.network(resnet(blocks)) for _ in range(2))
  d_a, d_b = (place.network(patchgan(3, False)) for _ in range(2))
  adam_g, adam_d = place.adam(ab, ba), place.adam(d_a, d_b)
  batches_a, batches_b = (place.pictures(batch, size) for _ in range(2))
  pool_a, pool_b = Pool(), Pool()

  def judge(d, pictures, target):
    logits = d(pictures)
    return F.mse_loss(logits, torch.full_like(logits, target))

  def discriminate(d, pictures, old):
    return 0.5 * (judge(d, pictures, 1.0) + judge(d, old, 0.0))

  def translate(a, b, fake_a, fake_b):
    loss = judge(d_b, fake_b, 1.0) + judge(d_a, fake_a, 1.0)
    loss += 10 * (F.l1_loss(ba(fake_b), a) + F.l1_loss(ab(fake_a), b))
    return loss + 5 * (F.l1_loss(ba(a), a) + F.l1_loss(ab(b), b))

  def step():
    a, b = batches_a(), batches_b()
    with place.precision():
      fake_b, fake_a = ab(a), ba(b)
    place.descend(adam_g, lambda: translate(a, b, fake_a, fake_b), d_a, d_b)
    old_a, old_b = pool_a.query(fake_a.detach()), pool_b.query(fake_b.detach())
    place.descend(
      adam_d, lambda: discriminate(d_a, a, old_a) + discriminate(d_b, b, old_b)
    )

  networks = {'generator_ab': ab, 'generator_ba': ba}
  return Task(count(**networks, discriminator_a=d_a, discriminator_b=d_b), step)


class Skip(nn.Sequential):
  """Layers whose output is stacked on their input."""

  def forward(self, x):
    """Return [B, C + C', H, W]."""
    return torch.cat([x, super().forward(x)], 1)


def unet() -> nn.Module:
  """Return the generator of pix2pix, 8 levels, the innermost made first."""
  inner, widths = [], [64 * min(2**i, 8) for i in range(8)]
  for i in range(7, 0, -1):
    outside, inside, innermost = widths[i - 1], widths[i], i == 7
    up = inside if innermost else 2 * inside
    inner = [
      Skip(
        nn.LeakyReLU(0.2),
        nn.Conv2d(outside, inside, 4, 2, 1, bias=False),
        *([] if innermost else [nn.BatchNorm2d(inside)]),
        *inner,
        nn.ReLU(),
        nn.ConvTranspose2d(up, outside, 4, 2, 1, bias=False),
        nn.BatchNorm2d(outside),
        *([nn.Dropout(0.5)] if i > 4 else []),
      )
    ]
  first = nn.Conv2d(3, 64, 4, 2, 1, bias=False)
  return nn.Sequential(
    first, *inner, nn.ReLU(), nn.ConvTranspose2d(128, 3, 4, 2, 1), nn.Tanh()
  )


def pix2pix(place: Place, *, size: int, batch: int) -> Task:
  """Update D, then G against the new D."""
  g = place.network(start_normal(unet()))
  d = place.network(patchgan(6, True))
  sources, targets = (place.pictures(batch, size) for _ in range(2))

  def judge(source, pictures, target):
    return bce(d(torch.cat([source, pictures], 1)), target)

  def draw():
    a = sources()
    return a, a, targets()

  step = place.adversarial(
    g,
    d,
    draw,
    d_loss=lambda fake, a, b: 0.5 * (judge(a, b, 1.0) + judge(a, fake, 0.0)),
    g_loss=lambda fake, a, b: judge(a, fake, 1.0) + 100 * F.l1_loss(fake, b),
  )
  return Task(count(generator_ba=g, discriminator_a=d), step)
