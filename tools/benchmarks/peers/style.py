"""Style transfer: Gatys et al. by pixels, Johnson et al. by a network."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.peers.place import RELU, Place, Residual, Task, count

_BLOCKS = ((1, 64, 2), (2, 128, 2), (3, 256, 3), (4, 512, 3), (5, 512, 3))
_LAYERS = {
  f'relu{block}_{i}': features
  for block, features, depth in _BLOCKS
  for i in range(1, depth + 1)
}
_STATISTICS = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
_GATYS_STYLE = tuple(f'relu{i}_1' for i in range(1, 6))


class VGG(nn.Module):
  """VGG-16 up to the deepest layer wanted; frozen."""

  def __init__(self, layers: tuple[str, ...], average: bool):
    super().__init__()
    self._wanted, self.layers = frozenset(layers), nn.ModuleDict()
    for name, values in _STATISTICS.items():
      self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1))
    widths = itertools.pairwise([3, *_LAYERS.values()])
    for name, (before, features) in zip(_LAYERS, widths, strict=True):
      if name <= max(layers):
        conv = nn.Conv2d(before, features, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight)
        pool = nn.AvgPool2d(2) if average else nn.MaxPool2d(2)
        pooled = [pool] if name > 'relu2' and name.endswith('_1') else []
        self.layers[name] = nn.Sequential(*pooled, conv, nn.ReLU())
    self.requires_grad_(False)

  def forward(self, x, layers: frozenset[str] | None = None):
    """Return the features by layer of pictures in [-1, 1]."""
    wanted, features = layers or self._wanted, {}
    x = ((x + 1) / 2 - self.mean) / self.std
    for name, layer in self.layers.items():
      x = layer(x)
      if name in wanted:
        features[name] = x
      if len(features) == len(wanted):
        break
    return features


def gram(x: torch.Tensor) -> torch.Tensor:
  """Return f32[B, C, C], divided by the number of positions."""
  rows = x.flatten(2)
  return rows @ rows.transpose(1, 2) / rows.shape[2]


def _grams(place: Place, vgg: nn.Module, size: int) -> dict[str, torch.Tensor]:
  """Return the Gram matrices of a painting."""
  with torch.no_grad():
    painting = vgg(place.pictures(1, size)())
  return {name: gram(x) for name, x in painting.items()}


def _style(features, targets, weight: float):
  return sum(
    weight
    * (gram(features[name]) - target).square().sum((1, 2)).mean()
    / target.shape[-1] ** 4
    for name, target in targets.items()
  )


def gatys(place: Place, *, size: int, batch: int) -> Task:
  """Take one step of Adam on the pixels."""
  vgg = place.network(VGG((*_GATYS_STYLE, 'relu4_2'), average=True))
  with torch.no_grad():
    content = vgg(place.pictures(batch, size)())['relu4_2']
  targets = _grams(place, vgg, size)
  targets.pop('relu4_2')
  pixels = nn.Parameter(place.pictures(batch, size)().clone())
  adam = torch.optim.Adam([pixels], 0.02, (0.9, 0.99), fused=True)

  def variation(x):
    down = (x[:, :, 1:] - x[:, :, :-1]).square().sum()
    return (down + (x[..., 1:] - x[..., :-1]).square().sum()) / x[0].numel()

  @place.compiled
  def loss_of(x):
    features = vgg(x)
    loss = 5 * F.mse_loss(features['relu4_2'], content)
    return loss + _style(features, targets, 100.0) + 3e4 * variation(x)

  def step():
    place.descend(adam, lambda: loss_of(pixels))
    with torch.no_grad():
      pixels.clamp_(-1, 1)

  return Task({'canvas': pixels.numel()}, step)


def _layer(before, features, kernel, stride=1, relu=True) -> list[nn.Module]:
  return [
    nn.ReflectionPad2d(kernel // 2),
    nn.Conv2d(before, features, kernel, stride),
    nn.InstanceNorm2d(features, affine=True),
    *([RELU] if relu else []),
  ]


class TransformerNet(nn.Sequential):
  """The network of PyTorch's fast_neural_style example."""

  def __init__(self):
    super().__init__(
      *_layer(3, 32, 9),
      *_layer(32, 64, 3, 2),
      *_layer(64, 128, 3, 2),
      *(
        Residual(*_layer(128, 128, 3), *_layer(128, 128, 3, relu=False))
        for _ in range(5)
      ),
      nn.Upsample(scale_factor=2),
      *_layer(128, 64, 3),
      nn.Upsample(scale_factor=2),
      *_layer(64, 32, 3),
      nn.ReflectionPad2d(4),
      nn.Conv2d(32, 3, 9),
    )

  def forward(self, x):
    """Stylize pictures in [-1, 1]."""
    return super().forward((x + 1) * 127.5) / 127.5 - 1


def johnson(place: Place, *, size: int, batch: int) -> Task:
  """Take one step of Adam on the network."""
  net = place.network(TransformerNet())
  style_layers = ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3')
  vgg = place.network(VGG(style_layers, average=False))
  targets = _grams(place, vgg, size)
  adam = place.adam(net, rate=1e-3, betas=(0.9, 0.999))
  images, content_layers = place.pictures(batch, size), frozenset(['relu2_2'])

  @place.compiled
  def compared(features, source):
    loss = 1e5 * F.mse_loss(features['relu2_2'], source)
    return loss + _style(features, targets, 1e10)

  def loss():
    x = images()
    features = vgg(net(x))
    with torch.no_grad():  # no deeper than the layer that is compared
      source = vgg(x, content_layers)['relu2_2']
    return compared(features, source)

  return Task(count(transformer=net), lambda: place.descend(adam, loss))


def johnson_inference(place: Place, *, size: int, batch: int) -> Task:
  """Stylize pictures."""
  net = place.network(TransformerNet().eval())
  images = place.pictures(batch, size)

  @torch.inference_mode()
  def step():
    with place.precision():
      return net(images()).clamp(-1, 1)

  return Task(count(transformer=net), step)
