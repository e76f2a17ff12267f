"""Weights against PyTorch itself, where it is installed.

`python tests/weights_torch_test.py` prints the numbers of weights_test.py.
"""

import numpy as np
import pytest
from safetensors.numpy import load_file
from weights_test import NETWORKS, example, random_tensors

from art_jax.weights import families, files

torch = pytest.importorskip('torch')
nn = torch.nn


def _dcgan_generator(size):
  """Build the network of the DCGAN tutorial, for 64 px and below."""
  widths = [4 * 2**i for i in range({32: 3, 64: 4}[size])][::-1]
  layers, inp = [], 5
  for i, out in enumerate(widths):
    layers.append(
      nn.ConvTranspose2d(inp, out, 4, 2 if i else 1, min(i, 1), bias=False)
    )
    layers += [nn.BatchNorm2d(out), nn.ReLU(True)]
    inp = out
  layers += [nn.ConvTranspose2d(inp, 3, 4, 2, 1, bias=False), nn.Tanh()]
  return _Named('main', layers)


def _dcgan_discriminator():
  layers, inp = [], 3
  for i, out in enumerate((4, 8, 16, 32)):
    layers.append(nn.Conv2d(inp, out, 4, 2, 1, bias=False))
    layers += [nn.BatchNorm2d(out)] * (i > 0)
    layers.append(nn.LeakyReLU(0.2, inplace=True))
    inp = out
  layers += [nn.Conv2d(inp, 1, 4, 1, 0, bias=False), nn.Flatten(0)]
  return _Named('main', layers)


class _Named(nn.Module):
  def __init__(self, name, layers):
    super().__init__()
    self.add_module(name, nn.Sequential(*layers))

  def forward(self, x):
    return next(self.children())(x)


class _Level(nn.Module):
  """The UnetSkipConnectionBlock of junyanz's code, as published."""

  def __init__(self, outer, inner, norm, inp=None, inside=None, outermost=0):
    super().__init__()
    bias = norm is nn.InstanceNorm2d
    down = [nn.Conv2d(inp or outer, inner, 4, 2, 1, bias=bias)]
    # Published in place, so a skip is the leaky x: its ReLU is the same.
    relu, leaky = nn.ReLU(), nn.LeakyReLU(0.2)
    if outermost:
      up = [relu, nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1), nn.Tanh()]
    else:
      width = 2 * inner if inside else inner
      up = [relu, nn.ConvTranspose2d(width, outer, 4, 2, 1, bias=bias)]
      up.append(norm(outer))
      down = [leaky, *down, *([norm(inner)] if inside else [])]
    self.outermost = outermost
    self.model = nn.Sequential(*down, *([inside] if inside else []), *up)

  def forward(self, x):
    if self.outermost:
      return self.model(x)
    return torch.cat([x, self.model(x)], 1)


class _UNet(nn.Module):
  def __init__(self, norm):
    super().__init__()
    block = _Level(32, 32, norm)
    for outer, inner in ((16, 32), (8, 16), (4, 8)):
      block = _Level(outer, inner, norm, inside=block)
    self.model = _Level(3, 4, norm, inp=3, inside=block, outermost=1)

  def forward(self, x):
    return self.model(x)


def _patchgan(norm, layers=3):
  bias = norm is nn.InstanceNorm2d
  sequence = [nn.Conv2d(6, 4, 4, 2, 1), nn.LeakyReLU(0.2)]
  inp = 4
  for i in range(1, layers + 1):
    out = 4 * min(2**i, 8)
    stride = 2 if i < layers else 1
    sequence += [nn.Conv2d(inp, out, 4, stride, 1, bias=bias), norm(out)]
    sequence.append(nn.LeakyReLU(0.2))
    inp = out
  return _Named('model', [*sequence, nn.Conv2d(inp, 1, 4, 1, 1)])


def _pixelgan(norm):
  bias = norm is nn.InstanceNorm2d
  return _Named(
    'net',
    [
      nn.Conv2d(6, 4, 1),
      nn.LeakyReLU(0.2),
      nn.Conv2d(4, 8, 1, bias=bias),
      norm(8),
      nn.LeakyReLU(0.2),
      nn.Conv2d(8, 1, 1, bias=bias),
    ],
  )


