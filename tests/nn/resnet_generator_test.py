"""The generator: published sizes, PyTorch's numbers, clear errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from art_jax.nn.patchgan import PatchGAN
from art_jax.nn.resnet_generator import ResnetGenerator
from art_jax.weights import families


def _shapes(module, size=16, channels=3):
  x = jax.ShapeDtypeStruct((1, size, size, channels), 'float32')
  return jax.eval_shape(module.init, jax.random.key(0), x)


def _count(module):
  return sum(x.size for x in jax.tree.leaves(_shapes(module)['params']))


@pytest.mark.parametrize(
  'fields, count',
  [
    ({}, 11_378_179),
    ({'blocks': 6}, 7_837_699),
    ({'norm': 'instance_affine'}, 11_388_675),
    ({'norm': 'batch'}, 11_383_427),
    ({'upsample': 'resize'}, 11_378_179),
  ],
)
def test_published_parameter_counts(fields, count):
  assert _count(ResnetGenerator(**fields)) == count


def test_tree_has_the_names_of_the_field():
  params = _shapes(ResnetGenerator(4, 2, norm='instance_affine'))['params']
  assert sorted(params) == sorted(
    'block_0 block_1 down_0 down_0_norm down_1 down_1_norm head stem stem_norm '
    'up_0 up_0_norm up_1 up_1_norm'.split()
  )
  assert sorted(params['block_0']) == ['conv_0', 'conv_1', 'norm_0', 'norm_1']
  assert params['up_0']['kernel'].shape == (3, 3, 16, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
  'fields',
  [
    {'norm': 'batch', 'upsample': 'resize'},
    {'dtype': 'bfloat16', 'dropout': 0.5},
    {'blocks': 0, 'channels': 1},
  ],
)
def test_output(fields):
  module = ResnetGenerator(**{'width': 2, 'blocks': 1, **fields})
  x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 12, 8, 3)), 'f4')
  rngs = {'params': jax.random.key(0), 'dropout': jax.random.key(1)}

  def run(x):
    return module.init_with_output(rngs, x, True)

  y, _ = jax.jit(run)(x)
  assert y.shape == (2, 12, 8, module.channels)
  assert y.dtype == jnp.float32
  assert float(jnp.abs(y).max()) <= 1


@pytest.mark.parametrize(
  'fields, shape, match',
  [
    ({}, (1, 18, 16, 3), 'image height 18.*multiple of 4'),
    ({}, (1, 16, 30, 3), 'image width 30.*multiple of 4'),
    ({}, (16, 16, 3), 'expected .B, H, W, C.'),
    ({'width': 0}, (1, 16, 16, 3), 'width = 0'),
    ({'blocks': -1}, (1, 16, 16, 3), 'blocks = -1'),
    ({'norm': 'group'}, (1, 16, 16, 3), "norm = 'group'.*instance"),
    ({'upsample': 'shuffle'}, (1, 16, 16, 3), "upsample = 'shuffle'"),
    ({'dropout': 1.0}, (1, 16, 16, 3), 'dropout = 1.0'),
  ],
)
def test_errors(fields, shape, match):
  with pytest.raises(ValueError, match=match):
    jax.eval_shape(
      ResnetGenerator(**fields).init,
      jax.random.key(0),
      jax.ShapeDtypeStruct(shape, 'float32'),
    )


# Weights and image come from NumPy's frozen generator, so that PyTorch and we
# have the same ones: tensor i of a state_dict is RandomState(i), in [-.3, .3).


def _uniform(i, shape):
  return np.random.RandomState(i).uniform(-0.3, 0.3, shape).astype('float32')


def _image():
  image = np.random.RandomState(99).uniform(-1, 1, (1, 32, 32, 3))
  return image.astype('float32')


def _generator():
  module = ResnetGenerator(4, 2)
  zeros = jax.tree.map(lambda s: np.zeros(s.shape), _shapes(module))
  names = families.to_torch(module, zeros)
  tensors = {n: _uniform(i, v.shape) for i, (n, v) in enumerate(names.items())}
  return module, tensors


def _discriminator():
  """Return the module, its params and the torch-named tensors."""
  module = PatchGAN(4)
  shapes = _shapes(module, 32)['params']
  params, tensors = {}, {}
  names = ['conv_0', 'conv_1', 'conv_2', 'conv_3', 'head']
  for i, (name, position) in enumerate(
    zip(names, (0, 2, 5, 8, 11), strict=True)
  ):
    h, w, inp, out = shapes[name]['kernel'].shape
    kernel = _uniform(2 * i, (out, inp, h, w))
    bias = _uniform(2 * i + 1, (out,))
    tensors[f'model.{position}.weight'] = kernel
    tensors[f'model.{position}.bias'] = bias
    params[name] = {'kernel': kernel.transpose(2, 3, 1, 0), 'bias': bias}
  return module, params, tensors


def _lsgan():
  """Return images, logits, loss and gradients, the latter in torch's names."""
  g_module, g_tensors = _generator()
  _, variables = families.from_torch(g_tensors)
  d_module, d_params, _ = _discriminator()

  def loss(g, d):
    fake = g_module.apply({'params': g}, _image())
    logits = d_module.apply({'params': d}, fake)
    return jnp.mean(jnp.square(logits - 1)), (fake, logits)

  run = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
  (value, (fake, logits)), (g, d) = run(variables['params'], d_params)
  return fake, logits, value, families.to_torch(g_module, {'params': g}), d


