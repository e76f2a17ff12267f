"""Projected GAN: FastGAN's light generator against features of a network."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tools.benchmarks.peers.place import LEAKY, Place, Task, count

# Channels at 4, 8, 16, ... px in widths.
_CHANNELS = (16, 8, 4, 2, 2, 1, 0.5, 0.25, 0.125)
# EfficientNet-Lite0: blocks, kernel, stride, expansion, channels; its taps.
_STAGES = (
  (1, 3, 1, 1, 16),
  (2, 3, 2, 6, 24),
  (2, 5, 2, 6, 40),
  (3, 3, 2, 6, 80),
  (3, 5, 1, 6, 112),
  (4, 5, 2, 6, 192),
  (1, 3, 1, 6, 320),
)
_TAPS = (1, 2, 4, 6)


def normed(layer: nn.Module) -> nn.Module:
  """Return a layer with spectral norm, one iteration at every call."""
  return parametrizations.spectral_norm(layer)


class Up(nn.Module):
  """Repeat pixels, convolve, batch norm, gated linear unit."""

  def __init__(self, before: int, features: int):
    super().__init__()
    self.conv_0 = normed(nn.Conv2d(before, 2 * features, 3, 1, 1, bias=False))
    self.norm_0 = nn.BatchNorm2d(2 * features)

  def forward(self, x):
    """Return features of twice the side."""
    x = F.interpolate(x, scale_factor=2, mode='nearest')
    return F.glu(self.norm_0(self.conv_0(x)), 1)


class Excite(nn.Module):
  """Weigh channels by smaller features."""

  def __init__(self, small: int, large: int):
    super().__init__()
    self.conv_0 = normed(nn.Conv2d(small, large, 4, bias=False))
    self.conv_1 = normed(nn.Conv2d(large, large, 1, bias=False))

  def forward(self, small, large):
    """Return large, weighed."""
    x = F.silu(self.conv_0(F.adaptive_avg_pool2d(small, 4)))
    return large * torch.sigmoid(self.conv_1(x))


class Generator(nn.Module):
  """FastGAN's light generator."""

  def __init__(self, size: int, width: int, latent: int):
    super().__init__()
    sides = [4 * 2**i for i in range(size.bit_length() - 2)]
    channels = {
      side: max(1, int(n * width))
      for side, n in zip(sides, _CHANNELS, strict=False)
    }
    self.sides = sides
    self.first = normed(
      nn.ConvTranspose2d(latent, 2 * channels[4], 4, bias=False)
    )
    self.first_norm = nn.BatchNorm2d(2 * channels[4])
    for side in sides[1:]:
      self.add_module(f'up_{side}', Up(channels[side // 2], channels[side]))
      if 64 <= side <= 512:
        excite = Excite(channels[side // 16], channels[side])
        self.add_module(f'excite_{side}', excite)
    self.to_picture = normed(nn.Conv2d(channels[size], 3, 3, 1, 1))

  def forward(self, z):
    """Return pictures of latents [B, Z]."""
    z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
    x = F.glu(self.first_norm(self.first(z[:, :, None, None])), 1)
    features = {4: x}
    for side in self.sides[1:]:
      x = self.get_submodule(f'up_{side}')(x)
      if 64 <= side <= 512:
        excite = self.get_submodule(f'excite_{side}')
        x = excite(features[side // 16], x)
      features[side] = x
    return torch.tanh(self.to_picture(x))


class Same(nn.Conv2d):
  """A convolution with TensorFlow's padding for even sides."""

  def forward(self, x):
    """Pad and convolve."""
    k, s, n = self.kernel_size[0], self.stride[0], x.shape[2]
    total = max((-(-n // s) - 1) * s + k - n, 0)
    before, after = total // 2, total - total // 2
    return super().forward(F.pad(x, (before, after, before, after)))


class Block(nn.Module):
  """Expand, filter each channel, project."""

  def __init__(self, before, features, kernel, stride, expansion):
    super().__init__()
    inner, self.added = before * expansion, stride == 1 and before == features
    self.expanded = expansion != 1
    if self.expanded:
      self._expand_conv = nn.Conv2d(before, inner, 1)
    self._depthwise_conv = Same(inner, inner, kernel, stride, groups=inner)
    self._project_conv = nn.Conv2d(inner, features, 1)

  def forward(self, x):
    """Return the features behind the block."""
    y = F.relu6(self._expand_conv(x)) if self.expanded else x
    y = self._project_conv(F.relu6(self._depthwise_conv(y)))
    return x + y if self.added else y


class Lite0(nn.Module):
  """EfficientNet-Lite0 up to its last stage, batch norms folded; frozen."""

  def __init__(self):
    super().__init__()
    self._conv_stem = Same(3, 32, 3, 2)
    before, self.ends, number = 32, [], 0
    for repeats, kernel, stride, expansion, features in _STAGES:
      for i in range(repeats):
        step = 1 if i else stride
        block = Block(before, features, kernel, step, expansion)
        self.add_module(f'_blocks_{number}', block)
        before, number = features, number + 1
      self.ends.append(number - 1)
    self.requires_grad_(False)

  def forward(self, x):
    """Return the outputs of four stages of pictures in [-1, 1]."""
    x = F.relu6(self._conv_stem((127.5 * x + 0.5) / 128))
    outputs = []
    for number in range(self.ends[-1] + 1):
      x = self.get_submodule(f'_blocks_{number}')(x)
      outputs.append(x)
    return [outputs[self.ends[stage]] for stage in _TAPS]


class Projection(nn.Module):
  """Random mixing across channels and scales; frozen."""

  def __init__(self, features: int):
    super().__init__()
    for i, before in enumerate((24, 40, 112, 320)):
      mixed, half = features * 2**i, features * 2 ** max(i - 1, 0)
      self.add_module(f'channel_{i}', nn.Conv2d(before, mixed, 1, bias=False))
      across = nn.Conv2d(mixed, half, 3, 1, 1, bias=False)
      self.add_module(f'scale_{i}', across)
    self.requires_grad_(False)

  def forward(self, taps):
    """Return the mixed features, the finest first."""
    mixed = []
    for i in (3, 2, 1, 0):
      x = self.get_submodule(f'channel_{i}')(taps[i])
      x = x + mixed[-1] if mixed else x
      x = self.get_submodule(f'scale_{i}')(x)
      mixed.append(F.interpolate(x, scale_factor=2, mode='bilinear'))
    return mixed[::-1]


class Judge(nn.Sequential):
  """Halve features, then logits of positions; without norms for pixels."""

  def __init__(self, before: int, side: int, plan: list[int], norms: bool):
    super().__init__()
    for i, features in enumerate(plan):
      conv = nn.Conv2d(before, features, 4, 2, 1, bias=not norms)
      self.add_module(f'conv_{i}', normed(conv))
      if norms:
        self.add_module(f'norm_{i}', nn.BatchNorm2d(features))
      self.add_module(f'leaky_{i}', LEAKY)
      before, side = features, side // 2
    self.add_module(
      'head', normed(nn.Conv2d(before, 1, min(4, side), bias=False))
    )
    self.add_module('flat', nn.Flatten())


class Discriminator(nn.Module):
  """One for each scale, one for the pixels."""

  def __init__(self, size: int, features: int, width: int, pixels: int):
    super().__init__()
    for i, before in enumerate((1, 1, 2, 4)):
      start = side = size // 2 ** (i + 1)
      plan = []
      while side > 8 or not plan:
        side //= 2
        plan.append(width * min(max(64 // side, 1), 8))
      judge = Judge(before * features, start, plan, norms=True)
      self.add_module(f'scale_{i}', judge)
    plan = [pixels, 2 * pixels, 4 * pixels]
    self.pixels = Judge(3, size, plan, norms=False)

  def forward(self, x, features):
    """Return the logits of each."""
    judges = [self.get_submodule(f'scale_{i}') for i in range(4)]
    seen = zip([*judges, self.pixels], [*features, x], strict=True)
    return [judge(x) for judge, x in seen]


def projected(
  place: Place,
  *,
  size: int,
  batch: int,
  width: int,
  latent: int,
  features: int,
  discriminator: int,
  pixels: int,
) -> Task:
  """Update the discriminators, then G on the same fakes.

  Pictures are projected at their own size and moved by up to an eighth.
  """
  g = place.network(Generator(size, width, latent))
  d = place.network(Discriminator(size, features, discriminator, pixels))
  lite, mixing = place.network(Lite0()), place.network(Projection(features))
  average = [p.detach().clone() for p in g.parameters()]
  real = place.pictures(batch, size)
  adams = [place.adam(n, betas=(0.0, 0.99)) for n in (g, d)]
  far = size // 8

  def see(x):
    x = F.pad(x, (far,) * 4)
    starts = torch.randint(2 * far + 1, (len(x), 2)).tolist()
    moved = [
      p[:, top : top + size, left : left + size]
      for p, (top, left) in zip(x, starts, strict=True)
    ]
    x = torch.stack(moved)
    return x, mixing(lite(x))

  def step():
    with place.precision():
      shown = see(real())
      fake = see(g(place.normal(batch, latent)))
    held = fake[0].detach(), [x.detach() for x in fake[1]]

    def d_loss():
      right = sum(F.relu(1 - x).mean() for x in d(*shown))
      return right + sum(F.relu(1 + x).mean() for x in d(*held))

    place.descend(adams[1], d_loss)
    place.descend(adams[0], lambda: -sum(x.mean() for x in d(*fake)), d)
    torch._foreach_lerp_(average, [p.detach() for p in g.parameters()], 0.005)

  return Task(count(generator=g, discriminator=d), step)