def _resnet():
  class Block(nn.Module):
    def __init__(self):
      super().__init__()
      self.conv_block = nn.Sequential(
        nn.ReflectionPad2d(1),
        nn.Conv2d(16, 16, 3),
        nn.InstanceNorm2d(16),
        nn.ReLU(),
        nn.ReflectionPad2d(1),
        nn.Conv2d(16, 16, 3),
        nn.InstanceNorm2d(16),
      )

    def forward(self, x):
      return x + self.conv_block(x)

  def norm(n):
    return [nn.InstanceNorm2d(n), nn.ReLU()]

  up = {'stride': 2, 'padding': 1, 'output_padding': 1}
  return _Named(
    'model',
    [
      nn.ReflectionPad2d(3),
      nn.Conv2d(3, 4, 7),
      *norm(4),
      nn.Conv2d(4, 8, 3, 2, 1),
      *norm(8),
      nn.Conv2d(8, 16, 3, 2, 1),
      *norm(16),
      Block(),
      nn.ConvTranspose2d(16, 8, 3, **up),
      *norm(8),
      nn.ConvTranspose2d(8, 4, 3, **up),
      *norm(4),
      nn.ReflectionPad2d(3),
      nn.Conv2d(4, 3, 7),
      nn.Tanh(),
    ],
  )


_TORCH = {
  'dcgan_generator_64': lambda: _dcgan_generator(64),
  'dcgan_generator_32': lambda: _dcgan_generator(32),
  'dcgan_discriminator_64': _dcgan_discriminator,
  'unet_batch': lambda: _UNet(nn.BatchNorm2d),
  'unet_instance': lambda: _UNet(nn.InstanceNorm2d),
  'patchgan_batch': lambda: _patchgan(nn.BatchNorm2d),
  'patchgan_instance_4': lambda: _patchgan(nn.InstanceNorm2d, 4),
  'pixelgan_batch': lambda: _pixelgan(nn.BatchNorm2d),
  'pixelgan_instance': lambda: _pixelgan(nn.InstanceNorm2d),
  'resnet': _resnet,
}


def _output(name, tensors) -> np.ndarray:
  network = _TORCH[name]().eval()
  state = {key: torch.tensor(value) for key, value in tensors.items()}
  missing, unknown = network.load_state_dict(state, strict=False)
  assert not unknown
  assert all(key.endswith('num_batches_tracked') for key in missing)
  x = torch.tensor(example(name))
  if name.startswith('dcgan_generator'):
    x = x[:, :, None, None]
  else:
    x = x.permute(0, 3, 1, 2)
  with torch.no_grad():
    y = network(x)
  return (y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy()


@pytest.mark.parametrize('name', NETWORKS)
def test_outputs_equal_torch(name, tmp_path):
  tensors = random_tensors(name)
  expected = _output(name, tensors)
  torch.save(
    {key: torch.tensor(value) for key, value in tensors.items()},
    tmp_path / 'x.pth',
  )
  module, variables = families.load(tmp_path / 'x.pth')
  actual = np.asarray(module.apply(variables, example(name)))
  np.testing.assert_allclose(actual, expected, atol=1e-5)
  families.write(tmp_path / 'x.safetensors', module, variables)
  again = load_file(tmp_path / 'x.safetensors')
  assert again.keys() == tensors.keys()
  for key, value in tensors.items():
    np.testing.assert_array_equal(again[key], value)


def test_torch_itself_writes_what_we_read(tmp_path):
  network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
  network.to(memory_format=torch.channels_last)
  for new in (True, False):
    path = tmp_path / f'{new}.pt'
    torch.save(
      {'net': network.state_dict()}, path, _use_new_zipfile_serialization=new
    )
    tensors = files.read(path)
    assert set(tensors) == {f'net.{n}' for n in network.state_dict()}
    for name, value in network.state_dict().items():
      np.testing.assert_array_equal(tensors[f'net.{name}'], value)
  torch.save(network, path)
  with pytest.raises(files.WeightsError, match='container.Sequential'):
    files.read(path)


if __name__ == '__main__':
  for network in NETWORKS:
    y = _output(network, random_tensors(network)).reshape(-1)
    values = ', '.join(f'{v:.7g}' for v in (y.std(), *y[:: y.size // 3][:3]))
    print(f"  '{network}': ({values}),")