def _norm(x):
  return float(np.sqrt(np.sum(np.square(np.asarray(x, 'float64')))))


# Origin of all numbers: PyTorch 2.13.0, float32, CPU; generator width 4 with 2
# blocks and 70x70 PatchGAN of width 4 as in pytorch-CycleGAN-and-pix2pix, the
# weights above; loss mean((D(G(x)) - 1)^2).
_GRADIENTS = {  # name -> (Euclidean norm, last element)
  'model.1.weight': (158.3352508544922, -4.197742938995361),
  'model.4.weight': (116.99703216552734, 1.1470400094985962),
  'model.10.conv_block.5.weight': (61.901832580566406, -2.2787463665008545),
  'model.12.weight': (64.43550872802734, -1.085003137588501),
  'model.15.weight': (64.52739715576172, -3.1179583072662354),
  'model.19.weight': (73.85093688964844, 0.6552850604057312),
  'model.19.bias': (7.831472396850586, -0.6750850677490234),
}
_D_GRADIENTS = {
  'conv_0': (39.61077117919922, 2.880033493041992),
  'conv_2': (27.348291397094727, -0.5029040575027466),
  'head': (22.69396209716797, -0.10266496986150742),
}


@pytest.mark.slow
def test_golden_numbers_of_pytorch():
  fake, logits, loss, g, d = _lsgan()
  pixel = [0.5251622796058655, -0.3106258809566498, -0.8442844748497009]
  np.testing.assert_allclose(fake[0, 5, 7], pixel, atol=1e-4)
  np.testing.assert_allclose(fake.mean(), -0.08694417029619217, atol=1e-5)
  expected = [2.95236111, -1.16209769, 1.34820127, -1.34174585]
  np.testing.assert_allclose(logits.ravel(), expected, atol=1e-4)
  np.testing.assert_allclose(loss, 3.5228495597839355, rtol=1e-4)
  for name, (size, last) in _GRADIENTS.items():
    np.testing.assert_allclose(_norm(g[name]), size, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(
      g[name].ravel()[-1], last, atol=1e-4 * size, err_msg=name
    )
  for name, (size, last) in _D_GRADIENTS.items():
    kernel = np.asarray(d[name]['kernel'])
    np.testing.assert_allclose(_norm(kernel), size, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(
      kernel[-1, -1, -1, -1], last, atol=1e-4 * size, err_msg=name
    )


def _torch_generator(nn):
  class Block(nn.Module):
    def __init__(self, width):
      super().__init__()
      layers = []
      for i in range(2):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3)]
        layers += [nn.InstanceNorm2d(width)] + [nn.ReLU()] * (i == 0)
      self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
      return x + self.conv_block(x)

  def norm(width):
    return nn.InstanceNorm2d(width), nn.ReLU()

  layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), *norm(4)]
  layers += [nn.Conv2d(4, 8, 3, 2, 1), *norm(8)]
  layers += [nn.Conv2d(8, 16, 3, 2, 1), *norm(16), Block(16), Block(16)]
  layers += [nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), *norm(8)]
  layers += [nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), *norm(4)]
  layers += [nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh()]
  return nn.ModuleDict({'model': nn.Sequential(*layers)})


def _torch_discriminator(nn):
  layers = [nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2)]
  for width, stride in ((4, 2), (8, 2), (16, 1)):
    layers += [nn.Conv2d(width, 2 * width, 4, stride, 1)]
    layers += [nn.InstanceNorm2d(2 * width), nn.LeakyReLU(0.2)]
  layers += [nn.Conv2d(32, 1, 4, 1, 1)]
  return nn.ModuleDict({'model': nn.Sequential(*layers)})


def test_equals_pytorch():
  torch = pytest.importorskip('torch')
  nets = (_torch_generator(torch.nn), _torch_discriminator(torch.nn))
  for net, tensors in zip(
    nets, (_generator()[1], _discriminator()[2]), strict=True
  ):
    net.load_state_dict({k: torch.tensor(v) for k, v in tensors.items()})
  x = torch.tensor(_image().transpose(0, 3, 1, 2).copy())
  images = nets[0]['model'](x)
  scores = nets[1]['model'](images)
  ((scores - 1) ** 2).mean().backward()
  fake, logits, _, g, d = _lsgan()

  def close(ours, theirs, name):
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    assert error < 1e-4, f'{name}: relative error {error}'

  close(fake[0].transpose(2, 0, 1), images[0], 'images')
  close(logits[0, :, :, 0], scores[0, 0], 'logits')
  for name, p in nets[0].named_parameters():
    # The gradient of a bias before a norm is rounding noise around 0.
    if name.endswith('weight') or name == 'model.19.bias':
      close(g[name], p.grad, name)
  for name, i in (('conv_0', 0), ('conv_1', 2), ('conv_3', 8), ('head', 11)):
    kernel = np.asarray(d[name]['kernel']).transpose(3, 2, 0, 1)
    close(kernel, nets[1]['model'][i].weight.grad, name)
