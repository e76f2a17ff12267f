"""CUT."""

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import (
  LEAKY,
  RELU,
  Place,
  Residual,
  Task,
  count,
  normed,
  start_normal,
)

_NORM = nn.InstanceNorm2d
_TAPS = (0, 4, 8, 12, 16)  # the picture, both halvings, blocks 1 and 5


class Halve(nn.Module):
  """Blur by [1, 2, 1] and keep every second pixel."""

  def __init__(self):
    super().__init__()
    line = torch.tensor([0.25, 0.5, 0.25])
    self.register_buffer('kernel', line[:, None] * line)

  def forward(self, x):
    """Map [B, C, H, W] to [B, C, ceil(H / 2), ceil(W / 2)]."""
    channels = x.shape[1]
    kernel = self.kernel.to(x.dtype).expand(channels, 1, 3, 3)
    x = F.pad(x, (1, 1, 1, 1), mode='reflect')
    return F.conv2d(x, kernel, stride=2, groups=channels)


class Encoding(nn.Sequential):
  """Layers whose values on the way can be asked for."""

  def features(self, x):
    """Return the values of `_TAPS`; nothing behind them is computed."""
    found = [x]
    for i, layer in enumerate(self[: _TAPS[-1] + 1]):
      x = layer(x)
      if i in _TAPS[1:]:
        found.append(x)
    return found


def resnet() -> Encoding:
  """Return the generator of CycleGAN with blurs, 9 blocks."""
  residuals = (
    Residual(
      nn.ReflectionPad2d(1),
      *normed([nn.Conv2d(256, 256, 3)], RELU, _NORM),
      nn.ReflectionPad2d(1),
      nn.Conv2d(256, 256, 3),
      _NORM(256),
    )
    for _ in range(9)
  )

  def resampled(n, out, before=(), after=()):
    conv = nn.Conv2d(n, out, 3, padding=1)
    return *before, *normed([conv], RELU, _NORM), *after

  def double():
    return (nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False),)

  return start_normal(
    Encoding(
      nn.ReflectionPad2d(3),
      *normed([nn.Conv2d(3, 64, 7)], RELU, _NORM),
      *resampled(64, 128, after=[Halve()]),
      *resampled(128, 256, after=[Halve()]),
      *residuals,
      *resampled(256, 128, before=double()),
      *resampled(128, 64, before=double()),
      nn.ReflectionPad2d(3),
      nn.Conv2d(64, 3, 7),
      nn.Tanh(),
    )
  )


def patchgan() -> nn.Module:
  """Return the 70x70 discriminator with blurs."""

  def conv(n, out):
    return nn.Conv2d(n, out, 4, padding=1)

  return start_normal(
    nn.Sequential(
      *(conv(3, 64), LEAKY, Halve()),
      *(conv(64, 128), _NORM(128), LEAKY, Halve()),
      *(conv(128, 256), _NORM(256), LEAKY, Halve()),
      *(conv(256, 512), _NORM(512), LEAKY, conv(512, 1)),
    )
  )


def _head() -> nn.ModuleList:
  return nn.ModuleList(
    nn.Sequential(nn.Linear(n, 256), nn.ReLU(), nn.Linear(256, 256))
    for n in (3, 128, 256, 256, 256)
  )


def _contrast(g: Encoding, head: nn.ModuleList, source, made):
  """Return PatchNCE of 256 patches, the mean over the layers."""
  total = 0.0
  pairs = zip(g.features(made), g.features(source), head, strict=True)
  for queries, targets, mlp in pairs:
    queries, targets = (x.flatten(2).mT for x in (queries, targets))
    at = torch.randperm(queries.shape[1], device=queries.device)[:256]
    queries, targets = (
      F.normalize(mlp(x[:, at]).float(), dim=-1) for x in (queries, targets)
    )
    logits = torch.bmm(queries, targets.detach().mT) / 0.07
    places = torch.arange(len(at), device=logits.device)
    places = places.repeat(len(logits))
    total = total + F.cross_entropy(logits.flatten(0, 1), places)
  return total / len(head)


def cut(place: Place, *, size: int, batch: int) -> Task:
  """Update D, then G and F against the new D."""
  g, d = place.network(resnet()), place.network(patchgan())
  head = place.network(_head())
  adam_g, adam_d = place.adam(g, head), place.adam(d)
  sources, targets = (place.pictures(batch, size) for _ in range(2))

  def judge(pictures, target):
    logits = d(pictures)
    return F.mse_loss(logits, torch.full_like(logits, target))

  def translate(a, b, fake, same):
    contrast = _contrast(g, head, a, fake) + _contrast(g, head, b, same)
    return judge(fake, 1.0) + contrast

  def step():
    a, b = sources(), targets()
    with place.precision():
      fake, same = g(torch.cat([a, b])).chunk(2)
    place.descend(
      adam_d, lambda: 0.5 * (judge(b, 1.0) + judge(fake.detach(), 0.0))
    )
    place.descend(adam_g, lambda: translate(a, b, fake, same), d)

  return Task(count(generator_ab=g, discriminator_b=d, head=head), step)
