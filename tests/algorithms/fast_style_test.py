"""Fast style transfer: the network, published weights, the losses, errors."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from art_jax import core
from art_jax.algorithms import optim
from art_jax.algorithms.gatys import Gatys
from art_jax.config import experiments
from art_jax.data import paintings
from art_jax.inference import export, foreign, programs, run
from art_jax.losses.patches import Patches
from art_jax.media import images
from art_jax.nn.transformer_net import TransformerNet
from art_jax.weights import families, files

_HALF = TransformerNet((16, 32, 64), up=(32, 16))
_SMALL = TransformerNet((4, 5, 6), 1, (5, 4))


def _shapes(module):
  x = jax.ShapeDtypeStruct((1, 16, 16, 3), 'float32')
  return jax.eval_shape(module.init, jax.random.key(0), x)


def _variables(module):
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda s: rng.normal(size=s.shape).astype('f4'), _shapes(module)
  )


@pytest.mark.parametrize(
  'module, count',
  [
    # Published: 1.68 million; torchinfo's counts of PyTorch's example.
    (TransformerNet(), 1679235),
    (TransformerNet(upsample='transpose'), 1679235),
    (_HALF, 424899),
    # The file of the network of 26 styles holds so many numbers.
    (
      TransformerNet(
        (32, 32, 32),
        *(6, (8, 4)),
        head='sigmoid',
        num_styles=26,
        use_bias=False,
      ),
      166104,
    ),
  ],
)
def test_number_of_parameters(module, count):
  leaves = jax.tree.leaves(_shapes(module)['params'])
  assert sum(x.size for x in leaves) == count


def _centre(assets, size=128):
  image = Image.open(assets / 'images/content/chelsea.png').convert('RGB')
  pixels = np.asarray(image)
  top, left = ((n - size) // 2 for n in pixels.shape[:2])
  return pixels[top : top + size, left : left + size]


@pytest.mark.slow
@pytest.mark.parametrize('name', ['candy', 'mosaic', 'nc8_candy', 'nc8_mosaic'])
def test_published_networks(name, assets):
  name = f'transformer_net_{name}'
  expected = json.loads((assets / 'weights/expected_values.json').read_text())
  expected = expected['transformer_net'][name]
  module, variables = families.load(
    assets / f'weights/style/{name}.safetensors'
  )
  x = images.from_uint8(_centre(assets))[None]
  y = (np.asarray(jax.jit(module.apply)(variables, x))[0] + 1) * 127.5
  actual = [y.mean(), y.std(ddof=1), *y[64, 64]]
  wanted = [expected['mean'], expected['std'], *expected['pixel_y64_x64']]
  np.testing.assert_allclose(actual, wanted, rtol=1e-5)


def test_published_network_of_26_styles(assets):
  expected = json.loads((assets / 'weights/expected_values.json').read_text())
  path = assets / 'weights/style/multistyle26_cin.safetensors'
  module, variables = families.load(path)
  x = images.from_uint8(_centre(assets))[None].repeat(3, 0)
  shares = np.eye(26, dtype='f4')[[0, 7, 19]]
  y = np.asarray((jax.jit(module.apply)(variables, x, shares) + 1) / 2)
  for row, name in zip(y, ('style_0', 'style_7', 'style_19'), strict=True):
    wanted = expected['multistyle26_cin'][name]
    np.testing.assert_allclose(row.mean(), wanted['mean'], atol=2e-5)
    np.testing.assert_allclose(row[64, 64], wanted['pixel_y64_x64'], atol=2e-5)


def test_weights_of_several_styles_translate(tmp_path):
  module = TransformerNet(
    (3, 3, 4), 1, (3, 2), head='sigmoid', num_styles=2, use_bias=False
  )
  variables = _variables(module)
  families.write(tmp_path / 'x.safetensors', module, variables)
  loaded = foreign.load_weights(tmp_path / 'x.safetensors')
  assert loaded.algorithm.directions == ('style_0', 'style_1')
  x = _batch(1, 16)['image']
  want = jax.jit(module.apply)(variables, x, np.array([[0, 1]], 'f4'))
  np.testing.assert_allclose(loaded.translate(x, 'style_1'), want, atol=1e-4)


@pytest.mark.parametrize(
  'module',
  [
    _SMALL,
    TransformerNet((4, 5, 6), 2, (5, 4), upsample='transpose'),
    TransformerNet(
      (4, 5, 6), 1, (3, 2), head='sigmoid', num_styles=3, use_bias=False
    ),
  ],
  ids=['one', 'transposed', 'styles'],
)
def test_foreign_names_both_ways(module):
  variables = _variables(module)
  tensors = families.to_torch(module, variables)
  again, back = families.from_torch(tensors)
  assert again == module
  jax.tree.map(np.testing.assert_array_equal, back, variables)
  name = sorted(tensors)[3]
  with pytest.raises(files.WeightsError, match=name):
    families.from_torch({k: v for k, v in tensors.items() if k != name})


def test_networks_without_foreign_names():
  with pytest.raises(files.WeightsError, match="head = 'tanh'"):
    families.to_torch(TransformerNet(head='tanh'), {'params': {}})


@pytest.mark.slow
@pytest.mark.parametrize(
  'upsample, head',
  [('resize', 'linear'), ('transpose', 'tanh'), ('resize', 'sigmoid')],
)
def test_blend_of_styles_and_range(upsample, head):
  module = TransformerNet(
    (4, 4, 4), 1, (4, 4), upsample=upsample, head=head, num_styles=2
  )
  variables, x = _variables(module), np.zeros((3, 8, 12, 3), 'f4')
  x += np.random.default_rng(1).uniform(-1, 1, x.shape)
  shares = np.array([[1, 0], [0, 1], [0.5, 0.5]], 'f4')
  y = np.asarray(jax.jit(module.apply)(variables, x, shares))
  assert y.shape == x.shape
  first = jax.jit(module.apply)(variables, x)
  np.testing.assert_allclose(y[0], first[0], atol=1e-4)
  assert abs(y[1] - first[1]).max() > 0.01
  limit = {'linear': np.inf, 'tanh': 150 / 127.5, 'sigmoid': 1}[head]
  assert abs(y).max() <= limit + 1e-6


@pytest.mark.parametrize(
  'module, size, match',
  [
    (_SMALL, 18, 'multiple of 4'),
    (_SMALL, 4, 'at least 8'),
    (TransformerNet((4, 4)), 8, r'down = \(4, 4\): must be 3 numbers'),
    (TransformerNet(head='relu'), 8, "head = 'relu'"),
    (TransformerNet(num_styles=0), 8, 'num_styles = 0'),
  ],
)
def test_networks_that_are_not(module, size, match):
  with pytest.raises(ValueError, match=match):
    module.init(jax.random.key(0), jnp.zeros((1, size, size, 3)))


# The algorithm -------------------------------------------------------------


def _tiny(**fields):
  algorithm = experiments.load('fast_style_squeezenet', tiny=True).algorithm
  two = {
    'transformer': TransformerNet(
      (4, 4, 8), 1, (4, 4), head='tanh', num_styles=2
    ),
    'styles': ('builtin:5', 'builtin:3'),
    'reduction': 'mean',
    'tv_weight': 0.0,
  }
  return dataclasses.replace(algorithm, **(two | fields))


def _batch(rows=2, size=32):
  rng = np.random.default_rng(2)
  return {'image': rng.uniform(-1, 1, (rows, size, size, 3)).astype('f4')}


@pytest.mark.slow
def test_losses_are_those_of_gatys():
  """On one picture; `Gatys` is compared with PyTorch in gatys_test.py."""
  fast = _tiny(content_weight=3.0, style_weights=(1.0, 2.0))
  batch, other = _batch(1), _batch(2)['image'][1:]
  pretrained = {'features': (), 'styles': (0.5 * other, 0.1 * other[:, :24])}
  state = jax.jit(fast.init)(jax.random.key(0), batch, pretrained)
  measure = jax.jit(fast.losses)
  for number in range(2):
    rows = {**batch, 'style': jnp.array([number])}
    loss, metrics = measure(state, other, rows)
    gatys = Gatys(
      features=fast.features,
      content_layers=fast.content_layers,
      content_weight=3.0,
      style_layers=fast.style_layers,
      style_weights=fast.style_weights,
    )

    @jax.jit
    def of_gatys(features, painting, gatys=gatys):
      targets = gatys.targets(features, batch['image'], (painting,))
      return gatys.loss(gatys.sums(features, other, targets), targets)

    painting = pretrained['styles'][number]
    wanted, parts = of_gatys(state.features, painting)
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)
    for name, value in parts.items():
      np.testing.assert_allclose(metrics[name], value, rtol=1e-5)


@pytest.mark.slow
def test_learns_and_translates_any_size():
  adam = optim.Adam(learning_rate=1e-2, b1=0.9)
  fast = _tiny(content_weight=1e-3, optimizer=adam)
  pretrained = fast.pretrained(paintings.read)
  assert [x.shape for x in pretrained['styles']] == [(1, 64, 64, 3)] * 2
  batch = _batch()
  state = jax.jit(fast.init)(jax.random.key(0), batch, pretrained)
  step = jax.jit(fast.step)
  seen = []
  for i in range(20):
    state, metrics = step(state, batch, jax.random.key(i))
    seen.append(float(metrics['loss/style']))
  assert np.mean(seen[-5:]) < 0.7 * np.mean(seen[:5])
  experiment = experiments.load('fast_style_squeezenet', tiny=True)
  model = run.Run(
    dataclasses.replace(experiment, algorithm=fast), fast.inference(state)
  )
  assert fast.directions == ('builtin_5', 'builtin_3')
  picture = np.random.default_rng(0).integers(0, 256, (33, 46, 3), np.uint8)
  assert model.translate(picture).shape == picture.shape
  # The grid shows painting i in row i.
  grid = fast.render(state, batch, jax.random.key(0))['stylised']
  want = model.translate(batch['image'][1], 'builtin_3')
  np.testing.assert_allclose(grid[1, :, 32:], want, atol=1e-4)
  export.exported(
    programs.translator(model, 'builtin_3')
  )  # with symbolic sizes


@pytest.mark.parametrize(
  'fields, match',
  [
    ({'styles': ('builtin',)}, r'1 paintings for a network of 2 styles.*=1'),
    ({'style_loss': Patches()}, 'style_loss=Patches'),
    ({'style_size': 8}, 'style_size=8'),
    ({'style_weights': (1.0,)}, 'one for each of'),
    ({'content_layers': ('relu9_9',)}, "'relu9_9': SqueezeNet has"),
    ({'reduction': 'median'}, 'reduction'),
  ],
)
def test_bad_fields(fields, match):
  with pytest.raises(core.UserError, match=match):
    _tiny(**fields)


def test_bad_paintings(tmp_path):
  absent = _tiny(styles=('builtin', str(tmp_path / 'no.jpg')))
  with pytest.raises(core.UserError, match='no.jpg. does not exist; pass'):
    absent.pretrained(paintings.read)
  with pytest.raises(core.UserError, match=r'styles=\(\): .*painting.jpg'):
    _tiny(styles=()).pretrained(paintings.read)
  (tmp_path / 'bad.png').write_bytes(b'nothing')
  with pytest.raises(core.UserError, match='bad.png'):
    paintings.read(str(tmp_path / 'bad.png'), 64)
  lost = _tiny(weights=str(tmp_path / 'no.safetensors'))
  with pytest.raises(core.UserError, match='no.safetensors'):
    lost.pretrained(paintings.read)


def test_names_of_styles():
  same = _tiny(styles=('a/x.jpg', 'b/x.jpg'))
  assert same.directions == ('style_0', 'style_1')
  assert _tiny(styles=('a/x.jpg', 'y.png')).directions == ('x', 'y')
  one = _tiny(transformer=_SMALL, styles=('x.jpg',))
  assert one.directions == ('stylize',)


def test_painting_keeps_its_proportions(tmp_path):
  Image.new('RGBA', (200, 100), (255, 0, 0, 255)).save(tmp_path / 'x.png')
  painting = paintings.read(str(tmp_path / 'x.png'), 64)
  assert painting.shape == (1, 32, 64, 3)
  np.testing.assert_allclose(painting[0, 5, 5], [1, -1, -1])
