"""Diffusion: EDM's preconditioning around a DDPM++ network."""

import functools
import math

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import Place, Task, count

_SKIP = math.sqrt(0.5)


def _norm(channels: int) -> nn.Module:
  return nn.GroupNorm(min(32, channels // 4), channels, eps=1e-6)


class Block(nn.Module):
  """norm, SiLU, (resample) conv, + embedding, norm, SiLU, dropout, conv."""

  def __init__(
    self, before, features, inner, dropout, resample='', attends=False
  ):
    super().__init__()
    self.resample, self._attends = resample, attends
    self.resized = {
      '': nn.Identity(),
      'up': nn.Upsample(scale_factor=2.0),
      'down': nn.AvgPool2d(2),
    }[resample]
    self.norm = _norm(before)
    self.conv = nn.Conv2d(before, features, 3, padding=1)
    self.affine = nn.Linear(inner, features)
    self.last = nn.Sequential(
      _norm(features),
      nn.SiLU(),
      nn.Dropout(dropout),
      nn.Conv2d(features, features, 3, padding=1),
    )
    same = before == features and not resample
    self.skip = nn.Identity() if same else nn.Conv2d(before, features, 1)
    if attends:
      self.norm2 = _norm(features)
      self.qkv = nn.Conv2d(features, 3 * features, 1)
      self.proj = nn.Conv2d(features, features, 1)

  def forward(self, x, embedding):
    """Return the block's output."""
    h = self.conv(self.resized(F.silu(self.norm(x))))
    h = self.last(h + self.affine(embedding)[:, :, None, None])
    x = (h + self.skip(self.resized(x))) * _SKIP
    if not self._attends:
      return x
    qkv = self.qkv(self.norm2(x)).flatten(2).transpose(1, 2).unsqueeze(1)
    h = F.scaled_dot_product_attention(*qkv.chunk(3, dim=3))
    h = h.squeeze(1).transpose(1, 2).reshape(x.shape)
    return (self.proj(h) + x) * _SKIP


class UNet(nn.Module):
  """DDPM++ without classes."""

  def __init__(self, size, width, multipliers, blocks, attention, dropout):
    super().__init__()
    self.width, inner = width, 4 * width
    self.embed = nn.Sequential(
      nn.Linear(width, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU()
    )
    self.first = nn.Conv2d(3, width, 3, padding=1)
    self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
    block = functools.partial(Block, inner=inner, dropout=dropout)
    widths, skips = [width * times for times in multipliers], [width]
    for level, n in enumerate(widths):
      if level:
        self.encoder.append(block(skips[-1], skips[-1], resample='down'))
        skips.append(skips[-1])
      for _ in range(blocks):
        attends = size >> level in attention
        self.encoder.append(block(skips[-1], n, attends=attends))
        skips.append(n)
    self.middle = nn.ModuleList([block(n, n, attends=True), block(n, n)])
    for level, features in reversed(list(enumerate(widths))):
      if level < len(widths) - 1:
        self.decoder.append(block(n, n, resample='up'))
      for i in range(blocks + 1):
        attends = size >> level in attention and i == blocks
        self.decoder.append(block(n + skips.pop(), features, attends=attends))
        n = features
    self.norm, self.last = _norm(n), nn.Conv2d(n, 3, 3, padding=1)

  def forward(self, x, noise):
    """Return a picture."""
    half = self.width // 2
    ramp = torch.arange(half, device=x.device) / max(half - 1, 1)
    angles = noise[:, None] * 1e-4**ramp
    embedding = self.embed(torch.cat([angles.sin(), angles.cos()], 1))
    x = self.first(x)
    skips = [x]
    for block in self.encoder:
      x = block(x, embedding)
      skips.append(x)
    for block in self.middle:
      x = block(x, embedding)
    for block in self.decoder:
      if not block.resample:
        x = torch.cat([x, skips.pop()], 1)
      x = block(x, embedding)
    return self.last(F.silu(self.norm(x)))


def _denoise(net, x, sigma):
  """Return D(x; sigma), sigma_data = 0.5."""
  s = sigma[:, None, None, None]
  total = (s**2 + 0.25).sqrt()
  out = net(x / total, sigma.log() / 4).float()
  return 0.25 / total**2 * x + s * 0.5 / total * out


def train(place: Place, *, size: int, batch: int, **fields) -> Task:
  """Take one step down the weighted squared error; average the weights."""
  net = place.network(UNet(size, **fields))
  weights = list(net.parameters())
  average = [p.detach().clone() for p in weights]
  adam = place.adam(net, betas=(0.9, 0.999))
  images = place.pictures(batch, size)

  def step():
    y = images()
    sigma = torch.exp(-1.2 + 1.2 * place.normal(batch))
    noisy = y + sigma[:, None, None, None] * torch.randn_like(y)
    weight = (sigma**2 + 0.25) / (0.5 * sigma) ** 2

    def loss():
      error = (_denoise(net, noisy, sigma) - y).square()
      return (weight * error.mean((1, 2, 3))).mean()

    place.descend(adam, loss)
    torch._foreach_lerp_(average, [p.detach() for p in weights], 5e-4)

  return Task(count(denoiser=net), step)


def sample(
  place: Place, *, size: int, batch: int, steps: int, **fields
) -> Task:
  """Make pictures by Heun's method, 2 steps - 1 evaluations."""
  net = place.network(UNet(size, **fields).eval())
  ramp = torch.linspace(80.0 ** (1 / 7), 0.002 ** (1 / 7), steps) ** 7
  sigmas = [*ramp.tolist(), 0.0]

  def denoise(x, sigma):
    return _denoise(net, x, x.new_full((batch,), sigma))

  @torch.inference_mode()
  def step():
    x = sigmas[0] * place.normal(batch, 3, size, size)
    with place.precision():
      for sigma, below in zip(sigmas[:-2], sigmas[1:-1], strict=True):
        slope = (x - denoise(x, sigma)) / sigma
        there = x + (below - sigma) * slope
        slope_there = (there - denoise(there, below)) / below
        x = x + (below - sigma) * (slope + slope_there) / 2
      return denoise(x, sigmas[-2]).clamp(-1, 1)

  return Task(count(denoiser=net), step)
